"""The main job as README tells it: the shipped recipe on embedded spectra, from the command line, to the verdicts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmarks.tools import resealed
from edgespec import plugins

RECIPE = plugins.path("recipes", "rruff_distill")
BASELINE = Path(__file__).parent.parent.parent / "benchmarks" / "results" / "embedded" / "rruff_distill.json"
OWN = {"accuracy": "2 %", "size": "1 %", "params": "0 %", "macs": "0 %"}


def edgespec(*words: str, folder: Path, data: str = "") -> subprocess.CompletedProcess[str]:
    environment = (
        {**os.environ, "EDGESPEC_DATA": data} if data else {k: v for k, v in os.environ.items() if k != "EDGESPEC_DATA"}
    )
    run = [sys.executable, "-m", "edgespec", *words]
    return subprocess.run(run, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=900)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("main")
    done = edgespec("compress", str(RECIPE), folder=folder)
    assert done.returncode == 0, done.stderr
    assert "data: embedded" in done.stdout
    assert "*** data: embedded ***" in done.stderr
    return folder


def test_bench_and_gate_keep_the_promises(job: Path) -> None:
    measured = edgespec("bench", "--target", "local", "--seconds", "1", folder=job)
    assert measured.returncode == 0, measured.stderr
    assert "recommended" in measured.stdout
    judged = edgespec("gate", "--target", "local", "--json", folder=job)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert {each["verdict"] for each in json.loads(judged.stdout)["gates"]} == {"pass"}


def test_the_first_tutorials_spectrum_is_albite(job: Path) -> None:
    spectrum = Path(__file__).parent.parent.parent / "examples" / "albite.csv"
    answered = edgespec("predict", "runs/rruff_distill", str(spectrum), "--json", folder=job)
    assert answered.returncode == 0, answered.stderr
    answer = json.loads(answered.stdout)["results"][0]
    assert (answer["label"], answer["flag"]) == ("Albite", "known")


def test_every_artifact_and_report_says_that_the_data_are_embedded(job: Path) -> None:
    run = job / "runs" / "rruff_distill"
    sealed = list(run.glob("*/artifact.json"))
    assert len(sealed) == 7  # five steps, two sets of baselines
    assert {json.loads(path.read_text(encoding="utf-8"))["data"] for path in sealed} == {"embedded"}
    assert "data: embedded" in (run / "report.md").read_text(encoding="utf-8")
    assert json.loads((run / "report.json").read_text(encoding="utf-8"))["data"]["source"] == "embedded"


def test_a_second_run_keeps_everything(job: Path) -> None:
    run = job / "runs" / "rruff_distill"
    before = {path: path.stat().st_mtime_ns for path in run.glob("[0-9]*/*")}
    again = edgespec("compress", str(RECIPE), folder=job)
    assert again.returncode == 0
    assert "nothing has changed" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in run.glob("[0-9]*/*")} == before


def test_the_project_gates_itself(job: Path) -> None:
    """Sizes, accuracy and counted instructions against the baseline that is kept with the code; `make baseline` writes it anew."""
    run = job / "own"
    shutil.copytree(job / "runs" / "rruff_distill", run)
    written = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    promised = OWN | ({"instructions": "3 %"} if shutil.which("valgrind") else {})
    resealed.recipe(run, yaml.safe_dump(written | {"gates": {"regression": promised}}))
    judged = edgespec("gate", str(run), "--baseline", str(BASELINE), "--skipped", "warn", "--json", folder=job)
    told = {each["metric"]: each for each in json.loads(judged.stdout)["gates"]}
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert set(told) == {*promised, "contract", "variants"}
    assert all(each["verdict"] == "pass" for name, each in told.items() if name in ("size", "params", "macs")), told
