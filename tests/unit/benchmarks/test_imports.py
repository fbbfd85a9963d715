"""Every benchmark can be started: what it imports is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[3]


def test_every_benchmark_can_be_imported() -> None:
    files = sorted(path.relative_to(TOP) for path in (TOP / "benchmarks").rglob("*.py"))
    names = [".".join(path.with_suffix("").parts) for path in files if path.name != "__init__.py"]
    assert len(names) > 20
    code = "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)"
    ended = subprocess.run([sys.executable, "-c", code, *names], cwd=TOP, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
