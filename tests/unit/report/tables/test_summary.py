"""The sentence that a report begins with."""

from __future__ import annotations

from typing import Any

import pytest
from report_example import measured, report

from edgespec.recipe.gates import Gate
from edgespec.report import Report
from edgespec.report.tables import summary
from edgespec.runs.gate.verdicts import check


def judged(*gates: Gate) -> Report:
    found = report()
    found.gates = [each.plain() for each in check(gates, found)]
    return found


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ([], "gates not judged yet"),
        ([Gate("accuracy", 0.5)], "the gate is kept"),
        ([Gate("accuracy", 0.5), Gate("size", 30_000)], "all 2 gates kept"),
        ([Gate("accuracy", 0.5), Gate("size", 20_000)], "1 of 2 gates kept, 1 failed (size)"),
        (
            [Gate("accuracy", 0.99), Gate("latency_p90", 1e-3, "jetson")],
            "0 of 2 gates kept, 1 failed (accuracy), 1 not measured (latency_p90 jetson)",
        ),
    ],
)
def test_file_size_accuracy_latency_and_gates(gates: list[Gate], said: str) -> None:
    assert summary.line(judged(*gates)) == f"cpu-int8, 25 kB, 0.900 [0.800, 0.970], 20 us: {said}"


def test_an_inconclusive_gate_is_not_kept() -> None:
    found = judged(Gate("accuracy", 0.5))
    found.gates[0]["verdict"] = "inconclusive"
    assert summary.gates(found) == "0 of 1 gates kept, 1 inconclusive (accuracy)"


def test_latencies_of_the_file_on_each_target_that_measured_it_this_machine_first() -> None:
    found = report()
    other: dict[str, Any] = {"format": 1, "measurements": [measured("float32", 9.0), measured("cpu-int8", 0.5)]}
    found.bench = {"jetson": other, **found.bench}
    assert ", 20 us, 500 us on jetson: " in summary.line(found)
    found.bench = {}
    assert summary.line(found) == "cpu-int8, 25 kB, 0.900 [0.800, 0.970]".replace(
        "cpu-int8", found.advice["local"]["variant"]
    ) + (": gates not judged yet")


def test_before_the_export_the_last_step_stands_for_the_run() -> None:
    found = report()
    found.rows = [row for row in found.rows if row.kind != "variant"]
    assert summary.line(found) == "2 distill, 41 kB, 0.930 [0.800, 0.970]: not exported yet"
    found.rows = []
    assert summary.line(found) == ""
