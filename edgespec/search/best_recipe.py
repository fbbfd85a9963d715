"""The trial that wins under some limits, by validation, as a plain recipe that edgespec compress takes."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edgespec import plugins, recipe, storage, units
from edgespec.errors import BrokenPromise, Mistake, visible
from edgespec.recipe import Recipe, search_ranges
from edgespec.search import pareto
from edgespec.search.pareto import Found

FORM = "under:size=32kB,latency=100us"


@dataclass(frozen=True)
class Limited:
    """What can be limited: how a limit is read and shown, and what of a trial it limits."""

    read: Callable[[str], float]
    show: Callable[[float], str]
    of: Callable[[Found], float | None]


LIMITED = {
    "size": Limited(units.size, units.show_size, lambda each: float(each["size"])),
    "latency": Limited(
        units.time, units.show_time, lambda each: each["latency"]["ms"] / 1e3 if each.get("latency") else None
    ),
    "instructions": Limited(units.count, units.show_count, lambda each: each.get("instructions")),
    "params": Limited(units.count, units.show_count, lambda each: float(each["params"])),
    "macs": Limited(units.count, units.show_count, lambda each: float(each["macs"])),
}


def limits(text: str) -> dict[str, float]:
    """Read `under:size=32kB,latency=100us`. Raises Mistake for anything else."""
    word, colon, rest = text.partition(":")
    if word != "under" or not colon or not rest:
        raise Mistake(f"--best {text}: not limits", hint=f"--best {FORM}")
    found: dict[str, float] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or name not in LIMITED or name in found:
            what = "stands twice" if name in found else "can't be limited" if equals else "is not name=limit"
            raise Mistake(f"--best {text}: {name!r} {what}", hint=plugins.did_you_mean(name, list(LIMITED)))
        try:
            found[name] = LIMITED[name].read(value)
        except Mistake as problem:
            raise Mistake(f"--best {text}: '{name}': {problem.message}", problem.hint) from None
    return found


def best(found: Found, under: dict[str, float]) -> Found:
    """Give the trial that is most accurate on validation under the limits; of equals the smaller, then the faster.

    Raises BrokenPromise where none keeps them, with the one that comes nearest.
    """
    whole = [each for each in found["trials"] if each["state"] == "complete" and "same_as" not in each]
    if not whole:
        raise Mistake("no trial of this search is complete", hint="the same edgespec search goes on where it stopped")
    for name in under:
        if any(LIMITED[name].of(each) is None for each in whole):
            raise Mistake(f"this search did not measure {name}", hint=f"it measured: {', '.join(found['objectives'])}")
    fitting = [each for each in whole if _excess(each, under) <= 1 + 1e-9]
    if not fitting:
        near = min(whole, key=lambda each: _excess(each, under))
        told = ", ".join(f"{name} {LIMITED[name].show(_value(each=near, name=name))}" for name in under)
        raise BrokenPromise(
            f"no trial stays under {_said(under)}: the nearest, {near['number']:04d}, has {told} at {near['accuracy']:.3f}",
            hint="wider limits, ranges that reach further down, or more --trials",
        )
    return min(fitting, key=lambda each: (-each["accuracy"], each["size"], _ratio(each)))


def write(folder: Path, found: Found, each: Found, under: dict[str, float], path: Path) -> Recipe:
    """Write the trial's plain recipe with a header that says where it comes from, and give it."""
    plain = search_ranges.drawn(recipe.load(folder / "recipe.yaml"), each["params_drawn"])
    text = yaml.safe_dump(
        recipe.plain(plain.tree), sort_keys=False, allow_unicode=True, default_flow_style=None, width=120
    )
    storage.write(path, f"{_header(found, each, under, path)}\n{text}")
    return recipe.load(path)


def _header(found: Found, each: Found, under: dict[str, float], path: Path) -> str:
    test = found["test"].get(str(each["number"]))
    sizes = [units.show_size(each["size"])]
    if each.get("latency"):
        sizes.append(
            f"{units.show_time(each['latency']['ms'] / 1e3)} on {each['latency']['target']}, "
            f"{each['latency']['ratio']:.2f} of the reference network's time"
        )
    lines = [
        f"Trial {each['number']:04d} of {len(found['trials'])} of edgespec search, recipe {visible(found['recipe'].splitlines()[0])}: "
        f"the most accurate under {_said(under)}.",
        "",
        f"  edgespec compress {shlex.quote(path.name)}",
        "",
        f"Chosen by {pareto.by(found)}: {each['accuracy']:.3f} [{each['low']:.3f}, {each['high']:.3f}]; "
        f"its file {each['variant']}: {', '.join(sizes)}.",
        f"Test part ({test['n']} spectra), not used to choose: {test['accuracy']:.3f} [{test['low']:.3f}, {test['high']:.3f}]."
        if test
        else "Not judged on the test part yet: compress does that.",
        f"Drawn: {'; '.join(f'{name} = {value}' for name, value in each['params_drawn'].items())}.",
    ]
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _excess(each: Found, under: dict[str, float]) -> float:
    """Give how far a trial is over the limit that it misses most, as a ratio; up to 1 it keeps all."""
    return max(_value(each, name) / limit if limit else float("inf") for name, limit in under.items())


def _value(each: Found, name: str) -> float:
    value = LIMITED[name].of(each)
    return float("inf") if value is None else value


def _ratio(each: Found) -> float:
    latency: dict[str, Any] | None = each.get("latency")
    return float(latency["ratio"]) if latency else 0.0


def _said(under: dict[str, float]) -> str:
    return ", ".join(f"{name} {LIMITED[name].show(limit)}" for name, limit in under.items())
