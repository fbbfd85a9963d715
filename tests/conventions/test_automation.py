"""The action, the workflow and the hook are what their hosts read, and do what their inputs say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

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
    given = " ".join(value for step in steps for value in step.get("env", {}).values())
    for name in action["inputs"]:
        assert f"inputs.{name} " in given
    assert not [step["name"] for step in steps if "${{" in step["run"]], "an input in a script is a way in"


def test_the_actions_script_runs_the_line_with_what_it_was_given(tmp_path: Path) -> None:
    """The script of the action, with a program in edgespec's place that writes down how it was called."""
    step = yaml.safe_load((HERE / "action.yml").read_text())["runs"]["steps"][1]
    fake = tmp_path / "bin" / "edgespec"
    fake.parent.mkdir()
    fake.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    fake.chmod(0o755)
    given = {"RECIPE": "recipes/a b.yaml", "AGAINST": "HEAD~1", "BASELINE": "", "CHANGES": "seed=1\nx=$(touch harm)\n",
             "TARGET": "local", "GITHUB_OUTPUT": str(tmp_path / "out"), "PATH": f"{fake.parent}:{os.environ['PATH']}"}  # fmt: skip
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", step["run"]],
        cwd=tmp_path,
        env=given,
        capture_output=True,
        text=True,
        check=True,
    )
    sets = ["--set", "seed=1", "--set", "x=$(touch harm)"]
    assert [json.loads(line) for line in ended.stdout.splitlines()] == [
        ["compress", "recipes/a b.yaml", *sets, "--out", "runs/a b"],
        ["bench", "runs/a b", "--target", "local"],
        ["gate", "runs/a b", "--junit", "runs/a b/gate.xml", "--target", "local", "--against", "HEAD~1", *sets],
    ]
    assert (tmp_path / "out").read_text() == "junit=runs/a b/gate.xml\nreport=runs/a b/report.md\n"
    assert not (tmp_path / "harm").exists()


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
