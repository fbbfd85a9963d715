"""What a file scores against the recipe's own limits, without a measurement."""

from __future__ import annotations

from report_example import report

from edgespec.recipe.gates import Gate
from edgespec.report import promises


def test_a_file_hears_which_promises_it_breaks_and_no_other() -> None:
    gates = [Gate("size", 30_000), Gate("accuracy", 0.91), Gate("latency_p90", 1e-9, "local")]
    assert promises.broken(gates, report(), "float32") == ["size is 40 kB, 10 kB over the 30 kB"]
    assert promises.broken(gates, report(), "cpu-int8") == ["accuracy is 0.900, 0.010 under the 0.910"]
    assert promises.broken(gates, report(), "default") == ["it is only here to be compared with"]


def test_a_figure_that_the_run_lacks_breaks_nothing_here() -> None:
    given = report()
    given.instructions = {}
    assert promises.of_row("instructions", given.last()[-1], given) is None
    assert promises.broken([Gate("instructions", 1)], given, "cpu-int8") == []


def test_the_limit_itself_is_kept() -> None:
    assert promises.kept(Gate("accuracy", 0.9), 0.9)
    assert promises.kept(Gate("size", 25_000), 25_000)
    assert not promises.kept(Gate("size", 25_000), 25_001)
    assert promises.compare(Gate("size", 20_000), 25_000, "a.yaml:7").endswith("5 kB over the 20 kB of a.yaml:7")
