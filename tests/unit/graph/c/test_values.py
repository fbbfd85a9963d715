"""Tables and the workspace of generated code: buffers that are in use together never overlap."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edgespec.graph.c import values
from edgespec.graph.c.values import Program, c_float, row_major


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 0.1, 1e-30, 3.4e38, 1 / 3, 12345678.0, 1e10])
def test_a_number_is_read_back_as_it_was(value: float) -> None:
    text = c_float(value)
    assert np.float32(text.removesuffix("f")) == np.float32(value)
    assert text.endswith("f")
    assert any(sign in text for sign in ".e"), "1f is not a number in C"


def test_what_is_no_number_has_a_name() -> None:
    assert c_float(float("inf")) == "INFINITY"
    assert c_float(float("-inf")) == "(-INFINITY)"


def test_buffers_that_are_in_use_together_never_overlap() -> None:
    random = np.random.default_rng(0)
    program = Program()
    made = [program.value((int(size),)) for size in random.integers(1, 500, 40)]
    for i, each in enumerate(made):
        given = [made[j].buffer for j in random.integers(0, i + 1, 2)]
        each.buffer.before, each.buffer.behind = (int(n) for n in random.integers(0, 20, 2))
        program.say("x;\n", given, [each.buffer])
    total = program.place()
    for one, other in itertools.combinations([each.buffer for each in made], 2):
        if one.first <= other.last and other.first <= one.last:
            assert one.offset + one.size <= other.offset or other.offset + other.size <= one.offset
    assert max(each.buffer.offset + each.buffer.size for each in made) <= total
    assert total < sum(each.buffer.size for each in made), "places are shared"
    assert all(each.buffer.offset % values.ALIGN == 0 for each in made)


def test_the_same_table_is_kept_once() -> None:
    program = Program()
    first = program.table("float", np.arange(3, dtype=np.float32))
    assert program.table("float", np.arange(3, dtype=np.float32)) == first
    assert program.table("float", np.arange(4, dtype=np.float32)) != first


def test_a_table_may_be_for_some_processors_alone() -> None:
    program = Program()
    name = program.byte_weights(np.arange(4, dtype=np.int8), np.arange(4, dtype=np.int8), "MODEL_VECTORS")
    text = program.tables[name].replace("{}", name)
    assert text.startswith("#if MODEL_VECTORS\n#if MODEL_BYTES\nstatic const int8_t w0[4]")
    assert "#if MODEL_WIDE\nstatic const int16_t w0_wide[4]" in text
    assert text.count("#endif") == 3


def test_strides_of_numbers_in_order() -> None:
    assert row_major((2, 3, 4)) == (12, 4, 1)
