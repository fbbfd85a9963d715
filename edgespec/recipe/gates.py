"""What a recipe promises: limits of its own, limits against a baseline, and whether an unsure measurement breaks them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgespec import plugins, recipe, units
from edgespec.errors import Mistake, Mistakes
from edgespec.recipe.metrics import DEFAULTS, METRICS, REGRESSIONS, SAME
from edgespec.targets import card as cards
from edgespec.yaml12 import Place

OTHERS = {"inconclusive": ("warn", "fail"), "skipped": ("warn", "fail"), "regression": ()}
UNSURE = {"inconclusive": "warn", "skipped": ""}
Wrong = Callable[[Place, str, str], None]


@dataclass(frozen=True)
class Gate:
    """A promise of the recipe.

    limit: the metric's own; against a baseline: the accuracy that may be lost, or the share by which the rest may grow
    relative: against a baseline; stated: written in the recipe, not one of the default limits
    """

    metric: str
    limit: float
    target: str = ""
    relative: bool = False
    stated: bool = True

    @property
    def place(self) -> Place:
        """Where it stands in the recipe."""
        kind = ("gates", "regression") if self.relative else ("gates",)
        return (*kind, self.metric, self.target) if self.target else (*kind, self.metric)


@dataclass(frozen=True)
class Promises:
    """All of them, absolute ones first.

    inconclusive: "warn", or "fail" where an unsure measurement breaks a promise; skipped: the same for what the baseline can't answer, "" where
    the recipe does not say; regression: the recipe says what may be lost
    """

    gates: tuple[Gate, ...] = ()
    inconclusive: str = "warn"
    skipped: str = ""
    regression: bool = False

    @property
    def absolute(self) -> tuple[Gate, ...]:
        """Those that need no baseline."""
        return tuple(each for each in self.gates if not each.relative)

    def relative(self, targets: Sequence[str] = ()) -> tuple[Gate, ...]:
        """Those against a baseline; where the recipe states none, the default limits, those of latencies on these targets."""
        if self.regression:
            return tuple(each for each in self.gates if each.relative)
        found = [Gate(name, 0.0, "", True, stated=False) for name in SAME]
        for name, limit in DEFAULTS.items():
            places = targets if METRICS[name].per_target else ("",)
            found += [Gate(name, limit, each, True, stated=False) for each in places]
        return tuple(found)


def load(path: Path) -> Promises:
    """Read the promises of a recipe's file. Raises Mistakes with their lines."""
    written = recipe.load(path)
    found: list[Mistake] = []

    def wrong(place: Place, text: str, hint: str) -> None:
        found.append(Mistake(f"{written.at(('gates', *place))}: {text}", hint))

    made = read(written.tree.get("gates"), wrong)
    if found:
        raise Mistakes(found)
    return made


def read(tree: Any, wrong: Wrong) -> Promises:
    """Read the `gates:` of a recipe; mistakes are told to `wrong` with their place below `gates`."""
    if tree is None:
        return Promises()
    if not isinstance(tree, dict):
        wrong((), "'gates' holds 'metric: limit' entries", "gates: {accuracy: 0.9}")
        return Promises()
    plain = {key: value for key, value in tree.items() if key not in OTHERS}
    found = _gates(plain, list(METRICS), (), wrong)
    unsure = {name: tree.get(name, usual) for name, usual in UNSURE.items()}
    for name, means in unsure.items():
        if name in tree and means not in OTHERS[name]:
            wrong((name,), f"'{name}': {means!r} is not warn or fail", f"{name}: warn")
    relative = tree.get("regression")
    if relative is not None and not isinstance(relative, dict):
        wrong(("regression",), "'regression' holds 'metric: limit' entries", "regression: {accuracy: 1 %, size: 2 %}")
    elif relative:
        found += _same(relative, wrong)
        numbers = {key: value for key, value in relative.items() if key not in SAME}
        found += _gates(numbers, list(REGRESSIONS), ("regression",), wrong)
    return Promises(tuple(found), unsure["inconclusive"], unsure["skipped"], bool(relative))


def _same(tree: dict[str, Any], wrong: Wrong) -> list[Gate]:
    """Give what has to stay as it is: contract and variants, unless the recipe lets them change."""
    for name in SAME:
        if tree.get(name, "same") not in ("same", "any"):
            wrong(("regression", name), f"'{name}': {tree[name]!r} is not same or any", f"{name}: same")
    return [Gate(name, 0.0, "", True, stated=name in tree) for name in SAME if tree.get(name, "same") != "any"]


def _gates(tree: dict[str, Any], known: list[str], inside: Place, wrong: Wrong) -> list[Gate]:
    found: list[Gate] = []
    for name, limit in tree.items():
        if name not in known:
            hint = plugins.did_you_mean(str(name), [*known, *(SAME if inside else OTHERS)])
            what = f"there is no regression of {name!r}" if inside and name in METRICS else f"unknown metric {name!r}"
            wrong((*inside, name), what, hint)
            continue
        per_target = METRICS[name].per_target
        example = "5 %" if inside else "1 ms" if per_target else "LIMIT"
        if per_target != isinstance(limit, dict):
            if per_target:
                wrong((*inside, name), f"'{name}' wants a limit for each target", f"write {name}: {{local: {example}}}")
            else:
                text = f"'{name}' is the same on all targets: it wants one limit"
                wrong((*inside, name), text, f"write {name}: {example}")
            continue
        if limit == {}:
            text = f"'{name}' promises nothing: no target is named"
            wrong((*inside, name), text, f"write {name}: {{local: {example}}}")
        for there, each in limit.items() if isinstance(limit, dict) else [("", limit)]:
            place = (*inside, name, there) if there else (*inside, name)
            if there and there not in cards.names():
                wrong(place, f"unknown target {there!r}", plugins.did_you_mean(there, cards.names()))
                continue
            try:
                value = _share(each) if inside else _limit(name, each)
                found.append(Gate(name, value, there, bool(inside)))
            except Mistake as problem:
                wrong(place, f"'{name}': {problem.message}", problem.hint)
    return found


def _limit(name: str, written: Any) -> float:
    limit = METRICS[name].read(written)
    if limit < 0 and not METRICS[name].signed:
        raise Mistake(f"{written!r} is negative: every model would keep that")
    return limit


def _share(written: Any) -> float:
    share = units.share(written)
    if share < 0:
        raise Mistake(f"{written!r} is negative: how much worse than the baseline may it be?", hint="0 % or more")
    return share
