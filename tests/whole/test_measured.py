"""A run that is there is measured: bench, its recommendation, the promises, the report, and what it refuses."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from edgespec import bench as measuring
from edgespec import gate, report, runs
from edgespec.errors import Mistake
from edgespec.job import Silent
from edgespec.report import Report, markdown

Compress = Callable[..., Report]
Write = Callable[[Path, dict[str, Any]], Path]


@pytest.fixture(autouse=True)
def _short_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "WARMUP_MAX_S", 0.4)


def measured(folder: Path) -> Report:
    return runs.bench(folder, ["local"], seconds=0.1, progress=Silent())


def test_a_run_is_measured_recommended_judged_and_drawn(run_copy: Path) -> None:
    found = measured(run_copy)
    by_name = {each["variant"]: each for each in found.bench["local"]["measurements"]}
    assert next(iter(by_name)) == "default"
    assert {"float32", "cpu-int8", "lda library", "logistic library", "logistic site (1 per class)"} <= set(by_name)
    table = {row.variant: row for row in found.last()}
    for name in ("float32", "cpu-int8"):
        assert by_name[name]["accuracy"] == pytest.approx(table[name].accuracy, abs=1e-4), "its very outputs are scored"
        assert by_name[name]["size_bytes"] == table[name].bytes
    advice = found.advice["local"]
    assert advice["variant"] in (None, "float32", "cpu-int8"), "what is only compared with is never recommended"
    if advice["variant"]:
        assert by_name[advice["variant"]]["ratio"] <= 1
    for name, each in by_name.items():
        assert each["ratio"] <= 1 or any("slower than default" in why for why in advice["refused"][name])

    judged, kept = gate.judge(run_copy, "local")
    verdicts = {each["metric"]: each["verdict"] for each in judged.gates}
    assert verdicts["accuracy"] == verdicts["size"] == "pass"
    assert verdicts["macs"] == "fail"
    assert verdicts["latency_p90"] == ("pass" if advice["variant"] else "unmeasured")
    assert not kept

    written = markdown.write(judged, run_copy).read_text()
    assert "## Latency" in written
    assert "## Promises" in written
    assert (run_copy / "frontier.svg").read_text().startswith("<?xml")
    assert report.read(run_copy) == judged
    assert (run_copy / "bench" / "local.json").is_file()


def test_unmeasured_is_not_kept(run_copy: Path) -> None:
    judged, kept = gate.judge(run_copy, None)
    assert not kept
    assert [each["verdict"] for each in judged.gates if each["metric"] == "latency_p90"] == ["unmeasured"]


def test_a_run_that_ends_before_onnx_has_nothing_to_measure(
    tmp_path: Path, undisturbed: Path, compress: Compress
) -> None:
    compress(undisturbed.parent / "tiny.yaml", tmp_path / "run", stop="1")
    with pytest.raises(Mistake, match="its last step leaves no ONNX") as caught:
        measured(tmp_path / "run")
    assert "to_onnx" in caught.value.hint


def test_a_folder_without_a_report_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"report\.json"):
        measured(tmp_path)


def test_data_that_changed_since_are_not_scored_with_the_old_model(
    tmp_path: Path, tiny_tree: dict[str, Any], write_recipe: Write, compress: Compress
) -> None:
    given, tree = tiny.spectra(), copy.deepcopy(tiny_tree)
    arrays: dict[str, Any] = {"x": given.x, "y": given.y, "w": given.axis, "g": given.group}
    np.savez(tmp_path / "mine.npz", **arrays)
    keys = {"npz": "mine.npz", "root": str(tmp_path), "x": "x", "y": "y", "wavenumber": "w", "group": "g"}
    tree["data"] |= {"load": {"arrays": keys}, "split": {"valid": 0.2}}
    fit = {"epochs": 1, "batch": 32}
    tree["steps"] = [{"train": {"model": {"cnn": {"widths": [4]}}, "fit": fit}}]
    compress(write_recipe(tmp_path / "r.yaml", tree), tmp_path / "run")
    for name in ("x", "y", "g"):
        np.savez(tmp_path / "mine.npz", **{**arrays, name: np.roll(arrays[name], 1, axis=0)})
        with pytest.raises(Mistake, match="have changed since"):
            measured(tmp_path / "run")
