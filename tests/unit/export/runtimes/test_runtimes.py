"""Other runtimes as the runner loads them: the same answers, or a refusal that says why. Each needs its extra; without it the test is skipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import other_runtimes
import pytest
import tiny_job
from device_runner import ask, module

from edgespec.artifact import OnnxModel
from edgespec.graph import onnx_file
from edgespec.job import Job
from edgespec.steps import calibrate, quantize


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, OnnxModel]:
    """A calibrated tiny net in both flavours."""
    made, folder = tiny_job.line("efficientnet"), tmp_path_factory.mktemp("files")
    for name in ("int8", "done"):
        (folder / name).mkdir()
    int8 = quantize.run(made.job.inside(folder / "int8"), made.float32, spectra=64, flavours=["cpu", "portable"])
    return made.job, calibrate.run(made.job.inside(folder / "done"), int8)


def request(folder: Path, job: Job, made: OnnxModel, runtime: str, variant: str, precision: str = "") -> None:
    x = job.spectra.x[job.splits.rows(None)[:70]]
    np.save(folder / "x.npy", x)
    model = {"name": "m", "file": str(made.path(variant)), "runtime": runtime, "precision": precision}
    told = {"runtime": "onnxruntime", "threads": 1, "spectra": "x.npy", "models": [model], "batches": [1, 2, 65, 100]}
    (folder / "request.json").write_text(json.dumps(told))


def answers(folder: Path, **environment: str) -> tuple[int, dict[str, Any]]:
    code, (told,) = ask(folder, "answers", "request.json", "--model", "m", **environment)
    return code, told


def test_answers_come_batch_size_by_batch_size(files: tuple[Job, OnnxModel], tmp_path: Path) -> None:
    job, made = files
    request(tmp_path, job, made, "onnxruntime", "float32")
    code, told = answers(tmp_path)
    assert (code, told["batches"], told["answered"]) == (0, [1, 2, 65], True), "100 are more than there are"
    x = np.load(tmp_path / "x.npy")
    wanted = onnx_file.run(made.path("float32"), x)
    with np.load(tmp_path / "m.npz") as found:
        assert found.files == ["1", "2", "65"]
        for size in found.files:
            assert found[size].shape == wanted.shape
            assert np.allclose(found[size], wanted, atol=1e-4), "what is left over is answered too, in its place"


def test_a_file_that_is_no_model_is_refused(files: tuple[Job, OnnxModel], tmp_path: Path) -> None:
    job, made = files
    request(tmp_path, job, made, "onnxruntime", "float32")
    told = json.loads((tmp_path / "request.json").read_text())
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    told["models"][0]["file"] = "junk.onnx"
    (tmp_path / "request.json").write_text(json.dumps(told))
    code, said = answers(tmp_path)
    assert code == 2
    assert "cannot be loaded" in said["error"]


def test_a_provider_that_is_not_here_or_falls_back_is_an_error(
    files: tuple[Job, OnnxModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, made = files
    request(tmp_path, job, made, "onnxruntime", "float32")
    elsewhere = "MIGraphXExecutionProvider"  # of AMD's GPUs: no package here has it, also where CUDA works
    code, told = answers(tmp_path, EDGESPEC_PROVIDER=elsewhere)
    assert code == 3
    assert elsewhere in told["error"]
    runtime = module("model").find_runtime("onnxruntime")
    monkeypatch.setenv("EDGESPEC_PROVIDER", elsewhere)
    monkeypatch.setattr(runtime.onnxruntime, "get_available_providers", lambda: [elsewhere])
    with (
        pytest.warns(UserWarning, match=elsewhere),
        pytest.raises(module("refusal").RefusalError, match=r"CPU.* runs it"),
    ):
        runtime.load(str(made.path("float32")), 1)


@pytest.fixture(scope="session")
def openvino() -> str:
    return str(other_runtimes.installed("openvino", "--no-deps"))


@pytest.fixture(scope="session")
def tensorrt() -> str:
    return str(other_runtimes.installed("trt-check"))


@pytest.mark.parametrize(("variant", "near"), [("float32", 1e-5), ("cpu-int8", 0.05), ("portable-int8", 0.02)])
def test_openvino_names_what_onnx_runtime_names(
    variant: str, near: float, files: tuple[Job, OnnxModel], tmp_path: Path, openvino: str
) -> None:
    job, made = files
    request(tmp_path, job, made, "openvino", variant)
    code, told = answers(tmp_path, PYTHONPATH=openvino)
    assert (code, told["providers"], told["threads"]) == (0, ["CPU float32"], 1), "not in bfloat16, unasked"
    wanted = onnx_file.run(made.path(variant), np.load(tmp_path / "x.npy"))
    scale = np.abs(wanted).max()
    with np.load(tmp_path / "m.npz") as found:
        for size in ("1", "2", "65"):
            assert np.abs(found[size] - wanted).max() <= near * scale
            assert onnx_file.same(wanted, found[size], 2e-2).all()


def test_openvino_keeps_its_own_form_with_the_same_answers(
    files: tuple[Job, OnnxModel], tmp_path: Path, openvino: str
) -> None:
    job, made = files
    request(tmp_path, job, made, "openvino", "float32")
    found = {"PYTHONPATH": openvino, "EDGESPEC_PREPARED": str(tmp_path / "kept")}
    told = [ask(tmp_path, "prepare", "request.json", **found)[1][0]["models"][0] for _ in range(2)]
    assert told[0]["digest"] == told[1]["digest"]
    assert {path.suffix for path in (tmp_path / "kept").iterdir()} == {".xml", ".bin", ".json"}, "written once"
    assert told[1]["seconds"] < told[0]["seconds"]
    code, _ = answers(tmp_path, **found)
    assert code == 0
    with np.load(tmp_path / "m.npz") as answered:
        wanted = onnx_file.run(made.path("float32"), np.load(tmp_path / "x.npy"))
        assert np.abs(answered["1"] - wanted).max() <= 1e-5 * np.abs(wanted).max(), "not rounded to float16"


def test_bfloat16_is_what_was_asked_for_or_refused(files: tuple[Job, OnnxModel], tmp_path: Path, openvino: str) -> None:
    job, made = files
    request(tmp_path, job, made, "openvino", "float32", "bf16")
    code, told = answers(tmp_path, PYTHONPATH=openvino)
    if code == 0:
        assert told["providers"] == ["CPU bfloat16"]
        wanted = onnx_file.run(made.path("float32"), np.load(tmp_path / "x.npy"))
        with np.load(tmp_path / "m.npz") as found:
            assert 0 < np.abs(found["1"] - wanted).max() <= 0.05 * np.abs(wanted).max()
    else:
        assert (code, "bfloat16" in told["error"]) == (2, True)


def test_tensorrt_builds_portable_without_a_warning_and_refuses_uint8(
    files: tuple[Job, OnnxModel], tmp_path: Path, tensorrt: str
) -> None:
    job, made = files
    for variant in ("float32", "portable-int8"):
        request(tmp_path, job, made, "tensorrt_rtx", variant)
        code, told = answers(tmp_path, PYTHONPATH=tensorrt)
        assert (code, told) == (0, {"runtime_version": told["runtime_version"], "answered": False})
    request(tmp_path, job, made, "tensorrt_rtx", "cpu-int8")
    code, told = answers(tmp_path, PYTHONPATH=tensorrt)
    assert code == 2
    assert told["error"]
