"""From entries to Spectra: all on one axis, repeats dropped, physical samples joined, and an account of it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgespec.data.checks import copies, noticed
from edgespec.data.checks.copies import TwoLabels
from edgespec.data.readers.rruff_text import Refused, Scan, physical_sample
from edgespec.errors import Mistake
from edgespec.spectra import LARGEST, TOO_LARGE, Axis, Floats, Spectra, interpolate

_SHOWN = 10


@dataclass(frozen=True)
class Entry:
    """One spectrum that is to be read.

    where: its name for messages
    read: gives it, or raises Refused
    sample: the physical sample; where `listed`, a task list says so and the file's header has no say
    part: what the task list gives it, or None
    laser, kind: what the file name says, or None
    origin, file, row: the archive, folder or .npz file that holds it, and its name and row in there
    """

    where: str
    read: Callable[[], Scan]
    mineral: str
    sample: str
    listed: bool = False
    part: str | None = None
    laser: int | None = None
    kind: str | None = None
    origin: Path | None = None
    file: str = ""
    row: int | None = None


@dataclass(frozen=True)
class Read:
    """A spectrum on the model's axis, (points,), the share that it covers, and what tells it from others.

    low, high, step, count: its own axis in cm-1, the median step, and how many values
    intensity, notes: what its intensities are, and what was decided or noticed in reading
    """

    entry: Entry
    values: Floats
    covered: float
    digest: bytes
    scan_mineral: str
    scan_sample: str
    reversed: bool
    low: float
    high: float
    step: float
    count: int
    intensity: str
    notes: tuple[str, ...]


def spectra(
    entries: list[Entry],
    axis: Axis,
    min_coverage: float,
    *,
    skip: bool,
    technique: str = "Raman",
    two_labels: TwoLabels = "fail",
) -> Spectra:
    """Read all entries onto the axis, in their order; labels are the minerals, sorted.

    two_labels: what is done with a spectrum that is there under two labels
    Raises Mistake that names up to ten unusable ones, unless they are to be skipped.
    """
    read, refusals = read_all(entries, axis, min_coverage)
    if refusals and (not skip or not read):
        raise _stop(refusals, len(entries))
    read, doubts = _undoubted(read, two_labels)
    firsts = firsts_of(read)
    groups = groups_of(read, firsts)
    rows = [row for row, first in enumerate(firsts) if row == first]
    labels = sorted({read[row].entry.mineral for row in rows})
    number = {label: position for position, label in enumerate(labels)}
    parts = [read[row].entry.part or "" for row in rows]
    lasers = [read[row].entry.laser or 0 for row in rows]
    return Spectra(
        x=np.stack([read[row].values for row in rows]),
        axis=axis.values(),
        y=np.array([number[read[row].entry.mineral] for row in rows], dtype=np.int64),
        labels=tuple(labels),
        group=np.array([groups[row] for row in rows], dtype=np.str_),
        part=np.array(parts, dtype=np.str_) if any(parts) else None,
        laser=np.array(lasers, dtype=np.int64) if any(lasers) else None,
        technique=technique,
        intensity=_intensity(read),
        where=np.array([read[row].entry.where for row in rows], dtype=np.str_),
        notes=tuple(doubts + _notes(entries, read, firsts, refusals, set(labels))),
    )


def read_all(
    entries: list[Entry],
    axis: Axis,
    min_coverage: float,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Read], list[Refused]]:
    """Read what can be used onto the axis, and say why the rest cannot; `advance` hears how many are done, of how many."""
    read, refusals, wanted = [], [], axis.values()
    for done, entry in enumerate(entries):
        advance(done, len(entries))
        try:
            scan = entry.read()
            if not (np.abs(scan.x) <= LARGEST).all():
                raise Refused(f"{entry.where}: {np.abs(scan.x).max():g} is too large to count with", hint=TOO_LARGE)
            values, covered = interpolate(scan.axis, scan.x, wanted)
            if covered < min_coverage and not scan.padded:
                raise _uncovered(entry, scan, axis, covered, min_coverage)
        except Refused as refusal:
            refusals.append(refusal)
            continue
        digest = hashlib.sha256(scan.axis.tobytes() + scan.x.tobytes()).digest()
        own = (float(scan.axis[0]), float(scan.axis[-1]), float(np.median(np.diff(scan.axis))), len(scan.axis))
        read.append(
            Read(
                entry,
                values,
                covered,
                digest,
                scan.mineral,
                scan.sample,
                scan.reversed,
                *own,
                scan.intensity,
                scan.notes if scan.checked else noticed.flaws(scan.axis, scan.x, whole=not scan.padded),
            )
        )
    return read, refusals


def _uncovered(entry: Entry, scan: Scan, axis: Axis, covered: float, min_coverage: float) -> Refused:
    return Refused(
        f"{entry.where}: {scan.axis[0]:.0f} to {scan.axis[-1]:.0f} cm-1 covers {covered:.0%} of the axis "
        f"{axis.low:g} to {axis.high:g} cm-1; min_coverage is {min_coverage:.0%}",
        hint="lower min_coverage",
    )


def _stop(refusals: list[Refused], total: int) -> Mistake:
    told = [refusal.message for refusal in refusals[:_SHOWN]]
    if len(refusals) > _SHOWN:
        told.append(f"... and {len(refusals) - _SHOWN} more")
    if len(refusals) > 1:
        told.insert(0, f"{len(refusals)} of {total} spectra cannot be used:")
    hints = dict.fromkeys(refusal.hint for refusal in refusals[:_SHOWN])
    return Mistake("\n  ".join(told), hint=f"{'; '.join(hints)}; or `refused: skip` leaves such spectra out")


def _undoubted(read: list[Read], two_labels: TwoLabels) -> tuple[list[Read], list[str]]:
    """Leave out the spectra of which nobody knows which label is right, and tell how many, or raise Mistake as is asked."""
    names, labels = [one.entry.where for one in read], [one.entry.mineral for one in read]
    firsts = firsts_of(read)
    doubtful = copies.doubtful(labels, firsts)
    if two_labels == "first" or not doubtful:
        return read, []
    if two_labels == "fail" or len(doubtful) == len(read):
        copies.check_labels(names, labels, firsts)
    told = copies.some(copies.pairs(names, labels, firsts))
    kept = [one for row, one in enumerate(read) if row not in doubtful]
    return kept, [f"spectra under two labels left out, on both sides: {len(doubtful)} ({told})"]


def firsts_of(read: list[Read]) -> list[int]:
    """Give for each spectrum the position of the first that has the same intensities on the same axis."""
    return copies.firsts(one.digest for one in read)


def groups_of(read: list[Read], firsts: list[int]) -> list[str]:
    """Name the physical sample of each spectrum.

    Ids that share a spectrum, or stand in name and header of one file, are one sample: the alphabetically first.
    """
    same = []
    for row, one in enumerate(read):
        header = [physical_sample(one.scan_sample)] if one.scan_sample and not one.entry.listed else []
        same.append([one.entry.sample, read[firsts[row]].entry.sample, *header])
    names = copies.joined(same)
    return [names[one.entry.sample] for one in read]


def _notes(
    entries: list[Entry], read: list[Read], firsts: list[int], refusals: list[Refused], labels: set[str]
) -> list[str]:
    pairs = [(one.entry, read[first].entry) for row, first in enumerate(firsts) if row != first for one in (read[row],)]
    relabelled = sorted({f"{a.mineral} as {b.mineral}" for a, b in pairs if a.mineral != b.mineral})
    moved = [a.where for a, b in pairs if a.part != b.part]
    kept = [one for row, one in enumerate(read) if firsts[row] == row]
    partial = [one for one in kept if one.covered < 1]
    lost = sorted({entry.mineral for entry in entries if entry.mineral} - labels)
    told = {
        "exact duplicates dropped": [entry.where for entry, _ in pairs],
        "duplicates under another label, the first kept": relabelled,
        "duplicates in another part, the first kept": moved,
        "unusable spectra left out": [refusal.message for refusal in refusals],
        "labels left without a spectrum": lost,
    }
    notes = copies.counted(told) + oddities(read)
    if partial:
        least = min(one.covered for one in partial)
        notes.append(
            f"spectra that cover a part of the axis only, zero elsewhere: {len(partial)} (at least {least:.0%})"
        )
    return notes


def oddities(read: list[Read]) -> list[str]:
    """Tell what is odd about files that can be used."""
    renamed = [one.entry.where for one in read if _plain(one.scan_mineral) not in ("", _plain(one.entry.mineral))]
    turned = [one.entry.where for one in read if one.reversed]
    told = copies.counted(
        {
            "spectra whose header names another mineral than their label": renamed,
            "files turned, since they ran from high to low": turned,
        }
    )
    return told + noticed.counted((one.entry.where, one.notes) for one in read)


def _intensity(read: list[Read]) -> str:
    """Give what the intensities are; of a set in which some do not say it, what the others say."""
    said = {one.intensity for one in read if one.intensity}
    return said.pop() if len(said) == 1 else ""


def _plain(mineral: str) -> str:
    """Bring a mineral's name to letters and digits, as RRUFF's file names do: Agardite-(Y) is AgarditeY."""
    letters = unicodedata.normalize("NFKD", mineral).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", letters.lower())
