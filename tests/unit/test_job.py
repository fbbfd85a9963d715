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
    as_they_are = len(found) - 2 * (len(found) // 16)
    assert np.array_equal(found[: min(len(own), as_they_are)], own[:as_they_are])
    assert found.dtype == np.float32
    assert (found[:as_they_are] >= own.min(0) - 1e-3).all(), "mixtures lie between"
    assert (found[:as_they_are] <= own.max(0) + 1e-3).all()
    assert np.array_equal(found, small.checked(80))


def test_a_conversion_is_checked_on_intensities_as_strong_as_those_of_the_test_part(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path)
    x = job.spectra.x.copy()
    x[job.splits.test] *= np.geomspace(1e-6, 1e9, len(job.splits.test), dtype=np.float32)[:, None]
    found = replace(job, spectra=replace(job.spectra, x=x)).checked(80)
    peaks, wanted = np.abs(found).max(1), np.abs(x[job.splits.test]).max(1)
    np.testing.assert_allclose([peaks.max(), peaks.min()], [wanted.max(), wanted.min()], rtol=1e-5)
    shape = job.checked(80)[-1]
    np.testing.assert_allclose(found[-1] / np.abs(found[-1]).max(), shape / np.abs(shape).max(), atol=1e-6)


def test_labels_are_read_as_they_are_written() -> None:
    assert (few("all"), few("3 per class")) == (None, 3)
