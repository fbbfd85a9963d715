"""A few spectra, and which regions of each spoke for the answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgespec.report import Report
from edgespec.report.figures.guard import in_place
from edgespec.report.figures.svg import WIDTH, Canvas, colour
from edgespec.report.html_model import Figure, table

LEAST = 0.25  # of the strongest evidence: less is not shaded


@in_place
def figures(name: str, report: Report) -> list[Figure]:
    """Draw each example: the spectrum, shaded where it spoke for the last model's answer, and each model's evidence below."""
    known = report.examples
    return [_figure(f"{name}{i}", report, known, each) for i, each in enumerate(known.get("spectra", ()))]


def _figure(name: str, report: Report, known: dict[str, Any], spectrum: dict[str, Any]) -> Figure:
    labels, axis = report.data["labels"], report.data["axis"]
    where = np.linspace(axis["low"], axis["high"], len(spectrum["intensity"]))
    centres, half = known["centres_cm1"], known["width_cm1"] / 4
    real = labels[spectrum["class"]]
    told = [
        f"{title}: {labels[each['named']]} ({each['probability']:.2f})"
        for title, each in zip(known["models"], spectrum["answers"], strict=True)
    ]
    canvas = Canvas(name, f"Spectrum of {real}, {spectrum['why']}; {'; '.join(told)}", WIDTH, 280)
    top, below = canvas.axes(2, 1, sharex=True, height_ratios=(3, 2))
    last = spectrum["answers"][-1]
    strongest = max(max(map(abs, last["evidence"])), 1e-9)
    for centre, value in zip(centres, last["evidence"], strict=True):
        if abs(value) >= LEAST * strongest:
            words = (
                f"{centre:g} cm-1 spoke {'for' if value > 0 else 'against'} {labels[last['named']]}: {value:+.2f} nats"
            )
            top.axvspan(centre - half, centre + half, color=colour("good" if value > 0 else "bad"), linewidth=0,
                        alpha=0.15 + 0.5 * abs(value) / strongest, gid=canvas.mark(words))  # fmt: skip
    top.plot(where, spectrum["intensity"], color=colour("ink"), linewidth=1.1)
    top.set_yticks([])
    top.set_ylabel("intensity")
    for i, each in enumerate(spectrum["answers"]):
        below.plot(centres, each["evidence"], color=colour(i * 3), linewidth=1.5, linestyle="-" if i else (0, (4, 2)))
    below.axhline(0, color=colour("muted"), linewidth=0.8)
    below.set_xlabel("Raman shift, cm-1")
    below.set_ylabel("evidence, nats")
    order = np.argsort([-abs(value) for value in last["evidence"]])[:8]
    head = ["region, cm-1", *known["models"]]
    lines = [[f"{centres[i]:g}", *(f"{each['evidence'][i]:+.2f}" for each in spectrum["answers"])] for i in order]
    legend = [(i * 3, title) for i, title in enumerate(known["models"])]
    made = table("The eight regions that weighed most", head, lines)
    return Figure(f"{real}: {spectrum['why']}", canvas.svg(), "; ".join(told) + ".", legend, made)
