"""One picture: accuracy against latency, the area of a mark is the file's size; before bench, accuracy against size."""

from __future__ import annotations

import io
from typing import Any

from edgespec.report import Report

SIZE = (7.2, 4.2)


def frontier(report: Report) -> str:
    """Draw an SVG, or give "" where no file has been made yet."""
    marks = _measured(report) or _made(report)
    if not marks:
        return ""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "edgespec"  # the same report draws the same bytes
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    largest = max(mark["bytes"] for mark in marks)
    for mark in marks:
        colour = "tab:green" if mark["advised"] else "tab:blue" if mark["own"] else "tab:gray"
        area = 30 + 500 * mark["bytes"] / largest
        axes.scatter(mark["x"], mark["accuracy"], s=area, color=colour, alpha=0.6, linewidths=0)
        axes.errorbar(mark["x"], mark["accuracy"], yerr=mark["error"], color=colour, linewidth=1, capsize=2)
        label = f"{mark['name']}, {mark['bytes'] / 1000:.0f} kB" + (" (recommended)" if mark["advised"] else "")
        axes.annotate(label, (mark["x"], mark["accuracy"]), textcoords="offset points", xytext=(8, 6), fontsize=8)
    axes.set_xscale("log")
    axes.margins(x=0.25, y=0.15)
    axes.set_xlabel("latency of one spectrum, median, us" if _measured(report) else "size, kB")
    axes.set_ylabel("accuracy on the test part, 95 % interval")
    axes.set_title(f"{report.recipe}: data {report.data['source']}; area of a mark is the file's size", fontsize=9)
    axes.grid(alpha=0.3)
    kept = io.BytesIO()
    figure.savefig(kept, format="svg", metadata={"Date": None})
    return kept.getvalue().decode()


def _measured(report: Report) -> list[dict[str, Any]]:
    intervals = {row.variant: (row.scores["low"], row.scores["high"]) for row in report.last()}
    found = []
    for target, record in report.bench.items():
        advised = report.advice.get(target, {}).get("variant")
        for each in record["measurements"]:
            own = each["variant"] in intervals
            low, high = intervals.get(each["variant"], (each["accuracy"], each["accuracy"]))
            name = each["variant"] if len(report.bench) == 1 else f"{target} {each['variant']}"
            mark = _mark(name, each["p50_ms"] * 1e3, each["accuracy"], low, high, each["size_bytes"])
            found.append(mark | {"own": own, "advised": each["variant"] == advised})
    return found


def _made(report: Report) -> list[dict[str, Any]]:
    return [
        _mark(row.variant, (row.bytes or 0) / 1000, row.accuracy, row.scores["low"], row.scores["high"], row.bytes or 1)
        | {"own": True, "advised": False}
        for row in report.last()
    ]


def _mark(name: str, x: float, accuracy: float, low: float, high: float, size: int) -> dict[str, Any]:
    error = [[max(accuracy - low, 0)], [max(high - accuracy, 0)]]
    return {"name": name, "x": x, "accuracy": accuracy, "error": error, "bytes": size}
