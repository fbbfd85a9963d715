"""How long a file would take on a device that is not at hand: from micro-models that were measured there once.

A linear model of what is counted on the graph (`features`), its coefficients none below zero, fitted to relative errors; int8 files have
coefficients of their own. Its error is that of leaving one micro-model out. An estimate is no measurement and satisfies no gate.
"""

from __future__ import annotations

import datetime
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from edgespec import storage, unpacking
from edgespec.bench import measure
from edgespec.errors import Missing, Mistake
from edgespec.graph import compatibility
from edgespec.runs import estimate_features, estimate_models
from edgespec.runs.estimate_features import COUNTS, FLOAT, INT8, Features
from edgespec.targets import card as cards
from edgespec.targets.card import Target

FORMAT = 1
SHARE = 0.9
BOUND = (2.0, 10.0)
"""How many times longer than the least that its peak figures allow a small network takes (achieved rates spread by 19 on one core)."""
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """What estimates files of one kind on one target.

    coefficients: nanoseconds for each of `features.COUNTS`
    mean, p90: of the relative errors of leaving one micro-model out; largest: counts beyond which nothing was measured
    """

    coefficients: Mapping[str, float]
    mean: float
    p90: float
    n: int
    largest: Mapping[str, float]

    def ms(self, counted: Features) -> float:
        """Estimate the median of a file of this kind."""
        return sum(self.coefficients[key] * value for key, value in zip(COUNTS, counted.row(), strict=True)) / 1e6


@dataclass(frozen=True)
class Calibration:
    """The fits of a target, with what they hold for: runtime, threads, the machine, the day; and what they were fitted to."""

    target: str
    runtime: str
    runtime_version: str
    threads: int
    host: Mapping[str, Any]
    date: str
    noise: float
    fits: Mapping[str, Fit]
    measured: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Estimate:
    """One file.

    p50_ms: the median that is expected; None where only a bound is known; low_ms, high_ms: where nine of ten are
    source: "estimated", never "measured"; basis: from what; beyond: counts that are larger than in any micro-model
    """

    file: str
    digest: str
    p50_ms: float | None
    low_ms: float
    high_ms: float
    basis: str
    beyond: tuple[str, ...] = ()
    source: str = "estimated"


def fit(
    card: Target,
    *,
    seconds: float,
    progress: Callable[[str], None],
    chosen: Sequence[estimate_models.Micro] = estimate_models.MICRO,
) -> Calibration:
    """Measure the micro-models on a target in one session, interleaved, fit, and keep it in the user's folder.

    seconds: of timed calls of each
    Raises Mistake for an emulated target; what `bench.measure` raises.
    """
    measure.check_timed(card)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        progress(f"{len(chosen)} micro-models are made, each in float32 and int8")
        files, x = estimate_models.write(folder, tuple(chosen))
        first = next(iter(files))
        y = np.zeros(len(x), dtype=np.int64)
        sent = compatibility.as_run(files, card, folder / "sent")
        found = measure.measure(
            sent, x, y, card, folder / "bench", reference=first, float_of={}, seconds=seconds, progress=progress
        )
        counted = {each.variant: estimate_features.of(files[each.variant]) for each in found}
    measured = {each.variant: {"p50_ms": each.p50_ms, "n": each.n, **asdict(counted[each.variant])} for each in found}
    made = Calibration(
        card.name, card.runtime, found[0].runtime_version, card.threads, found[0].host,
        datetime.date.today().isoformat(), max(each.noise for each in found), fitted(measured), measured,
    )  # fmt: skip
    storage.write_json(place(card.name), {"format": FORMAT, **asdict(made)})
    return made


def place(name: str) -> Path:
    """Give the file in which a target's calibration is kept, beside the user's own cards."""
    return cards.settings() / "estimates" / f"{name}.json"


def load(card: Target) -> Calibration | None:
    """Read a target's calibration; None where there is none.

    Raises Mistake where it was fitted for another runtime or number of threads, or is damaged.
    """
    path, again = place(card.name), f"edgespec estimate --fit --target {shlex.quote(card.name)}"
    if not path.is_file():
        return None
    try:
        held = unpacking.parse_json(path.read_text(encoding="utf-8"))
        if held.pop("format") != FORMAT:
            raise ValueError("another format")
        held["fits"] = {kind: Fit(**each) for kind, each in held["fits"].items()}
        found = Calibration(**held)
        if any(set(each.coefficients) != set(COUNTS) for each in found.fits.values()):
            raise ValueError("other counts")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Mistake(f"{path} is not a calibration of this version: {problem}", hint=again) from problem
    if (found.runtime, found.threads) != (card.runtime, card.threads):
        raise Mistake(
            f"{path} was fitted with {found.runtime} on {found.threads} threads, {card.name} has {card.runtime} on {card.threads}",
            hint=again,
        )
    return found


def estimate(paths: Mapping[str, Path], card: Target) -> tuple[list[Estimate], dict[str, Mistake]]:
    """Estimate files on a target, by its calibration, else from below by the peak figures of its card; and say which can't be.

    Raises Missing where there is neither.
    """
    held = load(card)
    if held is None and not (card.gflops and card.gbytes_s):
        raise Missing(
            f"nothing was measured on target {card.name!r} to estimate from, and its card holds no peak figures",
            hint=f"with the device at hand, once: edgespec estimate --fit --target {card.name}",
        )
    found: list[Estimate] = []
    refused: dict[str, Mistake] = {}
    for name, path in paths.items():
        try:
            found.append(_bound(name, path, card) if held is None else _estimate(name, path, held))
        except Mistake as problem:
            refused[name] = problem
    return found, refused


def fitted(measured: Mapping[str, Mapping[str, Any]]) -> dict[str, Fit]:
    """Fit each kind that is there. measured: name -> `p50_ms` and its features, by their names."""
    fits = {}
    for kind in (FLOAT, INT8):
        of_kind = [each for each in measured.values() if each["kind"] == kind]
        if len(of_kind) <= 1:
            continue
        names = [each.name for each in fields(Features)]
        rows = np.array([Features(**{name: each[name] for name in names}).row() for each in of_kind])
        times = np.array([each["p50_ms"] * 1e6 for each in of_kind])
        errors = np.abs(leave_one_out(rows, times))
        coefficients = dict(zip(COUNTS, map(float, solve(rows, times)), strict=True))
        largest = dict(zip(COUNTS, map(float, rows.max(0)), strict=True))
        fits[kind] = Fit(coefficients, float(errors.mean()), float(np.quantile(errors, SHARE)), len(times), largest)
    return fits


def leave_one_out(rows: Array, times: Array) -> Array:
    """Give the relative error (estimated / measured - 1) of each row, fitted to all others.

    rows: (n, counts); times: (n,) ns
    """
    kept = ~np.eye(len(times), dtype=bool)
    return np.array([row @ solve(rows[k], times[k]) / t - 1 for row, t, k in zip(rows, times, kept, strict=True)])


def solve(rows: Array, times: Array) -> Array:
    """Give the coefficients, none below zero, whose relative errors have the least sum of squares."""
    scaled = rows / times[:, None]
    sizes = np.maximum(np.abs(scaled).max(0), 1e-30)  # counts differ by a factor of a million
    found: Array = nnls(scaled / sizes, np.ones(len(times)))[0] / sizes
    return found


def _estimate(name: str, path: Path, held: Calibration) -> Estimate:
    counted = estimate_features.of(path)
    chosen = held.fits.get(counted.kind)
    if chosen is None:
        known = " and ".join(held.fits)
        raise Mistake(
            f"{name} is {counted.kind}: only {known} were measured on {held.target}",
            hint=f"edgespec bench --target {shlex.quote(held.target)}",
        )
    ms = chosen.ms(counted)
    beyond = tuple(key for key, value in zip(COUNTS, counted.row(), strict=True) if value > chosen.largest[key])
    basis = f"{chosen.n} micro-models, {held.date}, {held.runtime} {held.runtime_version}"
    low, high = ms / (1 + chosen.p90), ms / max(1 - chosen.p90, 0.1)
    return Estimate(name, storage.file_digest(path), ms, low, high, basis, beyond)


def _bound(name: str, path: Path, card: Target) -> Estimate:
    """Give what the peak figures of a card allow at best, and the range in which small networks are found above it."""
    counted = estimate_features.of(path)
    rate = card.gops_int8 or card.gflops if counted.kind.endswith("int8") else card.gflops
    least_ms = max(2 * counted.macs / (rate * card.threads * 1e9), path.stat().st_size / (card.gbytes_s * 1e9)) * 1e3
    return Estimate(
        name, storage.file_digest(path), None, least_ms * BOUND[0], least_ms * BOUND[1],
        f"lower bound {least_ms * 1e3:.3g} us by the card's peak figures, times {BOUND[0]:g} to {BOUND[1]:g}",
    )  # fmt: skip
