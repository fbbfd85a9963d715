"""A spectrum is kept small and its bands keep their height; what is no curve is refused."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from edgespec.errors import Mismatch
from edgespec.report.figures import thumbnail


@pytest.mark.parametrize("points", [16, 128, 129, 2048])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_narrow_band_keeps_its_height_and_place(points: int, sign: int) -> None:
    x = np.zeros(points)
    x[points // 3], x[2 * points // 3] = sign * 5.0, sign * 2.5
    kept = thumbnail.unpack(thumbnail.pack(x))
    assert len(kept) == min(points, thumbnail.MOST)
    rest = 0.0 if sign > 0 else 1.0
    bands = np.flatnonzero(np.abs(kept - rest) > 0.01)
    assert np.abs(kept[bands] - rest) == pytest.approx([1, 0.5], abs=0.01)
    assert bands / len(kept) == pytest.approx([1 / 3, 2 / 3], abs=0.1)


def test_a_flat_spectrum_is_zero() -> None:
    assert not thumbnail.unpack(thumbnail.pack(np.full(300, 7.0))).any()


@pytest.mark.parametrize("text", ["", "?", "AA==", base64.b64encode(bytes(257)).decode(), 5, None])
def test_what_is_no_curve_is_refused(text: str) -> None:
    with pytest.raises(Mismatch, match="damaged"):
        thumbnail.unpack(text)
