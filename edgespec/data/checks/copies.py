"""Spectra that are there more than once: which, under which labels, and which physical samples they join."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgespec.errors import Mistake
from edgespec.spectra import Ints, Words

TwoLabels = Literal["fail", "leave out", "first"]
"""What is done with a spectrum under two labels: an error, no spectrum of its values is kept, or the first is kept."""

MORE = 10  # pairs that an error names


def firsts(digests: Iterable[bytes]) -> list[int]:
    """Give for each spectrum the position of the first that has the same digest: (n,) in, (n,) out."""
    seen: dict[bytes, int] = {}
    return [seen.setdefault(digest, row) for row, digest in enumerate(digests)]


def check_labels(names: Sequence[str], labels: Sequence[str], first: Sequence[int]) -> None:
    """Raise Mistake where the same values stand under two labels: one of the labels is wrong, and nobody here knows which.

    names: (n,) each spectrum's place for messages; labels: (n,); first: (n,) as `firsts` gives them
    """
    wrong = pairs(names, labels, first)
    if wrong:
        more = f", and {len(wrong) - MORE} more pairs" if len(wrong) > MORE else ""
        told = "; ".join(wrong[:MORE])
        raise Mistake(f"the same spectrum stands under two labels: {told}{more}", hint="remove the wrong one")


def pairs(names: Sequence[str], labels: Sequence[str], first: Sequence[int]) -> list[str]:
    """Name each spectrum that repeats one of another label, with that one."""
    return [
        f"{names[one]} ({labels[one]}) and {names[row]} ({labels[row]})"
        for row, one in enumerate(first)
        if labels[one] != labels[row]
    ]


def doubtful(labels: Sequence[str], first: Sequence[int]) -> set[int]:
    """Give the rows of all spectra whose values stand under more than one label, the first of each among them."""
    under: dict[int, set[str]] = {}
    for row, one in enumerate(first):
        under.setdefault(one, set()).add(labels[row])
    return {row for row, one in enumerate(first) if len(under[one]) > 1}


def once(
    x: NDArray[np.float64], labels: Sequence[str], group: Words | None, part: Words | None, names: Sequence[str]
) -> tuple[Ints, Words | None, list[str]]:
    """Give the rows of x that repeat no earlier row, their physical samples, and notes on the others.

    x: (n, points); labels: (n,); group, part: (n,) or None; names: (n,) each row's place for messages
    Samples that share a spectrum are one. Raises Mistake where a row repeats one of another label.
    """
    first = firsts(hashlib.sha256(row.tobytes()).digest() for row in x)
    check_labels(names, labels, first)
    rows = np.array([row for row, one in enumerate(first) if row == one], dtype=np.int64)
    if group is not None:
        same = joined((str(group[row]), str(group[one])) for row, one in enumerate(first))
        group = np.array([same[str(group[row])] for row in rows], dtype=np.str_)
    again = [row for row, one in enumerate(first) if row != one]
    moved = [row for row in again if part is not None and part[row] != part[first[row]]]
    told = {"exact duplicates dropped": again, "duplicates in another part, the first kept": moved}
    return rows, group, counted({what: [names[row] for row in which] for what, which in told.items()})


def joined(same: Iterable[Iterable[str]]) -> dict[str, str]:
    """Give each sample's name where samples that stand together are one: the alphabetically first of those joined.

    same: the samples of one spectrum, for each spectrum
    """
    parent: dict[str, str] = {}
    known: set[str] = set()
    for samples in same:
        together = set(samples)
        known |= together
        tops = sorted({_top(parent, sample) for sample in together})
        parent.update(dict.fromkeys(tops[1:], tops[0]))
    return {sample: _top(parent, sample) for sample in known}


def counted(told: dict[str, list[str]]) -> list[str]:
    """Write a note on each kind of thing that happened: how often, and to which spectra, of which three are named."""
    return [f"{what}: {len(which)} ({some(which)})" for what, which in told.items() if which]


def some(names: list[str]) -> str:
    """Name three at most."""
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _top(parent: dict[str, str], sample: str) -> str:
    while sample in parent:
        sample = parent[sample]
    return sample
