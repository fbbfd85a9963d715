"""What a foreign graph takes and what it answers: where the points of a spectrum lie, and which output holds the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from edgespec.errors import Mistake
from edgespec.graph import onnx_file
from edgespec.graph.foreign import checks

Array = NDArray[Any]
FORMS = "(n, points), (n, 1, points), (n, points, 1), (n, 1, 1, points), (n, 1, points, 1) or (n, points, 1, 1)"
TYPES = {TensorProto.FLOAT: np.float32, TensorProto.DOUBLE: np.float64, TensorProto.FLOAT16: np.float16}
SUM = 1e-3  # of a row of probabilities: how far from 1
KINDS = ("logits", "probabilities", "labels")


@dataclass(frozen=True)
class Input:
    """The one input.

    kind: ONNX's number of its element type; rank: its dimensions; place: the one of them that holds the points
    points: 0 where their number is free; batch: spectra that it takes at once, 0 where that is free
    """

    name: str
    kind: int
    rank: int
    place: int
    points: int
    batch: int

    def shaped(self, x: Array) -> Array:
        """(n, points) -> what the graph takes"""
        shape = [1] * self.rank
        shape[0], shape[self.place] = x.shape
        return np.ascontiguousarray(x.reshape(shape), TYPES[self.kind])

    def once(self, points: int) -> tuple[list[int], str]:
        """Give shape and type of the smallest batch that the graph takes."""
        shape = [1] * self.rank
        shape[0], shape[self.place] = max(self.batch, 1), points
        return shape, np.dtype(TYPES[self.kind]).name


@dataclass(frozen=True)
class Output:
    """The output that holds the classes.

    kind: one of KINDS; columns: classes that it tells apart, 1 where one number stands for two classes; 0 of labels
    maps: whether each spectrum's answer is a map from label to number; flat: whether it is (n, columns)
    """

    name: str
    kind: str
    columns: int
    maps: bool = False
    flat: bool = False


def of_input(model: onnx.ModelProto, path: Path) -> Input:
    """Find the one input and the place of the points in it.

    Raises Mistake for several inputs, for what is no tensor of floats, for images and for any other shape than FORMS.
    """
    constants = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in constants]
    if len(inputs) != 1:
        named = ", ".join(each.name for each in inputs) or "none"
        raise Mistake(
            f"{path} has {len(inputs)} inputs ({named}): a spectrum goes into one",
            hint="export the part that takes the spectrum alone, with the other inputs as constants",
        )
    given, tensor = inputs[0], inputs[0].type.tensor_type
    if not given.type.HasField("tensor_type") or tensor.elem_type not in TYPES:
        raise Mistake(
            f"{path}: input {given.name} is not a tensor of floats", hint=f"export it with a float input {FORMS}"
        )
    sizes = [max(each.dim_value, 0) for each in tensor.shape.dim]
    wide = [i for i, size in enumerate(sizes) if i and size != 1]
    if not 2 <= len(sizes) <= 4 or len(wide) != 1:
        shown = ", ".join(str(size or "free") for size in sizes)
        told = f"{path}: input {given.name} has the shape ({shown}), which is not a spectrum"
        known = f"{FORMS} is supported"
        raise Mistake(told + (": an image or several channels" if len(wide) > 1 else ""), hint=known)
    return Input(given.name, tensor.elem_type, len(sizes), wide[0], sizes[wide[0]], sizes[0])


def check_points(taken: Input, points: int, axis: Mapping[str, float], path: Path) -> None:
    """Raise Mistake where the graph takes another number of points than the recipe's axis has behind its preprocessing."""
    if taken.points not in (0, points):
        told = f"{path} takes {taken.points} points; the recipe's axis gives {points}"
        told += f" ({axis['low']:g} to {axis['high']:g} cm-1)" if axis else ""
        raise Mistake(
            told,
            hint=f"data.axis: {{low: ..., high: ..., points: {taken.points}}} with the ends that the model was trained on",
        )


class Original:
    """The file as it came, open in ONNX Runtime, asked for as many spectra at a time as it is made for (1 where that is free)."""

    def __init__(self, model: onnx.ModelProto, taken: Input, path: Path) -> None:
        self.taken, self.path, self.session = taken, path, checks.opened(model, path)

    def ask(self, x: Array) -> dict[str, Any]:
        """(n, points) spectra as the graph takes them -> every output by its name: an array, or a list of n maps.

        Raises Mistake where it cannot run.
        """
        size = max(self.taken.batch, 1)
        parts: list[Sequence[Any]] = []
        for i in range(0, len(x), size):
            rows = x[i : i + size]
            filled = np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)])
            try:
                answers = self.session.run(None, {self.taken.name: self.taken.shaped(filled)})
            except onnx_file.REFUSALS as problem:
                told = f"{self.path} cannot run on a spectrum of {x.shape[1]} points: {checks.first_line(problem)}"
                raise Mistake(told, hint="does it work in the program that saved it?") from None
            parts.append([each[: len(rows)] if np.ndim(each) or isinstance(each, list) else each for each in answers])
        names = [each.name for each in self.session.get_outputs()]
        return {name: _together([part[i] for part in parts]) for i, name in enumerate(names)}


def of_output(
    answers: Mapping[str, Any], n: int, classes: int | None, named: str | None, kind: str, path: Path
) -> Output:
    """Choose the output that holds the classes and say what its numbers are.

    answers: of `Original.ask` for n spectra; classes: None where nobody says how many
    named: the output that the recipe names; kind: one of KINDS, or "auto"
    Raises Mistake where none or several could be meant.
    """
    if named is not None and named not in answers:
        raise Mistake(f"{path} has no output {named!r}", hint=f"output: {' or '.join(answers)}")
    looked = {named: answers[named]} if named is not None else answers
    wanted = (classes, 1) if classes == 2 else (classes,)
    fit: dict[str, Array] = {}
    for name, each in looked.items():
        numbers = None if kind == "labels" else flat(each, n)
        if numbers is not None and (classes is None or numbers.shape[1] in wanted):
            fit[name] = numbers
    if len(fit) > 1 and "logits" in fit:
        fit = {"logits": fit["logits"]}
    if len(fit) > 1:
        raise Mistake(
            f"{path} has several outputs of {classes or 'some'} numbers", hint=f"say which: output: {' or '.join(fit)}"
        )
    if fit:
        name, found = next(iter(fit.items()))
        maps, said = isinstance(answers[name], list), _kind(found) if kind == "auto" else kind
        return Output(name, said, found.shape[1], maps, maps or np.ndim(answers[name]) == 2)
    labels = [name for name, each in looked.items() if _is_labels(each, n)]
    if len(labels) == 1 and kind in ("auto", "labels"):
        return Output(labels[0], "labels", 0)
    shown = ", ".join(f"{name} {_shape(each)}" for name, each in answers.items())
    raise Mistake(
        f"{path}: no output holds {classes or 'the scores of'} classes: {shown}",
        hint="the data must have the classes of the model; `output:` names the output where several could be meant",
    )


def flat(answer: Any, n: int) -> Array | None:
    """(n, classes): an output's numbers; a map's values in its own order. None where it holds no such numbers."""
    if isinstance(answer, list):
        if not all(isinstance(each, dict) for each in answer):
            return None
        return np.array([list(each.values()) for each in answer], np.float32).reshape(n, -1)
    if answer.dtype.kind != "f" or answer.ndim < 2 or answer.shape[0] != n:
        return None
    if sum(size != 1 for size in answer.shape[1:]) > 1:
        return None
    return answer.reshape(n, -1).astype(np.float32)  # type: ignore[no-any-return]


def _kind(values: Array) -> str:
    inside = bool((values >= 0).all() and (values <= 1 + SUM).all())
    sums = values.shape[1] == 1 or bool(np.abs(values.sum(1) - 1).max() < SUM)
    return "probabilities" if inside and sums else "logits"


def _is_labels(answer: Any, n: int) -> bool:
    return isinstance(answer, np.ndarray) and answer.dtype.kind in "iuUSO" and answer.size == n


def _shape(answer: Any) -> str:
    return "(a sequence)" if isinstance(answer, list) else str(answer.shape)


def _together(parts: list[Any]) -> Any:
    """Join the answers to single batches."""
    if isinstance(parts[0], list):
        return [each for part in parts for each in part]
    return np.concatenate([np.atleast_1d(each) for each in parts])
