"""What an ONNX file says of itself, read without the package onnx: a device that runs it need not have that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

FLOAT, FLOAT16, INT8 = 1, 10, 3  # ONNX's numbers of types


class Outline(NamedTuple):
    """The names and shapes at a graph's ends, and what is inside.

    batch: spectra that it takes at once, 0 where that is free; points: length of its one input (n, points); outputs: their names, in their order
    opset: of the standard operators; operators: their names; types: ONNX's numbers of the constants' types
    """

    input: str
    batch: int
    points: int
    outputs: list[str]
    opset: int
    ir_version: int
    operators: frozenset[str]
    types: frozenset[int]
    metadata: dict[str, str]

    @property
    def precision(self) -> str:
        """What the file computes in: int8 where it has Q/DQ, fp16 where its constants are, else float32."""
        if "QuantizeLinear" in self.operators:
            return "int8"
        return "fp16" if FLOAT16 in self.types else "float32"


def read(path: str) -> Outline:
    """Read a file's outline. Raises ValueError where it is no model of one float spectrum."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(str(error)) from error
    try:
        return _outline(raw)
    except (IndexError, KeyError, UnicodeDecodeError, TypeError) as error:
        raise ValueError("it is not an ONNX file, or a damaged one") from error


def _outline(raw: bytes) -> Outline:
    model = _fields(raw)
    graph = _fields(model[7][0])
    nodes = [_fields(each) for each in graph[1]]
    constants = [_fields(each) for each in graph.get(5, [])]
    opsets = [_fields(each) for each in model[8]]
    standard = [each[2][0] for each in opsets if _text(each, 1) in ("", "ai.onnx")]
    inputs = [_fields(each) for each in graph[11]]
    kind, shape = _tensor(inputs[0])
    if len(inputs) != 1 or kind != FLOAT or len(shape) != 2 or shape[1] < 1:
        raise ValueError(f"its input is not one tensor(float) (n, points) of fixed length: {shape}")
    return Outline(
        _text(inputs[0], 1),
        shape[0],
        shape[1],
        [_text(_fields(each), 1) for each in graph[12]],
        standard[0],
        model[1][0],
        frozenset(_text(each, 4) for each in nodes),
        frozenset(each[2][0] for each in constants),
        {_text(each, 1): _text(each, 2) for each in map(_fields, model.get(14, []))},
    )


def _tensor(value: dict[int, list[Any]]) -> tuple[int, list[int]]:
    """Give a value's element type and its shape, 0 where a length is free."""
    tensor = _fields(_fields(value[2][0])[1][0])
    dims = _fields(tensor[2][0]).get(1, []) if 2 in tensor else []
    return tensor[1][0], [_fields(each).get(1, [0])[0] for each in dims]


def _text(fields: dict[int, list[Any]], number: int) -> str:
    return fields[number][0].decode() if number in fields else ""


def _fields(raw: bytes) -> dict[int, list[Any]]:
    """Split a protobuf message into the values of its fields, by their numbers."""
    found: dict[int, list[Any]] = {}
    for number, value in _pairs(raw):
        found.setdefault(number, []).append(value)
    return found


def _pairs(raw: bytes) -> Iterator[tuple[int, Any]]:
    place = 0
    while place < len(raw):
        key, place = _varint(raw, place)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, place = _varint(raw, place)
            yield number, value
            continue
        if wire == 2:
            size, place = _varint(raw, place)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise TypeError("no such wire type")
        if place + size > len(raw):
            raise IndexError("cut off")
        yield number, raw[place : place + size]
        place += size


def _varint(raw: bytes, place: int) -> tuple[int, int]:
    found = shift = 0
    while True:
        byte = raw[place]
        found |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return found, place
