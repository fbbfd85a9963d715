"""A model in this process: spectra in as the instrument gives them, labels, probabilities and scores out.

The reading of the contract, the checks of a spectrum and the runtime are those of the program that goes to the device, so a spectrum
is answered, or refused, as `edgespec predict` and the device do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgespec import device_program, plugins
from edgespec.errors import EdgespecError, Mistake, Mistakes
from edgespec.pipeline import run_folder

RUNTIME = "runtimes.onnxruntime"
UNITS = ["cm-1", "nm", "um"]
LASERS_NM = (100.0, 20_000.0)
CHUNK = 256  # spectra that are asked at once: memory stays small, and the runtime has its buffers from the first time
TOLD = 20  # refused spectra that an error names


@dataclass(frozen=True)
class Predictions:
    """What a model says of n spectra.

    labels: (n,) names of classes, "" where a spectrum was refused
    probabilities: (n, classes) float32, in the order of `classes`; NaN where a spectrum was refused
    scores: (n,) the reject score, NaN where a spectrum was refused; None where the model states none
    known: (n,) bool, score at or above the contract's threshold; None where the model states no score
    covered: (n,) share of the model's window that was measured
    classes: the model's labels
    refused: row -> why no answer is given, and how to mend it
    sets: (n, classes) bool, which labels are in each spectrum's set (docs/contract.md); None where the model has none
    notes: row -> what was noticed or decided in reading it, such as cosmic spikes; rows of which nothing is told are left out
    """

    labels: NDArray[np.str_]
    probabilities: NDArray[np.float32]
    scores: NDArray[np.float32] | None
    known: NDArray[np.bool_] | None
    covered: NDArray[np.float64]
    classes: tuple[str, ...]
    refused: dict[int, str] = field(default_factory=dict)
    notes: dict[int, tuple[str, ...]] = field(default_factory=dict)
    sets: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """Count the spectra."""
        return len(self.labels)


class Model:
    """An ONNX file with its contract, loaded once.

    path: the file; labels: of its classes; axis: (points,) in cm-1, what the graph takes; contract: all that the contract says
    threshold: a score below it means "unknown"; None where the model states none
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self.path = path
        with device_program.refusals():
            device_program.module("checksums").unchanged(path.parent)
            asked = {"name": path.name, "file": str(path)}
            self._loaded = device_program.module("model").open_model(device_program.module(RUNTIME), asked, threads)
            self._contract = device_program.module("contract").find(self._loaded, path)
        self.labels: tuple[str, ...] = tuple(self._contract.labels)
        self.axis: NDArray[np.float64] = self._contract.axis
        self.threshold: float | None = self._contract.threshold
        self.contract: dict[str, Any] = self._contract.plain

    def predict(
        self,
        x: ArrayLike,
        axis: ArrayLike | None = None,
        *,
        unit: str = "cm-1",
        laser_nm: float | None = None,
        refused: Literal["raise", "keep"] = "raise",
    ) -> Predictions:
        """Classify spectra.

        x: (n, points) or (points,) intensities as the instrument gives them, peaks upwards
        axis: (points,) rising or falling, in `unit`; the model's own axis if not said
        unit: "cm-1" (Raman shift or wavenumber), "nm" or "um"
        laser_nm: excitation wavelength, needed for Raman spectra on an axis in nm or um
        refused: "raise" an error where a spectrum cannot be answered, or "keep" the row without an answer and say why in `refused`
        Raises Mistake for arrays of another shape, an unknown unit, values that are not finite, and whatever `edgespec predict` refuses;
        Mistakes where several spectra are refused; Mismatch where the model is no classifier of spectra.
        """
        x, axis = self._checked(x, axis, unit)
        if laser_nm is not None and not LASERS_NM[0] < laser_nm < LASERS_NM[1]:
            raise Mistake(f"laser_nm: {laser_nm} is not a wavelength of a laser in nm", hint="laser_nm=785")
        if refused not in ("raise", "keep"):
            raise Mistake(f"refused: {refused!r} is neither 'raise' nor 'keep'")
        wanted = device_program.module("spectra.axes").Wanted(
            unit, laser_nm, self._contract.technique, self._contract.intensity
        )
        ready, problems, covered = self._ready(x, axis, wanted)
        logits, probabilities, scores = self._asked({row: each.x for row, each in ready.items()})
        rows = list(ready)
        for place in np.flatnonzero(~_finite(probabilities, scores)):
            row = rows[place]
            text = f"spectrum {row + 1}: the model has no finite answer to it"
            problems[row] = Mistake(text, hint="divide the intensities by a number, the same for all")
        if problems and refused == "raise":
            _raise(problems, len(x))
        told = self._told(len(x), rows, logits, probabilities, scores, covered, problems)
        notes = {row: each.notes for row, each in ready.items() if each.notes and row not in problems}
        return replace(told, notes=notes)

    def _checked(self, x: ArrayLike, axis: ArrayLike | None, unit: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Give both arrays, x with two dimensions."""
        if unit not in UNITS:
            raise Mistake(f"unit: {unit!r} is not known", hint=plugins.did_you_mean(str(unit), UNITS))
        own = axis is None
        if own and unit != "cm-1":
            raise Mistake(f"unit: {unit!r} is said, but no axis", hint="the model's own axis is in cm-1; pass axis=")
        intensities, places = _numbers(x, "x"), self.axis if axis is None else _numbers(axis, "axis")
        if intensities.ndim == 1:
            intensities = intensities[None]
        if intensities.ndim != 2 or places.ndim != 1:
            told = f"x has the shape {np.shape(x)}" if intensities.ndim != 2 else f"axis has the shape {places.shape}"
            raise Mistake(told, hint="x is (n, points) or (points,), axis is (points,)")
        if intensities.shape[1] != len(places):
            whose = "the model's own axis" if own else "the axis"
            hint = "pass the instrument's axis: axis=" if own else "one place on the axis for each intensity"
            raise Mistake(f"x has {intensities.shape[1]} points, {whose} has {len(places)}", hint)
        return intensities, places

    def _ready(
        self, x: NDArray[Any], axis: NDArray[Any], wanted: Any
    ) -> tuple[dict[int, Any], dict[int, EdgespecError], NDArray[np.float64]]:
        """Check each spectrum and bring it to the model's axis: row -> what is ready; row -> why not; (n,) share covered."""
        checks, track = device_program.module("spectra.checks"), device_program.module("spectra.track").Track
        refusal = device_program.module("refusal").RefusalError
        found, problems = {}, {}
        covered = np.full(len(x), np.nan)
        for row, intensities in enumerate(x):
            try:
                made = checks.ready(track(f"spectrum {row + 1}", axis, intensities), self._contract, wanted)
            except refusal as problem:
                problems[row] = device_program.refused(problem)
            else:
                found[row], covered[row] = made, made.covered
        return found, problems, covered

    def _asked(self, ready: dict[int, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
        """Ask the model: logits (n, classes), probabilities (n, classes), scores (n,) or None."""
        answer = device_program.module("contract").answer
        rows = list(ready.values())
        empty = np.zeros((0, len(self.labels)), np.float32)
        logits, probabilities, scores = [empty], [empty], []
        for start in range(0, len(rows), CHUNK):
            with np.errstate(all="ignore"), device_program.refusals():
                told = answer(self._loaded, np.concatenate(rows[start : start + CHUNK]))
            logits.append(told["logits"])
            probabilities.append(told["probabilities"])
            scores += [] if told["score"] is None else [np.ravel(told["score"])]
        return np.concatenate(logits), np.concatenate(probabilities), np.concatenate(scores) if scores else None

    def _told(
        self,
        n: int,
        rows: list[int],
        logits: NDArray[Any],
        probabilities: NDArray[Any],
        scores: NDArray[Any] | None,
        covered: NDArray[np.float64],
        problems: dict[int, EdgespecError],
    ) -> Predictions:
        labels = np.full(n, "", dtype=f"U{max(map(len, self.labels))}")
        shares = np.full((n, len(self.labels)), np.nan, np.float32)
        labels[rows], shares[rows] = np.array(self.labels)[logits.argmax(1)], probabilities
        stated = known = None
        if scores is not None:
            stated = np.full(n, np.nan, np.float32)
            stated[rows] = scores
            if self.threshold is not None:
                known = stated >= self.threshold
        sets = None
        if self._contract.least is not None:
            with np.errstate(invalid="ignore"):
                sets = shares >= self._contract.least
            sets[rows, logits.argmax(1)] = True
        lost = list(problems)
        labels[lost], shares[lost] = "", np.nan
        if sets is not None:
            sets[lost] = False
        why = {row: f"{each.message}; {each.hint}" if each.hint else each.message for row, each in problems.items()}
        return Predictions(labels, shares, stated, known, covered, self.labels, dict(sorted(why.items())), sets=sets)


def load(given: Path | None, variant: str | None = None, threads: int = 1) -> Model:
    """Load the model of an .onnx file, a bundle folder or a run folder; None is the newest run in `runs/`.

    variant: of a run; the one recommended on this machine if not said; threads: of the runtime
    Raises Mistake where there is none or it has no contract, Mismatch where its contract is damaged.
    """
    if threads < 1:
        raise Mistake(f"threads: {threads}, at least 1 is wanted")
    return Model(run_folder.model(given, variant), threads)


def _numbers(given: ArrayLike, what: str) -> NDArray[np.float64]:
    try:
        found = np.asarray(given)
        if found.dtype.kind not in "fiu":
            raise TypeError(f"it holds {found.dtype}")
        return found.astype(np.float64)
    except (TypeError, ValueError) as problem:
        raise Mistake(f"{what} is not an array of numbers: {problem}", hint="an array of float or integer") from None


def _finite(probabilities: NDArray[Any], scores: NDArray[Any] | None) -> NDArray[np.bool_]:
    fine: NDArray[np.bool_] = np.isfinite(probabilities).all(1)
    return fine if scores is None else fine & np.isfinite(scores)


def _raise(problems: dict[int, EdgespecError], n: int) -> None:
    listed = [problems[row] for row in sorted(problems)]
    if len(listed) == 1:
        raise listed[0]
    more = len(listed) - TOLD
    found = [each if isinstance(each, Mistake) else Mistake(each.message, each.hint) for each in listed[:TOLD]]
    if more > 0:
        found.append(Mistake(f"and {more} more of {n} spectra", hint="refused='keep' answers the others"))
    raise Mistakes(found)
