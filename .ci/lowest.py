"""Write constraints with the lowest version that pyproject.toml allows of each direct dependency.

    python .ci/lowest.py > lowest.txt        what `.ci/versions lowest` installs, in a fresh environment

pip takes the newest version that is allowed, so nothing else would notice that a bound is too low. A release counts where pip lists it
for this Python; what the direct dependencies need in their turn is left to pip.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

PROJECT = Path(__file__).parent.parent / "pyproject.toml"
EXTRAS = ("dev",)  # with what the tests need; extras of other hardware install nowhere but there


def direct(text: str) -> list[Requirement]:
    """Give the requirements of the project and of EXTRAS that apply to this machine."""
    project = tomllib.loads(text)["project"]
    lines = [*project["dependencies"], *(line for name in EXTRAS for line in project["optional-dependencies"][name])]
    return [each for each in map(Requirement, lines) if each.marker is None or each.marker.evaluate()]


def lowest(requirement: Requirement, releases: Iterable[str]) -> str:
    """Give the lowest release that a requirement allows. Raises ValueError where it allows none."""
    allowed = [each for each in map(_version, releases) if each is not None and each in requirement.specifier]
    if not allowed:
        raise ValueError(f"{requirement}: no release that pip lists for this Python is allowed")
    return str(min(allowed))


def listed(name: str) -> list[str]:
    """Ask pip which releases there are for this Python, by its own index and configuration."""
    command = [sys.executable, "-m", "pip", "index", "versions", name]
    told = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    (line,) = (each for each in told.splitlines() if each.startswith("Available versions:"))
    return [each.strip() for each in line.partition(":")[2].split(",")]


def constraints(text: str, releases: Callable[[str], list[str]] = listed) -> list[str]:
    """Give a line `name==version` for each direct dependency that has a lower bound."""
    bounded = [each for each in direct(text) if any(part.operator in (">=", "~=", "==") for part in each.specifier)]
    return [f"{each.name}=={lowest(each, releases(each.name))}" for each in bounded]


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:  # old packages have names of their own for releases
        return None


if __name__ == "__main__":
    print("\n".join(constraints(PROJECT.read_text(encoding="utf-8"))))
