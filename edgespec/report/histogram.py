"""Every latency sample in a form that a report can hold: counted in narrow bins, and the median of each round.

A bin is 1 % wide, on a logarithmic scale, and only bins that hold something are kept: the slowest sample of a million is
still told to 1 %, where a histogram of fixed range would lose it. All samples as they came are in `bench/<target>.samples.npz`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH = 1.01
"""Upper end of a bin over its lower end."""


def describe(samples: NDArray[np.int64]) -> dict[str, Any]:
    """Give `bins` ([i, samples]: at least WIDTH^i ns and less than WIDTH^(i + 1)) and `rounds_us`, each round's median.

    samples: (rounds, calls), nanoseconds
    """
    bins, counts = np.unique(np.floor(np.log(np.maximum(samples, 1)) / np.log(WIDTH)).astype(int), return_counts=True)
    medians = np.median(samples, axis=1) / 1e3
    pairs = [[int(i), int(count)] for i, count in zip(bins, counts, strict=True)]
    return {"bins": pairs, "rounds_us": [round(float(each), 3) for each in medians]}


def edges_us(i: int) -> tuple[float, float]:
    """Give both ends of a bin in microseconds."""
    return WIDTH**i / 1e3, WIDTH ** (i + 1) / 1e3
