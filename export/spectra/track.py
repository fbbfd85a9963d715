"""A spectrum as its file tells it, whatever the format: what all readers give, and all checks take."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple


class Track(NamedTuple):
    """One spectrum as its file tells it.

    name: of the file, and of the column, row or block where there are several
    axis, x: (m,) float64, in the file's order and unit; lines: (m,) in which line each stands, () where it has none
    unit, laser: what the file says of them; "" and None where it says nothing
    padded: it has no header, so exact zeros at its ends are no measurement
    technique, intensity: what the file says it is, in the words of spectra.words; "" where it says nothing
    notes: what was decided in reading it, and should be told with the answer
    """

    name: str
    axis: Any
    x: Any
    lines: Any = ()
    unit: str = ""
    laser: float | None = None
    padded: bool = False
    technique: str = ""
    intensity: str = ""
    notes: tuple[str, ...] = ()

    def at(self, row: int) -> str:
        """Name the place of a point: file:line, or the file where it has no lines."""
        return f"{self.name}:{self.lines[row]}" if len(self.lines) else f"{self.name}: point {row + 1}"


def distinct(tracks: list[Track]) -> list[Track]:
    """Give each spectrum of a file a name of its own: a name that several have is followed by their numbers."""
    counted, seen = Counter(track.name for track in tracks), Counter()  # type: Counter[str], Counter[str]
    found = []
    for track in tracks:
        seen[track.name] += 1
        again = "%s:%d" % (track.name, seen[track.name])
        found.append(track._replace(name=again) if counted[track.name] > 1 else track)
    return found
