"""The rows of a report as cells of text, for whoever draws the table."""

from __future__ import annotations

from typing import Any

from edgespec import units
from edgespec.metrics import METRICS
from edgespec.report import Report, Row

Table = list[list[str]]
HEAD = [
    "#",
    "step",
    "model",
    "params",
    "MACs",
    "FLOPs",
    "size",
    "accuracy",
    "95 % interval",
    "sens.",
    "spec.",
    "F1",
    "ECE",
    "agree",
    "drop",
    "time",
]
COST_HEAD = ["step", "time", "accuracy", "change", "size", "change"]
BENCH_HEAD = [
    "target",
    "variant",
    "p50",
    "95 % interval",
    "p90",
    "p99",
    "ratio",
    "95 % interval",
    "accuracy",
    "agree",
    "size",
    "cold start",
    "memory",
    "",
]
GATE_HEAD = ["gate", "limit", "measured", "verdict"]


def scores(report: Report) -> Table:
    """One line a model: what it is, what it weighs, how right it is."""
    return [_score(row) for row in report.rows]


def costs(report: Report) -> Table:
    """One line a step: what it took, and what it did to accuracy and size against the step before."""
    found, before = [], None
    for step in report.steps:
        made = [row for row in report.rows if row.step == step["number"] and row.kind in ("step", "variant")]
        if not made:
            continue
        row = made[-1]
        accuracy = f"{row.accuracy - before.accuracy:+.3f}" if before else ""
        size = f"x {(row.bytes or 0) / before.bytes:.2f}" if before and before.bytes else ""
        name = f"{step['number']} {step['name']}"
        found.append(
            [name, f"{step['seconds']:.1f} s", f"{row.accuracy:.3f}", accuracy, _or(row.bytes, units.show_size), size]
        )
        before = row
    return found


def bench(report: Report) -> Table:
    """One line a measured file: latency with its interval, ratio to the default export, accuracy of the same outputs."""
    found = []
    for target, record in report.bench.items():
        advised = report.advice.get(target, {}).get("variant")
        found += [_bench(target, each, each["variant"] == advised) for each in record["measurements"]]
    return found


def gates(report: Report) -> Table:
    """One line a promise."""
    found = []
    for each in report.gates:
        metric = METRICS[each["metric"]]
        limit = f"{'>=' if metric.high else '<='} {metric.show(each['limit'])}"
        measured = "-" if each["measured"] is None else metric.show(each["measured"])
        verdict = (
            each["verdict"]
            if each["verdict"] == "pass"
            else each["message"] + ("" if not each["hint"] or each["verdict"] == "unmeasured" else f"; {each['hint']}")
        )
        found.append(
            [
                f"{each['metric']} {each['target']}".strip(),
                limit,
                measured,
                verdict if each["verdict"] != "fail" else f"FAIL: {verdict}",
            ]
        )
    return found


def headline(report: Report) -> str:
    """Name, seed, data with its stamp, and version: what stands above every table."""
    data = report.data
    counts = " + ".join(str(n) for n in data["train"].values())
    version = report.environment["versions"]["edgespec"]
    return (
        f"{report.recipe}   seed {report.seed}   data: {data['source']} ({data['name']}, {counts} training, {data['test']} test spectra, "
        f"{data['classes']} classes)   edgespec {version}"
    )


def _score(row: Row) -> list[str]:
    found = row.scores
    name = " ".join(each for each in (row.name, row.variant if row.kind == "variant" else "") if each)
    learnt = ", ".join(each for each in (row.on, row.labels if row.labels not in ("", "all") else "") if each)
    return [
        str(row.step) if row.step else "",
        name,
        f"{row.model} ({learnt})" if learnt else row.model,
        _or(row.params, units.show_count),
        _or(row.macs, units.show_count),
        _or(row.flops, units.show_count),
        _or(row.bytes, units.show_size),
        f"{found['accuracy']:.3f}",
        f"{found['low']:.3f} - {found['high']:.3f}",
        f"{found['sensitivity']:.3f}",
        f"{found['specificity']:.3f}",
        f"{found['macro_f1']:.3f}",
        _or(found["ece"], "{:.3f}".format),
        _or(row.agreement, "{:.3f}".format),
        _or(row.drop, "{:+.3f}".format),
        _or(row.seconds, "{:.1f} s".format),
    ]


def _bench(target: str, each: dict[str, Any], advised: bool) -> list[str]:
    return [
        target,
        each["variant"],
        units.show_time(each["p50_ms"] / 1e3),
        _between([value * 1e3 for value in each["p50_interval_ms"]], "{:.3g}") + " us",
        _or(each["p90_ms"], lambda ms: units.show_time(ms / 1e3)),
        _or(each["p99_ms"], lambda ms: units.show_time(ms / 1e3)),
        f"{each['ratio']:.2f}",
        _between(each["ratio_interval"], "{:.2f}"),
        f"{each['accuracy']:.3f}",
        f"{each['agreement']:.3f}",
        units.show_size(each["size_bytes"]),
        f"{each['cold_load_ms'] + each['cold_first_ms']:.0f} ms",
        units.show_size(each["peak_memory_bytes"]),
        "recommended" if advised else "",
    ]


def _between(pair: Any, form: str) -> str:
    return f"{form.format(pair[0])} - {form.format(pair[1])}"


def _or(value: Any, show: Any) -> str:
    return "-" if value is None else show(value)
