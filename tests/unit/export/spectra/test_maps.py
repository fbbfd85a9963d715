"""Maps with a spectrum a row: the quick way of reading gives what the careful one gives, or leaves the file to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgespec.device_program import module

maps, numbers, refusal = module("spectra.maps"), module("spectra.numbers"), module("refusal")
POINTS, AXIS = 20, np.linspace(100, 3000, 20)


def lines_of(rng: Any, delimiter: str) -> list[str]:
    """A map whose numbers are written in one way, but for a few that are damaged or written in another."""
    form, scale = rng.choice(["%.3f", "%g", "%d", "%.1f", "%.6g"]), rng.choice([1, 30, 900, 5000, 1e6])

    def cell(value: float) -> str:
        text, draw = str(form % value), rng.random()
        if draw < 0.002:
            return text.replace(".", ",")
        return "nan" if draw < 0.003 else "1'234" if draw < 0.004 else "x" if draw < 0.005 else text

    rows = scale * rng.random((int(rng.integers(2, 12)), POINTS)) * rng.integers(0, 2, POINTS)
    head = delimiter.join(["a", "b", *(f"{each:.2f}" for each in AXIS)])
    return [head, *(delimiter.join([f"p{i}", "q", *map(cell, row)]) for i, row in enumerate(rows))]


@pytest.mark.parametrize("delimiter", ["\t", ";", " "])
def test_the_quick_way_reads_what_the_careful_one_reads(delimiter: str) -> None:
    rng, quick = np.random.default_rng(0), 0
    for _ in range(100):
        lines = lines_of(rng, delimiter)
        split = delimiter.strip(" ") or None
        row = maps.AxisRow(0, split, numbers.fields_of(lines[0], split), 2, 2 + POINTS)
        found = maps._plainly(lines, row)
        if found is not None and numbers.sure(found[0], row.fields[2:]):
            quick += 1
            table, labels, at = maps._by_marks(lines, row, "map.txt")
            np.testing.assert_array_equal(found[0], table)
            assert found[1:] == (labels, at)
    assert 10 < quick < 100


def test_thousands_with_a_point_are_left_to_the_careful_way() -> None:
    values = [["1.024", "512", "2.048", "600"][i % 4] for i in range(12)]
    lines = ["\t".join(["", *(str(100 + 10 * k) for k in range(POINTS))])]
    lines += ["\t".join([f"p{i}", *[value] * POINTS]) for i, value in enumerate(values)]
    row = maps.axis_row(lines)
    assert not numbers.sure(maps._plainly(lines, row)[0], row.fields[1:])
    first, second = maps.rows(lines, row, "map.txt")[:2]
    assert (first.x[0], second.x[0]) == (1024, 512)


def test_a_row_that_is_not_like_the_others_is_refused_with_its_line() -> None:
    lines = ["\t".join(["", *(f"{each:.2f}" for each in AXIS)])]
    lines += ["\t".join([f"p{i}", *["1.5"] * POINTS]) for i in range(3)] + ["", "p3\t1.5"]
    with pytest.raises(refusal.RefusalError, match=r"map\.txt:6: 'p3.+1\.5' is not like the lines before"):
        maps.rows(lines, maps.axis_row(lines), "map.txt")
