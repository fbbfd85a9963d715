"""Infrared absorbance end to end: the shipped recipe on the fetched spectra where they are, on an imitation of them elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tiny_run
from command import edgespec

from edgespec import contract, plugins
from edgespec.data.perturbations import INFRARED
from edgespec.report.tables import comparison

REAL = Path(os.environ.get("EDGESPEC_DATA", "/nowhere")) / "plastics" / "flopp.npz"
BANDS = {"A": (1030, 1710, 2920), "B": (830, 1240, 3080), "C": (760, 1490, 3300)}  # cm-1


def imitation(folder: Path) -> Path:
    """Thirty-six absorbance spectra of three classes on an axis of an infrared spectrometer, with scatter and vapour."""
    rng, axis = np.random.default_rng(0), np.linspace(675, 4000, 832)
    x, y = [], []
    for name, bands in BANDS.items():
        for _ in range(12):
            heights = rng.uniform(0.2, 0.6, len(bands))
            shape = sum(h * np.exp(-0.5 * ((axis - at) / 12) ** 2) for h, at in zip(heights, bands, strict=True))
            x.append(shape + rng.uniform(0, 0.2) * (axis - 675) / 3325 + rng.normal(0, 0.003, len(axis)))
            y.append(name)
    path = folder / "plastics" / "flopp.npz"
    path.parent.mkdir(parents=True)
    group = np.array([f"particle {i}" for i in range(len(x))])
    np.savez(path, x=np.array(x, np.float32), y=np.array(y), wavenumber=axis, group=group)
    return path


def test_the_shipped_recipe_learns_absorbance_and_is_judged_as_infrared_spectra_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = imitation(tmp_path)
    monkeypatch.setenv("EDGESPEC_DATA", str(tmp_path))
    recipe = plugins.recipe_file(Path("plastics"))
    changes = [
        "data.axis.points=128",
        "steps.1.fit.epochs=8",
        "steps.1.model={cnn: {widths: [4, 8]}}",
        "steps.3.max_drop=0.5",
    ]
    found = tiny_run.run(recipe, tmp_path / "run", *changes)
    file = found.last()[0]
    assert file.accuracy > 0.8
    assert list(file.robustness["accuracy"]) == list(INFRARED)
    assert comparison.head(found) == [
        "model", "clean", "shift 5 cm-1", "baseline 0.5", "vapour 0.1", "SNR 10 dB", f"mean of {len(INFRARED)}"]  # fmt: skip
    said = contract.load(tmp_path / "run" / file.file)
    assert (said.technique, said.intensity) == ("infrared", "absorbance")
    with np.load(path) as held:
        axis, x, y = held["wavenumber"], held["x"], held["y"]
    light = 100 * 10 ** -x[20].astype(np.float64)
    asked = tmp_path / "asked.jdx"
    points = "\n".join(f"{v:.4f}, {t:.5f}" for v, t in zip(axis, light, strict=True))
    asked.write_text(
        "##TITLE=a\n##JCAMP-DX=4.24\n##DATA TYPE=INFRARED SPECTRUM\n##XUNITS=1/CM\n##YUNITS=TRANSMITTANCE\n"
        f"##XFACTOR=1\n##YFACTOR=0.01\n##NPOINTS={len(axis)}\n##XYPOINTS=(XY..XY)\n{points}\n##END=\n"
    )
    ended = edgespec(tmp_path, "predict", tmp_path / "run", asked)
    assert ended.returncode == 0, ended.stderr
    assert str(y[20]) in ended.stdout


@pytest.mark.skipif(
    not REAL.is_file(), reason="EDGESPEC_DATA has no plastics/flopp.npz: edgespec data fetch plastics brings it"
)
def test_the_fetched_spectra_plan(tmp_path: Path) -> None:
    ended = edgespec(tmp_path, "compress", "plastics", "--dry-run")
    assert ended.returncode == 0, ended.stderr
    assert "data: 368 measured spectra, 14 classes" in ended.stdout + ended.stderr
