"""TensorRT through trtexec, which a stand-in plays for three major versions: flags, engines that are kept, answers, times, complaints."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_job
from device_runner import ask, module
from fake_trtexec import program
from onnx import TensorProto, helper, numpy_helper

from edgespec.graph import onnx_file
from edgespec.steps import quantize

VERSIONS = {"8602": (8, 6, 2), "100300": (10, 3, 0), "110100": (11, 1, 0)}
POINTS, CLASSES = 24, 3


def net(path: Path, *, opset: int = 17, scale: float = 1.0, batch: int | str = "n") -> Path:
    """Logits of a spectrum by one matrix."""
    weight = np.random.default_rng(3).normal(size=(POINTS, CLASSES)).astype(np.float32) * np.float32(scale)
    x = helper.make_tensor_value_info("spectrum", TensorProto.FLOAT, [batch, POINTS])
    y = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, CLASSES])
    nodes = [helper.make_node("MatMul", ["spectrum", "w"], ["logits"])]
    made = helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(model, {"edgespec.format": "1"})
    onnx.save(model, path)
    return path


@pytest.fixture(params=list(VERSIONS))
def trtexec(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The runtime, loaded where only such a trtexec is to be had."""
    return runtime(request.param, tmp_path, monkeypatch)


def runtime(number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("EDGESPEC_TRTEXEC", str(program(tmp_path, number)))
    monkeypatch.setenv("EDGESPEC_PREPARED", str(tmp_path / "kept"))
    monkeypatch.setenv("FAKE_TRTEXEC_CALLS", str(tmp_path / "calls"))
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    for name in ("cache", "onnx_outline", "trtexec", "tensorrt_api"):
        module(f"engines.{name}")
    return module("model").find_runtime("tensorrt")


def calls(tmp_path: Path, word: str) -> list[str]:
    told = (tmp_path / "calls").read_text().splitlines()
    return [line for line in told if word in line]


def test_an_engine_answers_and_is_timed(trtexec: Any, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = net(tmp_path / "a.onnx")
    infer, facts = trtexec.load(str(path), 1)
    number = request.node.callspec.params["trtexec"]
    assert trtexec.version() == ".".join(map(str, VERSIONS[number]))
    assert facts["providers"] == ["TensorRT float32 (trtexec)"]
    assert (facts["points"], facts["outputs"], facts["metadata"]) == (POINTS, ["logits"], {"edgespec.format": "1"})
    x = np.random.default_rng(0).normal(size=(70, POINTS)).astype(np.float32)
    np.testing.assert_allclose(infer(x)[0], onnx_file.run(path, x), rtol=1e-4, atol=1e-4)
    assert infer.times([x[:1]] * 20) == [120_000] * 20, "with transfers, without the warm-up"
    assert facts["compute_p50_ms"] == pytest.approx(0.1)
    timed = calls(tmp_path, "--exportTimes")
    assert ("--includeDataTransfers" in timed[0]) == (number == "110100")
    assert "--noDataTransfers" not in timed[0]
    assert len(calls(tmp_path, "--saveEngine")) == 1


def test_a_file_of_one_spectrum_at_a_time_is_asked_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = net(tmp_path / "a.onnx", batch=1)
    infer, _ = runtime("100300", tmp_path, monkeypatch).load(str(path), 1)
    assert infer.at_once == 1
    x = np.random.default_rng(0).normal(size=(2, POINTS)).astype(np.float32)
    np.testing.assert_allclose(
        infer(x)[0], np.concatenate([onnx_file.run(path, row[None]) for row in x]), rtol=1e-4, atol=1e-4
    )
    assert not calls(tmp_path, "hapes=")


@pytest.fixture(scope="module")
def rounded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny net in both int8 flavours."""
    line, folder = tiny_job.line("cnn"), tmp_path_factory.mktemp("int8")
    made = quantize.run(line.job.inside(folder), line.float32, spectra=64, flavours=["cpu", "portable"])
    return {name: made.path(name) for name in made.variants}


@pytest.mark.parametrize(("number", "flag"), [("100300", "--stronglyTyped"), ("110100", "")])
def test_portable_int8_is_built_as_the_version_wants_it_and_cpu_int8_is_refused(
    number: str, flag: str, rounded: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = runtime(number, tmp_path, monkeypatch)
    found.prepare(str(rounded["portable-int8"]), str(tmp_path / "kept"), "int8")
    (built,) = calls(tmp_path, "--saveEngine")
    assert ("--stronglyTyped" in built) == bool(flag)
    assert not {"--int8", "--fp16", "--best"} & set(built.split())
    with pytest.raises(ValueError, match="'portable-int8', not 'cpu-int8'"):
        found.prepare(str(rounded["cpu-int8"]), str(tmp_path / "kept"), "")
    with pytest.raises(ValueError, match="it is in int8, float32 was asked for"):
        found.prepare(str(rounded["portable-int8"]), str(tmp_path / "kept"), "float32")


def test_the_old_version_is_told_int8_and_keeps_to_its_opset(
    rounded: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = runtime("8602", tmp_path, monkeypatch)
    with pytest.raises(ValueError, match=r"its opset is 18, TensorRT 8\.6 reads up to 17.*--target"):
        found.prepare(str(rounded["portable-int8"]), str(tmp_path / "kept"), "")
    model = onnx.load(rounded["portable-int8"])
    model.opset_import[0].version = 17
    onnx.save(model, tmp_path / "old.onnx")
    found.prepare(str(tmp_path / "old.onnx"), str(tmp_path / "kept"), "")
    assert "--int8" in calls(tmp_path, "--saveEngine")[-1]


def test_uint8_with_zero_point_0_is_an_error_though_trtexec_only_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = runtime("100300", tmp_path, monkeypatch)
    model = onnx.load(net(tmp_path / "a.onnx"))
    pair = [
        helper.make_node(kind, [one, "s", "z"], [other])
        for kind, one, other in (("QuantizeLinear", "spectrum", "q"), ("DequantizeLinear", "q", "d"))
    ]
    model.graph.node[0].input[0] = "d"
    model.graph.node.extend([pair[0], pair[1], model.graph.node[0]])
    del model.graph.node[0]
    zero = numpy_helper.from_array(np.array(0, np.uint8), "z")
    model.graph.initializer.extend([numpy_helper.from_array(np.array(0.1, np.float32), "s"), zero])
    onnx.save(model, tmp_path / "b.onnx")
    with pytest.raises(ValueError, match="uint8 would be taken for int8"):
        found.prepare(str(tmp_path / "b.onnx"), str(tmp_path / "kept"), "")
    assert not list((tmp_path / "kept").glob("*.engine"))


def test_an_engine_is_kept_until_what_it_was_made_of_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, path = str(tmp_path / "kept"), str(net(tmp_path / "a.onnx"))
    found = runtime("100300", tmp_path, monkeypatch)
    first = found.prepare(path, folder, "")
    assert found.prepare(path, folder, "") == first
    assert len(calls(tmp_path, "--saveEngine")) == 1
    assert found.prepare(str(net(tmp_path / "b.onnx", scale=2)), folder, "") != first
    assert len(calls(tmp_path, "--saveEngine")) == 2, "another model"
    newer = runtime("110100", tmp_path, monkeypatch).prepare(path, folder, "")
    assert newer != first, "an engine of another version is none"
    Path(first).write_bytes(Path(first).read_bytes()[:-9])
    found = runtime("100300", tmp_path, monkeypatch)
    assert found.prepare(path, folder, "") == first
    assert len(calls(tmp_path, "--saveEngine")) == 4, "a damaged one is built anew"


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ("driver", "no NVIDIA driver answered"),
        ("[E] [TRT] No importer registered for op: Gelu. Attempting", "does not know an operator of it .*Gelu"),
        ("[E] [TRT] (checkQLinearConv): UNSUPPORTED_NODE", "export Q/DQ"),
        ("[E] something new\n[E] and more", "^something new$"),
    ],
)
def test_a_build_that_fails_says_why(failure: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = runtime("100300", tmp_path, monkeypatch)
    monkeypatch.setenv("FAKE_TRTEXEC_FAIL", failure)
    with pytest.raises(ValueError, match=told):
        found.prepare(str(net(tmp_path / "a.onnx")), str(tmp_path / "kept"), "")


def test_the_runner_prepares_and_measures_through_trtexec(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(9, POINTS)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    models = [{"name": name, "file": str(net(tmp_path / f"{name}.onnx", scale=1 + i))} for i, name in enumerate("ab")]
    limits = {"warmup_ms": 1, "warmup_max_ms": 1, "seconds": 0.01, "min_samples": 1, "max_seconds": 1}
    request = {"runtime": "tensorrt", "threads": 1, "spectra": "x.npy", "models": models, **limits}
    (tmp_path / "request.json").write_text(json.dumps(request))
    found = {"EDGESPEC_TRTEXEC": str(program(tmp_path, "101303")), "EDGESPEC_PREPARED": str(tmp_path / "kept")}
    code, (prepared,) = ask(tmp_path, "prepare", "request.json", **found)
    assert code == 0
    assert [each["name"] for each in prepared["models"]] == ["a", "b"]
    assert all(each["file"].endswith(".engine") and each["seconds"] > 0 for each in prepared["models"])
    assert prepared["models"][0]["runtime_version"] == "10.13.3"
    code, (told,) = ask(tmp_path, "bench", "request.json", **found)
    assert code == 0
    for i, name in enumerate("ab"):
        wanted = onnx_file.run(tmp_path / f"{name}.onnx", x)
        np.testing.assert_allclose(np.load(tmp_path / f"outputs-{i}.npy"), wanted, rtol=1e-4, atol=1e-4)
        samples = np.load(tmp_path / "samples.npz")[f"ns_{i}"] / told["models"][i].get("block", 1)
        assert samples.min() == samples.max() == 120_000
        assert told["models"][i]["compute_p50_ms"] == pytest.approx(0.1)


def test_where_there_is_no_tensorrt_the_runner_says_what_brings_it(tmp_path: Path) -> None:
    code, (told,) = ask(
        tmp_path, "hello", "--runtime", "tensorrt", PATH="/nowhere", EDGESPEC_TRTEXEC="/nowhere/trtexec"
    )
    assert code == 3
    assert "pip alone only fetches a stub" in told["error"]
    assert "Jetson" in told["hint"]
