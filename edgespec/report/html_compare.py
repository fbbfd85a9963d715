"""Several runs side by side: one table, one frontier, the robustness of what each ships, and what forbids comparing them."""

from __future__ import annotations

from collections.abc import Mapping

from edgespec import units
from edgespec.report import Report, Row
from edgespec.report.figures import curves, frontier
from edgespec.report.html_model import Section, shipped, table
from edgespec.report.tables.layout import Shape

HEAD = [
    "run",
    "recipe",
    "seed",
    "data",
    "file",
    "model",
    "accuracy",
    "95 % interval",
    "size",
    "latency",
    "perturbed",
    "ECE",
    "AUROC unknown",
    "promises",
]
SHAPE = Shape(("run", "accuracy", "95 % interval", "size", "latency", "promises", "file", "perturbed", "data"), 5)


def beside(reports: Mapping[str, Report]) -> list[Section]:
    """Compare the files that runs ship. reports: title -> report"""
    lines = [line(title, report) for title, report in reports.items()]
    made = table("The file that each run ships", HEAD, lines)
    front = frontier.figure("together-front", reports)
    rows = [(title, row) for title, report in reports.items() if (row := shipped(report)) is not None]
    numbers = {title: i for i, title in enumerate(reports)}
    drawn = [*([front] if front else []), *curves.robustness("together-robust", rows, numbers)]
    told = Section("together", "Side by side", tables=[made], notes=doubts(reports))
    return [told, Section("together-drawn", "All runs, drawn together", figures=drawn)] if drawn else [told]


def doubts(reports: Mapping[str, Report]) -> list[str]:
    """Say what speaks against comparing these runs."""
    found = []
    if len({report.data["digest"] for report in reports.values()}) > 1:
        found.append("These runs stand on different data: their accuracies do not compare.")
    elif len({report.seed for report in reports.values()}) > 1:
        found.append(
            "These runs have different seeds: where the recipe draws its parts, they were judged on different spectra."
        )
    machines = {_machine(report) for report in reports.values() if report.bench}
    if len(machines) > 1:
        found.append("These runs were measured on different machines: compare ratios, not latencies.")
    elif sum(bool(report.bench) for report in reports.values()) > 1:
        found.append(
            "These runs were measured in different sessions: what the machine did meanwhile is in the difference of their latencies."
        )
    return found


def _machine(report: Report) -> str:
    hosts = [each["host"].get("cpu", "") for record in report.bench.values() for each in record["measurements"][:1]]
    return ", ".join(map(str, hosts))


def line(title: str, report: Report) -> list[str]:
    """Give a run's line of the table, by the file that it ships."""
    row = shipped(report)
    start = [title, report.recipe, str(report.seed), f"{report.data['name']} ({report.data['source']})"]
    kept = f"{sum(each['verdict'] == 'pass' for each in report.gates)} of {len(report.gates)}" if report.gates else "-"
    if row is None:
        return [*start, "none yet", *["-"] * 8, kept]
    interval = f"{row.scores['low']:.3f} - {row.scores['high']:.3f}"
    perturbed, unknown = row.robustness.get("mean"), row.reject.get("auroc_unknown")
    return [*start, row.variant, row.model, f"{row.accuracy:.3f}", interval, units.show_size(row.bytes or 0), _latency(report, row),
            *("-" if each is None else f"{each:.3f}" for each in (perturbed, row.scores["ece"], unknown)), kept]  # fmt: skip


def _latency(report: Report, row: Row) -> str:
    for target, record in report.bench.items():
        for each in record["measurements"]:
            if each["variant"] == row.variant and each["p50_ms"] is not None:
                return f"{units.show_time(each['p50_ms'] / 1e3)} {target}"
    return "-"
