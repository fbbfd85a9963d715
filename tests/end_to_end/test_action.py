"""The workflow's gate job, step by step in bash, on a small project: its action compresses, measures and judges against a revision."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import yaml

from edgespec import report

HERE = Path(__file__).parents[2]
COMMIT = ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]


def test_the_gate_job_judges_a_change_against_what_it_replaces(
    tmp_path: Path, tiny_tree: dict[str, Any], write_recipe: Callable[[Path, dict[str, Any]], Path]
) -> None:
    workflow = yaml.safe_load((HERE / ".github" / "workflows" / "edgespec.yml").read_text())
    uses = next(each for each in workflow["jobs"]["gate"]["steps"] if each.get("uses") == "./")
    action = yaml.safe_load((HERE / "action.yml").read_text())
    inputs = {name: each["default"] for name, each in action["inputs"].items() if "default" in each} | uses["with"]
    assert inputs["recipe"] == "recipes/rruff_distill.yaml"
    assert inputs["against"] == "origin/${{ github.base_ref }}"
    tiny_tree["steps"] = [tiny_tree["steps"][0], "to_onnx", {"calibrate": {"score": "energy"}}]
    tiny_tree["steps"][0]["train"]["fit"]["epochs"] = 4
    tiny_tree.pop("targets")
    (tmp_path / "recipes").mkdir()
    write_recipe(tmp_path / "recipes" / "rruff_distill.yaml", tiny_tree | {"gates": {"accuracy": 0.2}})
    for words in (["init", "-q"], ["add", "."], COMMIT):
        subprocess.run(["git", *words], check=True, cwd=tmp_path)
    inputs |= {"against": "HEAD", "install": "none", "valgrind": "false", "target": ""}  # measuring takes a minute more
    asked = {each.upper(): value for each, value in inputs.items()} | {"CHANGES": inputs["set"], "HERE": str(HERE)}
    files = {"GITHUB_OUTPUT": str(tmp_path / "out"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    bare = {key: value for key, value in os.environ.items() if key != "EDGESPEC_DATA"}
    for step in action["runs"]["steps"]:
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=tmp_path, env={**bare, "PATH": path, "CI": "true", **files, **asked}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode in (0, 1), (
            ended.stderr
        )  # 1 where the machine is so busy that a latency is beyond limit and noise
    run = tmp_path / "runs" / "rruff_distill"
    found = {f"{each['metric']} {each['target']}".strip(): each["verdict"] for each in report.read(run).gates}
    assert {found[name] for name in ("contract", "variants", "accuracy", "robust_accuracy", "size", "macs")} == {"pass"}
    cases = [each.get("name") for each in Xml.parse(run / "gate.xml").getroot().iter("testcase")]
    assert "contract against the baseline" in cases
    assert "promises kept" in (tmp_path / "summary.md").read_text()
    assert f"junit=runs/{run.name}/gate.xml" in (tmp_path / "out").read_text()
