"""The median is numpy's, to the last bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgespec import device_program, plugins

middle = device_program.module("spectra.middle")


@pytest.mark.parametrize("n", [1, 2, 3, 16, 511, 512])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_the_same_as_numpys(n: int, kind: type) -> None:
    x = np.random.default_rng(n).normal(0, 1e3, n).astype(kind)
    before = x.copy()
    assert middle.median(x) == float(np.median(x))
    assert (x == before).all()


@pytest.mark.parametrize("n", [2, 3, 101, 511, 512])
def test_quantiles_are_numpys(n: int) -> None:
    x = np.random.default_rng(n).normal(0, 1e3, n)
    for share in (0.0, 0.01, 0.3, 0.5, 0.99, 1.0):
        assert middle.quantile(x, share) == float(np.quantile(x, share))


def test_masked_arrays_stay_unloaded(tmp_path: Path) -> None:
    axis = np.linspace(150, 1172, 600)
    x = 100 + np.exp(-0.5 * ((axis - 500) / 6) ** 2) * 1e3 + np.sin(axis)
    (tmp_path / "a.txt").write_text("\n".join(f"{a:.3f} {b:.3f}" for a, b in zip(axis, x, strict=True)))
    asked = (
        "import sys; sys.path.insert(0, sys.argv[1]); from spectra import files, checks, axes; from contract import Contract; import numpy as np; "
        "a = np.linspace(150, 1172, 512); wanted = axes.Wanted(None, None, 'Raman', ''); (track,) = files.read(sys.argv[2], wanted); "
        "checks.ready(track, Contract(a, a, ['a'], 0.8, None, 'Raman', {}), wanted); print('numpy.ma' in sys.modules)"
    )
    words = [sys.executable, "-c", asked, str(plugins.shipped("export")), str(tmp_path / "a.txt")]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[-1] == "False"
