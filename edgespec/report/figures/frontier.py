"""Accuracy against latency against size, of one run or several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from edgespec import units
from edgespec.report import Report
from edgespec.report.figures.guard import in_place
from edgespec.report.figures.svg import MARKERS, WIDTH, Canvas, colour, logarithmic
from edgespec.report.html_model import Figure, table
from edgespec.report.pareto import Point, efficient, outline, points

HEAD = [
    "run",
    "file",
    "target",
    "accuracy",
    "95 % interval",
    "latency, median",
    "size",
    "on the frontier",
    "recommended",
]
CAPTION = (
    "Up and to the left is better; the area of a mark is the size of its file. Filled marks are on the Pareto frontier: nothing else "
    "measured there on the same data is as accurate, as fast and as small. The line joins those that nothing cheaper equals in accuracy. "
    "A ring marks what is recommended; grey is what is only compared with. Bars are 95 % intervals that count physical samples: "
    "where they overlap, the order may be chance."
)


@in_place
def figure(name: str, reports: Mapping[str, Report]) -> Figure | None:
    """Draw all files of these reports, or give None where none has been made yet."""
    found = points(reports)
    return of_points(name, found, efficient(found), by_run=len(reports) > 1) if found else None


def of_points(
    name: str,
    found: Sequence[Point],
    on_front: Sequence[bool],
    *,
    by_run: bool = False,
    part: str = "test",
    caption: str = CAPTION,
) -> Figure:
    """Draw points, filled where they are on the frontier; runs, else targets, have a colour each. part: that they were judged on"""
    groups = list(dict.fromkeys(_group(each, by_run) for each in found))
    title = "Accuracy against latency and size" if found[0].target else "Accuracy against size"
    legend = [(i, each) for i, each in enumerate(groups)] if len(groups) > 1 else []
    drawn = [_draw(f"{name}{suffix}", f"{title}: {len(found)} files", found, on_front, groups, by_run, part, size)
             for suffix, size in (("", (WIDTH, 360)), ("-wide", (860, 410)))]  # fmt: skip
    rows = [_row(each, front) for each, front in zip(found, on_front, strict=True)]
    return Figure(title, drawn[0], caption, legend, table(title, HEAD, rows), wide=drawn[1])


def _draw(
    name: str, title: str, found: Sequence[Point], on_front: Sequence[bool], groups: Sequence[str],
    by_run: bool, part: str, size: tuple[float, float],
) -> Markup:  # fmt: skip
    canvas = Canvas(name, title, *size)
    axes = canvas.axes()
    _scale(axes, found, part)
    for i, group in enumerate(groups):
        mine = [each for each in found if _group(each, by_run) == group]
        axes.plot(*outline(mine), drawstyle="steps-post",
                  color=colour(i), linewidth=1.2, alpha=0.5, zorder=2)  # fmt: skip
    for point, front in zip(found, on_front, strict=True):
        i = groups.index(_group(point, by_run))
        shade = colour(i) if point.own else colour("muted")
        width = _diameter(point, found, axes)
        if point.own:
            axes.plot([point.cost] * 2, [point.low, point.high], color=shade, linewidth=1.2, zorder=3)
        gid = canvas.mark(point.words() + ("; on the frontier" if front else "; something else is better in all three")
                          + ("; recommended" if point.advised else ""), key=point.variant)  # fmt: skip
        axes.plot(point.cost, point.accuracy, MARKERS[i % len(MARKERS)], markersize=width, gid=gid, zorder=4, clip_on=False,
                  color=shade if front else colour("card"), markeredgecolor=shade, markeredgewidth=1.6, alpha=0.85)  # fmt: skip
        if point.advised:
            axes.plot(point.cost, point.accuracy, "o", markersize=width + 9, color="none", markeredgecolor=shade,
                      markeredgewidth=1.4, zorder=3, clip_on=False)  # fmt: skip
    _labels(axes, found)
    return canvas.svg()


def _diameter(point: Point, found: Sequence[Point], axes: Any) -> float:
    """Give the mark's size: its area, over a least one that can be seen, is the file's size."""
    room = 1.15 if axes.figure.get_figwidth() * 72 > 500 else 0.9
    return room * (8 + 26 * math.sqrt(point.bytes / max(each.bytes for each in found)))


def _scale(axes: Any, found: Sequence[Point], part: str) -> None:
    low, high = min(each.cost for each in found) / 1.6, max(each.cost for each in found) * 1.6
    time = bool(found[0].target)
    logarithmic(axes, "x", lambda cost: units.show_time(cost / 1e6) if time else units.show_size(cost * 1e3), low, high)
    axes.set_xlim(low, high)
    bottom, top = min(each.low for each in found), max(each.high for each in found)
    axes.set_ylim(bottom - 0.1 * (top - bottom) - 0.004, top + 0.1 * (top - bottom) + 0.004)
    axes.set_xlabel("latency of one spectrum, median" if time else "size of the file")
    axes.set_ylabel(f"accuracy on the {part} part")


def _labels(axes: Any, found: Sequence[Point]) -> None:
    """Name marks below or above them, the run's own first, where the name finds room."""
    taken: list[tuple[float, float, float]] = []
    for point in sorted(found, key=lambda each: not each.own):
        name = f"{point.run} {point.variant}".strip()
        x, y = axes.transData.transform((point.cost, point.accuracy))
        half, off = 3.1 * len(name), _diameter(point, found, axes) / 2 + 4
        for by in (-off - 10, off, -off - 22, off + 12):
            if all(abs(x - u) > half + other or abs(y + by - v) > 12 for u, v, other in taken):
                axes.annotate(name, (point.cost, point.accuracy), xytext=(0, by), textcoords="offset points", ha="center",
                              fontsize=10.5, color=colour("ink" if point.own else "muted"), zorder=6)  # fmt: skip
                taken.append((x, y + by, half))
                break


def _group(point: Point, by_run: bool) -> str:
    """What has a colour of its own: a run, or a target where there is but one run."""
    return point.run if by_run else point.target or "size"


def _row(point: Point, front: bool) -> list[str]:
    latency = units.show_time(point.cost / 1e6) if point.target else "-"
    error = f"{point.low:.3f} - {point.high:.3f}" if point.high > point.low else "-"
    return [point.run, point.variant, point.target, f"{point.accuracy:.3f}", error, latency, units.show_size(point.bytes),
            "yes" if front else "", "yes" if point.advised else ""]  # fmt: skip
