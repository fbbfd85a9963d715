"""Instructions of one inference: counted by valgrind, once, or told to be unmeasured."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.robustness.planted import judge, promise, verdicts
from edgespec.bench import instructions
from edgespec.errors import Missing


def test_valgrind_that_is_not_there_leaves_the_promise_unmeasured(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instructions.shutil, "which", lambda name: None)
    with pytest.raises(Missing, match="valgrind is not installed"):
        instructions.counter()
    promise(run_copy, instructions="10 M")
    found = judge(run_copy)
    assert (verdicts(found), found.code) == ({"instructions": "unmeasured"}, 1)
    assert "apt install valgrind" in found.report.gates[0]["message"]


def test_instructions_are_those_of_inference_alone_and_counted_once(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed: apt install valgrind")
    monkeypatch.setattr(instructions, "CALLS", 40)
    promise(run_copy, instructions="10 M")
    found = judge(run_copy)
    assert found.code == 0
    ((_, number),) = found.report.instructions["files"].items()
    assert 20_000 < number < 2_000_000, "neither the start of Python nor nothing"
    assert found.report.gates[0]["measured"] == number
    monkeypatch.setattr(instructions, "_count", lambda *_: pytest.fail("counted again"))
    assert judge(run_copy).report.instructions["files"] == found.report.instructions["files"]
