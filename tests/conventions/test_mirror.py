"""tests/unit mirrors the package and the device's program; without_own_test.txt names the modules that have no test file of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgespec import plugins

TOP = plugins.PACKAGE.parent
UNIT = TOP / "tests" / "unit"
LIST = Path(__file__).with_name("without_own_test.txt")
BESIDE = {"benchmarks", "ci", "setup"}  # folders of tests/unit whose subject is not a module of the package
PACKAGES = {"recipe", "report"}  # tested by their own names: what stands in their __init__
SUBJECTS = {
    "cache",
    "cases",
    "tables",
    "runtimes",
    "cuda",
    "older_bundles",
    "python38",
}  # what several modules do together


def modules() -> dict[str, Path]:
    """Give each module with the folder in which its tests lie."""
    found = {}
    for root, unit in ((plugins.PACKAGE, UNIT), (TOP / "export", UNIT / "export")):
        for path in root.rglob("*.py"):
            if path.name != "__init__.py":
                found[path.relative_to(TOP).as_posix()] = unit / path.relative_to(root).parent
    return found


def own_tests(name: str, folder: Path) -> list[Path]:
    """List a module's test files: test_<module>.py, and test_<module>_<subject>.py where one would be too long."""
    stem = Path(name).stem.strip("_")
    return [*folder.glob(f"test_{stem}.py"), *folder.glob(f"test_{stem}_*.py")]


def test_a_module_without_a_test_of_its_own_is_listed() -> None:
    """They are tested by what uses them. A new module gets a test file; one that gets a test leaves the list."""
    lacking = sorted(name for name, folder in modules().items() if not own_tests(name, folder))
    listed = [line for line in LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert lacking == listed


@pytest.mark.parametrize("path", sorted(UNIT.rglob("test_*.py")), ids=lambda path: path.relative_to(UNIT).as_posix())
def test_a_test_file_bears_the_name_of_a_module(path: Path) -> None:
    inside, stem = path.relative_to(UNIT).parent, path.stem.removeprefix("test_")
    if inside.name in BESIDE or stem in SUBJECTS or (stem == inside.name and stem in PACKAGES):
        return
    assert [name for name, folder in modules().items() if folder == path.parent and path in own_tests(name, folder)]
