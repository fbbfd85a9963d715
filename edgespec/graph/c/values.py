"""What generated code works on: numbers in a workspace or in a table, and the statements that read and write them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGN = 64
SLACK = 64  # bytes behind a buffer that a kernel may read, never use
WIDTHS = {"float": 4, "q_t": 2}  # bytes; q_t takes two where a processor has no products of bytes
Strides = tuple[int, ...]


@dataclass(eq=False)
class Buffer:
    """A piece of the workspace, or the caller's own array where `outside` names it.

    before, behind: numbers that lie around it, for windows that reach over its ends
    first, last: statements between which it is in use; offset: in bytes, once placed
    """

    kind: str
    count: int
    outside: str = ""
    before: int = 0
    behind: int = 0
    first: int = -1
    last: int = -1
    offset: int = -1
    number: int = -1

    @property
    def size(self) -> int:
        """Bytes, with what lies around it."""
        return (self.before + self.count + self.behind) * WIDTHS[self.kind] + SLACK


@dataclass(frozen=True)
class Rounding:
    """How 8-bit numbers stand for reals: real = (number - zero) * scale, numbers 0 to 255."""

    scale: float
    zero: int


@dataclass(frozen=True)
class Value:
    """A tensor of one spectrum: a buffer, seen through a stride for each axis.

    shape, strides: in numbers; start: of the first one
    order: where the tensor is flat and lies in another order: (count,) places of its numbers in the buffer
    """

    buffer: Buffer
    shape: tuple[int, ...]
    strides: Strides
    start: int = 0
    rounding: Rounding | None = None
    order: NDArray[np.int64] | None = None

    @property
    def count(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)

    @property
    def plain(self) -> bool:
        """Do its numbers lie in the order of its axes, without gaps?"""
        return self.order is None and all(
            size == 1 or stride == own
            for size, stride, own in zip(self.shape, self.strides, row_major(self.shape), strict=True)
        )

    def seen(self, shape: Sequence[int], strides: Sequence[int], start: int | None = None) -> Value:
        """Give the same numbers under another shape."""
        return replace(
            self, shape=tuple(shape), strides=tuple(strides), start=self.start if start is None else start, order=None
        )


@dataclass(frozen=True)
class Statement:
    """A piece of C that reads and writes buffers, each written there as `{b<number>}`."""

    text: str
    reads: tuple[Buffer, ...]
    writes: tuple[Buffer, ...]


@dataclass
class Program:
    """The statements in their order, the tables of constants, and which kernels they call."""

    statements: list[Statement] = field(default_factory=list)
    buffers: list[Buffer] = field(default_factory=list)
    tables: dict[str, str] = field(default_factory=dict)
    kernels: set[str] = field(default_factory=set)

    def buffer(self, kind: str, count: int, outside: str = "") -> Buffer:
        """Make a buffer."""
        found = Buffer(kind, count, outside, number=len(self.buffers))
        self.buffers.append(found)
        return found

    def value(self, shape: Sequence[int], strides: Strides | None = None, rounding: Rounding | None = None) -> Value:
        """Make a tensor in a buffer of its own."""
        kind = "float" if rounding is None else "q_t"
        shape = tuple(shape)
        own = self.buffer(kind, math.prod(shape))
        return Value(own, shape, strides or row_major(shape), rounding=rounding)

    def say(self, text: str, reads: Sequence[Buffer], writes: Sequence[Buffer]) -> None:
        """Add a statement."""
        self.statements.append(Statement(text, tuple(reads), tuple(writes)))
        for each in (*reads, *writes):
            each.first = len(self.statements) - 1 if each.first < 0 else each.first
            each.last = len(self.statements) - 1

    def table(self, kind: str, values: NDArray[Any], hint: str = "k", when: str = "") -> str:
        """Keep constants; give the table's name, the same for the same numbers. when: the preprocessor's condition of its use."""
        return self._kept(guarded(table_text(kind, values), when), hint)

    def byte_weights(self, narrow: NDArray[np.int8], wide: NDArray[np.int8], when: str = "") -> str:
        """Keep 8-bit weights, and the same ones in another order and in 16 bits (name_wide) for processors that multiply those."""
        both = guarded(table_text("int8_t", narrow), "MODEL_BYTES") + guarded(
            table_text("int16_t", wide, "_wide"), "MODEL_WIDE"
        )
        return self._kept(guarded(both, when), "w")

    def text_table(self, kind: str, said: Sequence[str], hint: str, when: str = "") -> str:
        """Keep constants that are written as expressions."""
        body = ",\n".join(said)
        return self._kept(guarded(f"static const {kind} {{}}[{len(said)}] ALIGNED = {{\n{body}\n}};\n", when), hint)

    def _kept(self, text: str, hint: str) -> str:
        for name, known in self.tables.items():
            if known == text:
                return name
        name = f"{hint}{len(self.tables)}"
        self.tables[name] = text
        return name

    def place(self) -> int:
        """Give each buffer its place; buffers that are in use at different times share one. Gives the bytes in all."""
        placed: list[Buffer] = []
        for each in sorted((one for one in self.buffers if not one.outside and one.first >= 0), key=lambda b: -b.size):
            taken = sorted(
                (one.offset, one.offset + _up(one.size))
                for one in placed
                if one.first <= each.last and each.first <= one.last
            )
            at = 0
            for begin, end in taken:
                if begin - at >= _up(each.size):
                    break
                at = max(at, end)
            each.offset = at
            placed.append(each)
        return max((one.offset + _up(one.size) for one in placed), default=0)

    def text(self) -> str:
        """Write the statements, with every buffer as a pointer to its first number."""
        names = {f"b{each.number}": _pointer(each) for each in self.buffers}
        lines = []
        for each in self.statements:
            text = each.text
            for found in {*each.reads, *each.writes}:
                text = text.replace(f"{{b{found.number}}}", names[f"b{found.number}"])
            lines.append(text)
        return "".join(f"    {line}\n" if line else "\n" for text in lines for line in text.rstrip("\n").split("\n"))


def row_major(shape: Sequence[int]) -> Strides:
    """Give the strides of numbers that lie in the order of their axes."""
    found, step = [], 1
    for size in reversed(shape):
        found.append(step)
        step *= size
    return tuple(reversed(found))


def _pointer(buffer: Buffer) -> str:
    if buffer.outside:
        return buffer.outside
    ahead = _up(buffer.before * WIDTHS[buffer.kind])
    at = buffer.offset + ahead
    return f"({buffer.kind} *)(space + {at})"


def _up(size: int) -> int:
    return -(-size // ALIGN) * ALIGN


def table_text(kind: str, values: NDArray[Any], ending: str = "") -> str:
    """Write a table whose name is still `{}`."""
    return f"static const {kind} {{}}{ending}[{max(values.size, 1)}] ALIGNED = {{\n{numbers(values)}}};\n"


def guarded(text: str, when: str) -> str:
    """Put a text under a condition of the preprocessor."""
    return f"#if {when}\n{text}#endif\n" if when else text


def numbers(values: NDArray[Any]) -> str:
    """Write the numbers of a table."""
    flat = values.ravel()
    said = [c_float(float(each)) for each in flat] if flat.dtype.kind == "f" else [str(int(each)) for each in flat]
    lines, row = [], list[str]()
    for each in said or ["0"]:
        row.append(each)
        if sum(len(one) + 1 for one in row) > 110:
            lines.append(",".join(row))
            row = []
    return ",\n".join([*lines, ",".join(row)] if row else lines) + "\n"


def c_float(value: float) -> str:
    """Write a float32 so that a C compiler reads the same."""
    one = np.float32(value)
    if not np.isfinite(one):
        return "INFINITY" if one > 0 else "(-INFINITY)" if one < 0 else "NAN"
    text = f"{one:.9g}"
    return text + ("f" if any(sign in text for sign in ".e") else ".0f")
