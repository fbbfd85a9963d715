"""A task list of what an inventory holds: which spectra, of which mineral, from which physical sample, in which part."""

from __future__ import annotations

import csv
import io
import os
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgespec.authoring.inventory import Inventory, Seen
from edgespec.data import splits
from edgespec.data.checks import copies
from edgespec.data.readers import locate
from edgespec.data.readers.gather import Entry
from edgespec.errors import Mistake


@dataclass(frozen=True)
class TaskList:
    """text: the csv; spectra, minerals, samples: how many it lists; npz: the file that its rows count in, or None

    notes: what was left out, and what a reader should know
    """

    text: str
    spectra: int
    minerals: int
    samples: int
    npz: Path | None
    notes: tuple[str, ...]


def make(
    found: Inventory, folder: Path, *, named: bool, least: int = 1, shares: dict[str, float], seed: int = 0
) -> TaskList:
    """List each spectrum once, by mineral, sample and name; `folder` is where the list is to lie.

    named: whether the minerals were asked for by name; then one with fewer than `least` samples is a Mistake, not left out
    shares: part -> share of each mineral's physical samples; {} gives no parts
    Raises Mistake where nothing is left, or where the spectra don't lie in RRUFF's files.
    """
    notes: list[str] = []
    chosen = _enough(_once(found, notes), least, named, notes)
    part = _parts(chosen, shares, seed, notes)
    chosen.sort(
        key=lambda each: (each.label, each.sample, str(_held(each).origin), _held(each).file, _held(each).row or 0)
    )
    origins = {_held(each).origin: None for each in chosen}
    npz = [origin for origin in origins if origin is not None and origin.suffix == ".npz"]
    if npz and len(origins) > 1:
        raise Mistake("a task list counts rows of one .npz file, or names archives", hint="write two lists")
    place = {origin: _named(origin, folder) for origin in origins if origin is not None}
    text = io.StringIO()
    columns = ["row" if npz else "archive", "file", "mineral", "group", *(["split"] if shares else [])]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for each in chosen:
        entry = _held(each)
        first = str(entry.row) if npz else place.get(entry.origin, "") if entry.origin else ""
        writer.writerow([first, entry.file, each.label, each.sample, *([part[each.sample]] if shares else [])])
    minerals, samples = {each.label for each in chosen}, {each.sample for each in chosen}
    return TaskList(text.getvalue(), len(chosen), len(minerals), len(samples), npz[0] if npz else None, tuple(notes))


def shares(text: str) -> dict[str, float]:
    """Read "library=0.45,site=0.35,test=0.2", in any positive numbers; "" and "none" give no parts."""
    if text in ("", "none"):
        return {}
    found: dict[str, float] = {}
    for word in text.split(","):
        name, _, number = (each.strip() for each in word.partition("="))
        if name in found:
            raise Mistake(f"--parts: {name!r} stands twice", hint="one share a part")
        try:
            found[name] = float(number)
        except ValueError:
            raise Mistake(f"--parts: {word!r} is not NAME=SHARE", hint="library=0.45,site=0.35,test=0.2") from None
        if not name.isidentifier() or not 0 < found[name] < float("inf"):
            raise Mistake(f"--parts: {word!r} is not NAME=SHARE", hint="a name, and a share above 0")
    tests = [name for name in found if name in splits.TEST_NAMES]
    if len(tests) != 1 or not set(found) - {*splits.TEST_NAMES, *splits.VALID_NAMES}:
        what = f"--parts: {', '.join(found)}: one called test or dev and at least one to learn from are needed"
        raise Mistake(what, hint="library=0.45,site=0.35,test=0.2")
    whole = sum(found.values())
    return {name: share / whole for name, share in found.items()}


def _held(each: Seen) -> Entry:
    if each.entry is None or each.entry.origin is None:
        raise Mistake(
            f"{each.where}: a task list names RRUFF's files, and this lies in arrays",
            hint="arrays need no list: data: {load: {arrays: {npz: ..., x: ..., y: ...}}}",
        )
    return each.entry


def _once(found: Inventory, notes: list[str]) -> list[Seen]:
    """Leave out repeats, and on both sides spectra under two labels; what could not be used has been left out before."""
    doubtful = copies.doubtful([each.label for each in found.seen], [each.first for each in found.seen])
    kept = [each for row, each in enumerate(found.seen) if each.first == row and row not in doubtful]
    if doubtful:
        example = found.seen[min(doubtful)].where
        notes.append(f"spectra under two labels left out, on both sides: {len(doubtful)} (such as {example})")
    if len(kept) + len(doubtful) < len(found.seen):
        notes.append(f"repeats left out: {len(found.seen) - len(kept) - len(doubtful)}")
    if found.refused:
        notes.append(
            f"unusable, left out: {len(found.refused)} ({found.refused[0]}" + (", ...)" if found.refused[1:] else ")")
        )
    return kept


def _enough(seen: list[Seen], least: int, named: bool, notes: list[str]) -> list[Seen]:
    samples = {
        label: len({each.sample for each in seen if each.label == label}) for label in sorted({e.label for e in seen})
    }
    rare = {label: count for label, count in samples.items() if count < least}
    shown = ", ".join(f"{label} {count}" for label, count in list(rare.items())[:5]) + (
        ", ..." if len(rare) > 5 else ""
    )
    if rare and named:
        raise Mistake(
            f"fewer than {least} physical samples: {shown}", hint="lower --min-samples, or leave them out of --minerals"
        )
    if rare:
        notes.append(f"minerals with fewer than {least} physical samples left out: {len(rare)} ({shown})")
    left = [each for each in seen if each.label not in rare]
    if not left:
        raise Mistake("no spectrum is left for the list", hint="edgespec data inspect shows what there is, and why not")
    return left


def _parts(seen: list[Seen], shares: dict[str, float], seed: int, notes: list[str]) -> dict[str, str]:
    """Divide each mineral's physical samples by largest remainder, in an order drawn from the seed; one sample, one part.

    A sample that is filed under two minerals goes with its first. A lone sample is learnt from.
    """
    if not shares:
        return {}
    home: dict[str, str] = {}
    for each in sorted(seen, key=lambda each: (each.label, each.sample)):
        home.setdefault(each.sample, each.label)
    learnt = next(name for name in shares if name not in (*splits.TEST_NAMES, *splits.VALID_NAMES))
    part: dict[str, str] = {}
    for label in sorted(set(home.values())):
        members = sorted(sample for sample, first in home.items() if first == label)
        rng = np.random.default_rng([seed, zlib.crc32(label.encode())])
        seats = {learnt: 1} if len(members) == 1 else _seats(len(members), shares)
        names = [name for name, count in seats.items() for _ in range(count)]
        part |= dict(zip(rng.permutation(members).tolist(), names, strict=True))
    untested = _without(seen, part, [name for name in shares if name in splits.TEST_NAMES])
    if untested:
        notes.append(f"minerals without a sample to test: {len(untested)} ({', '.join(untested[:5])})")
    spread = Counter(part[each.sample] for each in seen)
    notes.append("parts: " + ", ".join(f"{name} {spread[name]} spectra" for name in shares))
    return part


def _seats(count: int, shares: dict[str, float]) -> dict[str, int]:
    seats = {name: int(share * count) for name, share in shares.items()}
    left = {name: share * count - seats[name] for name, share in shares.items()}
    for name in sorted(shares, key=lambda name: -left[name])[: count - sum(seats.values())]:
        seats[name] += 1
    return seats


def _without(seen: list[Seen], part: dict[str, str], names: list[str]) -> list[str]:
    there = {each.label for each in seen if part[each.sample] in names}
    return sorted({each.label for each in seen} - there)


def _named(origin: Path, folder: Path) -> str:
    """Name an archive for a list in `folder`: as it lies beside the list, or where every recipe looks, or from there."""
    absolute, here = origin.resolve(), folder.resolve()
    if absolute.parent == here:
        return absolute.name
    usual = [place.resolve() for place in locate.places("rruff")]
    names = [absolute.relative_to(place).as_posix() for place in usual if absolute.is_relative_to(place)]
    names = [name for name in names if _means(name, here, usual) == absolute]
    return min(names, key=len, default=Path(os.path.relpath(absolute, here)).as_posix())


def _means(name: str, here: Path, usual: list[Path]) -> Path | None:
    """Give what whoever reads a list in the folder `here` takes a name for: what lies beside it comes first."""
    return next((found.resolve() for place in (here, *usual) if (found := place / name).exists()), None)
