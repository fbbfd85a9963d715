"""Promises: kept, broken by how much, or unmeasured, which is not kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_example import measured, report, row

from benchmarks.tools import resealed
from edgespec import report as reports
from edgespec.errors import Mistake, Mistakes
from edgespec.pipeline.run import Run
from edgespec.recipe.gates import Gate
from edgespec.recipe.metrics import METRICS
from edgespec.report import Report, promises
from edgespec.runs import gate
from edgespec.runs.gate import verdicts as gate_verdicts
from edgespec.runs.gate.verdicts import Verdict

VALUES = {  # of the hand-made report, whose recommended file is cpu-int8
    "accuracy": 0.90, "sensitivity": 0.91, "specificity": 0.99, "macro_f1": 0.9, "agreement": 0.95,
    "teacher_accuracy": 0.95, "gain_over_control": 0.10, "drop": 0.05,
    "robust_accuracy": 0.83, "robust_accuracy_drop": 0.06, "unknown_auroc": 0.97, "accepted": 0.94, "coverage": 0.96, "set_size": 1.25, "ece": 0.04,
    "size": 25_000, "params": 9_000,
    "macs": None, "instructions": 900_000, "latency_p50": 20e-6, "latency_p90": 24e-6, "latency_p99": 40e-6,
    "cold_start": 0.023, "memory": 60_000_000, "energy": None, "flash": 110_000, "ram": 12_600,
}  # fmt: skip


def one(metric: str, limit: float, found: Report | None = None, **more: Any) -> Verdict:
    target = "local" if METRICS[metric].per_target else ""
    (verdict,) = gate_verdicts.check([Gate(metric, limit, target)], found or report(), **more)
    return verdict


def test_every_metric_is_tried_here() -> None:
    assert set(VALUES) == set(METRICS)


def test_flash_that_nobody_knows_is_unmeasured() -> None:
    found = report()
    found.bundles["local"] = {"variant": "cpu-int8", "flash_bytes": 0, "ram_bytes": 0}
    for metric in ("flash", "ram"):
        verdict = one(metric, 1e9, found)
        assert verdict.verdict == "unmeasured"
        assert "targets: [local]" in verdict.hint


@pytest.mark.parametrize("metric", VALUES)
def test_a_metric_passes_at_its_limit_and_fails_beyond(metric: str) -> None:
    value, found = VALUES[metric], report()
    found.bundles["local"] = {"variant": "cpu-int8", "flash_bytes": 110_000, "ram_bytes": 12_600}
    for each in found.bench["local"]["measurements"]:
        each |= {"p50_interval_ms": (each["p50_ms"],) * 2, "p90_interval_ms": (each["p90_ms"],) * 2, "noise": 0.0}
    if value is None:
        assert one(metric, 1e9).verdict == "unmeasured"
        return
    better = -1 if METRICS[metric].high else 1
    kept = one(metric, value + better * abs(value) * 1e-9, found)
    assert (kept.verdict, kept.measured, kept.message) == ("pass", pytest.approx(value), "")
    lost = one(metric, value - better * value * 0.1, found)
    assert lost.verdict == "fail"
    assert lost.measured == pytest.approx(value)
    assert lost.hint == METRICS[metric].remedy
    assert METRICS[metric].show(value * 0.1) in lost.message


@pytest.mark.parametrize(
    ("metric", "limit", "text"),
    [
        ("accuracy", 0.95, "accuracy is 0.900, 0.050 under the 0.950 of a.yaml:7"),
        ("accuracy", 0.9001, "accuracy is 0.900, 0.0001 under the 0.900 of a.yaml:7"),
        ("size", 20_000, "size is 25 kB, 5 kB over the 20 kB of a.yaml:7"),
        ("latency_p90", 1e-5, "latency_p90 local is 24 us, 14 us over the 10 us of a.yaml:7"),
        ("robust_accuracy_drop", 0.05, "robust_accuracy_drop is 0.060, 0.010 over the 0.050 of a.yaml:7"),
        ("gain_over_control", 0.2, "gain_over_control is 0.100, 0.100 under the 0.200 of a.yaml:7"),
    ],
)
def test_a_broken_promise_says_by_how_much_and_where_it_stands(metric: str, limit: float, text: str) -> None:
    assert one(metric, limit, where=lambda _: "a.yaml:7").message == text


def test_the_judged_file_is_the_one_that_the_run_ships() -> None:
    found = report()
    assert one("size", 1, found).variant == "cpu-int8"
    found.advice["local"]["variant"] = "float32"
    assert (one("size", 1, found).variant, one("size", 1, found).measured) == ("float32", 40_000)
    found.ships = {"local": {"variant": "cpu-int8", "why": "", "measured": False}}
    assert one("size", 1, found).variant == "cpu-int8"
    found.advice, found.ships = {}, {}
    assert one("size", 1, found).variant == "float32", "never int8 blindly"


def test_the_worst_of_several_targets_counts_and_target_picks_one() -> None:
    found = report()
    found.advice["other"] = {"variant": "float32", "why": "", "refused": {}}
    assert one("size", 1, found).measured == 40_000
    assert one("accuracy", 1, found).measured == 0.90
    assert one("robust_accuracy", 1, found).measured == 0.83
    assert one("robust_accuracy_drop", 0, found).measured == 0.06
    assert one("robust_accuracy", 1, found, target="other").measured == 0.87
    assert one("size", 1, found, target="local").measured == 25_000
    assert one("accuracy", 1, found, target="other").measured == 0.92


def test_target_leaves_out_what_only_another_can_answer() -> None:
    gates = [Gate("accuracy", 0.5), Gate("latency_p90", 1, "local"), Gate("latency_p90", 1, "jetson")]
    assert [each.verdict for each in gate_verdicts.check(gates, report())] == ["pass", "pass", "unmeasured"]
    assert [each.target for each in gate_verdicts.check(gates, report(), target="local")] == ["", "local"]


def unmeasured(change: str) -> Report:
    found = report()
    if change == "no bench":
        found.bench, found.advice = {}, {}
    elif change == "none recommended":
        found.advice["local"]["variant"] = None
    elif change == "few samples":
        found.bench["local"]["measurements"] = [measured("cpu-int8", 0.02, p99_ms=None)]
    elif change == "emulated":
        found.bench["local"]["measurements"] = [measured("cpu-int8", 0.02, source="emulated")]
    elif change == "no control":
        found.rows = [each for each in found.rows if each.kind != "control"]
    elif change == "no onnx":
        found.rows = [each for each in found.rows if each.kind != "variant"]
    elif change == "not perturbed":
        for each in found.rows:
            each.robustness = {}
    elif change == "teacher not perturbed":
        found.rows[-1].robustness |= {"drop": None, "at": None}
    elif change == "not counted":
        found.instructions = {}
    elif change == "no ece":
        found.rows.append(row(5, "calibrate", "variant", 0.9, variant="cpu-int8", scores={"ece": None}))
    elif change == "no bytes":
        found.rows.append(row(5, "calibrate", "variant", 0.9, variant="cpu-int8"))
    return found


@pytest.mark.parametrize(
    ("change", "metric", "said"),
    [
        ("no bench", "latency_p90", "edgespec bench --target local"),
        ("none recommended", "latency_p90", "no file is recommended on local"),
        ("few samples", "latency_p99", "edgespec bench --target local --seconds"),
        ("emulated", "latency_p90", ""),
        ("no control", "gain_over_control", "control: true"),
        ("no onnx", "accuracy", "'to_onnx'"),
        ("no onnx", "robust_accuracy", "edgespec compress, to the end"),
        ("not perturbed", "robust_accuracy", "edgespec compress again"),
        ("not perturbed", "robust_accuracy_drop", "edgespec compress again"),
        ("teacher not perturbed", "robust_accuracy_drop", "step 1's model"),
        ("no ece", "ece", ""),
        ("no bytes", "size", ""),
        ("not counted", "instructions", "valgrind"),
    ],
)
def test_what_was_not_measured_is_not_passed(change: str, metric: str, said: str) -> None:
    generous = 0.0 if METRICS[metric].high else 1e12
    assert one(metric, generous).verdict == "pass"
    verdict = one(metric, generous, unmeasured(change))
    assert (verdict.verdict, verdict.measured) == ("unmeasured", None)
    assert verdict.message.startswith("unmeasured: ")
    assert said in verdict.message


def test_the_recommendation_hears_which_promises_a_file_would_break() -> None:
    gates = [Gate("size", 30_000), Gate("accuracy", 0.91), Gate("latency_p90", 1e-9, "local")]
    assert promises.broken(gates, report(), "float32") == ["size is 40 kB, 10 kB over the 30 kB"]
    assert promises.broken(gates, report(), "cpu-int8") == ["accuracy is 0.900, 0.010 under the 0.910"]
    assert promises.broken(gates, report(), "default") == ["it is only here to be compared with"]


def run_folder(tmp_path: Path, gates: str) -> Path:
    made = report()
    for each in made.last():
        each.file = "model.onnx"
    reports.write(made, tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"x")
    resealed.recipe(tmp_path, f"schema: 1\ngates:\n{gates}")
    return tmp_path


def test_a_run_is_judged_and_its_report_keeps_the_verdicts(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, "  accuracy: 0.5\n  size: 20 kB\n")
    made = gate.judge(Run(folder), gate.Asked())
    found = made.report
    assert made.code == 1
    assert [each["verdict"] for each in found.gates] == ["pass", "fail"]
    assert f"{folder / 'recipe.yaml'}:4" in found.gates[1]["message"]
    assert reports.read(folder).gates == found.gates
    assert gate.judge(Run(run_folder(tmp_path, "  accuracy: 0.5\n")), gate.Asked("local")).code == 0


@pytest.mark.parametrize(
    ("gates", "name", "said"),
    [
        ("  {}\n", None, "makes no promises"),
        ("  accuracy: 0.5\n", "lokal", "unknown target 'lokal'"),
        ("  accuracy: 95\n  sizze: 3\n", None, "recipe.yaml:3: 'accuracy': 95 is not a share"),
    ],
)
def test_a_run_that_cannot_be_judged_says_why(tmp_path: Path, gates: str, name: str | None, said: str) -> None:
    with pytest.raises(Mistake) as caught:
        gate.judge(Run(run_folder(tmp_path, gates)), gate.Asked(name))
    assert said in caught.value.message
    if "sizze" in gates:
        assert isinstance(caught.value, Mistakes)
        assert "recipe.yaml:4: unknown metric 'sizze'" in caught.value.message


def test_a_verdict_is_plain() -> None:
    verdict = one("accuracy", 0.5)
    assert verdict.plain() == {
        "metric": "accuracy", "target": "", "limit": 0.5, "measured": 0.9, "verdict": "pass", "variant": "cpu-int8",
        "message": "", "hint": "", "relative": False, "baseline": None, "skipped": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("limit_us", "verdict"),
    [(17, "fail"), (19.9, "inconclusive"), (21, "inconclusive"), (22.1, "inconclusive"), (23, "pass")],
)
def test_a_latency_whose_interval_straddles_its_limit_can_not_be_told(limit_us: float, verdict: str) -> None:
    found = one("latency_p50", limit_us * 1e-6)  # 20 us, 20 to 22 us, and 1 % of noise
    assert found.verdict == verdict
    if verdict == "inconclusive":
        assert "between 19.8 us and 22.2 us" in found.message
        assert "--seconds 30" in found.hint


def told(verdict: str, *, skipped: bool = False) -> Verdict:
    return Verdict("size", "", 1.0, None, verdict, "", "", "", skipped=skipped)


@pytest.mark.parametrize(
    ("verdicts", "unsure", "code"),
    [
        ([told("pass")], "fail", 0),
        ([told("pass"), told("fail")], "warn", 1),
        ([told("unmeasured")], "warn", 1),
        ([told("unmeasured", skipped=True)], "fail", 0),
        ([told("inconclusive")], "warn", 0),
        ([told("inconclusive")], "fail", 5),
        ([told("inconclusive"), told("fail")], "fail", 1),
    ],
)
def test_the_exit_code_says_what_became_of_the_promises(verdicts: list[Verdict], unsure: str, code: int) -> None:
    assert gate_verdicts.code(verdicts, unsure) == code


def test_what_the_baseline_cannot_answer_breaks_promises_where_that_is_said_and_where_it_answers_none() -> None:
    skipped = replace(told("unmeasured", skipped=True), relative=True)
    kept = replace(told("pass"), relative=True)
    assert gate_verdicts.code([kept, skipped], "warn", "warn") == 0
    assert gate_verdicts.code([kept, skipped], "warn", "fail") == 1
    assert gate_verdicts.code([told("pass"), skipped], "warn", "warn") == 1, "nothing could be compared"


def test_a_limit_broken_while_other_work_held_the_cores_can_not_be_told() -> None:
    found = report()
    for each in found.bench["local"]["measurements"]:
        each["host"] = {**each["host"], "other_cores": 1.5, "cores": 2}
    broken = one("latency_p90", 1e-6, found)
    assert (broken.verdict, "other work held 1.5 cores" in broken.message) == ("inconclusive", True)
    assert one("latency_p90", 1e-3, found).verdict == "pass", "a slow machine proves it all the more"
