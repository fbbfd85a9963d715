"""An instrument's own axis: read with care, taken by the graph without retraining, the same answers as by interpolation."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_job
from numpy.typing import NDArray

from edgespec import contract
from edgespec.artifact import OnnxModel
from edgespec.data import preprocess
from edgespec.data.layers import Blend
from edgespec.errors import Mismatch, Mistake
from edgespec.graph import assembly, onnx_file, retarget
from edgespec.recipe import Call
from edgespec.steps import calibrate, to_onnx

PIXELS = 1e7 / 532 - 1e7 / np.linspace(534.0, 569.5, 700)  # even in nm, so uneven in cm-1
AXES = {
    "rising": PIXELS,
    "falling": PIXELS[::-1].copy(),
    "coarse": np.linspace(140, 1180, 60),
    "wide": np.arange(50.0, 3200, 1.5),
}


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> OnnxModel:
    made = calibrate.run(
        tiny_job.line("cnn").job.inside(tmp_path_factory.mktemp("calibrated")), tiny_job.line("cnn").int8
    )
    assert isinstance(made, OnnxModel)
    return made


def written(tmp_path: Path, values: NDArray[Any], form: str = "%.10g") -> Path:
    np.savetxt(tmp_path / "axis.csv", values, fmt=form)
    return tmp_path / "axis.csv"


@pytest.mark.parametrize(("variant", "axis"), [*(("float32", each) for each in AXES), ("cpu-int8", "falling")])
def test_the_graph_takes_the_instruments_pixels(variant: str, axis: str, calibrated: OnnxModel, tmp_path: Path) -> None:
    own, path = AXES[axis], tmp_path / "m.onnx"
    shutil.copyfile(calibrated.path(variant), path)
    told = retarget.retarget(path, own)
    np.testing.assert_allclose(told.values(), own, atol=1e-6)
    assert contract.load(path) == told
    x = tiny_job.spectra().x[:70]
    order = np.argsort(own)
    there = np.stack([np.interp(own, tiny_job.AXIS.values(), row) for row in x.astype(np.float64)]).astype(np.float32)
    back = np.stack([np.interp(tiny_job.AXIS.values(), own[order], row[order]) for row in there]).astype(np.float32)
    found, expected = onnx_file.outputs(path, there), onnx_file.outputs(calibrated.path(variant), back)
    assert list(found) == ["logits", "probabilities", "score"]
    near = 1e-3 if variant == "float32" else 0.05
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], atol=near * np.abs(expected[name]).max())
    assert retarget.check(calibrated.path(variant), path, x, own, tmp_path / "evidence.npz").agreement >= 0.98
    onnx.checker.check_model(onnx.load(path), full_check=True)
    again = retarget.retarget(path, tiny_job.AXIS.values())
    assert len(again.values()) == 128, "from one instrument to another, the resampling is replaced, not added"
    once = onnx.load(path)
    retarget.retarget(path, own)
    assert len(onnx.load(path).graph.node) == len(once.graph.node)


def test_a_model_without_preprocessing_takes_pixels_too(tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    job = tiny_job.job(tmp_path / "part", preprocess=())
    bare = to_onnx.run(job, made.checkpoint)
    (tmp_path / "calibrated").mkdir()
    done = calibrate.run(job.inside(tmp_path / "calibrated"), bare)
    assert isinstance(done, OnnxModel)
    shutil.copyfile(done.path("float32"), tmp_path / "m.onnx")
    retarget.retarget(tmp_path / "m.onnx", PIXELS)
    retarget.check(done.path("float32"), tmp_path / "m.onnx", tiny_job.spectra().x[:70], PIXELS, tmp_path / "e.npz")
    assert assembly.front(onnx.load(tmp_path / "m.onnx")) is not None


def test_a_wrong_resampling_is_found(calibrated: OnnxModel, tmp_path: Path) -> None:
    shutil.copyfile(calibrated.path("float32"), tmp_path / "m.onnx")
    retarget.retarget(tmp_path / "m.onnx", PIXELS + 25)
    with pytest.raises(Mismatch, match="disagree"):
        retarget.check(
            calibrated.path("float32"), tmp_path / "m.onnx", tiny_job.spectra().x[:70], PIXELS, tmp_path / "e.npz"
        )


def test_an_axis_is_read_from_any_first_column(tmp_path: Path, calibrated: OnnxModel) -> None:
    said = contract.load(calibrated.path("float32"))
    for text in ("wavenumber\n{}", "# my instrument\n{}", "{}\n\n"):
        (tmp_path / "a.csv").write_text(text.format("\n".join(f"{each:.4f}" for each in PIXELS)))
        np.testing.assert_allclose(retarget.read(tmp_path / "a.csv", said), PIXELS, atol=1e-4)
    for mark in (",", ";", "\t", "  "):
        (tmp_path / "a.csv").write_text("\n".join(f"{each:.4f}{mark}17" for each in PIXELS[::-1]))
        np.testing.assert_allclose(retarget.read(tmp_path / "a.csv", said), PIXELS[::-1], atol=1e-4)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "0 values"),
        ("\n".join(map(str, range(15))), "15 values"),
        ("\n".join(map(str, [*range(100, 1200), 1150])), r":1101: 1150 turns back"),
        ("\n".join(map(str, [*range(100, 1200), "x", 1300])), r":1101: 'x' is not a number"),
        ("\n".join(map(str, [*range(100, 1200), "nan"])), r":1101: 'nan' is not finite"),
        ("\n".join(f"{each:.3f}" for each in np.linspace(534, 569, 900)), "covers 4% of the model's window"),
    ],
)
def test_what_is_no_axis_is_refused_with_its_line(text: str, told: str, tmp_path: Path, calibrated: OnnxModel) -> None:
    (tmp_path / "axis.csv").write_text(text)
    with pytest.raises(Mistake, match=told) as caught:
        retarget.read(tmp_path / "axis.csv", contract.load(calibrated.path("float32")))
    assert caught.value.hint


def test_a_file_that_is_absent_or_no_text_is_refused(tmp_path: Path, calibrated: OnnxModel) -> None:
    said = contract.load(calibrated.path("float32"))
    (tmp_path / "b.csv").write_bytes(bytes(range(256)))
    for name, told in (("a.csv", "cannot be read"), ("b.csv", "is not text"), (".", "cannot be read")):
        with pytest.raises(Mistake, match=told):
            retarget.read(tmp_path / name, said)


@pytest.mark.parametrize("axis", AXES)
def test_interpolation_is_numpys_and_zero_outside(axis: str) -> None:
    own, wanted = AXES[axis], np.linspace(100, 1300, 333)
    x = np.random.default_rng(0).random((5, len(own))).astype(np.float32)
    order = np.argsort(own)
    inside = (wanted >= own.min()) & (wanted <= own.max())
    expected = np.where(inside, [np.interp(wanted, own[order], row[order]) for row in x], 0)
    import torch

    np.testing.assert_allclose(Blend(own, wanted)(torch.from_numpy(x)).numpy(), expected, atol=1e-5)


def test_crop_and_resample_stand_in_the_graph_as_in_torch(tmp_path: Path) -> None:
    calls = (Call("crop", {"low": 200.0, "high": 1000.0}), Call("resample", {"points": 96}), Call("rms"))
    front = preprocess.build(calls, tiny_job.AXIS.values())
    assert (front.source, front.points) == (128, 96)
    assert 200 <= front.seen[0] <= 208
    with pytest.raises(Mistake, match="crop: 500 to 510 cm-1 leaves"):
        preprocess.build((Call("crop", {"low": 500.0, "high": 510.0}),), tiny_job.AXIS.values())
