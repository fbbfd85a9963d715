"""What is counted is inference alone, and counts that do not agree give no number."""

from __future__ import annotations

import pytest

from edgespec import plugins
from edgespec.bench import instructions
from edgespec.errors import Unreachable


def test_the_least_of_parts_that_agree_counts() -> None:
    assert instructions.agreed([37_838_390, 37_836_508, 37_838_329]) == 37_836_508


@pytest.mark.parametrize(
    ("parts", "told"),
    [([40_000_000, 37_836_508, 37_838_329], "differ: 40,000,000, 37,836,508"), ([], "differ: none"), ([0, 0, 0], "differ: 0, 0, 0")],
)  # fmt: skip
def test_parts_that_do_not_agree_give_no_number(parts: list[int], told: str) -> None:
    with pytest.raises(Unreachable, match=told) as refused:
        instructions.agreed(parts)
    assert "another version of valgrind" in refused.value.hint


def test_the_mark_is_called_by_nothing_else_that_the_device_runs() -> None:
    """Each call ends a part: a second caller would cut parts short."""
    export = plugins.shipped("export")
    callers = [
        path.relative_to(export).as_posix()
        for path in export.rglob("*.py")
        if f"{instructions.MARK}(" in path.read_text()
    ]
    assert callers == ["measure/loop.py"]
