"""What every step is handed: enough to check a conversion on, however few spectra there are to learn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_job

from edgespec.job import ENOUGH, few


@pytest.mark.parametrize("n", [1, 20, 63, 64, 100])
def test_a_conversion_is_checked_on_enough_spectra(tmp_path: Path, n: int) -> None:
    job = tiny_job.job(tmp_path)
    rows = job.splits.rows(None)[:n]
    small = replace(job, splits=replace(job.splits, train={"library": rows}))
    found = small.checked(80)
    own = job.spectra.x[rows[:80]]
    assert len(found) == max(min(n, 80), ENOUGH)
    assert np.array_equal(found[: len(own)], own)
    assert found.dtype == np.float32
    assert (found >= own.min(0) - 1e-3).all(), "mixtures lie between"
    assert (found <= own.max(0) + 1e-3).all()
    assert np.array_equal(found, small.checked(80))


def test_labels_are_read_as_they_are_written() -> None:
    assert (few("all"), few("3 per class")) == (None, 3)
