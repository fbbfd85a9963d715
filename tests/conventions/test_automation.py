"""The action, the workflow and the hook are what their hosts read, and do what their inputs say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import yaml

HERE = Path(__file__).parent.parent.parent
WORKFLOWS = sorted((HERE / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize(
    ("schema", "file"),
    [("vendor.github-actions", HERE / "action.yml"), *(("vendor.github-workflows", each) for each in WORKFLOWS)],
    ids=lambda each: getattr(each, "name", None),
)
def test_it_follows_its_schema(schema: str, file: Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    ended = subprocess.run(check, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_linter_for_actions_finds_nothing() -> None:
    program = Path(sys.executable).parent / "zizmor"
    if not program.is_file():
        pytest.skip("zizmor has no build for this machine")
    files = [str(HERE / "action.yml"), *map(str, WORKFLOWS)]
    ended = subprocess.run(
        [str(program), "--offline", "--no-progress", "--format=json", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [(each["ident"], each["determinations"]["severity"]) for each in json.loads(ended.stdout)]
    assert [each for each in found if each[1] not in ("Informational", "Low")] == []


def test_every_input_of_the_action_is_used_and_none_is_pasted_into_a_shell() -> None:
    action = yaml.safe_load((HERE / "action.yml").read_text())
    steps = action["runs"]["steps"]
    assert action["inputs"]["install"]["default"] == "", "edgespec of another revision would judge"
    given = " ".join(value for step in steps for value in step.get("env", {}).values())
    for name in action["inputs"]:
        assert f"inputs.{name} " in given
    assert not [step["name"] for step in steps if "${{" in step["run"]], "an input in a script is a way in"


def script(step: int, place: Path, *programs: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Run a step of the action as a runner does: bash, its inputs in the environment, GITHUB_OUTPUT and the summary in files."""
    run = yaml.safe_load((HERE / "action.yml").read_text())["runs"]["steps"][step]["run"]
    path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
    files = {"GITHUB_OUTPUT": str(place / "out"), "GITHUB_STEP_SUMMARY": str(place / "summary.md")}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", run],
        cwd=place,
        env={**os.environ, **files, "PATH": path, **given},
        capture_output=True,
        text=True,
        check=False,
    )


def fake(place: Path, name: str, text: str) -> Path:
    place.mkdir(exist_ok=True)
    (place / name).write_text(f"#!{sys.executable}\nimport json, sys\n{text}\n")
    (place / name).chmod(0o755)
    return place


SAY = "print(json.dumps(sys.argv[1:]))"


@pytest.mark.parametrize(
    ("install", "installed"),
    [("", [["torch"], ["ACTION"]]), ("none", []), ("edgespec==1 --pre", [["torch"], ["edgespec==1", "--pre"]])],
)
def test_the_action_installs_what_exists_torch_first(tmp_path: Path, install: str, installed: list[list[str]]) -> None:
    programs = fake(tmp_path / "bin", "python", SAY)
    here = tmp_path / "an action"
    ended = script(0, tmp_path, programs, INSTALL=install, VALGRIND="false", HERE=str(here))
    assert ended.returncode == 0, ended.stderr
    head = ["-m", "pip", "install", "--quiet", "--constraint", f"{here}/constraints.txt"]
    wanted = [[*head, *(str(here) if each == "ACTION" else each for each in words)] for words in installed]
    assert [json.loads(line) for line in ended.stdout.splitlines()] == wanted


GIVEN = {
    "RECIPE": "recipes/a b.yml",
    "AGAINST": "HEAD~1",
    "BASELINE": "",
    "CHANGES": "seed=1\nx=$(touch harm)\n",
    "TARGET": "local",
}


def test_the_actions_script_runs_the_line_with_what_it_was_given(tmp_path: Path) -> None:
    """The script of the action, with a program in edgespec's place that writes down how it was called."""
    ended = script(1, tmp_path, fake(tmp_path / "bin", "edgespec", SAY), **GIVEN)
    assert ended.returncode == 0, ended.stderr
    sets = ["--set", "seed=1", "--set", "x=$(touch harm)"]
    assert [json.loads(line) for line in ended.stdout.splitlines()] == [
        ["compress", "recipes/a b.yml", *sets, "--out", "runs/a b"],
        ["bench", "runs/a b", "--target", "local"],
        ["gate", "runs/a b", "--junit", "runs/a b/gate.xml", "--target", "local", "--against", "HEAD~1", *sets],
    ]
    assert (tmp_path / "out").read_text() == "junit=runs/a b/gate.xml\nreport=runs/a b/report.md\n"
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("which", ["compress", "bench"])
def test_what_fails_before_the_gate_leaves_junit_and_summary(tmp_path: Path, which: str) -> None:
    text = f"if sys.argv[1] == {which!r}:\n    print('error: it is broken <here>', file=sys.stderr)\n    sys.exit(3)"
    programs = fake(tmp_path / "bin", "edgespec", text)
    ended = script(1, tmp_path, programs, Path(sys.executable).parent, **GIVEN)
    assert ended.returncode == 3, ended.stderr
    assert "it is broken <here>" in (tmp_path / "summary.md").read_text()
    (error,) = Xml.parse(tmp_path / "runs" / "a b" / "gate.xml").getroot().iter("error")
    assert f"edgespec {which} ended with code 3" in str(error.get("message"))


def test_a_gate_that_fails_fails_the_job(tmp_path: Path) -> None:
    programs = fake(tmp_path / "bin", "edgespec", "sys.exit(5 if sys.argv[1] == 'gate' else 0)")
    assert script(1, tmp_path, programs, **GIVEN).returncode == 5


def test_the_hook_checks_every_recipe_that_it_is_handed(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((HERE / ".pre-commit-hooks.yaml").read_text())
    assert hook["language"] == "python"
    program, *words = hook["entry"].split()
    good, bad = HERE / "recipes" / "rruff10.yaml", tmp_path / "bad.yaml"
    bad.write_text(good.read_text().replace("seed: 0", "sede: 0"))
    ended = subprocess.run(
        [sys.executable, "-m", program, *words, str(good), str(bad)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "bad.yaml" in ended.stderr
    assert "did you mean 'seed'?" in ended.stderr
