"""What somebody's data are, as far as a recipe for them has to know: axis, classes, samples, parts, and how easy they are."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgespec import datasets, device_program
from edgespec.authoring import data_argument, inventory
from edgespec.authoring.inventory import Inventory
from edgespec.data import perturbations, splits
from edgespec.data.checks import hidden_samples
from edgespec.data.readers import array_files, measured
from edgespec.data.splits import Splits
from edgespec.datasets import arrays as array_set
from edgespec.errors import Mistake
from edgespec.job import Job
from edgespec.recipe import Call, Split
from edgespec.spectra import Axis, Floats, Ints, Spectra
from edgespec.training import batches

RAMAN = (150.0, 1172.0)  # cm-1: the window of all measured recipes
STEP, FEWEST, MOST, MULTIPLE = (
    2.0,
    64,
    1024,
    32,
)  # cm-1 between points, as in those recipes; how many points there may be
PREPROCESS = (Call("highpass", {"window": 62.0}), Call("signed_sqrt"), Call("rms"))
RARE = 6  # samples a class, by the median
AUGMENT = Call("instrument", {"shift": 4.0, "stretch": 0.003, "blur": 4.0, "tilt": 0.25, "drift": 0.6, "noise": 0.03})
INFRARED = (  # as in recipes/plastics.yaml: no fluorescence, but scatter, a baseline, water vapour and carbon dioxide
    (Call("highpass", {"window": 200.0}), Call("snv")),
    Call("instrument", {"shift": 4.0, "stretch": 0.001, "blur": 6.0, "tilt": 0.1, "drift": 0.0, "noise": 0.03, "slope": 0.5, "baseline": 0.5,
                        "vapour": 0.1, "co2": 0.3}),
)  # fmt: skip
FRAGILE = 0.25  # of the training spectra are named wrongly once they are varied so: nothing is varied then
FOLDS, ASKED = 3, 3000  # nearest neighbour is asked about so many training spectra at most
SEED = 0
OWN = ("arrays", "files", "raman_data", "table")  # data sets whose own axis says what a model for them takes
SHOWN = 3
LEAST = 20  # training spectra


@dataclass(frozen=True)
class Survey:
    """What was found.

    call: the data set; axis: what a model for it would take; split: how it can be divided, and `splits` is that division
    nearest, varied: share of training spectra that their nearest neighbour of another physical sample names rightly, as they are and
    varied as another instrument would
    """

    call: Call
    axis: Axis
    spectra: Spectra
    split: Split
    splits: Splits
    nearest: float
    varied: float

    @property
    def fragile(self) -> bool:
        """Do the classes differ by less than instruments do?"""
        return self.nearest - self.varied > FRAGILE

    @property
    def front(self) -> tuple[tuple[Call, ...], Call]:
        """The preprocessing and the variation that suit the technique of the spectra."""
        return front(self.spectra.technique)

    @property
    def train(self) -> int:
        """Spectra that are learnt from."""
        return len(self.splits.rows(None))

    @property
    def samples(self) -> int | None:
        """Physical samples; None where nobody knows them."""
        return None if self.spectra.group is None else len(np.unique(self.spectra.group))

    def told(self) -> list[str]:
        """Say it in lines."""
        spectra, sizes = self.spectra, np.bincount(self.spectra.y, minlength=len(self.spectra.labels))
        known = "unknown" if self.samples is None else str(self.samples)
        least, most = int(sizes.argmin()), int(sizes.argmax())
        ends = [f"{sizes[each]} ({spectra.labels[each]})" for each in (least, most)]
        parts = f"train {self.train}, valid {len(self.splits.rows(None, valid=True))}, test {len(self.splits.test)}"
        return [
            f"{spectra.name}: {len(spectra)} {spectra.source} spectra, {len(spectra.labels)} classes, physical samples: {known}",
            f"spectra a class: {sizes[least] if sizes[least] == sizes[most] else ' to '.join(ends)}",
            f"division: {parts} ({'given by the data' if self.split.parts else 'drawn with the seed'})",
            f"axis: {self.axis.low:g} to {self.axis.high:g} cm-1, {self.axis.points} points",
            *(f"note: {each}" for each in (*spectra.notes, *self.splits.notes)),
            f"nearest neighbour names {self.nearest:.3f} of the training spectra rightly, {self.varied:.3f} of the same as another "
            f"instrument would see them (cross-validated)",
        ]


def arrays(text: str) -> list[str]:
    """List the arrays of a file whose names do not say what they are for; none for anything else."""
    path = Path(text)
    there = array_files.names(path) if path.suffix.lower() in array_files.ENDINGS and path.exists() else []
    return [] if data_argument.NAMED in there or set(data_argument.NEEDED) <= set(there) else there


def described(text: str, names: dict[str, str]) -> str:
    """Say which array of a file is which, as data.load does."""
    return json.dumps(
        {"arrays": {"file": str(Path(text).resolve()), **{key: name for key, name in names.items() if name}}}
    )


def survey(call: Call, ends: tuple[float, float] | None = None) -> Survey:
    """Read a data set and see how a recipe can divide it; `ends` of the model's axis in cm-1, where it is not to be all.

    Raises Mistake where it can't be read or divided.
    """
    seen = inventory.take_call(call) if call.name in inventory.OWN else None
    call, told = (call, ()) if seen is None else _with_unit(call, seen)
    axis = _axis(ends, _wavenumber(call, seen) if call.name in OWN else None)
    spectra = datasets.load(call, axis=axis, seed=SEED)
    spectra = replace(spectra, notes=(*spectra.notes, *told))
    signs = hidden_samples.look(spectra)
    if signs is not None and signs.found:
        spectra = replace(spectra, notes=(*spectra.notes, signs.told()))
    split, divided = _divided(spectra)
    _check_enough(spectra, divided)
    return Survey(call, axis, spectra, split, divided, *_nearest(spectra, split, divided))


def _check_enough(spectra: Spectra, divided: Splits) -> None:
    """Raise Mistake where too little is left to learn from, with the classes that lack it."""
    rows, total = divided.rows(None), f"of {len(spectra)} spectra"
    counts = np.bincount(spectra.y[rows], minlength=len(spectra.labels))
    lacking = [spectra.labels[i] for i in np.flatnonzero(counts == 0)]
    if lacking:
        more = ", ..." if len(lacking) > SHOWN else ""
        told = f"{len(lacking)} classes have no spectrum to learn from: {', '.join(lacking[:SHOWN])}{more}"
        raise Mistake(f"{told} ({len(rows)} {total})", hint="more spectra of these classes, or leave the classes out")
    if len(rows) < LEAST:
        rarest = spectra.labels[int(counts.argmin())]
        told = f"{len(rows)} {total} are left to learn from: {LEAST} are needed"
        raise Mistake(told, hint=f"more spectra; {rarest} has {counts.min()}")


def _with_unit(call: Call, seen: Inventory) -> tuple[Call, tuple[str, ...]]:
    """Write down that an axis without a unit is in cm-1, where it may be; give the data set with its unit, and what to tell.

    Raises Mistake where the numbers are not those of a Raman shift or wavenumber.
    """
    unsaid = any(note.startswith(device_program.module("spectra.axes").NO_UNIT) for note in seen.notes)
    if not unsaid or call.keys.get("unit"):
        return call, ()
    low, high = (float(np.median([getattr(each, end) for each in seen.seen])) for end in ("low", "high"))
    if high - low < measured.NARROWEST:
        told = f"the axis says no unit, and runs from {low:g} to {high:g}: narrow for a spectrum in cm-1"
        raise Mistake(told, hint=f"say its unit: '{{{call.name}: {{..., unit: nm, laser: 785}}}}', or unit: cm-1")
    said = "no unit of the axis is said: the recipe says unit: cm-1; is it?"
    return Call(call.name, {**call.keys, "unit": "cm-1"}), (said,)


def window(call: Call) -> tuple[float, float]:
    """Give the ends that are likely meant, in cm-1: all that the spectra cover, without the laser's own line.

    Of files those that nine in ten spectra reach.
    """
    return _window(_wavenumber(call)) if call.name in OWN else RAMAN


def _window(own: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(np.ceil(own.min())), float(np.floor(own.max()))
    return (RAMAN[0], high) if low < 0 and high > RAMAN[0] else (low, high)


def _axis(ends: tuple[float, float] | None, own: NDArray[np.float64] | None) -> Axis:
    """Take the spectra's own window, at the step that was measured or at theirs if that is coarser."""
    if own is None:
        low, high = ends or RAMAN
        return Axis(low, high, _points(high - low, STEP))
    low, high = ends or _window(own)
    if ends is None and own.min() < 0:
        raise Mistake(
            f"the axis runs from {own.min():g} to {own.max():g} cm-1, with the laser's own line in it",
            hint="say which part counts: --axis 600:1800",
        )
    return Axis(low, high, _points(high - low, max(STEP, float(np.median(np.abs(np.diff(own)))))))


def _points(span: float, step: float) -> int:
    return int(np.clip(round((span / step + 1) / MULTIPLE) * MULTIPLE, FEWEST, MOST))


def _wavenumber(call: Call, seen: Inventory | None = None) -> NDArray[np.float64]:
    """(points,): the axis of arrays as it stands there; what is wrong with it is told when they are read.

    Of files: an axis from where nine in ten of them begin to where nine in ten of them end, at their median step.
    """
    if call.name in inventory.OWN:
        return _of_files(call.name, seen or inventory.take_call(call))
    return array_set.own_axis(call.keys)


def _of_files(name: str, found: Inventory) -> NDArray[np.float64]:
    if not found.seen:
        told = "; ".join(found.refused[:SHOWN])
        raise Mistake(
            f"{name}: none of {len(found.refused)} spectra can be used: {told}", "edgespec data inspect lists all"
        )
    low = float(np.quantile([each.low for each in found.seen], 0.9))
    high = float(np.quantile([each.high for each in found.seen], 0.1))
    if low >= high:
        raise Mistake(f"{name}: the spectra have no range in common", hint="edgespec data inspect shows their axes")
    return np.arange(low, high + 1e-9, float(np.median([each.step for each in found.seen])))


def _divided(spectra: Spectra) -> tuple[Split, Splits]:
    """Keep parts that the data set gives, else draw them. Rare classes lend nothing to validation, as in minerals192."""
    parts = set() if spectra.part is None else set(np.unique(spectra.part).tolist())
    given_parts = len(parts & set(splits.TEST_NAMES)) == 1 and len(parts - set(splits.VALID_NAMES)) > 1
    split = Split(by="spectrum" if spectra.group is None else "group", parts="given" if given_parts else None)
    groups = np.arange(len(spectra)) if spectra.group is None else spectra.group
    samples = [len(np.unique(groups[spectra.y == label])) for label in np.unique(spectra.y)]
    if np.median(samples) < RARE:
        sparing = replace(split, valid=0.1, valid_from=4)
        with contextlib.suppress(Mistake):  # where no class has as many samples
            return sparing, splits.divide(spectra, sparing, SEED)
    return split, splits.divide(spectra, split, SEED)


def _nearest(spectra: Spectra, split: Split, divided: Splits) -> tuple[float, float]:
    """Ask the nearest neighbour of another sample about each training spectrum as it is, and varied as an instrument would."""
    rows = np.union1d(divided.rows(None), divided.rows(None, valid=True))
    known = spectra[rows if len(rows) <= ASKED else _fewer(spectra, rows)]
    job = Job(known, divided, *front(known.technique), Path(), SEED)
    right, asked = np.zeros(2), 0
    for test in splits.folds(known, Split(by=split.by), FOLDS, SEED):
        train = np.setdiff1d(np.arange(len(known)), test)
        learnt = _unit(batches.prepared(job, train).numpy())
        for way, x in enumerate((batches.prepared(job, test), batches.varied(job, test, SEED))):
            named = known.y[train][(_unit(x.numpy()) @ learnt.T).argmax(axis=1)]
            right[way] += (named == known.y[test]).sum()
        asked += len(test)
    return float(right[0] / asked), float(right[1] / asked)


def front(technique: str) -> tuple[tuple[Call, ...], Call]:
    """Give the preprocessing and the variation of the measured recipe for a technique; Raman's where the data do not say that they are infrared."""
    infrared = perturbations.of(technique) is perturbations.INFRARED
    return INFRARED if infrared else (PREPROCESS, AUGMENT)


def _unit(x: Floats) -> Floats:
    """Give (n, points), each row of length 1: what is nearest has the largest cosine."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.float32(1e-12))  # type: ignore[no-any-return]


def _fewer(spectra: Spectra, rows: Ints) -> Ints:
    """Draw whole samples until there are enough."""
    groups = spectra.group[rows] if spectra.group is not None else rows.astype(str)
    names = np.random.default_rng(SEED).permutation(np.unique(groups))
    counts = dict(zip(*np.unique(groups, return_counts=True), strict=True))
    enough = int(np.searchsorted(np.cumsum([counts[name] for name in names]), ASKED)) + 1
    return rows[np.isin(groups, names[:enough])]
