"""`edgespec compare`: what is wrong is told before anything is run."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import edgespec


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["rruff_distill"], 2, "one line is nothing to compare"),
        (["rruff_distill", "--model", "cnn", "--model", "nowhere"], 2, "unknown model 'nowhere'"),
        (["rruff_distill", "--model", "cnn", "--model", "pace", "--target", "nowhere"], 2, "nowhere"),
        (["nowhere.yaml", "rruff_distill"], 2, "nowhere.yaml"),
        ([], 2, "Missing argument"),
    ],
)
def test_wrong_arguments(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    ended = edgespec(tmp_path, "compare", *arguments)
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert not (tmp_path / "runs").exists()
