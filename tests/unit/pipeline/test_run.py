"""A run is opened once: its report, plan, data and model are read when first asked for, and handed on."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.tools import resealed
from edgespec import datasets, recipe, report
from edgespec.bundle import for_targets
from edgespec.bundle import write as bundles
from edgespec.errors import Mistake
from edgespec.job import Silent
from edgespec.pipeline import compress, preparation
from edgespec.pipeline.run import Run
from edgespec.recipe import plan
from edgespec.runs import bench, gate, matrix

READERS = ((report, "read"), (plan, "plan"), (preparation, "prepare"), (datasets, "load"))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what is read, by the function that reads."""
    found: Counter[str] = Counter()

    def noted(module: object, name: str) -> None:
        real = getattr(module, name)

        def read(*arguments: object, **keys: object) -> object:
            found[name] += 1
            return real(*arguments, **keys)

        monkeypatch.setattr(module, name, read)

    for module, name in READERS:
        noted(module, name)
    monkeypatch.setattr(compress, "prepare", preparation.prepare)
    monkeypatch.setattr(compress, "plan", plan.plan)
    return found


def test_each_part_is_read_at_most_once(run_copy: Path, counted: Counter[str]) -> None:
    run = Run(run_copy)
    assert not counted, "nothing is read before it is asked for"
    bench.bench(run, ["local"], seconds=0.05)
    matrix.measure(run, seconds=0.05)
    assert gate.judge(run, gate.Asked()).report is run.report
    bundles.write(run, run_copy / "bundle")
    for_targets.write(run, "local", run_copy / "for-local")
    assert counted == {"read": 1, "plan": 1, "prepare": 1, "load": 1}


def test_a_comparison_opens_each_side_once(run_copy: Path, undisturbed: Path, counted: Counter[str]) -> None:
    text = (run_copy / "recipe.yaml").read_text()
    text = text.partition("gates:")[0] + "gates: {regression: {accuracy: 50 %, latency_p50: {local: 99 %}}}\n"
    resealed.recipe(run_copy, text)
    made = gate.judge(Run(run_copy), gate.Asked(against=str(undisturbed), seconds=0.05))
    assert [each["metric"] for each in made.report.gates] == ["contract", "variants", "accuracy", "latency_p50"]
    assert counted == {"read": 2, "plan": 2, "prepare": 2, "load": 2}


def test_bundles_at_the_end_of_compress_read_the_data_no_second_time(
    run_copy: Path, counted: Counter[str], tmp_path: Path
) -> None:
    run = compress.compress(recipe.load(tmp_path / "tiny.yaml"), run_copy, stop=None, progress=Silent())
    before = Counter(counted)
    for_targets.write_all(run, ["local"])
    assert counted == before
    assert run.report.bundles["local"]["status"] == "ready"
    assert before["prepare"] == 1


def test_what_another_process_wrote_meanwhile_is_not_lost(run_copy: Path) -> None:
    run, other = Run(run_copy), Run(run_copy)
    assert run.report.bench == {}
    data = run.job
    bench.bench(other, ["local"], seconds=0.05)
    gate.judge(run, gate.Asked("local"))
    assert set(report.read(run_copy).bench) == {"local"}
    assert run.job is data, "the recipe is the same, so are the data"
    resealed.recipe(run_copy, (run_copy / "recipe.yaml").read_text() + "\n")
    with run.locked():
        assert run.job is not data


def test_what_cannot_be_opened_is_told(run_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Mistake, match="is not a run folder"):
        _ = Run(run_copy / "nowhere").report
    plain = json.loads((run_copy / "report.json").read_text())
    for change, message in (
        ({"data": {**plain["data"], "digest": "other"}}, "have changed since it was made"),
        ({"steps": plain["steps"][:1]}, "its last step leaves no ONNX"),
        ({"steps": []}, "has no finished step"),
    ):
        resealed.report(run_copy, **{**plain, **change})
        run = Run(run_copy)
        with pytest.raises(Mistake, match=message):
            _ = run.job if "data" in change else run.model
