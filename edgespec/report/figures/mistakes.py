"""A wrong answer as a small drawing: the spectrum over the class that was answered, and over its own.

These drawings are written by hand. matplotlib's need ten times the bytes, and a page has up to 30 of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from edgespec.report import Report
from edgespec.report.figures import thumbnail
from edgespec.report.figures.guard import in_place
from edgespec.report.html_model import Figure
from edgespec.report.tables import mistakes

WIDTH, PANEL, GAP, FOOT = 510, 84, 14, 24
ANSWERED, TRUE = 1, 2
TICKS = 4
CAPTION = "Line: the spectrum. Upper area: the mean training spectrum of the class answered; lower area: that of the true class."


@in_place
def figures(report: Report) -> list[Figure]:
    """Draw each wrong answer of the file to ship."""
    return [_figure(report, spectrum, answer) for spectrum, answer in mistakes.answers(report)]


def _figure(report: Report, spectrum: dict[str, Any], answer: dict[str, Any]) -> Figure:
    labels, axis = report.data["labels"], report.data["axis"]
    true, named = labels[spectrum["class"]], labels[answer["named"]]
    title = f"{true}, answered {named} ({answer['probability']:.2f})"
    read = f"read from {spectrum['where']}" if spectrum["where"] else ""
    sample = f"sample {spectrum['sample']}" if spectrum["sample"] else ""
    parts = [
        *_panel(report, spectrum, answer["named"], ANSWERED, 0),
        *_panel(report, spectrum, spectrum["class"], TRUE, PANEL + GAP),
        *_axis(axis["low"], axis["high"]),
    ]
    said = escape(f"Spectrum of {true} above the mean of {named}, which was answered, and above the mean of {true}")
    height = 2 * PANEL + GAP + FOOT
    drawn = f'<svg class="small" role="img" aria-label="{said}" viewBox="0 0 {WIDTH} {height}">{"".join(parts)}</svg>'
    told = "; ".join(part for part in (sample, read) if part)
    return Figure(title, Markup(drawn), told)  # noqa: S704  (its only text from outside is escaped above)


def _panel(report: Report, spectrum: dict[str, Any], c: int, number: int, top: int) -> Iterator[str]:
    """Give the area of a class's mean spectrum, where it has one, its name, and the line of the spectrum over it."""
    held = report.mistakes["means"].get(str(c))
    if held is not None:
        area = _path(thumbnail.unpack(held), top)
        yield f'<path class="fill{number}" opacity=".35" d="{area}L{WIDTH} {top + PANEL}L0 {top + PANEL}z"/>'
    yield f'<path class="line" d="{_path(thumbnail.unpack(spectrum["curve"]), top)}"/>'
    yield f'<path class="ground" d="M0 {top + PANEL}h{WIDTH}"/>'
    yield f'<text x="{WIDTH}" y="{top + 14}" text-anchor="end">{escape(report.data["labels"][c])}</text>'


def _path(y: NDArray[np.float64], top: int) -> str:
    """Give the points of a curve from 0 to 1 in a panel, in whole units, each by its distance from the one before: that is short."""
    x = np.round(np.linspace(0, WIDTH, len(y))).astype(int)
    down = np.round(top + PANEL * (1 - y)).astype(int)
    steps = (f"{across} {below}" for across, below in zip(np.diff(x), np.diff(down), strict=True))
    return f"M0 {down[0]}l{' '.join(steps)}".replace(" -", "-")


def _axis(low: float, high: float) -> Iterator[str]:
    """Give the numbers below the panels: round Raman shifts or wavenumbers, cm-1."""
    step = 10.0 ** np.floor(np.log10((high - low) / TICKS))
    step *= next(times for times in (1, 2, 5, 10) if (high - low) / (step * times) <= TICKS + 2)
    for value in np.arange(np.ceil(low / step) * step, high, step):
        x = float((value - low) / (high - low) * WIDTH)
        if 20 < x < WIDTH - 60:
            yield f'<text x="{x:.4g}" y="{2 * PANEL + GAP + 18}" text-anchor="middle">{value:g}</text>'
    yield f'<text x="{WIDTH}" y="{2 * PANEL + GAP + 18}" text-anchor="end">cm-1</text>'
