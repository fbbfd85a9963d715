"""Environments of other people's packages, each made once: a benchmark's own never meets theirs.

They lie in `peers` of edgespec's cache folder, one virtual environment a list of packages; a list that changes makes another. Nothing is ever
installed into the environment that runs the benchmark.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from edgespec import storage

LIMIT_S = 900.0
WHOLE = "packages.txt"


class NotInstalledError(Exception):
    """Packages that cannot be installed here, with pip's own reason."""


def python(name: str, packages: Sequence[str]) -> Path:
    """Give the Python of an environment that holds these packages, made now where it is not there. Raises NotInstalledError."""
    place = storage.home() / "peers" / f"{name}-{storage.digest(list(packages), sys.version)[:12]}"
    program = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if (place / WHOLE).is_file() and program.exists():
        return program
    venv.create(place, with_pip=True, clear=True)
    command = [str(program), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise NotInstalledError(f"pip did not end within {LIMIT_S:.0f} s") from None
    if ended.returncode != 0:
        said = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")] or ["pip said nothing"]
        raise NotInstalledError(said[-1].removeprefix("ERROR: ")[:200])
    listed = subprocess.run([str(program), "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
    storage.write(place / WHOLE, listed.stdout)
    return program


def versions(program: Path) -> dict[str, str]:
    """Give what an environment holds: package -> version."""
    lines = (program.parent.parent / WHOLE).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==", 1) for line in lines if "==" in line)
