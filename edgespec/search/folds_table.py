"""What a cross-validation says: mean and spread of each model, and paired differences.

Differences are taken fold by fold; `difference` says what their interval is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.errors import Mistake
from edgespec.evaluation import difference as differences
from edgespec.evaluation.difference import Mean
from edgespec.report import markdown
from edgespec.report.tables.layout import Grid, Shape

Shares = NDArray[np.float64]


def shares(found: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Give each model's accuracy by fold."""
    return {
        title: np.array([each["right"][title] / each["n"] for each in found["folds"]])
        for title in found["folds"][0]["right"]
    }


def robust(found: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Give each model's mean accuracy under the perturbations by fold; nothing where a fold was not judged so."""
    if not all("robust" in each for each in found["folds"]):
        return {}
    return {
        title: np.array([each["robust"][title] for each in found["folds"]]) for title in found["folds"][0]["robust"]
    }


def difference(mine: NDArray[np.float64], other: NDArray[np.float64], found: dict[str, Any]) -> Mean:
    """Give the mean paired difference over the folds with its interval."""
    tested, learnt = ([each[key] for each in found["folds"]] for key in ("n", "learnt"))
    return differences.of(list(mine - other), tested, learnt)


def table(found: dict[str, Any], other: dict[str, Any] | None = None) -> str:
    """Word the result as Markdown; `other` is a result of the same folds, whose last model this one's is compared with."""
    return markdown.as_parts(parts(found, other))


def parts(found: dict[str, Any], other: dict[str, Any] | None = None) -> list[str | Grid]:
    """Word the result: what was done, a line each model, and the differences.

    Raises Mistake where `other` is of other folds.
    """
    each, perturbed = shares(found), robust(found)
    counts = {title: sum(fold["right"][title] for fold in found["folds"]) for title in each}
    n = sum(fold["n"] for fold in found["folds"])
    by = "physical sample" if found["samples"] else "spectrum (no physical samples are known, which may flatter)"
    lines: list[str | Grid] = [
        f"{found['recipe']} {' '.join(found['change'])}: {found['spectra']} spectra ({found['source']}), "
        f"{found['left_out']} of a given test part left out; {len(found['folds'])} folds by {by}; "
        f"about {np.mean([fold['learnt'] for fold in found['folds']]):.0f} learnt from, {found['valid']:g} kept for validation",
        *found["notes"],
        "",
    ]
    rows = []
    for title, values in each.items():
        spread = values.std(ddof=1) if len(values) > 1 else float("nan")
        more = [f"{perturbed[title].mean():.4f}"] if perturbed else []
        right = f"{counts[title]} of {n} ({counts[title] / n:.4f})"
        rows.append([title, f"{values.mean():.4f}", f"{spread:.4f}", right, *more])
    last = list(each)[-1]
    linear = [title for title in each if title.startswith("baseline")]
    head = ["model", "mean", "sd over folds", "right", *(["perturbed"] if perturbed else [])]
    lines += [Grid(head, rows, Shape(("model", "mean", "sd over folds", "perturbed", "right"), 3, {"model": 24})), ""]
    if linear:
        best = max(linear, key=lambda title: each[title].mean())
        title = f"'{last}' against '{best}'"
        lines += _differences(title, (each[last], each[best]), (perturbed.get(last), perturbed.get(best)), found)
    if other:
        same = [{key: fold[key] for key in ("repeat", "fold", "n")} for fold in found["folds"]]
        if same != [{key: fold[key] for key in ("repeat", "fold", "n")} for fold in other["folds"]]:
            raise Mistake("the other result is of other folds", hint="the same --folds, --repeats and --seeds")
        theirs = shares(other)
        name = list(theirs)[-1]
        title = f"'{last}' against '{name}' of {other['recipe']} {' '.join(other['change'])}"
        both = (perturbed.get(last), robust(other).get(name))
        lines += _differences(title, (each[last], theirs[name]), both, found)
    return lines


def _differences(
    title: str, clean: tuple[Shares, Shares], perturbed: tuple[Shares | None, Shares | None], found: dict[str, Any]
) -> list[str]:
    lines = [worded(title, difference(*clean, found))]
    mine, other = perturbed
    if mine is not None and other is not None:
        lines.append(worded(f"{title}, perturbed", difference(mine, other, found)))
    return lines


def worded(what: str, gap: Mean) -> str:
    """Word a difference, four decimals, with what it is of in front."""
    return f"{what}: {gap.worded(4)}"
