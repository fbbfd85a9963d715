"""One picture: accuracy against latency, the Pareto frontier, the area of a mark is the file's size; before bench, accuracy against size."""

from __future__ import annotations

import io
from typing import Any

from edgespec.report import Report
from edgespec.report.pareto import outline, points

SIZE = (8.4, 4.2)


def frontier(report: Report) -> str:
    """Draw an SVG, or give "" where no file has been made yet."""
    marks = _measured(report) or _made(report)
    if not marks:
        return ""
    figure = drawing(SIZE)
    axes = figure.add_subplot()
    largest = max(mark["bytes"] for mark in marks)
    for i, mark in enumerate(marks):
        colour = f"C{i % 10}" if mark["own"] else "0.6"
        area, shape = 40 + 500 * mark["bytes"] / largest, "*" if mark["advised"] else "o"
        label = f"{mark['name']}, {mark['bytes'] / 1000:.0f} kB" + (" (recommended)" if mark["advised"] else "")
        if mark["own"]:
            axes.errorbar(mark["x"], mark["accuracy"], yerr=mark["error"], color=colour, linewidth=1, capsize=2)
        axes.scatter(
            mark["x"], mark["accuracy"], s=area, color=colour, marker=shape, alpha=0.6, linewidths=0, label=label
        )
        axes.annotate(str(i + 1), (mark["x"], mark["accuracy"]), ha="center", va="center", fontsize=7)
    _front(axes, report)
    _name_axes(axes, report)
    _legend(figure, axes)
    kept = io.BytesIO()
    figure.savefig(kept, format="svg", metadata={"Date": None})
    return kept.getvalue().decode()


def _front(axes: Any, report: Report) -> None:
    """Join, target by target, the files that nothing cheaper equals in accuracy."""
    found = points({"": report})
    for target in dict.fromkeys(point.target for point in found):
        here = [point for point in found if point.target == target]
        style = {"color": "0.4", "linewidth": 1, "linestyle": "--", "drawstyle": "steps-post"}
        axes.plot(*outline(here), **style, zorder=1, gid=f"pareto-{target or 'size'}")


def drawing(size: tuple[float, float]) -> Any:
    """Give an empty figure; the same report draws the same bytes."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "edgespec"
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def _name_axes(axes: Any, report: Report) -> None:
    from matplotlib.ticker import FuncFormatter

    axes.set_xscale("log")
    for which in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        which(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(axis="x", which="both", labelsize=7)
    axes.margins(x=0.2, y=0.15)
    axes.set_xlabel("latency of one spectrum, median, us" if report.bench else "size, kB")
    axes.set_ylabel("accuracy on the test part, 95 % interval")
    axes.set_title(
        f"{report.recipe}: data {report.data['source']}; area of a mark is the file's size; dashed: the Pareto frontier",
        fontsize=9,
    )
    axes.grid(alpha=0.3)


def _legend(figure: Any, axes: Any) -> None:
    """Name the numbered marks beside the plot, all drawn alike however large they are in it."""
    handles, labels = axes.get_legend_handles_labels()
    named = [f"{i + 1}  {label}" for i, label in enumerate(labels)]
    legend = figure.legend(handles, named, loc="outside right upper", fontsize=7, frameon=False)
    for handle in legend.legend_handles:
        handle.set_sizes([40])


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
