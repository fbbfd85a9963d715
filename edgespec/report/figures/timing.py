"""Latency as it was: every sample of every file, and the session from its first round to its last."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from edgespec import units
from edgespec.report.figures.guard import in_place
from edgespec.report.figures.svg import MARKERS, WIDTH, Canvas, colour, logarithmic
from edgespec.report.histogram import edges_us
from edgespec.report.html_model import Figure, table

FEW = 3  # samples in a bin that are drawn one by one
MOST = 60  # rounds of a file that are drawn: more are a blur, and 0.1 MB a target
MARKED, LEAST = 96, 6  # points of a drawing that say what they were, and of one line at least
STROKE = 0.12  # half the height of a single sample, of a file's row
DRAWN = 3  # bins that are drawn as one: a pixel holds no more
QUANTILES = {"P50": "p50_ms", "P90": "p90_ms", "P99": "p99_ms"}
HEAD = ["file", "samples", "rounds", "fastest", "median", "P90", "P99", "slowest"]


@in_place
def distributions(name: str, record: Mapping[str, Any], series: Mapping[str, int]) -> Figure | None:
    """Draw how the latency of each file is distributed, the slowest samples one by one; None where samples were not kept."""
    found = {file: each for file, each in record.get("distributions", {}).items() if each["bins"]}
    if not found:
        return None
    canvas = Canvas(name, f"Latency distributions of {len(found)} files", WIDTH, 70 + 42 * len(found))
    axes = canvas.axes()
    numbers = {each["variant"]: each for each in record["measurements"]}
    for row, (file, each) in enumerate(found.items()):
        shade = colour(series[file])
        _shape(axes, _broader(each["bins"]), row, shade)
        slow = edges_us(_quantile(each["bins"], 0.5))[1] * 1.5
        single = [edges_us(i)[0] for i, count in each["bins"] if count <= FEW and edges_us(i)[0] > slow]
        across = [
            place for x in single for place in (x, x, math.nan)
        ]  # one path for all strokes: an element each took 0.3 MB a target
        axes.plot(across, [row - STROKE, row + STROKE, math.nan] * len(single), color=shade, linewidth=0.8, alpha=0.7)
        known = numbers.get(file, {})
        marks = [(mark, known[key]) for mark, key in QUANTILES.items() if known.get(key) is not None]
        if marks:
            words = [f"{file}: {mark} {units.show_time(ms / 1e3)}, {known['n']} samples" for mark, ms in marks]
            axes.plot([ms * 1e3 for _, ms in marks], [row + 0.16] * len(marks), "^", color=colour("card"), markeredgecolor=shade,
                      markersize=6.5, gid=canvas.mark(*words, key=file))  # fmt: skip
    ends = [edges_us(each["bins"][i][0])[0] for each in found.values() for i in (0, -1)]
    _microseconds(axes, "x", min(ends), max(ends))
    axes.set_yticks(range(len(found)), [_short(file) for file in found])
    axes.set_ylim(len(found) - 0.5, -0.8)
    axes.set_xlabel("latency of one spectrum")
    lines = [_line(file, each["bins"], len(each["rounds_us"])) for file, each in found.items()]
    caption = (
        "Every sample is in the drawing: heights count samples in bins 1 % wide, strokes are single slow ones, triangles P50, P90 and P99. "
        "The reference runs twice in the session; how far it is from itself is the noise."
    )
    return Figure(
        "Every sample", canvas.svg(), caption, (), table("Latency, every sample, in bins of 1 %", HEAD, lines)
    )


@in_place
def rounds(name: str, record: Mapping[str, Any], series: Mapping[str, int]) -> Figure | None:
    """Draw each file's median in every round of the session, or give None where that was not kept."""
    found = {
        file: each["rounds_us"] for file, each in record.get("distributions", {}).items() if len(each["rounds_us"]) > 1
    }
    if not found:
        return None
    canvas = Canvas(name, "Median latency in each round of the session", WIDTH, 320)
    axes = canvas.axes()
    for file, medians in found.items():
        i, (turns, medians) = series[file], _grouped(medians)
        words = [
            f"{file}, round {turn}: {units.show_time(value / 1e6)}" for turn, value in zip(turns, medians, strict=True)
        ]
        axes.plot(turns, medians, color=colour(i), linewidth=1.4)
        every = _marked(len(words), len(found))
        axes.plot(turns[every], medians[every], MARKERS[i % 8], color=colour(i), markersize=4, clip_on=False,
                  gid=canvas.mark(*words[every], key=file))  # fmt: skip
    values = [value for medians in found.values() for value in medians]
    _microseconds(axes, "y", min(values) / 1.1, max(values) * 1.1)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("round; all files run in each")
    axes.set_ylabel("median latency")
    legend = [(series[file], file) for file in found]
    head = ["file", "first round", "last round", "fastest", "slowest"]
    lines = [
        [file, *(f"{value:.3g} us" for value in (each[0], each[-1], min(each), max(each)))]
        for file, each in found.items()
    ]
    caption = "What the machine did in a round, it did to all files: ratios compare the same rounds."
    group = max(_group(len(medians)) for medians in found.values())
    caption += f" Of each {group} rounds in a row the median is drawn." if group > 1 else ""
    return Figure("Over the session", canvas.svg(), caption, legend, table("Medians of rounds", head, lines))


def _marked(points: int, lines: int) -> slice:
    """Give which points of a line are marked: a mark with its words takes the room of thirty points."""
    return slice(None, None, 1 + points // max(MARKED // lines, LEAST))


def _group(rounds: int) -> int:
    return -(-rounds // MOST)


def _grouped(medians: Sequence[float]) -> tuple[list[int], list[float]]:
    """Give at most MOST rounds: of several in a row the first one's number and the median of all."""
    size = _group(len(medians))
    starts = range(0, len(medians), size)
    return [start + 1 for start in starts], [statistics.median(medians[start : start + size]) for start in starts]


@in_place
def readings(name: str, record: Mapping[str, Any]) -> list[Figure]:
    """Draw clocks and temperatures over the session, a line a sensor; nothing where no sensor told anything."""
    found = []
    for kind, label in (("mhz", "clock, MHz"), ("celsius", "temperature, degrees Celsius")):
        lines = _lines(record.get("readings", []), kind)
        if not lines:
            continue
        canvas = Canvas(f"{name}-{kind}", f"{label}, of {len(lines)} sensors over the session", WIDTH, 270)
        axes = canvas.axes()
        for i, (sensor, marks) in enumerate(lines.items()):
            ts, values = zip(*marks, strict=True)
            every = _marked(len(ts), len(lines))
            words = [f"{sensor} after {t:.1f} s: {value:g}" for t, value in marks[every]]
            axes.plot(ts, values, color=colour(i), linewidth=1.3)
            axes.plot(
                ts[every],
                values[every],
                MARKERS[i % 8],
                color=colour(i),
                markersize=4,
                gid=canvas.mark(*words, key=sensor),
            )
        axes.set_xlabel("seconds of measuring")
        axes.set_ylabel(label)
        head = ["sensor", "first", "lowest", "highest", "last"]
        cells = [
            [sensor, *(f"{value:g}" for value in _ends([value for _, value in marks]))]
            for sensor, marks in lines.items()
        ]
        legend = [(i, sensor) for i, sensor in enumerate(lines)]
        title = label.partition(",")[0].capitalize()
        found.append(
            Figure(
                title,
                canvas.svg(),
                "Read beside the timing, processes one after another.",
                legend,
                table(label, head, cells),
            )
        )
    return found


def _lines(processes: Sequence[Sequence[Mapping[str, Any]]], kind: str) -> dict[str, list[tuple[float, float]]]:
    """Give sensor -> (seconds, value), the processes' times one after another."""
    found: dict[str, list[tuple[float, float]]] = {}
    start = 0.0
    for each in processes:
        for reading in each:
            for sensor, value in reading[kind].items():
                found.setdefault(sensor, []).append((start + reading["t"], value))
        start += each[-1]["t"] if each else 0.0
    return found


def _ends(values: Sequence[float]) -> tuple[float, ...]:
    return values[0], min(values), max(values), values[-1]


def _shape(axes: Any, bins: Mapping[int, int], row: int, shade: str) -> None:
    """Draw a silhouette above the row's line, its height the square root of the count: rare samples stay visible."""
    top = max(bins.values()) ** 0.5
    xs, ys = [], []
    for i, count in bins.items():
        left, right = edges_us(i * DRAWN)[0], edges_us((i + 1) * DRAWN)[0]
        if i - 1 not in bins:
            xs.append(left)
            ys.append(float(row))
        xs += [left, right]
        ys += [row - 0.78 * count**0.5 / top] * 2
        if i + 1 not in bins:
            xs.append(right)
            ys.append(float(row))
    axes.fill(xs, ys, color=shade, alpha=0.75, linewidth=0)


def _broader(bins: list[list[int]]) -> dict[int, int]:
    """Count in bins as broad as DRAWN of them."""
    found: dict[int, int] = {}
    for i, count in bins:
        found[i // DRAWN] = found.get(i // DRAWN, 0) + count
    return found


def _quantile(bins: list[list[int]], share: float) -> int:
    """Give the bin that a quantile lies in."""
    left = share * sum(count for _, count in bins)
    for i, count in bins:
        left -= count
        if left <= 0:
            return i
    return bins[-1][0]


def _line(file: str, bins: list[list[int]], turns: int) -> list[str]:
    def show(i: int) -> str:
        return units.show_time(edges_us(i)[0] / 1e6)

    n = sum(count for _, count in bins)
    shares = [show(_quantile(bins, share)) for share in (0.5, 0.9, 0.99)]
    return [file, str(n), str(turns), show(bins[0][0]), *shares, show(bins[-1][0])]


def _microseconds(axes: Any, which: str, low: float, high: float) -> None:
    logarithmic(axes, which, lambda us: units.show_time(us / 1e6), low, high)


def _short(file: str) -> str:
    return file if len(file) <= 20 else f"{file[:19]}…"
