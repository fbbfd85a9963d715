"""What a recipe promises: limits of its own, limits against a baseline, and whether an unsure measurement breaks them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgespec import plugins, recipe, units
from edgespec.errors import Mistake, Mistakes
from edgespec.targets import card as cards
from edgespec.yaml12 import Place

REGRESSIONS = ("accuracy", "size", "params", "macs", "instructions", "latency_p50")
OTHERS = {"inconclusive": ("warn", "fail"), "regression": ()}
Wrong = Callable[[Place, str, str], None]
BETTER, SMALLER, FASTER = (
    "train longer, or a wider student",
    "a narrower student, or int8",
    "a smaller student, or another variant",
)


@dataclass(frozen=True)
class Gate:
    """A promise of the recipe.

    limit: the metric's own; against a baseline: the accuracy that may be lost, or the share by which the rest may grow
    relative: against a baseline
    """

    metric: str
    limit: float
    target: str = ""
    relative: bool = False

    @property
    def place(self) -> Place:
        """Where it stands in the recipe."""
        kind = ("gates", "regression") if self.relative else ("gates",)
        return (*kind, self.metric, self.target) if self.target else (*kind, self.metric)


@dataclass(frozen=True)
class Promises:
    """All of them, absolute ones first; inconclusive: "warn", or "fail" where an unsure measurement breaks a promise."""

    gates: tuple[Gate, ...] = ()
    inconclusive: str = "warn"

    @property
    def absolute(self) -> tuple[Gate, ...]:
        """Those that need no baseline."""
        return tuple(each for each in self.gates if not each.relative)

    @property
    def relative(self) -> tuple[Gate, ...]:
        """Those against a baseline."""
        return tuple(each for each in self.gates if each.relative)


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
    unsure = tree.get("inconclusive", "warn")
    if unsure not in OTHERS["inconclusive"]:
        wrong(("inconclusive",), f"'inconclusive': {unsure!r} is not warn or fail", "inconclusive: warn")
    relative = tree.get("regression")
    if relative is not None and not isinstance(relative, dict):
        wrong(("regression",), "'regression' holds 'metric: limit' entries", "regression: {accuracy: 1 %, size: 2 %}")
    elif relative:
        found += _gates(relative, list(REGRESSIONS), ("regression",), wrong)
    return Promises(tuple(found), unsure)


def _gates(tree: dict[str, Any], known: list[str], inside: Place, wrong: Wrong) -> list[Gate]:
    found: list[Gate] = []
    for name, limit in tree.items():
        if name not in known:
            hint = plugins.did_you_mean(str(name), [*known, *([] if inside else OTHERS)])
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


@dataclass(frozen=True)
class Metric:
    """What can be promised.

    about: its sentence; high: more is better; remedy: what to do where the promise is broken
    signed: a difference, so that a limit below zero makes sense
    """

    about: str
    high: bool
    read: Callable[[str | float], float]
    show: Callable[[float], str]
    remedy: str
    per_target: bool = False
    signed: bool = False


def _fraction(value: float) -> str:
    return f"{value:.1g}" if 0 < abs(value) < 0.0005 else f"{value:.3f}"


METRICS = {
    "accuracy": Metric(
        "Least share of the test spectra that each shipped file names rightly.", True, units.share, _fraction, BETTER
    ),
    "sensitivity": Metric(
        "Least sensitivity (recall), the mean over the classes of the test part.", True, units.share, _fraction, BETTER
    ),
    "specificity": Metric(
        "Least specificity, the mean over the classes of the test part.", True, units.share, _fraction, BETTER
    ),
    "macro_f1": Metric(
        "Least F1 score, the mean over the classes of the test part.", True, units.share, _fraction, BETTER
    ),
    "agreement": Metric(
        "Least share of the test spectra that a shipped file names as step 1's model does.",
        True,
        units.share,
        _fraction,
        "look at which step lost it: the table has a column for it",
    ),
    "teacher_accuracy": Metric(
        "Least accuracy of step 1's model: a floor under the reference itself.",
        True,
        units.share,
        _fraction,
        "the reference itself is weak: mend step 1 first",
    ),
    "gain_over_control": Metric(
        "Least accuracy that distillation wins over the same student trained without its teacher.",
        True,
        units.share,
        _fraction,
        "distillation brings too little here: train the student on its labels",
        signed=True,
    ),
    "drop": Metric(
        "Most accuracy that may be lost against step 1's model.", False, units.share, _fraction, BETTER, signed=True
    ),
    "robust_accuracy": Metric(
        "Least accuracy over the perturbed test spectra, the mean over the perturbations.",
        True,
        units.share,
        _fraction,
        "the report names the perturbation that costs most: vary the training spectra by it, or prepare it away",
    ),
    "robust_accuracy_drop": Metric(
        "Most accuracy that may be lost under one perturbation against step 1's model, the clean loss not counted.",
        False,
        units.share,
        _fraction,
        "the report names where: calibrate int8 on spectra varied like that, a wider student, or ship float32",
        signed=True,
    ),
    "ece": Metric(
        "Largest expected calibration error.",
        False,
        units.share,
        _fraction,
        "end the recipe with 'calibrate', or give validation more spectra",
    ),
    "unknown_auroc": Metric(
        "Least area under the ROC curve with which the reject score tells the spectra of data.unknown.",
        True,
        units.share,
        _fraction,
        "the score can't tell unknown substances: more classes, or a preprocessing that keeps bands apart",
    ),
    "size": Metric("Largest file, all that is in it.", False, units.size, units.show_size, SMALLER),
    "params": Metric("Most parameters.", False, units.count, units.show_count, SMALLER),
    "macs": Metric("Most multiply-accumulates of one spectrum.", False, units.count, units.show_count, SMALLER),
    "instructions": Metric(
        "Most instructions of one inference, counted by valgrind.", False, units.count, units.show_count, FASTER
    ),
    "latency_p50": Metric(
        "Longest median latency on a target.", False, units.time, units.show_time, FASTER, per_target=True
    ),
    "latency_p90": Metric(
        "Longest latency of 90 % of the calls on a target.", False, units.time, units.show_time, FASTER, per_target=True
    ),
    "latency_p99": Metric(
        "Longest latency of 99 % of the calls on a target.", False, units.time, units.show_time, FASTER, per_target=True
    ),
}
