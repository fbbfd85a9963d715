"""The spectra that int8 ranges are taken from, and those that choices between ranges are judged on: never the same, never test ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgespec import storage
from edgespec.data import splits
from edgespec.errors import Mistake
from edgespec.job import Job
from edgespec.spectra import Floats, Ints
from edgespec.training import batches

FEWEST = 64
ALIKE = 0.5  # spectra of one class correlate with each other by more, noise by none
NOISE = (
    0.1  # a correlation of neighbouring points below this is no spectrum's: white noise has 0, the noisiest of ours 0.6
)
JUDGED, VIEWS = 256, 4  # agreement needs no labels, so few validation spectra are judged in several variations


@dataclass(frozen=True)
class Judged:
    """Validation spectra: `x` (n, points) raw, the first `len(y)` as they are and labelled, the rest varied as the augmentation does."""

    x: Floats
    y: Ints


def drawn(job: Job, on: str | None, count: int) -> Floats:
    """(count, points): training spectra for the ranges, every second one varied as the augmentation does.

    Classes take turns, and within a class its physical samples do. The varied ones stand behind the others. Of fewer than 64
    spectra each is taken as it is, and varied until there are 64.
    Raises Mistake for one class, a sample of the validation or test part, or what is no spectra but noise.
    """
    rows = in_turn(job, job.splits.rows(on))[:count]
    _check(job, rows)
    plain, varied = (rows[::2], rows[1::2]) if len(rows) >= FEWEST else (rows, np.resize(rows, FEWEST - len(rows)))
    return np.concatenate([job.spectra.x[plain], batches.another(job, varied, job.seed * 1000 + 900).numpy()])


def in_turn(job: Job, rows: Ints) -> Ints:
    """Order rows so that classes take turns, and physical samples within each class: any number from the front is stratified by both."""
    order = np.random.default_rng([job.seed, 17]).permutation(rows)
    if job.spectra.group is not None:
        order = order[np.argsort(splits.occurrence(job.spectra.group[order]), kind="stable")]
    return order[np.argsort(splits.occurrence(job.spectra.y[order]), kind="stable")]


def judged(job: Job, on: str | None) -> Judged:
    """Give the validation spectra, and variations of them until there are about 256 (at most four of each)."""
    rows = in_turn(job, job.splits.rows(on, valid=True))
    views = min(max(-(-JUDGED // len(rows)) - 1, 1), VIEWS)
    varied = [batches.another(job, rows, job.seed * 1000 + 910 + view).numpy() for view in range(views)]
    return Judged(np.concatenate([job.spectra.x[rows], *varied]), job.spectra.y[rows])


def told(job: Job, x: Floats) -> dict[str, Any]:
    """Give number and digest of the three sets: they share no physical sample (`_check` and `splits`)."""
    valid, test = job.splits.rows(None, valid=True), job.splits.test
    sets = {"calibration": x, "validation": job.spectra.x[valid], "test": job.spectra.x[test]}
    return {name: {"spectra": len(each), "digest": storage.digest(each)} for name, each in sets.items()}


def _check(job: Job, rows: Ints) -> None:
    if len(found := np.unique(job.spectra.y[rows])) < 2:
        raise Mistake(
            f"all {len(rows)} calibration spectra are of one class ({job.spectra.labels[int(found[0])]}): int8 would know no other's range",
            hint="another `on:`, a part that has every class",
        )
    for name, others in (("validation", job.splits.rows(None, valid=True)), ("test", job.splits.test)):
        if shared := _shared(job, rows, others):
            raise Mistake(
                f"the calibration set overlaps the {name} part: {shared}, so int8 would be judged on what it was fitted to",
                hint="split by group; one sample, one part",
            )
    x, y = job.spectra.x[rows], job.spectra.y[rows]
    if float(np.median(np.ptp(x, axis=1))) == 0:
        told = "the calibration spectra are constant: every point has the value of the next"
        raise Mistake(told, hint="was the detector on? edgespec data inspect shows them")
    if (neighbours := _neighbours(x)) < NOISE:
        if _alike(x, y) > ALIKE:
            raise Mistake(
                f"the calibration spectra are undersampled: spectra of a class are alike, but neighbouring points correlate by {neighbours:.2f}",
                hint="more points in data.axis, as many as were measured: bands must be wider than a point",
            )
        raise Mistake(
            f"the calibration spectra are noise: neighbouring points correlate by {neighbours:.2f}, those of spectra by more than {NOISE:g}",
            hint="calibrate on measured spectra; random numbers give ranges that no spectrum ever takes",
        )


def _shared(job: Job, rows: Ints, others: Ints) -> str:
    if len(same := np.intersect1d(rows, others)):
        return f"{len(same)} spectra are in both"
    if job.spectra.group is None or job.splits.by_spectrum:
        return ""
    groups = np.intersect1d(job.spectra.group[rows], job.spectra.group[others])
    return f"sample {str(groups[0])!r} is in both" if len(groups) else ""


def _alike(x: Floats, y: Ints) -> float:
    """Give the median over spectra of the correlation with the mean of the others of their class; 0 where no class has two."""
    found: list[float] = []
    for label in np.unique(y):
        mine = x[y == label].astype(np.float64)
        if len(mine) > 1:
            others = (mine.sum(0) - mine) / (len(mine) - 1)
            a, b = mine - mine.mean(1, keepdims=True), others - others.mean(1, keepdims=True)
            norm = np.sqrt((a**2).sum(1) * (b**2).sum(1))
            found += ((a * b).sum(1) / np.maximum(norm, 1e-300)).tolist()
    return float(np.median(found)) if found else 0.0


def _neighbours(x: Floats) -> float:
    """Give the median over spectra of the correlation of each point with the next."""
    centred = x.astype(np.float64) - x.mean(1, keepdims=True)
    norm = np.maximum((centred**2).sum(1), 1e-300)
    return float(np.median((centred[:, 1:] * centred[:, :-1]).sum(1) / norm))
