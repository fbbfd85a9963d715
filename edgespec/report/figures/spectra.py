"""A picture of example spectra: a panel for each class, each spectrum on its own axis."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.report.figures.picture import drawing

COLUMNS = 3
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def draw(examples: Mapping[str, Sequence[tuple[str, Curve]]], ending: str) -> bytes:
    """Draw examples, class -> (name, (axis in cm-1, intensities)), as a "png", "svg" or "pdf" file; the same give the same bytes."""
    rows = math.ceil(len(examples) / COLUMNS)
    figure = drawing((4 * COLUMNS, 0.4 + 1.9 * rows))
    axes = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True).flat
    for panel, (label, curves) in zip(axes, examples.items(), strict=False):
        _panel(panel, label, curves)
    for panel in list(axes)[len(examples) :]:
        panel.set_visible(False)
    figure.supxlabel(
        "Raman shift or wavenumber, cm$^{-1}$; each spectrum from its least to its greatest value", fontsize=8
    )
    kept = io.BytesIO()
    figure.savefig(kept, format=ending, dpi=120, metadata=_undated(ending))
    return kept.getvalue()


def _panel(panel: Any, label: str, curves: Sequence[tuple[str, Curve]]) -> None:
    """Stack a class's spectra, each scaled to the height of one."""
    for level, (name, (axis, x)) in enumerate(curves):
        span = float(x.max() - x.min()) or 1.0
        panel.plot(axis, (x - x.min()) / span + 1.1 * (len(curves) - 1 - level), linewidth=0.7, label=_literal(name))
    panel.set_title(_literal(label), fontsize=9)
    panel.set_yticks([])
    panel.tick_params(labelsize=7)
    panel.set_ylim(-0.1, 1.1 * len(curves) + 0.45)  # room for the names
    panel.legend(fontsize=5.5, frameon=False, loc="upper center", ncols=len(curves), borderaxespad=0.1)


def _literal(text: str) -> str:
    """Keep matplotlib from reading formulas between dollars, and from leaving out what begins with an underscore."""
    return ("\u200b" if text.startswith("_") else "") + text.replace("$", r"\$")


def _undated(ending: str) -> dict[str, Any]:
    return {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}[ending]
