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


def shares(found: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Give each model's accuracy by fold."""
    return {
        title: np.array([each["right"][title] / each["n"] for each in found["folds"]])
        for title in found["folds"][0]["right"]
    }


def difference(mine: NDArray[np.float64], other: NDArray[np.float64], found: dict[str, Any]) -> Mean:
    """Give the mean paired difference over the folds with its interval."""
    tested, learnt = ([each[key] for each in found["folds"]] for key in ("n", "learnt"))
    return differences.of(list(mine - other), tested, learnt)


def table(found: dict[str, Any], other: dict[str, Any] | None = None) -> str:
    """Word the result as Markdown; `other` is a result of the same folds, whose last model this one's is compared with."""
    each = shares(found)
    counts = {title: sum(fold["right"][title] for fold in found["folds"]) for title in each}
    n = sum(fold["n"] for fold in found["folds"])
    by = "physical sample" if found["samples"] else "spectrum (no physical samples are known, which may flatter)"
    lines = [
        f"{found['recipe']} {' '.join(found['change'])}: {found['spectra']} spectra ({found['source']}), "
        f"{found['left_out']} of a given test part left out; {len(found['folds'])} folds by {by}; "
        f"about {np.mean([fold['learnt'] for fold in found['folds']]):.0f} learnt from, {found['valid']:g} kept for validation",
        *found["notes"],
        "",
        "| model | mean | sd over folds | right |",
        "| --- | --- | --- | --- |",
    ]
    for title, values in each.items():
        spread = values.std(ddof=1) if len(values) > 1 else float("nan")
        lines.append(
            f"| {title} | {values.mean():.4f} | {spread:.4f} | {counts[title]} of {n} ({counts[title] / n:.4f}) |"
        )
    last = list(each)[-1]
    linear = [title for title in each if title.startswith("baseline")]
    lines.append("")
    if linear:
        best = max(linear, key=lambda title: each[title].mean())
        lines.append(worded(f"'{last}' against '{best}'", difference(each[last], each[best], found)))
    if other:
        same = [{key: fold[key] for key in ("repeat", "fold", "n")} for fold in found["folds"]]
        if same != [{key: fold[key] for key in ("repeat", "fold", "n")} for fold in other["folds"]]:
            raise Mistake("the other result is of other folds", hint="the same --folds, --repeats and --seeds")
        theirs = shares(other)
        name = list(theirs)[-1]
        title = f"'{last}' against '{name}' of {other['recipe']} {' '.join(other['change'])}"
        lines.append(worded(title, difference(each[last], theirs[name], found)))
    return "\n".join(lines)


def worded(what: str, gap: Mean) -> str:
    """Word a difference, four decimals, with what it is of in front."""
    return f"{what}: {gap.worded(4)}"
