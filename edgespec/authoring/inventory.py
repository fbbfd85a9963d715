"""What is in a data set before anybody learns from it: classes, samples, lasers, axes, repeats, and what would be refused."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import datasets
from edgespec.authoring import data_argument
from edgespec.data.checks import hidden_samples
from edgespec.data.fetch import raman_sets
from edgespec.data.readers import file_list, gather, locate, measured, public_set
from edgespec.data.readers.gather import Entry, Read
from edgespec.datasets import arrays, rruff, table
from edgespec.errors import Mistake
from edgespec.recipe import Call
from edgespec.spectra import Axis, Spectra, interpolate

OWN = ("files", "raman_data", "table")  # data sets whose spectra are read one by one, each on its own axis
NOTHING = 1e-9  # coverage that every spectrum has
ANYWHERE = Axis(0, 4500, 16)  # where no model's axis is named, every spectrum covers enough
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Seen:
    """One spectrum that can be used.

    where: its name for messages; label: its class; sample: the physical sample, "" where none is known
    laser: nm, 0 where it is not known; part: what the data set gives it, ""
    low, high, step, count: its own axis in cm-1, the median step, and how many values
    first: position of the first spectrum with the same values, its own where it is the first
    own_sample: the sample that its own name says, before those that share a spectrum were joined
    entry: what lists it, where files do
    """

    where: str
    label: str
    sample: str
    laser: int
    part: str
    low: float
    high: float
    step: float
    count: int
    first: int
    own_sample: str
    entry: Entry | None = None


@dataclass(frozen=True)
class Inventory:
    """seen: what can be used; refused: what cannot, and why; kinds: how many files of each kind are there, used or not.

    notes: what the reader has to say; curve: gives a spectrum, by its position, on its own axis
    """

    seen: list[Seen]
    refused: list[str]
    kinds: dict[str, int]
    notes: tuple[str, ...]
    curve: Callable[[int], Curve]

    @property
    def labels(self) -> list[str]:
        """All classes, those with most spectra first."""
        counted = Counter(each.label for each in self.seen)
        return sorted(counted, key=lambda label: (-counted[label], label))

    def repeats(self) -> dict[str, list[tuple[Seen, Seen]]]:
        """Give spectra that are there twice with what they repeat, by what that means."""
        found: dict[str, list[tuple[Seen, Seen]]] = {
            "in the same sample": [],
            "in another sample": [],
            "in another class": [],
        }
        for row, each in enumerate(self.seen):
            if each.first != row:
                first = self.seen[each.first]
                other = "class" if first.label != each.label else "sample"
                same = other == "sample" and first.own_sample == each.own_sample
                found["in the same sample" if same else f"in another {other}"].append((each, first))
        return {what: pairs for what, pairs in found.items() if pairs}

    def shared(self) -> dict[str, list[str]]:
        """Give the physical samples that are filed under several classes."""
        under: dict[str, set[str]] = {}
        for each in self.seen:
            under.setdefault(each.sample, set()).add(each.label)
        return {sample: sorted(labels) for sample, labels in sorted(under.items()) if sample and len(labels) > 1}


def take(
    text: str,
    *,
    axis: Axis | None = None,
    min_coverage: float = 0.8,
    kind: rruff.Kind = "Processed",
    laser: Sequence[int] = (),
    minerals: Sequence[str] = (),
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Inventory:
    """Look through what `text` names, as `data_argument.call` reads it: a folder, an archive, a task list, arrays.

    axis: the model's axis, to tell which spectra cover less than `min_coverage` of it; without it none is refused for that.
    Raises Mistake where it can't be read or holds nothing of what is asked for, Missing (exit 3) where it is not at hand.
    """
    call = data_argument.call(text)
    if call.name in OWN and not laser and not minerals and kind == "Processed":
        return take_call(call, axis=axis, min_coverage=min_coverage, advance=advance)
    if call.name == "rruff":
        return _of_files(call, axis, min_coverage, kind, laser, minerals, advance)
    if laser or minerals or kind != "Processed":
        raise Mistake(f"{text}: lasers, minerals and kinds are told by RRUFF's file names only", hint="leave them out")
    return _of_arrays(call, axis, min_coverage)


def _of_files(
    call: Call,
    axis: Axis | None,
    min_coverage: float,
    kind: rruff.Kind,
    laser: Sequence[int],
    minerals: Sequence[str],
    advance: Callable[[int, int], None],
) -> Inventory:
    keys = {name: call.keys[name] for name in ("path", "task", "root", "npz", "split") if name in call.keys}
    wanted: dict[str, Any] = {"kind": call.keys.get("kind", kind) if kind == "Processed" else kind}
    wanted["laser"] = list(laser) or call.keys.get("laser")
    wanted["minerals"] = list(minerals) or call.keys.get("minerals")
    every, _ = rruff.entries(**keys, kind="any")
    entries, _ = rruff.entries(**keys, **wanted)
    read, refusals = gather.read_all(entries, axis or ANYWHERE, min_coverage if axis else 0, advance)
    firsts = gather.firsts_of(read)
    groups = gather.groups_of(read, firsts)
    return Inventory(
        [_seen(one, group, first) for one, group, first in zip(read, groups, firsts, strict=True)],
        [refusal.message for refusal in refusals],
        dict(Counter(entry.kind or "unnamed" for entry in every).most_common()),
        tuple(gather.oddities(read)),
        lambda row: (read[row].entry.read().axis, read[row].entry.read().x),
    )


def take_call(
    call: Call,
    *,
    axis: Axis | None = None,
    min_coverage: float = 0.8,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Inventory:
    """Look through a laboratory's own files, as `take` does."""
    least = min_coverage if axis else NOTHING
    entries, notes = _own_entries(call, axis or ANYWHERE, least, advance)
    read, refusals = gather.read_all(entries, axis or ANYWHERE, least)
    firsts = gather.firsts_of(read)
    groups = gather.groups_of(read, firsts)
    return Inventory(
        [_seen(one, group, first) for one, group, first in zip(read, groups, firsts, strict=True)],
        [refusal.message for refusal in refusals],
        {},
        (*gather.oddities(read), *notes, *_signs(read)),
        lambda row: (read[row].entry.read().axis, read[row].entry.read().x),
    )


def _signs(read: list[Read]) -> list[str]:
    """Look for samples that nobody named, on the range that nine in ten spectra have."""
    if not read or any(one.entry.sample for one in read):
        return []
    low, high = np.quantile([one.low for one in read], 0.9), np.quantile([one.high for one in read], 0.1)
    if not 0 <= low < high:
        return []
    axis, some = Axis(float(low), float(high), 512), read[: hidden_samples.MOST]
    scans = [one.entry.read() for one in some]
    x = np.stack([interpolate(scan.axis, scan.x, axis.values())[0] for scan in scans])
    labels = sorted({one.entry.mineral for one in some})
    y = np.array([labels.index(one.entry.mineral) for one in some], dtype=np.int64)
    found = hidden_samples.look(Spectra(x, axis.values(), y, tuple(labels)))
    return [found.told()] if found is not None and found.found else []


def _own_entries(
    call: Call, axis: Axis, least: float, advance: Callable[[int, int], None]
) -> tuple[list[Entry], list[str]]:
    keys = call.keys
    said = measured.Said(**{key: keys[key] for key in measured.Said._fields if key in keys})
    if call.name == "table":
        named = (keys.get("label"), keys.get("sample"), keys.get("part"))
        place = locate.find(keys["path"], keys.get("root"))
        return table.entries(place, keys.get("layout"), named, axis, least, said, strict=False), []
    if call.name == "raman_data":
        held = public_set.read(raman_sets.find(keys["dataset"], keys.get("root")))
        return public_set.entries(held, axis, least), public_set.notes(held)
    listed, notes = file_list.find(*(keys.get(key) for key in ("path", "list", "label", "root")))
    found, technique = measured.entries(listed, axis, least, said, advance, strict=False)
    return found, [
        *notes,
        *([f"technique, as the files say it: {technique}"] if technique and not said.technique else []),
    ]


def _seen(one: Read, group: str, first: int) -> Seen:
    entry, own = one.entry, (one.low, one.high, one.step, one.count)
    return Seen(entry.where, entry.mineral, group, entry.laser or 0, entry.part or "", *own, first, entry.sample, entry)


def _of_arrays(call: Call, axis: Axis | None, min_coverage: float) -> Inventory:
    """Look through a data set that gives its spectra on one axis."""
    keys = {name: value for name, value in call.keys.items() if name != "otherwise"}
    own = None
    if call.name == "arrays":
        own = arrays.own_axis(keys)
        keys["min_coverage"] = min_coverage if axis else 1e-9
    if axis is not None:
        _whole(call.name, keys, axis)  # tells what is refused on it
    values = Axis(100, 1500, 701).values() if own is None else own
    if values[-1] <= 0:
        raise Mistake(
            f"the axis runs from {values[0]:g} to {values[-1]:g} cm-1, beyond the laser's line",
            hint="Raman shifts are above 0",
        )
    there = Axis(max(float(values[0]), 0.0), float(values[-1]), len(values))
    found = _whole(call.name, keys, there)
    own_axis = (float(values[0]), float(values[-1]), float(np.median(np.diff(values))), len(values))
    seen = [
        Seen(f"row {row}", *_told(found, row), *own_axis, first, _sample(found, row))
        for row, first in enumerate(_same(found))
    ]
    return Inventory(seen, [], {}, found.notes, lambda row: (found.axis, found.x[row].astype(np.float64)))


def _whole(name: str, keys: dict[str, Any], axis: Axis) -> Spectra:
    """Read a data set with its repeats, where it has any."""
    if name != "arrays":
        return datasets.load(Call(name, keys), axis=axis, seed=0)
    found = arrays.every(axis=axis, **keys)
    datasets.check_names(found, name)
    return found


def _told(found: Spectra, row: int) -> tuple[str, str, int, str]:
    laser = 0 if found.laser is None else int(found.laser[row])
    part = "" if found.part is None else str(found.part[row])
    return found.labels[found.y[row]], _sample(found, row), laser, part


def _sample(found: Spectra, row: int) -> str:
    return "" if found.group is None else str(found.group[row])


def _same(found: Spectra) -> list[int]:
    seen: dict[bytes, int] = {}
    return [seen.setdefault(hashlib.sha256(x.tobytes()).digest(), row) for row, x in enumerate(found.x)]


def summary(found: Inventory) -> dict[str, Any]:
    """Give an inventory as plain values: counts, ranges, repeats by name, refusals."""
    return {
        "spectra": len(found.seen),
        "classes": {label: _class([each for each in found.seen if each.label == label]) for label in found.labels},
        "samples": len({each.sample for each in found.seen if each.sample}),
        "lasers_nm": _counted(each.laser for each in found.seen if each.laser),
        "parts": _counted(each.part for each in found.seen if each.part),
        "kinds": found.kinds,
        "axis_cm1": {
            name: _range([getattr(each, name) for each in found.seen]) for name in ("low", "high", "step", "count")
        },
        "repeats": {what: [[a.where, b.where] for a, b in pairs] for what, pairs in found.repeats().items()},
        "samples_in_several_classes": found.shared(),
        "refused": found.refused,
        "notes": list(found.notes),
    }


def _class(seen: list[Seen]) -> dict[str, Any]:
    return {
        "spectra": len(seen),
        "samples": len({each.sample for each in seen if each.sample}),
        "lasers_nm": sorted({each.laser for each in seen if each.laser}),
    }


def _counted(values: Any) -> dict[str, int]:
    return {str(value): count for value, count in sorted(Counter(values).items())}


def _range(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    return {"least": min(values), "median": float(np.median(values)), "most": max(values)}
