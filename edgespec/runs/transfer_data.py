"""Another instrument's spectra beside those that a run learnt from: which count, which are seen, which samples pair them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.data import splits
from edgespec.errors import Mistake
from edgespec.job import Job
from edgespec.runs import standardise
from edgespec.runs.standardise import FEWEST_PAIRS, Fitted, Numbers
from edgespec.spectra import Floats, Ints, Spectra, Words

NO_PAIR = "no sample was measured on both"


@dataclass(frozen=True)
class Foreign:
    """Another instrument's spectra of classes that the model knows.

    x: (n, points) on the model's axis; y: (n,) in the model's labels
    sample: (n,) physical samples; each spectrum its own where none are known
    seen: (n,) whether the model learnt from that sample; None where samples are not known on both sides
    pairs: sample -> (points,) its mean bands on the instrument that the model was trained on
    means: label -> (points,) mean bands of its class there
    laser: excitation wavelengths in nm, those that are known
    left_out: class that the model does not know -> spectra; own: spectra that are the run's own
    """

    x: Floats
    y: Ints
    sample: Words
    seen: NDArray[np.bool_] | None
    pairs: dict[str, Numbers]
    means: dict[int, Numbers]
    laser: tuple[int, ...]
    left_out: dict[str, int]
    own: int

    @property
    def samples(self) -> list[str]:
        """Each physical sample once."""
        return [str(each) for each in np.unique(self.sample)]

    def label(self, sample: str) -> int:
        """Give a sample's class."""
        return int(self.y[self.sample == sample][0])


def beside(read: Spectra, job: Job) -> Foreign:
    """Keep what another instrument measured of the model's classes, and tell which samples the model learnt from.

    Learnt from means the training and the validation parts. A spectrum that is the run's own, to the byte, is left out.
    Raises Mistake where nothing is left.
    """
    place = {label: i for i, label in enumerate(job.spectra.labels)}
    names = np.array(read.labels)[read.y]
    known = np.isin(names, list(place))
    if not known.any():
        raise Mistake(
            f"DATA have no class that the model knows; they have {_some(np.unique(names).tolist())}",
            hint=f"the model knows {_some(list(place))}",
        )
    ours = {row.tobytes() for row in job.spectra.x}
    own = np.array([row.tobytes() in ours for row in read.x])
    rows = np.flatnonzero(known & ~own)
    if not len(rows):
        raise Mistake("all spectra of DATA are the run's own", hint="choose another instrument's, e.g. by --laser")
    y = np.array([place[name] for name in names[rows]], dtype=np.int64)
    sample = np.array([str(row) for row in rows]) if read.group is None else read.group[rows]
    unknown, counts = np.unique(names[~known], return_counts=True)
    lasers = set() if read.laser is None else set(read.laser[rows].tolist()) - {0}
    learnt = job.spectra[np.union1d(job.splits.rows(None), job.splits.rows(None, valid=True))]
    met = None if read.group is None or learnt.group is None else np.isin(sample, learnt.group)
    return Foreign(
        read.x[rows],
        y,
        sample,
        met,
        {} if met is None else _pairs(sample, y, learnt),
        {int(label): standardise.bands(learnt.x[learnt.y == label]).mean(0) for label in np.unique(learnt.y)},
        tuple(sorted(lasers)),
        dict(zip(unknown.tolist(), counts.tolist(), strict=True)),
        int((known & own).sum()),
    )


def draw(foreign: Foreign, count: int, rng: np.random.Generator) -> list[str]:
    """Draw reference samples: those measured on both instruments first, of different classes first."""
    samples: list[str] = rng.permutation(foreign.samples).tolist()
    label = np.array([foreign.label(sample) for sample in samples])
    paired = np.array([sample in foreign.pairs for sample in samples])
    turn = np.zeros(len(samples), dtype=np.int64)
    for part in (paired, ~paired):
        turn[part] = splits.occurrence(label[part])
    return [samples[i] for i in np.lexsort((turn, ~paired))[:count]]


def fit(foreign: Foreign, axis: Numbers, references: list[str]) -> dict[str, Fitted | str]:
    """Fit every correction on the references, each the mean of its spectra; where one can't be fitted, say why.

    A reference without a pair serves the affine correction alone, against its class' mean.
    """
    own = np.stack([standardise.bands(foreign.x[foreign.sample == each]).mean(0) for each in references])
    wanted = np.stack([foreign.pairs.get(each, _mean(foreign, each)) for each in references])
    paired = [i for i, each in enumerate(references) if each in foreign.pairs]
    affine = standardise.affine(axis, own, wanted)
    affine.facts.update(pairs=len(paired), class_means=len(references) - len(paired))
    if len(paired) < FEWEST_PAIRS:
        why = f"{len(paired)} pairs: {FEWEST_PAIRS} are needed to choose a penalty" if foreign.pairs else NO_PAIR
        return {"affine": affine, "ds": why, "pds": why}
    own, wanted = own[paired], wanted[paired]
    pds = standardise.piecewise(axis, own, wanted)
    return {"affine": affine, "ds": standardise.direct(own, wanted), "pds": pds}


def notes(foreign: Foreign, job: Job) -> list[str]:
    """Say what a reader of the accuracy should know."""
    shared = sorted(set(job.contract().laser) & set(foreign.laser))
    told = {
        f"spectra of classes that the model does not know, left out: {sum(foreign.left_out.values())} "
        f"({_some(list(foreign.left_out))})": bool(foreign.left_out),
        f"the run's own spectra, left out: {foreign.own}": foreign.own > 0,
        "some were taken with a laser that the model was trained on: "
        f"{', '.join(f'{each:g}' for each in shared)} nm": bool(shared),
        "samples are not known on both sides: which of them the model has seen can't be told": foreign.seen is None,
        f"several lasers ({', '.join(map(str, foreign.laser))} nm) are corrected as one instrument": len(foreign.laser)
        > 1,
        f"{NO_PAIR}: the axis is fitted to class means, direct standardisation not at all": not foreign.pairs,
    }
    return [note for note, holds in told.items() if holds]


def _pairs(sample: Words, y: Ints, learnt: Spectra) -> dict[str, Numbers]:
    """Find the samples that stand under one label on both sides."""
    group: Any = learnt.group
    found: dict[str, Numbers] = {}
    for name in np.unique(sample):
        rows = np.flatnonzero((group == name) & (learnt.y == y[sample == name][0]))
        if len(rows):
            found[str(name)] = standardise.bands(learnt.x[rows]).mean(0)
    return found


def _mean(foreign: Foreign, sample: str) -> Numbers:
    """Give the mean of a sample's class; nothing where the model learnt from no spectrum of it."""
    return foreign.means.get(foreign.label(sample), np.zeros(foreign.x.shape[1]))


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
