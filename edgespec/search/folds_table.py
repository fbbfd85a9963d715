"""What a cross-validation says: mean and spread of each model, and paired differences.

Differences are taken fold by fold. Their 95 % interval is Student's t over the folds, widened for training sets that overlap
(Nadeau, Bengio 2003, Mach. Learn. 52, 239: the variance of the mean is (1 / folds + test / training) times the folds' own).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from edgespec.errors import Mistake


def shares(found: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Give each model's accuracy by fold."""
    return {
        title: np.array([each["right"][title] / each["n"] for each in found["folds"]])
        for title in found["folds"][0]["right"]
    }


def difference(mine: NDArray[np.float64], other: NDArray[np.float64], found: dict[str, Any]) -> dict[str, float]:
    """Give the mean paired difference over the folds, and half of its 95 % interval."""
    gap = mine - other
    if len(gap) < 2:
        return {"mean": float(gap.mean()), "half": float("nan")}
    overlap = float(np.mean([each["n"] / each["learnt"] for each in found["folds"]]))
    error = float(np.sqrt((1 / len(gap) + overlap) * gap.var(ddof=1)))
    return {"mean": float(gap.mean()), "half": float(stats.t.ppf(0.975, len(gap) - 1)) * error}


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


def worded(what: str, gap: dict[str, float]) -> str:
    """Say a difference with its interval."""
    low, high = gap["mean"] - gap["half"], gap["mean"] + gap["half"]
    return f"{what}: {gap['mean']:+.4f} [{low:+.4f}, {high:+.4f}]"
