"""Flaws of spectra that are learnt from as they are: saturation, cosmic spikes, constant runs; counted by kind, with three places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from edgespec import device_program
from edgespec.data.checks import copies

NUMBERS = re.compile(
    r"(?<![\w.+-])[-+]?[0-9][0-9.e+-]*(?:, [0-9][0-9.e+-]*)*(?![\w])"
)  # what differs between notes of one kind
SCALED = 0.5  # of the rows have their maximum at the largest number of a converter: each was scaled to it, and none is saturated
MOST = 10_000  # rows of an array that are looked at: a fifth of a millisecond each


def flaws(axis: NDArray[np.float64], x: NDArray[np.float64], *, whole: bool = True) -> tuple[str, ...]:
    """Say what is odd about a spectrum: axis (m,) increasing in cm-1, x (m,); whole: nothing was cut off its ends.

    What `predict` would refuse is said too, in the same words.
    """
    track = device_program.module("spectra.track").Track("", axis, x)
    try:
        found: tuple[str, ...] = device_program.module("spectra.flaws").noticed(track, whole)
    except device_program.module("refusal").RefusalError as refusal:
        return (str(refusal.answer["error"]).rpartition(": point")[2].partition(": ")[2],)
    return found


def counted(notes: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """Count notes by kind, numbers left out; notes: the place and its notes, for each spectrum."""
    kinds: dict[str, list[str]] = {}
    for where, said in notes:
        for note in said:
            kinds.setdefault(NUMBERS.sub("...", note).removeprefix("... "), []).append(where)
    return copies.counted(kinds)


def of_rows(x: NDArray[np.float64], axes: NDArray[np.float64]) -> list[str]:
    """Count the flaws of an array's rows: x (n, points) on axes (1, points) or (n, points), each increasing in cm-1."""
    looked = min(len(x), MOST)
    full = device_program.module("spectra.flaws").FULL
    scaled = float(np.isin(x[:looked].max(axis=1), full).mean()) > SCALED
    own = (axes[i if len(axes) > 1 else 0] for i in range(looked))
    found = counted((f"row {i}", flaws(axis, x[i], whole=not scaled)) for i, axis in enumerate(own))
    return [f"{note}, in the first {MOST} rows" for note in found] if looked < len(x) else found
