"""Arrays in, labels out: answered and refused as the command does with files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgespec
from edgespec import device_program
from edgespec.errors import Mismatch, Mistake, Mistakes
from edgespec.runs.predict import Model

AXIS = np.linspace(100, 1300, 900)


@pytest.fixture(scope="module")
def bundle(undisturbed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the tiny run."""
    out = tmp_path_factory.mktemp("bundle") / "bundle"
    edgespec.open_run(undisturbed).export(out)
    return out


@pytest.fixture(scope="module")
def model(bundle: Path) -> Model:
    """Its model, in this process."""
    return edgespec.load_model(bundle)


def spectra(n: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(5).random((n, 900)) + np.exp(-(((AXIS - 460) / 8) ** 2)) * 5


def written(folder: Path, x: np.ndarray[Any, Any], axis: np.ndarray[Any, Any] = AXIS) -> list[Path]:
    """Write spectra as files, as an instrument would."""
    paths = [folder / f"{i:04}.csv" for i in range(len(x))]
    for path, row in zip(paths, x, strict=True):
        rows = (f"{a!r},{b!r}" for a, b in zip(axis.tolist(), row.tolist(), strict=True))
        path.write_text("shift cm-1,intensity\n" + "\n".join(rows) + "\n")
    return paths


def command(bundle: Path, *files: Path) -> list[dict[str, Any]]:
    words = [sys.executable, "-m", "edgespec", "predict", "--json", str(bundle), *map(str, files)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    plain = json.loads(ended.stdout)
    return [*plain["results"], *plain["refused"]]


def test_it_answers_as_the_command_does(bundle: Path, model: Model, tmp_path: Path) -> None:
    x = spectra(5)
    told = command(bundle, *written(tmp_path, x))
    found = model.predict(x, AXIS)
    assert found.labels.tolist() == [each["label"] for each in told]
    best = found.probabilities.max(1)
    assert best == pytest.approx([each["probability"] for each in told], abs=1e-5)
    assert found.scores is not None
    assert found.scores == pytest.approx([each["score"] for each in told], abs=1e-5)
    assert found.known is not None
    assert found.known.tolist() == [each["flag"] == "known" for each in told]
    assert found.covered.tolist() == [each["covered"] for each in told]
    again = model.predict(x[:, ::-1], AXIS[::-1])
    assert np.array_equal(again.probabilities, found.probabilities), "a falling axis is the same axis"
    alone = model.predict(x[2], AXIS)
    assert alone.labels.tolist() == [found.labels[2]]


def test_what_is_noticed_stands_beside_the_answer(model: Model) -> None:
    x = np.exp(-(((AXIS - 460) / 8) ** 2)) * 5 + 0.01 * spectra(3)
    x[1, 50] += 2.5
    found = model.predict(x, AXIS)
    assert list(found.notes) == [1]
    assert found.notes[1][0].startswith("cosmic spikes at")
    assert not found.refused


def test_a_wavelength_axis_is_the_same_spectrum(model: Model) -> None:
    x = spectra(2)
    for unit, scale in (("nm", 1.0), ("um", 1e-3)):
        wavelength = 1e7 / (1e7 / 785 - AXIS) * scale
        found = model.predict(x, wavelength, unit=unit, laser_nm=785)
        assert found.probabilities == pytest.approx(model.predict(x, AXIS).probabilities, abs=1e-5)


def test_ten_thousand_spectra_are_one_call(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_program.module("model"), "open_model", None)  # it is not loaded again
    x = np.tile(spectra(10), (1000, 1))
    found = model.predict(x, AXIS)
    assert found.probabilities.shape == (10_000, 3)
    one = model.predict(x[:10], AXIS)
    assert found.probabilities == pytest.approx(np.tile(one.probabilities, (1000, 1)), abs=1e-6)
    assert found.labels.tolist() == one.labels.tolist() * 1000
    assert len(model.predict(x[:0], AXIS)) == 0


def test_the_models_own_axis_is_the_default(model: Model) -> None:
    x = np.random.default_rng(1).random((2, len(model.axis))) + 1
    assert np.array_equal(model.predict(x).probabilities, model.predict(x, model.axis).probabilities)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda x: x.__setitem__((0, 400), np.nan), "a value that is not finite"),
        (lambda x: x.__setitem__((0, 400), np.inf), "a value that is not finite"),
        (lambda x: x.__setitem__(0, 0.0), "all intensities are zero"),
        (lambda x: x.__setitem__(0, -x[0]), "its intensities are mostly negative"),
        (lambda x: x.__setitem__((0, slice(300, 320)), 99.0), "the detector was saturated"),
        (lambda x: x.__setitem__((0, 400), 1e30), "is too large to count with"),
    ],
    ids=["nan", "inf", "zero", "negative", "saturated", "huge"],
)
def test_what_the_command_refuses_is_refused_in_the_same_words(
    bundle: Path, model: Model, tmp_path: Path, spoil: Any, said: str
) -> None:
    x = spectra(3)
    spoil(x)
    with pytest.raises(Mistake, match=said) as refused:
        model.predict(x, AXIS)
    assert refused.value.message.startswith("spectrum 1")
    assert refused.value.hint
    (told,) = command(bundle, *written(tmp_path, x[:1]))
    assert said in told["error"]
    assert told["hint"] == refused.value.hint
    kept = model.predict(x, AXIS, refused="keep")
    assert (kept.labels[0], list(kept.refused)) == ("", [0])
    assert np.isnan(kept.probabilities[0]).all()
    assert np.array_equal(kept.labels[1:], model.predict(x[1:], AXIS).labels)


@pytest.mark.parametrize(
    ("x", "keys", "said"),
    [
        (np.ones((2, 3, 4)), {}, r"x has the shape \(2, 3, 4\)"),
        (np.ones(()), {}, r"x has the shape \(\)"),
        (np.ones((2, 900)), {"axis": np.ones((2, 900))}, r"axis has the shape \(2, 900\)"),
        (np.ones((2, 800)), {"axis": AXIS}, "x has 800 points, the axis has 900"),
        (np.ones((2, 800)), {}, "x has 800 points, the model's own axis has 128"),
        (np.full((2, 900), "a"), {"axis": AXIS}, "x is not an array of numbers"),
        ([[1.0], [1.0, 2.0]], {"axis": AXIS}, "x is not an array of numbers"),
        (np.ones((2, 900), complex), {"axis": AXIS}, "x is not an array of numbers"),
        (spectra(2), {"axis": np.sort(AXIS)[np.r_[0:450, 449, 451:900]]}, "the same place on the axis"),
        (spectra(2), {"axis": np.where(AXIS > 700, AXIS - 300, AXIS)}, "the axis turns back"),
        (spectra(2), {"axis": np.where(AXIS > 700, np.nan, AXIS)}, "a value that is not finite"),
        (spectra(2), {"axis": AXIS + 2000}, "covers 0% of the model's window"),
        (spectra(2), {"axis": AXIS, "unit": "mm"}, "unit: 'mm' is not known"),
        (spectra(2), {"axis": AXIS, "unit": "nm"}, "its laser is not known"),
        (spectra(2), {"unit": "nm"}, "unit: 'nm' is said, but no axis"),
        (spectra(2), {"axis": AXIS, "laser_nm": 7.85}, "is not a wavelength of a laser"),
        (spectra(2), {"axis": AXIS, "refused": "drop"}, "neither 'raise' nor 'keep'"),
        (np.ones((2, 9)), {"axis": AXIS[:9]}, "9 points, at least 16 are wanted"),
    ],
)
def test_wrong_calls_are_mistakes_with_a_remedy(model: Model, x: Any, keys: dict[str, Any], said: str) -> None:
    with pytest.raises(Mistake, match=said):
        model.predict(x, **keys)


def test_many_refused_spectra_are_told_at_once(model: Model) -> None:
    x = spectra(30)
    x[:25] = 0
    with pytest.raises(Mistakes) as refused:
        model.predict(x, AXIS)
    assert len(refused.value.found) == 21
    assert refused.value.found[-1].message == "and 5 more of 30 spectra"


def test_a_model_that_is_none_is_told(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="there is no "):
        edgespec.load_model(tmp_path / "nowhere")
    (tmp_path / "rubbish.onnx").write_bytes(b"\x00rubbish")
    with pytest.raises(Mistake, match="cannot be loaded"):
        edgespec.load_model(tmp_path / "rubbish.onnx")
    with pytest.raises(Mistake, match="threads: 0"):
        edgespec.load_model(bundle, threads=0)
    plain = json.loads((bundle / "contract.json").read_text())
    other = device_program.module("contract")
    with pytest.raises(Mismatch, match="its contract is damaged"), device_program.refusals():
        other.read({**plain, "labels": ["a", "a"]}, "m.onnx")
