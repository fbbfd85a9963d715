"""What tests of measuring share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import device_runner
import pytest


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], Path]:
    """Record a machine's files below a root of their own, which this process and the runner then read."""

    def write(files: dict[str, str]) -> Path:
        root = tmp_path / "root"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.setenv("EDGESPEC_SYS", str(root))
        monkeypatch.setattr(device_runner.module("measure.sensors"), "ROOT", root)
        return root

    return write
