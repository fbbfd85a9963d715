"""A run's report on terminals of three widths."""

from __future__ import annotations

import copy

import planted_rows
import pytest
from report_example import report

from edgespec.pipeline import comparison as comparing
from edgespec.recipe.gates import Gate
from edgespec.report import Report, tables, terminal
from edgespec.report.tables import robustness, uncertainty
from edgespec.runs.gate.verdicts import check

WIDTHS = [80, 120, 160]


def whole() -> Report:
    """A report with every table, a failed gate, and notes as long as runs have them."""
    found = report()
    gates = [Gate("accuracy", 0.99), Gate("size", 20_000), Gate("latency_p90", 1e-3, "jetson")]
    found.gates = [each.plain() for each in check(gates, found)]
    found.notes = ["data: embedded. These spectra are generated.", *found.notes, "cpu-int8 stays in float32 " * 12]
    return found


def led() -> Report:
    found = planted_rows.report((2, {"shift +5": 20, "shift -5": 16}))
    found.comparison = comparing.of(found)
    found.comparison["models"][1]["name"] = "logistic regression trained on library (all)"
    return found


def longest(text: str) -> int:
    return max(map(len, text.splitlines()))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("found", [whole(), led(), report("measured")], ids=["whole", "led", "measured"])
def test_no_line_is_wider_than_the_terminal(found: Report, width: int) -> None:
    for text in (terminal.show(found, width), terminal.show_bench(found, width, titled=True)):
        assert longest(text) <= width
    if found.gates:
        assert longest(terminal.show_gates(found, width)) <= width


def test_at_80_columns_the_columns_that_matter_stay() -> None:
    text = terminal.show(whole(), 80)
    heads = text.splitlines()
    for first, names in (
        ("#  step", ("learnt from", "size", "accuracy", "95 % interval")),
        ("target", ("variant", "p50", "ratio", "accuracy", "size", "advice")),
        ("gate", ("limit", "measured", "verdict")),
    ):
        (head,) = [line for line in heads if line.startswith(first)]
        assert all(name in head for name in names), head
    assert "1 per class" in text
    assert text.endswith("Some columns are left out. --wide prints all columns.")


def test_a_wider_terminal_shows_no_fewer_columns() -> None:
    steps = [terminal.laid_out([terminal.steps(whole(), width)], width).splitlines()[0].split() for width in WIDTHS]
    assert len(steps[0]) < len(steps[1]) < len(steps[2])


def test_without_a_width_every_table_has_all_columns() -> None:
    lines = [line.split() for line in terminal.show(whole()).splitlines()]
    for head in (tables.HEAD, tables.BENCH_HEAD, tables.GATE_HEAD, robustness.HEAD, uncertainty.HEAD):
        assert " ".join(head).split() in lines


@pytest.mark.parametrize("width", [None, 80])
def test_title_and_summary_come_first_and_embedded_data_are_named_once(width: int | None) -> None:
    text = terminal.show(whole(), width)
    assert text.startswith("hand   seed 0   data: embedded (minerals")
    after = " ".join(text.split()).partition("edgespec 0.1.0 ")[2]
    assert after.startswith(
        "cpu-int8, 25 kB, 0.900 [0.800, 0.970], 20 us: 0 of 3 gates kept, 2 failed (accuracy, size), "
    )
    assert text.count("data: embedded") == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_the_comparison_keeps_clean_and_mean_and_wraps_names(width: int) -> None:
    found = led()
    text = terminal.show(found, width).split("\n\n")[1]
    head = text.splitlines()[0]
    last = list(found.comparison["conditions"])[-1]
    assert "clean" in head
    assert last in head
    assert "logistic regression" in text
    assert ("shift 5 cm-1" in head) == (width > 80)


def test_to_lay_out_a_report_changes_nothing_in_it() -> None:
    found = whole()
    before = copy.deepcopy(found)
    terminal.show(found, 80)
    assert found == before
