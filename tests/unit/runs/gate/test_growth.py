"""What may grow: a pass is below the limit, a failure beyond limit and noise; the rest can not be told."""

from __future__ import annotations

import pytest

from edgespec.runs.gate import growth


@pytest.mark.parametrize(
    ("limit", "noise", "low", "high", "certain", "verdict"),
    [
        (0.1, 0.0, 0.9, 1.1, True, "pass"),
        (0.1, 0.0, 0.9, 1.11, True, "inconclusive"),
        (0.1, 0.0, 1.11, 1.2, True, "fail"),
        (0.1, 0.0, 1.11, 1.2, False, "inconclusive"),
        (0.1, 0.3, 1.11, 1.2, True, "inconclusive"),
        (0.1, 0.3, 1.31, 1.4, True, "fail"),
        (0.1, 9.0, 5.0, 6.0, True, "inconclusive"),
        (0.1, 9.0, 0.9, 1.0, True, "pass"),
    ],
)
def test_noise_is_no_permission(
    limit: float, noise: float, low: float, high: float, certain: bool, verdict: str
) -> None:
    assert growth.beyond(limit, noise, low, high, certain=certain) == verdict
