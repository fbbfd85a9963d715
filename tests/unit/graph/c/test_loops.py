"""Loops over tensors: neighbouring axes become one where all tensors pass them as one."""

from __future__ import annotations

from edgespec.graph.c.loops import index, merged, nest, spread


def test_axes_that_are_passed_as_one_become_one() -> None:
    assert merged((2, 3, 4), [(12, 4, 1), (12, 4, 1)]) == ([24], [[1], [1]])
    assert merged((2, 3, 4), [(12, 4, 1), (0, 4, 1)]) == ([2, 12], [[12, 1], [0, 1]])
    assert merged((1, 8, 1, 5), [(1, 1, 1, 8)]) == ([40], [[1]]), "channels last"
    assert merged((1, 1), [(1, 1)]) == ([], [[]])


def test_what_repeats_has_no_stride() -> None:
    assert spread((3,), (1,), (2, 3)) == (0, 1)
    assert spread((2, 1), (1, 1), (2, 3)) == (1, 0)


def test_the_loops_are_written() -> None:
    assert (
        nest([2, 3], "x;\n")
        == "for (int i0 = 0; i0 < 2; i0++)\n    for (int i1 = 0; i1 < 3; i1++) {\n        x;\n    }\n"
    )
    assert index([4, 1]) == "i0 * 4 + i1"
    assert index([0]) == "0"
