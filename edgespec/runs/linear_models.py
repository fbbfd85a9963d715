"""A run's linear models beside the file that is recommended on a target: faster they often are, so accuracy and robustness decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgespec.bench import recommend
from edgespec.bench.paired import Pairs
from edgespec.pipeline import comparison
from edgespec.report import Report, Row


def title(row: Row) -> str:
    """Name the file of a linear model in a measurement: what it is and what it learnt from."""
    return f"{row.variant} {row.on}".strip() + (f" ({row.labels})" if row.labels != "all" else "")


def beside(report: Report, chosen: str | None, measured: Sequence[str], pairs: Pairs) -> dict[str, Any]:
    """Give a linear model that answers faster than the recommended file: `variant`, whether it is `recommended` in its place, and `why`.

    chosen: the recommended file; measured: names of all that was measured; pairs: the paired latencies of two of them
    The fastest that is below the file neither clean nor perturbed, else the one that is most accurate on clean spectra; {} where none is faster.
    """
    mine = next((row for row in report.last() if row.variant == chosen), None)
    known = {title(row): row for row in report.rows if row.model == "linear" and row.kind == "baseline"}
    if mine is None:
        return {}
    faster = {name: pairs(name, mine.variant) for name in known if name in measured}
    faster = {name: pair for name, pair in faster.items() if pair.faster}
    if not faster:
        return {}
    gaps = {name: comparison.gaps(report, known[name], mine) for name in faster}
    fit = [name for name in faster if recommend.stands_in(gaps[name])]
    name = min(fit, key=lambda each: faster[each].ratio) if fit else max(faster, key=lambda each: known[each].accuracy)
    why = recommend.linear(name, mine.variant, faster[name], gaps[name])
    return {"variant": name, "recommended": bool(fit), "why": why}
