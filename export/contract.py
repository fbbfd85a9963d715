"""What a model expects and answers: read from its own metadata, else from the contract.json beside it."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import deadline
from model import Loaded
from refusal import RefusalError

FORMAT, PREFIX = 1, "edgespec."
FAR = 0.05  # of what was asked for, that a note tells
COVERAGE = 0.8  # where the contract does not say it
NEAR = 1e-9  # cm-1
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff]"
)
ANEW = "write the file anew with edgespec"


class Contract(NamedTuple):
    """The part of the contract that asking needs; `plain` is the whole.

    axis: (points,) in cm-1, what the graph takes, rising or falling; labels: of the classes, in the order of the logits
    window: the axis that the model itself works on, which a spectrum must cover
    threshold: a score below it means "unknown"; None where the model has none
    least: a label whose probability reaches it is in the set of labels; None where the model has no sets; holds: the chance, at least, that the
        set holds the right label
    technique, intensity: of the spectra that the model learnt from; "" where that is not known
    """

    axis: Any
    window: Any
    labels: list[str]
    min_coverage: float
    threshold: float | None
    technique: str
    plain: dict[str, Any]
    intensity: str = ""
    least: float | None = None
    holds: float = 0.0


def find(model: Loaded, path: Path) -> Contract:
    """Give a model's contract, checked against what it answers.

    Raises RefusalError: 2 where there is none, 4 where it is damaged or tells of another graph.
    """
    plain = of_metadata(model.metadata, str(path))
    beside = path.parent / "contract.json"
    if plain is None and beside.is_file():
        plain = of_file(beside)
    if plain is None:
        told = f"{path} has no contract: which axis and labels it has is not known"
        raise RefusalError(2, told, "a file that edgespec wrote has one; or put its contract.json beside it")
    contract = read(plain, str(path))
    check(contract, model, str(path))
    return contract


def of_metadata(metadata: dict[str, str], where: str) -> dict[str, Any] | None:
    """Give the contract in a model's metadata as plain values; None where it has none."""
    found = {key[len(PREFIX) :]: value for key, value in metadata.items() if key.startswith(PREFIX)}
    try:
        return {key: parse_json(value) for key, value in found.items()} or None
    except ValueError as error:
        raise RefusalError(4, f"{where}: its contract is damaged: {error}", ANEW) from error


def of_file(path: Path) -> dict[str, Any]:
    """Give a contract.json as plain values."""
    try:
        plain = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RefusalError(4, f"{path} is damaged: {error}", ANEW) from error
    if not isinstance(plain, dict):
        raise RefusalError(4, f"{path} is not a contract", ANEW)
    return plain


def read(plain: dict[str, Any], where: str) -> Contract:
    """Make a contract of plain values. Raises RefusalError 4 where a field is missing or makes no sense."""
    if plain.get("format") != FORMAT:
        told = f"{where}: its contract is of format {plain.get('format')}, this program reads {FORMAT}"
        raise RefusalError(4, told, "take the runner that came with it")
    try:
        threshold = plain.get("threshold")
        if _number(plain.get("temperature", 1.0), "temperature") <= 0:
            raise ValueError("temperature is not above 0")
        contract = Contract(
            _axis(plain["axis"]),
            _window(plain["window"]),
            list(plain["labels"]),
            _number(plain.get("min_coverage", COVERAGE), "min_coverage"),
            None if threshold is None else _number(threshold, "threshold"),
            str(plain.get("technique", "")),
            plain,
            str(plain.get("intensity") or ""),
            *_sets(plain.get("sets") or {}),
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError, MemoryError) as error:
        raise RefusalError(4, f"{where}: its contract is damaged: {error!r}", ANEW) from error
    axis, labels = contract.axis, contract.labels
    steps = np.diff(axis) * (1 if len(axis) and axis[-1] > axis[0] else -1)
    rises = axis.ndim == 1 and len(axis) > 1 and bool(np.isfinite(axis).all()) and bool((steps > 0).all())
    rises = rises and bool((np.diff(contract.window) > 0).all()) and 0 <= contract.min_coverage <= 1
    named = all(isinstance(label, str) and label.strip() and not UNSEEN.search(label) for label in labels)
    named = named and 0 < len(set(labels)) == len(labels)
    if not rises or not named or plain.get("unit", "cm-1") != "cm-1":
        raise RefusalError(4, f"{where}: its contract is damaged: axis, unit or labels make no sense", ANEW)
    return contract


def _sets(told: dict[str, Any]) -> tuple[float | None, float]:
    """Give the least probability of a label in a set, and the chance that a set holds the right label."""
    if not told:
        return None, 0.0
    least, holds = (_number(told[key], "sets." + key) for key in ("threshold", "mean"))
    if not 0 <= least <= 1 or not 0 <= holds <= 1:
        raise ValueError("sets holds no probabilities")
    return least, holds


def doubt(contract: Contract) -> str:
    """Say that the threshold for "unknown" was set on few samples, where it accepts much less than was asked for; else ""."""
    accepts = contract.plain.get("accepts")
    try:
        samples, mean, low, asked = (_number(accepts[key], key) for key in ("samples", "mean", "low", "asked"))
    except (KeyError, TypeError, ValueError):
        return ""
    if low >= asked - FAR:
        return ""
    return "'unknown' rests on %d sample(s): %.0f %% of known spectra are accepted on average, %.0f %% in a bad case; %.0f %% were asked for" % (
        samples, 100 * mean, 100 * low, 100 * asked,
    )  # fmt: skip


def check(contract: Contract, model: Loaded, where: str) -> None:
    """Ask the graph for one answer and compare its size with what the contract tells. Raises RefusalError 4."""
    points, labels = len(contract.axis), len(contract.labels)
    if model.facts["points"] == points:
        classes = answer(model, np.ones((1, points), np.float32))["logits"].shape[1]
        if classes == labels:
            return
        told = f"{labels} labels, the graph answers {classes}"
    else:
        told = f"{points} points, the graph takes {model.facts['points']}"
    raise RefusalError(4, f"{where}: its contract tells of {told}", ANEW)


def answer(model: Loaded, x: Any) -> dict[str, Any]:
    """(n, points) -> logits (n, classes), probabilities (n, classes), score (n, 1) or None: what the graph has of them."""
    outputs = [np.array(each) for each in _within(model, x)]
    named = dict(zip(model.outputs, outputs))
    logits = named.get("logits", outputs[0])
    if logits.ndim != 2 or len(logits) != len(x) or logits.dtype.kind != "f":
        told = f"model {model.name!r} answers {logits.dtype} {logits.shape}, not a number a class"
        raise RefusalError(4, told, "it is not a classifier of spectra")
    return {
        "logits": logits,
        "probabilities": named.get("probabilities", _softmax(logits)),
        "score": named.get("score"),
    }


def _within(model: Loaded, x: Any) -> Any:
    """Ask the model, and stop it in time where its runtime can be stopped: a graph may hold a loop without an end."""
    watched = getattr(model.infer, "watched", None)
    if watched is None:
        return model.infer(x)
    call = deadline.WATCH.begin(watched(True))
    try:
        return model.infer(x)
    except ValueError as error:
        why = f"gives no answer within {deadline.LONGEST_S:g} s" if call.late else f"cannot answer: {str(error)[:200]}"
        raise RefusalError(4, f"model {model.name!r} {why}", "is it a classifier of single spectra? " + ANEW) from error
    finally:
        deadline.WATCH.end(call)
        watched(False)


def _softmax(logits: Any) -> Any:
    with np.errstate(invalid="ignore"):
        raised = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
        return raised / raised.sum(1, keepdims=True)


def parse_json(text: str) -> Any:
    """Parse JSON. Raises ValueError where it is none, nested too deeply, or holds NaN or infinity."""
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _no_number(text: str) -> None:
    raise ValueError(text + " is not a number that JSON knows")


def _finite(text: str) -> float:
    return _number(float(text), text[:40])


def _number(value: Any, name: str) -> float:
    """Give a number as a float. Raises ValueError where it is none, NaN or infinite: it would disarm whatever compares with it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} is {str(value)[:40]}, no finite number")
    return float(value)


def _points(told: dict[str, Any]) -> int:
    points = int(_number(told["points"], "points"))
    if not 1 < points < 10**7:
        raise ValueError(f"{points} points")
    return points


def _window(told: dict[str, Any]) -> Any:
    return np.linspace(_number(told["low"], "low"), _number(told["high"], "high"), _points(told))


def _axis(told: dict[str, Any]) -> Any:
    """Make the axis: (points,) as edgespec made it, both its ends included."""
    if "values" in told:
        values = np.array(told["values"], dtype=np.float64)
        if values.ndim != 1:
            raise ValueError("the values of axis are no list of numbers")
        return values
    axis = _number(told["start"], "start") + _number(told["step"], "step") * np.arange(_points(told))
    last = round(float(axis[-1]), 6)  # an end that was written in the recipe, but for the last bit of the sum above
    if abs(axis[-1] - last) < NEAR:
        axis[-1] = last
    return axis
