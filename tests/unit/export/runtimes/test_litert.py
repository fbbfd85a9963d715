"""LiteRT as the runner loads it, on a small network that was converted once (tiny.onnx, tiny.tflite), and what is refused.

These need ai-edge-litert; to convert anew needs its converter as well, which `edgespec setup litert | sh` fetches.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from device_runner import ask, carry, module

from edgespec.graph import onnx_file
from edgespec.targets import built_here

HERE = Path(__file__).parent
FREE = (built_here.converter() / "litert_torch").is_dir() or importlib.util.find_spec("litert_torch") is not None
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None, reason="no LiteRT here: pip install 'edgespec[litert]'"
)
converter = pytest.mark.skipif(
    not FREE, reason="no LiteRT converter here: edgespec setup litert | sh fetches it (0.8 GB)"
)
NOWHERE = {"EDGESPEC_LITERT": "/nonexistent"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The network, its .tflite beside it, spectra, and a request for them."""
    for name in ("tiny.onnx", "tiny.tflite"):
        shutil.copyfile(HERE / name, tmp_path / name)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(7, 16)).astype(np.float32))
    return requested(tmp_path)


def requested(folder: Path, **model: str) -> Path:
    one = {"name": "m", "file": "tiny.onnx", **model}
    told = {"runtime": "litert", "threads": 1, "spectra": "x.npy", "models": [one], "batches": [1, 3]}
    (folder / "request.json").write_text(json.dumps(told))
    return folder


def loaded(folder: Path) -> Any:
    module("engines.cache")  # found once, as from the runner's own folder
    runtime = module("model").find_runtime("litert")
    return module("model").open_model(runtime, {"name": "m", "file": str(folder / "tiny.onnx")}, 1)


def test_all_outputs_come_under_their_names_and_as_in_onnx_runtime(place: Path) -> None:
    model, x = loaded(place), np.load(place / "x.npy")
    assert model.outputs == ["logits", "probabilities", "score"]
    assert (model.facts["points"], model.facts["threads"]) == (16, 1)
    for n in (1, 5):
        wanted = onnx_file.outputs(place / "tiny.onnx", x[:n])
        for name, found in zip(model.outputs, model.infer(x[:n]), strict=True):
            assert found.shape == wanted[name].shape
            assert np.abs(found - wanted[name]).max() <= 1e-5 * np.abs(wanted[name]).max(), name


def test_the_runner_asks_prepares_and_starts_it(place: Path) -> None:
    code, (told,) = ask(place, "answers", "request.json", "--model", "m", **NOWHERE)
    assert (code, told["batches"], told["providers"]) == (0, [1, 3], ["CPU float32 (XNNPACK)"])
    wanted = onnx_file.run(place / "tiny.onnx", np.load(place / "x.npy"))
    with np.load(place / "m.npz") as found:
        assert all(np.allclose(found[size], wanted, atol=1e-5) for size in ("1", "3"))
    code, (told,) = ask(place, "prepare", "request.json", **NOWHERE)
    assert (code, told["models"][0]["file"]) == (0, "tiny.tflite"), "the file that was sent, not one made anew"
    code, (told,) = ask(place, "cold", "request.json", "--model", "m", **NOWHERE)
    assert code == 0


def test_a_file_of_another_model_or_a_damaged_one_is_refused(place: Path) -> None:
    raw = (place / "tiny.tflite").read_bytes()
    digest = module("engines.cache").digest(place / "tiny.onnx").encode()
    for spoilt in (raw[: len(raw) // 2] + digest, b"junk" + digest, raw[:2000] + b"\xff" * 40 + raw[2040:] + digest):
        (place / "tiny.tflite").write_bytes(spoilt)
        code, (said,) = ask(place, "answers", "request.json", "--model", "m", **NOWHERE)
        assert (code, "cannot be" in said["error"]) == (2, True), said
    changed = onnx.load(place / "tiny.onnx")
    changed.producer_name = "another"
    onnx.save(changed, place / "tiny.onnx")
    (place / "tiny.tflite").write_bytes(raw)
    code, (said,) = ask(place, "answers", "request.json", "--model", "m", **NOWHERE)
    assert (code, "made of another model" in said["error"]) == (2, True), said


def test_a_rounded_file_is_refused_and_never_sent_as_floats(place: Path) -> None:
    model = onnx.load(HERE / "tiny.onnx")
    model.graph.node.append(onnx.helper.make_node("QuantizeLinear", ["logits", "scale"], ["rounded"]))
    onnx.save(model, place / "tiny.onnx")
    for command in (("prepare", "request.json"), ("answers", "request.json", "--model", "m")):
        code, (said,) = ask(place, *command, **NOWHERE)
        assert (code, "it is in int8" in said["error"]) == (2, True), said
    requested(place, precision="fp16")
    shutil.copyfile(HERE / "tiny.onnx", place / "tiny.onnx")
    code, (said,) = ask(place, "answers", "request.json", "--model", "m", **NOWHERE)
    assert (code, "not for 'fp16'" in said["error"]) == (2, True), said


def test_without_the_converter_it_is_told_what_fetches_it(place: Path) -> None:
    (place / "tiny.tflite").unlink()
    code, (said,) = ask(place, "prepare", "request.json", EDGESPEC_PREPARED=str(place / "kept"), **NOWHERE)
    assert (code, "edgespec setup litert" in said["hint"]) == (3, True), said
    assert not list((place / "kept").glob("*.tflite"))


def test_a_device_without_edgespec_says_where_the_file_is_made(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module("engines.cache")
    runtime = module("model").find_runtime("litert")
    monkeypatch.setattr(runtime, "CONVERTER", "nowhere.graph.litert.convert")
    (place / "tiny.tflite").unlink()
    with pytest.raises(module("refusal").RefusalError, match="a device cannot make it") as caught:
        runtime.prepare(str(place / "tiny.onnx"), str(place), "")
    assert caught.value.code == 3
    assert "edgespec export" in caught.value.answer["hint"]


def test_a_bundle_brings_what_a_device_needs_and_no_more(place: Path) -> None:
    """The program as it is sent, with this runtime alone, in a folder of its own, with nothing kept from before."""
    runner = carry(place / "device", "litert")
    kept = {"EDGESPEC_PREPARED": str(place / "none"), "PYTHONPATH": "", **NOWHERE}
    code, (told,) = ask(place, "answers", "request.json", "--model", "m", runner=runner, **kept)
    assert (code, told["answered"]) == (0, True), told
    assert not (place / "none").exists()


@converter
def test_a_file_that_is_converted_anew_answers_alike_and_is_kept(place: Path) -> None:
    (place / "tiny.tflite").unlink()
    kept = {"EDGESPEC_PREPARED": str(place / "kept"), "EDGESPEC_LITERT": os.fspath(built_here.converter())}
    code, (told,) = ask(place, "prepare", "request.json", **kept)
    assert code == 0, told
    code, (again,) = ask(place, "prepare", "request.json", **kept)
    assert again["models"][0]["digest"] == told["models"][0]["digest"]
    assert again["models"][0]["seconds"] < 1
    code, _ = ask(place, "answers", "request.json", "--model", "m", **kept)
    with np.load(place / "m.npz") as found:
        assert np.allclose(found["1"], onnx_file.run(place / "tiny.onnx", np.load(place / "x.npy")), atol=1e-5)
