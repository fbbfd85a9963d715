"""The comparison that a report leads with: the file to ship, the best linear model and the nearest neighbour, clean and perturbed.

Simple models are often as accurate as a network on spectra as they are; what a network trained on varied spectra adds shows where an axis is
displaced, a background rises or the light is short. Accuracies are of the same test spectra, differences are paired (`difference.of_samples`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgespec.bench.recommend import Gap
from edgespec.evaluation import difference
from edgespec.evaluation.difference import Mean
from edgespec.report import Report, Row, choice, right_answers

CLEAN = (right_answers.CLEAN,)
CHOSEN = {
    "shift 5 cm-1": ("shift +5", "shift -5"),
    "drift 5": ("drift 5",),
    "baseline 0.5": ("baseline 0.5",),
    "vapour 0.1": ("vapour 0.1",),
    "SNR 10 dB": ("SNR 10 dB",),
}
"""The strongest of each kind that instruments differ by: fixed, so that nobody chooses by the result. A shift is told either way at once."""


def of(report: Report) -> dict[str, Any]:
    """Give what `report.comparison` holds: `file`, `conditions` (name -> perturbations) and `models`; {} where answers were not kept.

    models: first the file, each with `name`, `role` ("file", "linear", "nearest"), `accuracy` (condition -> share named rightly) and, but for
    the file, `apart` (condition -> [the file's accuracy minus the model's, low, high])
    """
    mine = shipped(report)
    if mine is None or not right_answers.perturbations(mine):
        return {}
    others = [
        (role, row)
        for role, row in (("linear", best(report, "linear")), ("nearest", best(report, "nearest neighbour")))
        if row
    ]
    asked = conditions(mine)
    models = [_model(report, "file", mine, None, asked)]
    models += [_model(report, role, row, mine, asked) for role, row in others]
    return {"file": mine.variant, "conditions": {name: list(each) for name, each in asked.items()}, "models": models}


def shipped(report: Report) -> Row | None:
    """Give the row of the file to ship on this machine; None before there is one."""
    name = choice.variant(report)
    return next((row for row in report.last() if row.variant == name), None)


def best(report: Report, model: str) -> Row | None:
    """Give the baseline of a kind that is most accurate on clean spectra; of several as accurate, the most robust."""
    known = [
        row for row in report.rows if row.model == model and row.kind == "baseline" and right_answers.perturbations(row)
    ]
    return max(known, key=lambda row: (row.accuracy, float(row.robustness["mean"])), default=None)


def conditions(row: Row) -> dict[str, tuple[str, ...]]:
    """Give what a row is compared under: clean, the chosen perturbations as far as the row has them, and the mean of all."""
    held = right_answers.perturbations(row)
    known = {name: each for name, each in CHOSEN.items() if set(each) <= set(held)}
    every = {f"mean of {len(held)}": held} if held else {}
    return {"clean": CLEAN, **known, **every}


def apart(report: Report, mine: Row, theirs: Row, names: tuple[str, ...] = CLEAN) -> Mean:
    """Give the accuracy of one row minus that of another with its interval; of clean spectra without an interval where no answers were kept."""
    return between(report, mine, report, theirs, names)


def between(report: Report, mine: Row, other: Report, theirs: Row, names: tuple[str, ...] = CLEAN) -> Mean:
    """Give the same of rows of two reports on the same data; an interval only where both were judged on the same test spectra."""
    one, two = right_answers.of(report, mine, names), right_answers.of(other, theirs, names)
    same = all(report.data.get(key) == other.data.get(key) for key in ("digest", "test", "test_samples"))
    if one is None or two is None or not same:
        return difference.mean([mine.accuracy - theirs.accuracy])
    return difference.of_samples(one - two, right_answers.samples(report))


def gaps(report: Report, theirs: Row, mine: Row) -> list[Gap]:
    """Give how far a row is below another under each condition, clean first; nothing where answers of one were not kept."""
    found = []
    for name, each in conditions(mine).items():
        one, two = (right_answers.of(report, row, each) for row in (theirs, mine))
        if one is None or two is None:
            return []
        gap = difference.of_samples(one - two, right_answers.samples(report))
        found.append(Gap(name, float(one.mean()), float(two.mean()), gap.low, gap.high))
    return found if len(found) > 1 else []


def named(row: Row) -> str:
    """Name a baseline, with what it learnt from where that is not the same for all rows."""
    return f"{row.name} trained on {row.on} ({row.labels})" if row.on else row.name


def _model(report: Report, role: str, row: Row, mine: Row | None, asked: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    right = {name: right_answers.of(report, row, each) for name, each in asked.items()}
    told: dict[str, Any] = {"name": row.variant if mine is None else named(row), "role": role}
    told["accuracy"] = {name: round(float(each.mean()), 5) for name, each in right.items() if each is not None}
    if mine is not None:
        told["apart"] = {name: _plain(apart(report, mine, row, asked[name])) for name in told["accuracy"]}
    return told


def _plain(found: Mean) -> Sequence[float | None]:
    return [None if each is None else round(each, 5) for each in (found.mean, found.low, found.high)]
