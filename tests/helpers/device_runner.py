"""The program that leaves the workstation, as a device has it: its files, its modules by name, and what it answers."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edgespec import plugins

RUNNER = plugins.shipped("export", "runner.py").resolve()


def module(name: str) -> ModuleType:
    """Load a module of the program as the runner does: `model`, `measure.timing`, from the runner's own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(RUNNER.parent))
        return importlib.import_module(name)


def carry(device: Path, *runtimes: str) -> Path:
    """Copy the program to a device, with these runtimes; give its entry."""
    (device / "runtimes").mkdir(parents=True)
    for name, path in plugins.program(runtimes).items():
        (device / name).parent.mkdir(exist_ok=True)
        shutil.copy(path, device / name)
    return device / "runner.py"


def ask(
    folder: Path, *arguments: str | Path, runner: Path = RUNNER, given: bytes = b"", **environment: str
) -> tuple[int, list[dict[str, Any]]]:
    """Run the program in a folder, far from edgespec; give its exit code and its JSON lines."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ended = subprocess.run(
        [sys.executable, str(runner), *map(str, arguments)],
        cwd=folder,
        input=given,
        capture_output=True,
        env={**kept, **environment},
        check=False,
        timeout=120,
    )
    assert b"Traceback" not in ended.stderr, ended.stderr.decode()
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()]
