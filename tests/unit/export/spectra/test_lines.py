"""Spectra on standard input, one a line: numbers behind their axis, JSON, and what is refused without an end to the rest."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from device_runner import module

OWN = np.linspace(150, 1172, 64)
AXIS = np.arange(100.0, 164.0)


def told(*lines: str | bytes) -> list[Any]:
    """Give what each line is: a Track, or the text of its refusal."""
    raw = b"\n".join(each if isinstance(each, bytes) else each.encode() for each in lines) + b"\n"
    found = module("spectra.lines").tracks(io.BytesIO(raw), OWN)
    refusal = module("refusal").RefusalError
    return [str(each) if isinstance(each, refusal) else each for _, each in found]


def row(values: Any, between: str = ",") -> str:
    return between.join(f"{each:g}" for each in values)


@pytest.mark.parametrize("between", [",", ";", "\t", " ", " , "])
def test_the_first_line_of_numbers_is_the_axis(between: str) -> None:
    first, second = told(row(AXIS, between), row(AXIS * 2, between), "", row(AXIS * 3, between))
    assert (first.name, second.name) == ("standard input:2", "standard input:4")
    np.testing.assert_array_equal(first.axis, AXIS)
    np.testing.assert_array_equal(second.x, AXIS * 3)


def test_unit_and_name_stand_in_front() -> None:
    (found,) = told(f"wavelength (nm),{row(AXIS)}", f"tablet 7,{row(AXIS)}")
    assert (found.unit, found.name) == ("nm", "tablet 7")


def test_json_names_what_it_holds() -> None:
    whole = {
        "x": OWN.tolist(),
        "axis": (OWN + 500).tolist(),
        "unit": "nm",
        "laser": 532,
        "name": "a",
        "technique": "Raman",
    }
    found, after, again = told(*(json.dumps(each) for each in (whole, {"x": [1] * 64}, {"x": [2] * 64, "laser": 785})))
    assert (found.name, found.unit, found.laser, found.technique) == ("a", "nm", 532, "Raman")
    np.testing.assert_array_equal(after.axis, OWN + 500)
    assert (after.name, after.unit, after.laser) == ("standard input:2", "nm", 532), (
        "as the line before, but for its name"
    )
    assert again.laser == 785


def test_without_an_axis_json_is_on_the_models_own() -> None:
    (found,) = told(json.dumps({"x": [1.5] * 64}))
    assert found.unit == "cm-1"
    np.testing.assert_array_equal(found.axis, OWN)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "2: is not JSON"),
        ("[" * 100_000, "2: is not JSON"),
        ("[1, 2]", "2: has no x"),
        ('{"axis": [1]}', "2: has no x"),
        ('{"x": "abc"}', "2: is not a list of numbers"),
        ('{"x": [true]}', "2: is not a list of numbers"),
        ('{"x": ["1"]}', "2: is not a list of numbers"),
        ('{"x": [1]}', "2: 1 intensities, its axis has 64 points"),
        ('{"x": [1' + "0" * 400 + "]}", "2: int too large"),
        ('{"x": [1], "why": 2}', "2: 'why' is not known"),
        ('{"x": [1], "laser": 5}', "2: laser 5 is not a wavelength"),
        ('{"x": [1], "laser": "785"}', "2: laser '785' is not a wavelength"),
        ('{"x": [1], "name": 3}', "2: name is not text"),
        ('{"x": [1], "unit": "nm"}', "2: a unit is said, but no axis"),
        ("1,2,3", "2: 3 intensities, its axis has 64 points"),
        ("1,2,,4", "2: could not convert"),
        ("1,2,x", "2: could not convert"),
        (b"\xff\xfe1,2", "2: byte 0 is not text in UTF-8"),
        (b"\x00\x01\x02", "2: 0 intensities"),
    ],
)
def test_a_bad_line_is_told_and_the_next_is_read(line: str | bytes, said: str) -> None:
    refused, good = told(row(AXIS), line, row(AXIS))
    assert f"standard input:{said}" in refused
    np.testing.assert_array_equal(good.x, AXIS)


def test_a_line_without_an_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module("spectra.lines"), "LONGEST", 1000)
    refused, good = told(row(AXIS), "1," * 5000 + "1", row(AXIS))
    assert "standard input:2: is longer than" in refused
    assert good.name == "standard input:3"
