"""Curves of what a model bears: risk against coverage, accuracy under perturbations, without channels, in int8."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from edgespec.report import Report, Row
from edgespec.report.figures.guard import in_place
from edgespec.report.figures.svg import DASHES, MARKERS, WIDTH, Canvas, colour, logarithmic
from edgespec.report.html_model import Figure, judged, series, table, title
from edgespec.report.tables import uncertainty as knowing

FAMILIES = {
    "shift": "axis shifted, cm-1", "stretch": "axis stretched, %", "drift": "fluorescence, share of the highest band",
    "SNR": "noise, SNR in dB",
}  # fmt: skip
_STRENGTH = re.compile(r"(shift|stretch|drift|SNR) ([-+]?[\d.]+)")


@in_place
def risk(name: str, report: Report) -> Figure | None:
    """Draw the share of wrong answers among the surest ones, or give None where it was not measured."""
    rows = [row for row in knowing.judged(report) if row.reject.get("coverage")]
    if not rows:
        return None
    canvas = Canvas(name, f"Risk against coverage of {len(rows)} models", WIDTH, 290)
    axes = canvas.axes()
    for place, row in enumerate(rows):
        marks = list(zip(row.reject["coverage"], row.reject["risk"], strict=True))
        words = [f"{title(row)}: {y:.1%} wrong among the surest {x:.0%}" for x, y in marks]
        _line(canvas, axes, series(report)[title(row)], len(rows) - place, marks, words, title(row))
    axes.set_xlabel("coverage: share of the test spectra answered, surest first")
    axes.set_ylabel("risk: share of wrong answers")
    axes.set_ylim(0, max(0.01, *(1.1 * y for row in rows for y in row.reject["risk"])))
    head, cells = list(knowing.HEAD), knowing.models(report)
    caption = "A model that knows what it does not know answers the surest spectra without a mistake: the curve stays low as long as it can."
    return Figure(
        "Risk against coverage",
        canvas.svg(),
        caption,
        _legend(report, rows),
        table("What it does not know", head, cells),
    )


@in_place
def robustness(name: str, rows: Sequence[tuple[str, Row]], numbers: Mapping[str, int]) -> list[Figure]:
    """Draw accuracy under every perturbation, and as curves where one comes in several strengths.

    rows: (what to call it, row); numbers: its series
    """
    rows = [(called, row) for called, row in rows if row.robustness.get("accuracy")]
    if not rows:
        return []
    names = list(dict.fromkeys(each for _, row in rows for each in row.robustness["accuracy"]))
    legend = [(numbers[called], called) for called, _ in rows]
    return [_all(name, names, rows, numbers, legend), _families(f"{name}-by", rows, numbers, legend)]


@in_place
def pruning(name: str, report: Report) -> list[Figure]:
    """Draw accuracy against the share of a group's weakest channels removed, of each step that pruned."""
    found = []
    for row in (each for each in report.rows if each.pruning.get("sensitivity")):
        known = row.pruning["sensitivity"]
        shares, groups = [0.0, *known["shares"]], known["groups"]
        canvas = Canvas(
            f"{name}{row.step}", f"Accuracy without channels, {len(groups)} groups, step {title(row)}", WIDTH, 290
        )
        axes = canvas.axes()
        least = sorted(groups, key=lambda group: groups[group][-1])[:6]
        for group, values in groups.items():
            i = least.index(group) if group in least else None
            shade = colour("muted") if i is None else colour(i)
            axes.plot(shares, [known["before"], *values], color=shade, linewidth=1 if i is None else 2, alpha=0.5 if i is None else 1,
                      linestyle="-" if i is None else DASHES[i])  # fmt: skip
            words = [
                f"{group}: {y:.3f} without {x:.0%} of its channels" for x, y in zip(shares[1:], values, strict=True)
            ]
            axes.plot(shares[1:], values, "o" if i is None else MARKERS[i], color=shade, markersize=4 if i is None else 6,
                      gid=canvas.mark(*words, key=group), clip_on=False)  # fmt: skip
        axes.set_xlabel("share of the group's weakest channels removed")
        axes.set_ylabel("validation accuracy, nothing relearnt")
        head = ["group", "channels", *(f"{share:.0%} removed" for share in known["shares"]), "stay"]
        last, first = row.pruning["rounds"][-1]["widths"], row.pruning["channels"]
        lines = [
            [group, str(first[group]), *(f"{each:.3f}" for each in values), str(last[group])]
            for group, values in groups.items()
        ]
        caption = "One group of channels at a time; the six most sensitive are named, the others grey."
        legend = [(i, group) for i, group in enumerate(least)]
        found.append(
            Figure(
                f"Sensitivity to pruning, {title(row)}",
                canvas.svg(),
                caption,
                legend,
                table("Sensitivity to pruning", head, lines),
            )
        )
    return found


@in_place
def rounding(name: str, report: Report) -> Figure | None:
    """Draw what each layer costs when it alone is int8, or give None where no file was rounded layer by layer."""
    rows = [row for row in report.last() if row.rounding.get("layers")]
    if not rows:
        return None
    row = rows[0]
    layers = sorted(row.rounding["layers"], key=lambda each: -each["divergence"])[:30]
    canvas = Canvas(name, f"Divergence of {len(layers)} layers in int8", WIDTH, 80 + 21 * len(layers))
    axes = canvas.axes()
    least = min((each["divergence"] for each in layers if each["divergence"] > 0), default=1e-9) / 3
    for i, each in enumerate(layers):
        kept = each["layer"] in row.rounding["float_layers"]
        where = "stays in float32" if kept else "int8"
        gid = canvas.mark(
            f"{each['layer']} ({each['operator']}): {each['divergence']:.2g} nats, {each['drop']:+.3f} accuracy lost, {where}"
        )
        axes.plot([least, max(each["divergence"], least)], [i, i], color=colour("warn" if kept else 0), linewidth=7,
                  solid_capstyle="butt", gid=gid)  # fmt: skip
    logarithmic(axes, "x", "{:.1g}".format, least, max(each["divergence"] for each in layers) * 1.3)
    axes.set_yticks(range(len(layers)), [each["layer"][-18:] for each in layers])
    axes.set_ylim(len(layers) - 0.4, -0.6)
    axes.set_xlabel("divergence from float32, nats")
    head = ["layer", "operator", "weights", "agreement", "drop", "divergence", "in the file"]
    lines = [[each["layer"], each["operator"], f"{each['weights']:.1%}", f"{each['agreement']:.3f}", f"{each['drop']:+.3f}",
              f"{each['divergence']:.2g}", "float32" if each["layer"] in row.rounding["float_layers"] else "int8"] for each in layers]  # fmt: skip
    caption = f"Each layer alone in int8, costliest first ({row.variant}); orange layers stay in float32."
    return Figure("Sensitivity to int8", canvas.svg(), caption, (), table("Sensitivity to int8", head, lines))


def told(report: Report) -> tuple[list[tuple[str, Row]], dict[str, int]]:
    """Give the models of one run for `robustness`, and their series."""
    return [(title(row), row) for row in judged(report)], series(report)


def _all(name: str, names: Sequence[str], rows: Any, numbers: Mapping[str, int], legend: Any) -> Figure:
    canvas = Canvas(
        name, f"Accuracy of {len(rows)} models under {len(names)} perturbations", WIDTH, 70 + 22 * len(names)
    )
    axes = canvas.axes()
    for place, (called, row) in enumerate(rows):
        i, values = numbers[called], row.robustness["accuracy"]
        axes.axvline(row.accuracy, color=colour(i), linewidth=1, linestyle=DASHES[i % 8], alpha=0.6)
        here = [(y, each) for y, each in enumerate(names) if each in values]
        words = [
            f"{called} under {each}: {values[each]:.3f}, {values[each] - row.accuracy:+.3f} against clean"
            for _, each in here
        ]
        beside = 0.16 * (place - (len(rows) - 1) / 2)  # models that agree stand below one another
        axes.plot([values[each] for _, each in here], [y + beside for y, _ in here], MARKERS[i % 8], color=colour(i), markersize=5.5,
                  gid=canvas.mark(*words, key=called), clip_on=False)  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("accuracy; vertical lines: without any")
    head = ["perturbation", *(called for called, _ in rows)]
    lines = [["none", *(f"{row.accuracy:.3f}" for _, row in rows)]]
    lines += [[each, *(_share(row.robustness["accuracy"].get(each)) for _, row in rows)] for each in names]
    caption = "The same spectra, changed as an instrument or a day may change them, raw, before the preprocessing."
    return Figure(
        "Under every perturbation", canvas.svg(), caption, legend, table("Accuracy under perturbations", head, lines)
    )


def _families(name: str, rows: Any, numbers: Mapping[str, int], legend: Any) -> Figure:
    canvas = Canvas(name, "Accuracy against the strength of a perturbation", WIDTH, 380)
    grid = canvas.axes(2, 2, sharey=True)
    for axes, (family, label) in zip(grid.flat, FAMILIES.items(), strict=True):
        for place, (called, row) in enumerate(rows):
            marks = _strengths(family, row)
            words = [f"{called}, {label} {x:g}: {y:.3f}" for x, y in marks]
            _line(canvas, axes, numbers[called], len(rows) - place, marks, words, called)
        axes.set_title(label, fontsize=9.5, color=colour("ink"))
        axes.tick_params(labelsize=9)
        if family == "SNR":
            axes.invert_xaxis()
    grid[0, 0].set_ylabel("accuracy")
    grid[1, 0].set_ylabel("accuracy")
    return Figure(
        "As they grow stronger", canvas.svg(), "0 is the spectra as they are; noise grows to the right.", legend
    )


def _strengths(family: str, row: Row) -> list[tuple[float, float]]:
    found = [] if family == "SNR" else [(0.0, row.accuracy)]
    for each, value in row.robustness["accuracy"].items():
        said = _STRENGTH.match(each)
        if said and said[1] == family and not each.startswith("shot"):
            found.append((float(said[2]), value))
    return sorted(found)


def _line(
    canvas: Canvas, axes: Any, i: int, above: int, marks: Sequence[tuple[float, float]], words: Sequence[str], key: str
) -> None:
    """Draw a curve; those that are drawn first are broader, so that curves that run together are all seen."""
    if marks:
        xs, ys = zip(*marks, strict=True)
        axes.plot(xs, ys, color=colour(i), linestyle=DASHES[i % 8], linewidth=1 + 0.7 * above, alpha=0.85)
        axes.plot(
            xs,
            ys,
            MARKERS[i % 8],
            color=colour(i),
            markersize=3.5 + above,
            gid=canvas.mark(*words, key=key),
            clip_on=False,
        )


def _legend(report: Report, rows: Sequence[Row]) -> list[tuple[int, str]]:
    numbers = series(report)
    return [(numbers[title(row)], title(row)) for row in rows]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
