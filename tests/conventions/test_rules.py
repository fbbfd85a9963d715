"""The house rules that a machine can check: what may be imported, what must be documented, what must not be written."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from command import edgespec

from edgespec import plugins, recipe
from edgespec.cli import ls, welcome
from edgespec.job import Fit
from edgespec.recipe import Data, Split, plan, schema, search_ranges
from edgespec.report import Report, Row
from edgespec.search import space
from edgespec.spectra import Axis

ROOT = plugins.PACKAGE.parent
HEAVY = ("torch", "onnx", "onnxruntime", "sklearn", "scipy", "matplotlib", "pandas")
KINDS = ("steps", "models", "datasets", "preprocess", "augment")
SOURCES = sorted(
    path for folder in ("edgespec", "export", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)
PLUGINS = [(kind, name) for kind in KINDS for name in schema.names(kind)]
LOADED = """
import json, sys
from edgespec.cli import main
try:
    main()
except SystemExit as stop:
    print(json.dumps([stop.code, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""


def process(*arguments: str, program: tuple[str, ...] = ("-m", "edgespec")) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["ls", "recipes"], ["ls", "targets"], ["report", "nowhere"], ["search", "nowhere"]]
)
def test_what_needs_no_model_loads_no_library_for_it(arguments: list[str]) -> None:
    ended = process(*arguments, program=("-c", LOADED))
    code, modules = json.loads(ended.stderr.splitlines()[-1])
    assert code == (2 if arguments[-1] == "nowhere" else 0)
    assert "edgespec" in modules
    assert not set(HEAVY) & set(modules)


def test_help_comes_at_once() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process("--help").returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 0.5  # seconds of this process, however busy the machine is


def commands() -> list[str]:
    """The commands that `edgespec --help` lists."""
    listed = edgespec(ROOT, "--help").stdout.partition("Commands:")[2]
    return re.findall(r"^  (\w+)", listed, re.MULTILINE)


def test_every_command_is_listed_whole_and_shows_an_example() -> None:
    found = commands()
    assert {"compress", "bench", "gate", "report", "ls"} <= set(found)
    assert "..." not in edgespec(ROOT, "--help").stdout.partition("Commands:")[2]
    for name in found:
        ended = edgespec(ROOT, name, "--help")
        assert ended.returncode == 0
        assert f"Example: edgespec {name}" in ended.stdout, name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").strip()


@pytest.mark.parametrize(("kind", "name"), PLUGINS)
def test_every_plugin_and_every_key_of_it_has_its_sentence(kind: str, name: str) -> None:
    found = schema.function(kind, name)
    assert (found.__doc__ or "").strip()
    for key in schema.keys(found):
        assert key.help, f"{kind}/{name}: {key.name}"
        assert key.type_name


@pytest.mark.parametrize("record", [Data, Axis, Split, Fit])
def test_every_key_of_a_record_has_its_sentence(record: type) -> None:
    assert all(key.help for key in schema.keys(record))


@pytest.mark.parametrize("kind", KINDS)
def test_ls_prints_every_key(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    ls.command(kind, wide=True, to_json=False)
    told = capsys.readouterr().out
    ls.command(kind, to_json=True)
    plain = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert list(plain) == schema.names(kind)
    for name in schema.names(kind):
        assert re.search(rf"^{name}$", told, re.MULTILINE)
        for key in schema.keys(schema.function(kind, name)):
            assert f"    {key.name}: {key.type_name}" in told
            assert key.help in told
            assert key.name in [each["name"] for each in plain[name]["keys"]]
            for inner in schema.keys(inside) if (inside := schema.record_of(key.annotation)) else ():
                assert inner.help
                assert f"        {inner.name}: {inner.type_name}" in told
                assert f"            {inner.help}" in told


@pytest.mark.parametrize("record", [Report, Row])
def test_every_field_of_a_report_is_documented(record: type) -> None:
    text = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    words = set(re.findall(r"`([a-z_0-9]+)[`.]", text))
    assert {each.name for each in dataclasses.fields(record)} <= words


def test_what_leaves_the_workstation_needs_nothing_of_the_package() -> None:
    for path in sorted((ROOT / "export").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.partition(".")[0] == "edgespec"], path


@pytest.mark.parametrize("name", plugins.names("recipes"))
def test_a_shipped_recipe_plans_and_its_header_tells_how_to_run_it(name: str) -> None:
    path = plugins.path("recipes", name)
    head, written = path.read_text(encoding="utf-8").partition("schema:")[0], recipe.load(path)
    ranges = search_ranges.found(written)
    assert f"edgespec {'search' if ranges else 'compress'} recipes/{name}.yaml" in head
    assert "Needs:" in head
    assert (space.read(written).plan if ranges else plan.plan(written)).gates


def test_no_path_of_a_machine_is_written_down() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is not a git checkout")
    private = [f"{Path.home()}/", f"{ROOT}/"]
    private += [f"{ROOT.parent}/"] if ROOT.parent not in (Path("/"), Path("/tmp"), Path.home().parent) else []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".yaml", ".toml", ".txt", ".json", ".csv", "") and path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not [each for each in private if each in text], name
            assert not re.search(r"/(home|Users)/[a-z]+/", text), name


def test_python_m_edgespec_is_edgespec() -> None:
    assert process().stdout == welcome.TEXT
    assert process("--help").stdout.startswith("Usage: ")
