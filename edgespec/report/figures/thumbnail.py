"""A spectrum in a report: at most 128 points of one byte, so that many spectra stay small, as base64 text.

Of each stretch the value farthest from the spectrum's median is kept, so that a narrow band keeps its height, up or down.
"""

from __future__ import annotations

import base64
import binascii

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgespec.errors import Mismatch

MOST = 128
HINT = "edgespec compress RECIPE writes it anew"


def pack(x: ArrayLike) -> str:
    """Give a spectrum (points,), scaled from its least to its greatest value, as text; a flat spectrum is zero everywhere."""
    values = np.asarray(x, np.float64)
    low, high = values.min(), values.max()
    scaled = (values - low) / (high - low) if high > low else np.zeros(len(values))
    kept = np.round(_shorter(scaled) * 255).astype(np.uint8)
    return base64.b64encode(kept.tobytes()).decode("ascii")


def unpack(text: str) -> NDArray[np.float64]:
    """Give (points,) from 0 to 1. Raises Mismatch where the text is no curve."""
    try:
        held = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    except (binascii.Error, ValueError, TypeError):
        raise Mismatch("a curve of the report is damaged: no base64", HINT) from None
    if not 2 <= len(held) <= MOST:
        raise Mismatch(f"a curve of the report is damaged: {len(held)} points, from 2 to {MOST} are kept", HINT)
    return held.astype(np.float64) / 255


def _shorter(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give (MOST,) at most: of each stretch the value that is farthest from the spectrum's median."""
    if len(x) <= MOST:
        return x
    middle = np.median(x)
    parts = np.array_split(x, MOST)
    return np.array([part[np.abs(part - middle).argmax()] for part in parts])
