"""What a graph expects and answers: its axis, unit, laser, preprocessing, labels, temperature and reject threshold.

It travels in the ONNX file itself (`metadata_props`, one key a field, values in JSON) and as `contract.json` beside it, so
that whoever holds the file knows how to turn a spectrum into a valid input.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import unpacking
from edgespec.errors import Mismatch, Mistake, visible

FORMAT, PREFIX = 1, "edgespec."
SETS = {"threshold", "asked", "mean", "low", "samples"}
MOST_POINTS = 10**7
STEP = 1e-6  # of the axis' own step: how far from even an axis may be and still be told by start, step and points


@dataclass(frozen=True)
class Contract:
    """What a graph expects and answers.

    axis: {"start", "step", "points"}, or {"values": [...]} where it is not even; in `unit`
    laser: excitation wavelengths in nm of the training spectra; [] where they are not known
    technique: "Raman" or what else the training data were; "" where that is not known
    intensity: what their intensities were, such as "absorbance": a file in another form is converted, or refused; "" where it is not known
    window: {"low", "high", "points"}, the even axis that the model itself works on, in `unit`; `axis` may go beyond it
    min_coverage: the share of the window that a spectrum must cover
    preprocess: what the graph does before the network, as the recipe says it; nothing of it is left to the caller
    labels: names of the classes, in the order of the logits
    temperature: what the logits are divided by, already inside the graph
    score: name of the reject score; threshold: below it the answer is "unknown"; None before `calibrate`
    accepts: what the threshold guarantees (`evaluation.conformal.Acceptance`); {} where that is not known
    sets: the least probability of a label in a spectrum's set of labels ("threshold"), and with which chance a set holds the right one (the same
        keys as `accepts`); {} before `calibrate`
    data: "measured" or "embedded"; digest: of the training data; version: of edgespec
    """

    axis: dict[str, Any]
    labels: tuple[str, ...]
    preprocess: list[Any]
    data: str
    digest: str
    version: str
    window: dict[str, Any]
    unit: str = "cm-1"
    technique: str = ""
    intensity: str = ""
    laser: tuple[float, ...] = ()
    min_coverage: float = 0.8
    temperature: float = 1.0
    score: str = ""
    threshold: float | None = None
    accepts: dict[str, Any] = field(default_factory=dict)
    sets: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def values(self) -> NDArray[np.float64]:
        """(points,): the axis."""
        if "values" in self.axis:
            return np.array(self.axis["values"], dtype=np.float64)
        even: NDArray[np.float64] = self.axis["start"] + self.axis["step"] * np.arange(self.axis["points"])
        return even

    def seen(self) -> NDArray[np.float64]:
        """(points,): the model's own axis, which the spectrum is brought to inside the graph."""
        return np.linspace(float(self.window["low"]), float(self.window["high"]), int(self.window["points"]))

    def plain(self) -> dict[str, Any]:
        """For contract.json."""
        return asdict(self)


def axis(values: NDArray[np.float64]) -> dict[str, Any]:
    """Tell an axis by start, step and points where it is even, else by its values."""
    steps = np.diff(values)
    step = float((values[-1] - values[0]) / (len(values) - 1))
    if np.abs(steps - step).max() <= STEP * abs(step):
        return {"start": float(values[0]), "step": step, "points": len(values)}
    return {"values": [round(float(each), 6) for each in values]}


def stamp(model: Any, contract: Contract) -> None:
    """Write the contract into a loaded ONNX model, in place of one that it has."""
    others = [each for each in model.metadata_props if not each.key.startswith(PREFIX)]
    del model.metadata_props[:]
    model.metadata_props.extend(others)
    for key, value in contract.plain().items():
        model.metadata_props.add(key=PREFIX + key, value=json.dumps(value))


def of_properties(properties: dict[str, str], where: str) -> Contract:
    """Read the contract out of a file's metadata.

    Raises Mistake where there is none, Mismatch where it is damaged or of another format.
    """
    found = {key.removeprefix(PREFIX): text for key, text in properties.items() if str(key).startswith(PREFIX)}
    if not found:
        raise Mistake(
            f"{where} has no contract: which axis, labels and preprocessing it wants is not known",
            hint="a file that `edgespec compress` or `edgespec export` wrote",
        )
    try:
        return of_plain({key: unpacking.parse_json(text) for key, text in found.items()}, where)
    except ValueError as problem:
        raise Mismatch(f"{where}: its contract is damaged: {problem}", hint="write the file anew") from None


def of_plain(plain: dict[str, Any], where: str) -> Contract:
    """Read a contract from plain values, as `contract.json` holds them.

    Raises Mismatch where a field is missing or makes no sense.
    """
    if plain.get("format") != FORMAT:
        raise Mismatch(f"{where}: its contract is of format {plain.get('format')}, this edgespec reads {FORMAT}")
    known = {each.name for each in fields(Contract)}
    try:
        given: dict[str, Any] = {key: value for key, value in plain.items() if key in known}
        given |= {key: tuple(given[key]) for key in ("labels", "laser")}
        made = Contract(**given)
        _check_numbers(made)
        _check_words(made)
    except (TypeError, KeyError, ValueError, OverflowError, AttributeError, MemoryError) as problem:
        told = f"{where}: its contract is damaged: {problem}"
        raise Mismatch(told, hint="write the file anew") from None
    return made


def _check_numbers(made: Contract) -> None:
    """Raise ValueError, with the field's name, for a number that would disarm a check or make no axis: NaN, infinity, beyond its range."""
    for name, told in (("axis", made.axis), ("window", made.window)):
        if not 1 < number(told.get("points", 2), f"{name}.points") <= MOST_POINTS:
            raise ValueError(f"{name}.points is {told['points']}")
    for key in ("low", "high"):
        number(made.window[key], f"window.{key}")
    for key in ("start", "step"):
        if "values" not in made.axis:
            number(made.axis[key], f"axis.{key}")
    values, seen = made.values(), made.seen()
    steps = np.diff(values)
    if (
        values.ndim != 1
        or len(values) < 2
        or not np.isfinite(values).all()
        or not ((steps > 0).all() or (steps < 0).all())
    ):
        raise ValueError("axis or labels make no sense: the axis must rise or fall all along")
    if not (np.diff(seen) > 0).all():
        raise ValueError("window must rise")
    if not 0 <= number(made.min_coverage, "min_coverage") <= 1:
        raise ValueError(f"min_coverage is {made.min_coverage}, no share")
    if number(made.temperature, "temperature") <= 0:
        raise ValueError(f"temperature is {made.temperature}, not above 0")
    if made.threshold is not None:
        number(made.threshold, "threshold")
    if any(number(each, "laser") <= 0 for each in made.laser):
        raise ValueError("laser is not a wavelength in nm")


def _check_words(made: Contract) -> None:
    """Raise ValueError where labels are not names that a table can show, each once, or another field is of the wrong kind."""
    if (
        not made.labels
        or not all(isinstance(each, str) for each in made.labels)
        or len(set(made.labels)) < len(made.labels)
    ):
        raise ValueError("axis or labels make no sense: each label is a name of its own")
    wrong = next(
        (each for each in made.labels if visible(each) != each or not each.strip() or set("\n\t") & set(each)), None
    )
    if wrong is not None:
        raise ValueError(f"the label {ascii(wrong)[:60]} holds a character that no table can show")
    for name in ("data", "digest", "version", "unit", "technique", "intensity", "score"):
        if not isinstance(getattr(made, name), str):
            raise ValueError(f"{name} is not text")
    if made.unit != "cm-1":
        raise ValueError(f"unit is {made.unit[:40]!r}, not cm-1")
    if not isinstance(made.preprocess, list) or not isinstance(made.accepts, dict):
        raise ValueError("preprocess is not a list, or accepts has no keys")
    if not isinstance(made.sets, dict) or set(made.sets) not in (set(), SETS):
        raise ValueError(f"sets has other keys than {', '.join(sorted(SETS))}")
    for key, value in made.sets.items():
        if not 0 <= number(value, f"sets.{key}") <= (math.inf if key == "samples" else 1):
            raise ValueError(f"sets.{key} is {value}, no share")


def number(value: Any, name: str) -> float:
    """Give a number as a float. Raises ValueError where it is none, NaN or infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is {str(value)[:40]}, no finite number")
    return float(value)


def check(contract: Contract, points: int, classes: int, where: str) -> None:
    """Raise Mismatch where the contract tells of another graph than the one it stands in."""
    told, labels = len(contract.values()), len(contract.labels)
    if (told, labels) != (points, classes):
        raise Mismatch(
            f"{where}: the contract tells of {told} points and {labels} labels, the graph takes {points} and answers {classes}",
            hint="write the file anew with edgespec export",
        )


def load(path: Path) -> Contract:
    """Read the contract of an ONNX file; `of_properties` says what it raises."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path)
    except (DecodeError, ValueError, TypeError, onnx.checker.ValidationError) as problem:
        told = f"{path} is not an ONNX file, or a damaged one: {' '.join(str(problem).split())[:200]}"
        raise Mismatch(told, hint="write the file anew") from None
    return of_properties({each.key: each.value for each in model.metadata_props}, str(path))
