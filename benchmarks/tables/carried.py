"""What carried over from generated to real spectra: shares and differences with intervals, and the tables of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets.asked import SETS, WAYS, Asked

DRAWS = 2000
SHOWN = ("lda", "cnn")
Array = NDArray[Any]


def share(asked: Asked, right: Array) -> dict[str, dict[str, Any]]:
    """Give accuracy by column, of each seed and with the mean's interval. right: (seeds, n)"""
    return {
        name: {"each": right[:, mask].mean(axis=1).tolist(), **drawn(right[:, mask], asked.group[mask])}
        for name, mask in asked.masks().items()
    }


def difference(asked: Asked, gain: Array) -> dict[str, dict[str, Any]]:
    """Give, for both ways and all samples outside the table, the mean of a paired difference with its interval. gain: (seeds, n)"""
    return {way: drawn(gain[:, asked.way == way], asked.group[asked.way == way]) for way in WAYS}


def drawn(values: Array, group: Array) -> dict[str, Any]:
    """Give the mean of values (seeds, n) over spectra and its 95 % interval, physical samples and seeds drawn with replacement."""
    names, member = np.unique(group, return_inverse=True)
    sums = np.array([np.bincount(member, weights=row, minlength=len(names)) for row in values])
    counts, rng = np.bincount(member), np.random.default_rng(0)
    found = []
    for _ in range(DRAWS):
        mine, runs = rng.integers(len(names), size=len(names)), rng.integers(len(values), size=len(values))
        found.append(sums[np.ix_(runs, mine)].sum() / (counts[mine].sum() * len(values)))
    low, high = np.quantile(found, [0.025, 0.975])
    told = {"mean": float(np.mean(values)), "interval": [float(low), float(high)]}
    return {**told, "spectra": len(group), "samples": len(names)}


def confusion(asked: Asked, named: Array) -> dict[str, dict[str, dict[str, int]]]:
    """Count answers by column, mineral and answer, all seeds together. named: (seeds, n)"""
    found = {}
    for name, mask in asked.masks().items():
        rows = {label: named[:, mask & (asked.y == k)] for k, label in enumerate(asked.labels)}
        found[name] = {
            label: {asked.labels[k]: int((said == k).sum()) for k in np.unique(said)} for label, said in rows.items()
        }
    return found


def table(found: dict[str, Any]) -> str:
    """Word the results as Markdown."""
    return "\n\n".join([accuracies(found), parts(found), matrix(found)])


def accuracies(found: dict[str, Any]) -> str:
    """Word who names how many, a column a set of spectra; lines of the ablation apart."""
    heads = [f"{name} ({told['spectra']} of {told['samples']} samples)" for name, told in found["asked"].items()]
    lines = [f"| learnt | by | generated test | {' | '.join(heads)} |", "| --- " * (len(heads) + 3) + "|"]
    for title, mine in found["accuracy"].items():
        for who, told in mine.items() if title not in found["cost"] else ():
            cells = [
                f"{each['mean']:.3f} [{each['interval'][0]:.3f}, {each['interval'][1]:.3f}]" for each in told.values()
            ]
            made = np.mean(found["generated"][title][who])
            lines.append(f"| {title} | {who} | {made:.3f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def parts(found: dict[str, Any]) -> str:
    """Word what each part of the instrument model brings: points of accuracy that are lost without it."""
    pairs = [(who, way) for way in WAYS for who in SHOWN]
    lines = [
        "| points lost | " + " | ".join(f"{who}, {way}" for who, way in pairs) + " |",
        "| --- " * (len(pairs) + 1) + "|",
    ]
    for title, mine in found["cost"].items():
        told = [mine[who][way] for who, way in pairs]
        cells = [f"{100 * t['mean']:+.1f} [{100 * t['interval'][0]:+.1f}, {100 * t['interval'][1]:+.1f}]" for t in told]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def matrix(found: dict[str, Any]) -> str:
    """Word what the chosen model calls the spectra held away, all seeds: a row the truth, a column the answer, shares named rightly first."""
    labels, columns = found["labels"], [name for name in found["confusion"] if name.startswith(SETS[1])]
    heads = [found["chosen"], *columns, *(label[:4] for label in labels)]
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for label in labels:
        counts = [found["confusion"][name][label] for name in columns]
        rights = [f"{each.get(label, 0)} of {sum(each.values())}" if each else "" for each in counts]
        cells = [sum(each.get(said, 0) for each in counts) for said in labels]
        lines.append(f"| {' | '.join([label, *rights, *(str(n) if n else '' for n in cells)])} |")
    return "\n".join(lines)
