"""One side of a comparison contradicts itself nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edgespec.runs.gate.side import File, Latency, Side

FILE = File(10, "d", 1, 1, (0, 1), robust=(0.5, 1.0))
SIDE = Side("here", "r", "0", "d", ("a", "b"), (0, 1), (0, 0), {"float32": FILE}, ("float32",))


def test_a_side_answers_by_variant_and_by_name() -> None:
    assert SIDE.same("other") is FILE
    assert SIDE.names() == ["a", "b"]


@pytest.mark.parametrize(
    "change",
    [
        {"shipped": ("other",)},
        {"true": (0, 2)},
        {"true": (0, 1, 1)},
        {"sample": (0,)},
        {"files": {"float32": replace(FILE, named=(0,))}},
        {"files": {"float32": replace(FILE, named=(0, 7))}},
        {"files": {"float32": replace(FILE, robust=(0.5,))}},
    ],
)
def test_a_side_that_contradicts_itself_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"it ships|not of one length|beyond its labels"):
        replace(SIDE, **change)


def test_a_median_lies_inside_its_interval() -> None:
    with pytest.raises(ValueError, match="outside of its interval"):
        Latency("float32", {}, "quick", 0.2, (0.09, 0.11), None, None, 1.0, 1.0, None, 0.0)
