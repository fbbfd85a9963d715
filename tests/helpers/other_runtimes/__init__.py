"""Runtimes that the core set-up does not install: each goes into a folder of its own and runs in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import made_once
import pytest

from edgespec import storage

ROOT = Path(__file__).parents[3]


def installed(extra: str, *options: str) -> Path:
    """Install an extra of pyproject.toml unless it is there, once for all processes; the test is skipped where pip can't.

    It lies below EDGESPEC_TOOLS, else where what is trained once lies.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["optional-dependencies"][extra]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    folder = Path(os.environ.get("EDGESPEC_TOOLS", made_once.ROOT)) / f"{extra}-{storage.digest(wanted, pins)[:12]}"
    with storage.turn(folder.with_name(f"{folder.name}.lock")):
        if not folder.is_dir():
            _install(folder, wanted, *options)
    os.utime(folder)
    return folder


def _install(folder: Path, wanted: list[str], *options: str) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1"]
    with storage.whole_folder(folder) as part:
        command = [*pip, *options, "--constraint", str(ROOT / "constraints.txt"), "--target", str(part), *wanted]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"pip did not install {' '.join(wanted)} in 300 s")
        if ended.returncode != 0:
            said = ended.stderr.strip().splitlines() or ["nothing said"]
            pytest.skip(f"pip could not install {' '.join(wanted)}: {said[0][:300]}")


def run(program: str, tools: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of this folder with those tools in front of everything else."""
    environment = {**os.environ, "PYTHONPATH": str(tools)}
    command = [sys.executable, str(Path(__file__).with_name(program)), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
