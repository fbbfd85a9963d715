"""Which class each number of a foreign graph stands for: what the file says of its labels, against the recipe and the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import helper

from edgespec import contract
from edgespec.errors import EdgespecError, Mistake

ATTRIBUTES = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")
SHOWN = 8


@dataclass(frozen=True)
class Known:
    """The labels that a file says itself, in the order of its numbers, and where they stand; none where it says none."""

    names: tuple[str, ...] = ()
    where: str = ""
    numbers: bool = False


def known(model: onnx.ModelProto, path: Path) -> Known:
    """Read the labels from our own contract, from a ZipMap, or from the last classifier of ai.onnx.ml."""
    properties = {each.key: each.value for each in model.metadata_props}
    if any(key.startswith(contract.PREFIX) for key in properties):
        try:
            return Known(contract.of_properties(properties, str(path)).labels, "the contract")
        except EdgespecError as problem:
            raise Mistake(problem.message, problem.hint) from None
    nodes = [node for node in model.graph.node if node.domain == "ai.onnx.ml"]
    zipped = [node for node in nodes if node.op_type == "ZipMap"]
    for node in [*reversed(zipped), *reversed([each for each in nodes if each.op_type.endswith("Classifier")])]:
        held = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        for name in ATTRIBUTES:
            if held.get(name):
                names = [
                    each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in held[name]
                ]
                return Known(tuple(names), f"operator {node.op_type}", not name.endswith("strings"))
    return Known()


def names(found: Known, told: Sequence[str] | None, data: Sequence[str], path: Path) -> tuple[str, ...]:
    """Give the name of each number of the graph: what the recipe says, else what the file says.

    found: of the file; told: `labels` of the recipe; data: the labels of the data set, only to say them in a hint
    Raises Mistake where neither says it, where both disagree, and where a label stands twice.
    """
    asked = f"say them in the model's own order, as in labels: [{', '.join(data)}]"
    if told is None:
        if not found.names:
            raise Mistake(f"{path} does not say which class each of its numbers stands for", hint=asked)
        if found.numbers and set(found.names) != set(data):
            raise Mistake(f"{path} names its classes {_shown(found.names)} ({found.where})", hint=asked)
        return found.names
    if found.names and len(told) != len(found.names):
        raise Mistake(
            f"labels: {len(told)} are said, {path} has {len(found.names)} ({found.where}): {_shown(found.names)}",
            hint=asked,
        )
    if found.names and not found.numbers and set(told) & set(found.names) and tuple(told) != found.names:
        raise Mistake(
            f"labels: {_shown(told)} are said, {path} has {_shown(found.names)} ({found.where})",
            hint="leave `labels` out: the file's own are taken",
        )
    if len(set(told)) < len(told):
        raise Mistake(f"labels: one of {_shown(told)} stands twice", hint=asked)
    return tuple(told)


def order(model: Sequence[str], data: Sequence[str], path: Path) -> list[int]:
    """Give, for each label of the data, which number of the model is its.

    Raises Mistake naming the labels that only one of the two has.
    """
    only = [name for name in model if name not in data], [name for name in data if name not in model]
    if any(only):
        told = [f"only the model has {_shown(only[0])}"] if only[0] else []
        told += [f"only the data have {_shown(only[1])}"] if only[1] else []
        raise Mistake(
            f"{path}: its labels are not those of the data: {'; '.join(told)}",
            hint="labels: [...] renames the model's classes, in its own order; other classes need other data",
        )
    return [list(model).index(name) for name in data]


def _shown(found: Sequence[str]) -> str:
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more
