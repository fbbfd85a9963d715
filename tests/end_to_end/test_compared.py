"""A run that is there is compared in every runtime at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgespec import report
from edgespec.bench import measure as measuring
from edgespec.pipeline.run import Run
from edgespec.runs import matrix


@pytest.fixture(autouse=True)
def _short_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "WARMUP_MAX_S", 0.2)
    monkeypatch.setattr(measuring, "MAX_S", 1.0)


def test_every_file_is_asked_timed_and_held_against_torch(run_copy: Path) -> None:
    found = matrix.measure(Run(run_copy), seconds=0.05)
    here = {(each.variant, each.runtime): each for each in found.cells if each.runtime in ("onnxruntime", "torch")}
    names = ["default", "float32", "cpu-int8"]
    assert [variant for variant, runtime in here if runtime == "onnxruntime"] == names
    assert found.reference == "default"
    table = {row.variant: row for row in report.read(run_copy).last()}
    for name in names:
        cell = here[name, "onnxruntime"]
        assert (cell.verdict, cell.disagreements, cell.agreement) == ("agrees", 0, 1.0)
        assert cell.samples > 0
        assert cell.ratio is not None
    assert here["default", "onnxruntime"].ratio == 1.0
    for name in names[1:]:
        assert here[name, "onnxruntime"].accuracy == pytest.approx(table[name].accuracy, abs=1e-4)
    torch = here["float32", "torch"]
    assert torch.verdict == "agrees"
    assert torch.probability == pytest.approx(0, abs=1e-3), "its temperature is the file's"
    assert torch.ratio is None
    for runtime, why in found.absent.items():
        assert f"edgespec[{matrix.EXTRAS[runtime]}]" in why or f"edgespec setup {runtime}" in why
    assert {each.runtime for each in found.cells} | set(found.absent) >= {"onnxruntime", "openvino", "tensorrt_rtx"}
    kept = json.loads((run_copy / "bench" / "matrix.json").read_text())
    assert [each["variant"] for each in kept["cells"]] == [each.variant for each in found.cells]
    assert kept["margins"] == matrix.MARGINS
    assert not list(run_copy.glob(".matrix-*"))
