"""The documentation builds as a site without a warning, its pages are all in the navigation, and the generated pages are up to date."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

TOP = Path(__file__).parents[2]
DOCS = TOP / "docs"


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", TOP / ".ci" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["commands.md", "recipe-keys.md", "api.md"])
def test_a_generated_page_says_what_the_program_says(name: str) -> None:
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == reference().pages()[name], (
        "python .ci/reference.py"
    )


def test_every_page_is_in_the_navigation_once() -> None:
    nav = re.findall(r": (\S+\.md)$", (TOP / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(nav) == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    if importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("material") is None:
        pytest.skip("mkdocs-material is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path / "site")]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    ended = subprocess.run(command, cwd=TOP, env=quiet, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?://[^"]+)"', page)
    assert loaded == []


def test_versions_agree() -> None:
    version = re.search(r'__version__ = "(.*)"', (TOP / "edgespec" / "__init__.py").read_text(encoding="utf-8"))
    assert version is not None
    assert yaml.safe_load((TOP / "CITATION.cff").read_text(encoding="utf-8"))["version"] == version[1]
    newest = re.search(r"^## \[?([0-9.]+)", (TOP / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version[1]
