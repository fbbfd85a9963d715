"""The table of licences says what packages declare, in whatever way they do, and names those that declare none."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parent.parent.parent.parent / ".ci" / "licences.py"
WHOLE = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    spec = importlib.util.spec_from_file_location("licences", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def classifier(name: str) -> dict[str, Any]:
    return {"license": {"name": f"License :: OSI Approved :: {name}", "acknowledgement": "declared"}}


def text(content: str, **more: str) -> dict[str, Any]:
    return {"license": {"name": "declared license of 'a'", "text": {"content": content, **more}}}


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ([{"expression": "MIT OR Apache-2.0"}, classifier("MIT License")], "MIT OR Apache-2.0"),
        ([{"license": {"id": "BSD-3-Clause"}}, classifier("BSD License")], "BSD-3-Clause"),
        ([classifier("BSD License"), text("BSD")], "BSD License"),
        ([text("Apache 2.0")], "Apache 2.0"),
        ([text(WHOLE)], "**not declared**"),
        ([text("TUlU", encoding="base64")], "**not declared**"),
        ([], "**not declared**"),
    ],
)
def test_a_licence_is_found_however_it_is_declared(
    licences: ModuleType, declared: list[dict[str, Any]], told: str
) -> None:
    assert licences.licence({"name": "a", "licenses": declared}) == told


def test_the_table_has_a_line_for_each_package(licences: ModuleType) -> None:
    packages = [{"name": "b", "version": "1"}, {"name": "A", "version": "2", "licenses": [{"license": {"id": "MIT"}}]}]
    page = licences.table({"components": packages, "metadata": {"component": {"name": "edgespec"}}})
    assert page.splitlines()[-2:] == ["| A | 2 | MIT |", "| b | 1 | **not declared** |"]
