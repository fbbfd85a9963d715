"""A run that is there is measured: bench, its recommendation, the promises, the report, and what it refuses."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job
from command import edgespec

from edgespec import report
from edgespec.bench import measure as measuring
from edgespec.bench import session
from edgespec.errors import Missing, Mistake, Unreachable
from edgespec.pipeline.run import Run
from edgespec.report import Report, markdown, terminal
from edgespec.runs import bench, gate
from edgespec.targets import card as target_cards
from edgespec.targets import runner
from edgespec.targets.card import Target

Compress = Callable[..., Report]
PLACES = (("pi", "ssh"), ("bench1", "local"), ("jetson", "ssh"))
Write = Callable[[Path, dict[str, Any]], Path]


@pytest.fixture(autouse=True)
def _short_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "WARMUP_MAX_S", 0.4)


def measured(folder: Path) -> Report:
    return bench.bench(Run(folder), ["local"], seconds=0.1)


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
    assert {name for name in by_name if name != advice["variant"]} == set(advice["refused"]), (
        "what speaks against each of the others is told"
    )
    bare = by_name["float32 logits only"]
    assert (bare["agreement"], bare["accuracy"]) == (1.0, by_name["float32"]["accuracy"])
    assert bare["size_bytes"] < by_name["float32"]["size_bytes"]
    assert list(advice["refused"]["float32 logits only"]) == ["it is only here to be compared with"]
    assert found.ships["local"]["variant"] == (advice["variant"] or "float32")

    made = gate.judge(Run(run_copy), gate.Asked("local"))
    judged, kept = made.report, made.code == 0
    verdicts = {each["metric"]: each["verdict"] for each in judged.gates}
    assert verdicts["accuracy"] == verdicts["size"] == "pass"
    assert verdicts["macs"] == "fail"
    assert verdicts["latency_p90"] == ("pass" if advice["variant"] else "unmeasured")
    assert not kept
    assert {each["variant"] for each in judged.gates if each["measured"] is not None} == {
        found.ships["local"]["variant"]
    }

    written = markdown.write(judged, run_copy).read_text()
    assert "## Latency" in written
    assert "## Promises" in written
    assert (run_copy / "frontier.svg").read_text().startswith("<?xml")
    assert report.read(run_copy) == judged
    assert (run_copy / "bench" / "local.json").is_file()


def test_a_recording_is_judged_again_without_a_target(
    run_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = measured(run_copy)
    mailed = tmp_path / "mailed.npz"
    (run_copy / "bench" / "local.samples.npz").rename(mailed)
    monkeypatch.setattr(runner, "call", None)
    alone = bench.replay(mailed, None)
    assert alone.bench == found.bench != {}
    assert alone.advice == found.advice
    assert "recommended for target 'local'" in terminal.show_bench(alone) or not found.advice["local"]["variant"]
    found_before = copy.deepcopy(found)
    found.bench, found.advice = {}, {}
    report.write(found, run_copy)
    again = bench.replay(mailed, Run(run_copy))
    assert (again.bench, again.advice) == (alone.bench, alone.advice)
    assert report.read(run_copy).advice == json.loads(json.dumps(found_before.advice))
    facts, arrays = session.read(mailed)
    facts["files"]["float32"]["digest"] = "0"
    session.write(mailed, facts, arrays)
    with pytest.raises(Mistake, match="recorded of another 'float32'"):
        bench.replay(mailed, Run(run_copy))


def test_a_target_that_fails_does_not_lose_the_others(run_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local, together = target_cards.load("local"), threading.Barrier(3, timeout=60)
    cards = [replace(local, name=name, reach=reach, host=name) for name, reach in PLACES]
    real = measuring.measure

    def measure(files: Any, x: Any, y: Any, card: Target, *given: Any, **more: Any) -> Any:
        together.wait()  # breaks unless different machines measure at the same time
        if card.name != "bench1":
            raise Unreachable(f"{card.name} is gone") if card.name == "pi" else Missing("no runtime")
        less = {name: files[name] for name in ("default", "float32")}
        return real(less, x, y, replace(local, name="bench1"), *given, **{**more, "float_of": {}})

    monkeypatch.setattr(measuring, "measure", measure)
    lost: dict[str, Any] = {}
    found = bench.bench(Run(run_copy), cards, seconds=0.1, lost=lost.__setitem__)
    assert list(found.bench) == ["bench1"]
    assert report.read(run_copy).bench == json.loads(json.dumps(found.bench))
    assert {name: each.exit_code for name, each in lost.items()} == {"pi": 6, "jetson": 3}
    together = threading.Barrier(1)
    with pytest.raises(Unreachable, match="pi is gone"):
        bench.bench(Run(run_copy), cards[:1], seconds=0.1, lost=lost.__setitem__)


def test_a_soak_sets_the_last_minute_beside_the_first(run_copy: Path) -> None:
    told = bench.bench(Run(run_copy), ["local"], seconds=0.1, soak_s=4, variants=["float32"]).bench["local"]
    assert [each["variant"] for each in told["measurements"]] == ["default", "float32"]
    found = told["soak"]
    assert found["ratio"] == pytest.approx(found["last_ms"] / found["first_ms"])
    with pytest.raises(Mistake, match="no variant 'floot32'"):
        bench.bench(Run(run_copy), ["local"], variants=["floot32"])
    kept = json.loads((run_copy / "bench" / "local.soak.json").read_text())
    first = [each["p50_ns"] for each in kept["series"] if each["t"] < 2]
    assert found["first_ms"] == pytest.approx(np.median(first) / 1e6)
    result = report.read(run_copy)
    for text in (terminal.show_bench(result), markdown.show(result, drawn=False)):
        assert f"the last minute takes {found['ratio']:.2f} of the first" in text
        assert "mode quick, 1 process of 0.1 s a file" in text


def test_the_command_tells_the_target_that_failed_after_the_table(run_copy: Path) -> None:
    (run_copy.parent / "targets").mkdir()
    card = "runtime: onnxruntime\nreach: ssh\nhost: 127.0.0.1\nport: 1\n"
    (run_copy.parent / "targets" / "away.yaml").write_text(card)
    ended = edgespec(
        run_copy.parent, "bench", "run", "--wide", "--seconds", "0.1", "--target", "away", "--target", "local"
    )
    assert ended.returncode in (3, 6), "no ssh here, or nobody there"
    assert "error: away is not measured: " in ended.stderr
    assert "recommended for target 'local'" in ended.stdout or "no variant keeps the promises" in ended.stdout
    recorded = run_copy / "bench" / "local.samples.npz"
    again = edgespec(run_copy.parent / "targets", "bench", "--wide", "--replay", recorded)
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[2] in ended.stdout


def test_unmeasured_is_not_kept(run_copy: Path) -> None:
    made = gate.judge(Run(run_copy), gate.Asked())
    judged, kept = made.report, made.code == 0
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
    given, tree = tiny_job.spectra(), tiny_tree
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
