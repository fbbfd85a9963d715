"""What a target loads: the bundle of a run for it, in the opset that its runtime reads, with the command that builds its engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import other_runtimes
import pytest
import yaml
from device_runner import ask, module
from fake_trtexec import program

from edgespec import contract, plugins, report
from edgespec.bundle import for_targets
from edgespec.cli import compress, export
from edgespec.errors import Missing, Mistake
from edgespec.graph import jetpack, onnx_file
from edgespec.pipeline.run import Run
from edgespec.report import markdown, terminal
from edgespec.runs import bench
from edgespec.targets import card as cards
from edgespec.targets import runner


def made(run: Path, name: str, out: Path | None = None, **more: Any) -> for_targets.Delivered:
    keys = {"variant": None, "axis": None, "require_engine": False, **more}
    return for_targets.write(Run(run), name, out, **keys)


@pytest.fixture
def no_checker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Play a machine without TensorRT-RTX and OpenVINO."""
    real = runner.call

    def call(card: cards.Target, *arguments: Any, **keys: Any) -> dict[str, Any]:
        if card.runtime != "onnxruntime":
            raise Missing(f"target {card.name!r}: {card.runtime} cannot be used here", hint="install it")
        return real(card, *arguments, **keys)

    monkeypatch.setattr(for_targets.runner, "call", call)


@pytest.mark.usefixtures("no_checker")
def test_a_jetson_gets_what_builds_its_engine_and_says_that_it_is_not_built(run_copy: Path, tmp_path: Path) -> None:
    found = made(run_copy, "jetson")
    folder = run_copy / found.folder
    assert (found.folder, found.variant, found.status) == ("bundles/jetson", "float32", "deferred")
    assert found.checked == ("linted for JetPack 6.2 (TensorRT 10.3): opset and operators",)
    assert "only linted, not parsed" in found.message
    assert "edgespec bench --target jetson" in found.message
    told = json.loads((folder / "build.json").read_text())
    assert told["build"]["10"][:3] == ["trtexec", "--onnx=model.onnx", "--saveEngine=model.engine"]
    assert "--stronglyTyped" in told["build"]["10"]
    assert json.loads((folder / "target.json").read_text())["status"] == "deferred"
    assert subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=False).returncode == 0
    environment = {**os.environ, "TRTEXEC": str(program(tmp_path, "100300"))}
    built = subprocess.run(["sh", "build_engine.sh", "--check"], cwd=folder, env=environment, check=False)
    assert built.returncode == 0
    n, points = told["vectors"]["spectrum"]
    assert np.fromfile(folder / "vectors" / "spectrum.bin", np.float32).size == n * points
    assert (folder.parent / "jetson.engine.txt").read_text().startswith("tensorrt 100300 ")
    assert subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=False).returncode == 0
    assert not list(folder.glob("*.engine*"))
    environment["TRTEXEC"] = str(program(tmp_path, "8602"))
    assert subprocess.run(["sh", "build_engine.sh"], cwd=folder, env=environment, check=False).returncode == 3


@pytest.mark.usefixtures("no_checker")
def test_a_jetson_s_bundle_runs_what_it_is_for(run_copy: Path, tmp_path: Path) -> None:
    folder = run_copy / made(run_copy, "jetson").folder
    engine, calls = folder.with_name("jetson.engine"), tmp_path / "calls"
    there = {
        "EDGESPEC_TRTEXEC": str(program(tmp_path, "100300")),
        "EDGESPEC_PREPARED": str(tmp_path / "kept"),
        "FAKE_TRTEXEC_CALLS": str(calls),
        "TRTEXEC": str(program(tmp_path, "100300")),
        "PYTHON": sys.executable,
    }

    def asked(*words: str, **environment: str) -> tuple[int, dict[str, Any]]:
        code, lines = ask(folder, *words, runner=folder / "runner.py", **{**there, **environment})
        return code, lines[-1]

    def build(*words: str) -> int:
        command = ["sh", "build_engine.sh", *words]
        return subprocess.run(command, cwd=folder, env={**os.environ, **there}, check=False).returncode

    code, told = asked("verify", ".", EDGESPEC_TRTEXEC="nowhere", PATH=str(tmp_path))
    assert (code, "TensorRT cannot be used here" in told["error"]) == (3, True)
    assert told["hint"].endswith("--runtime onnxruntime asks the same file in another runtime")
    assert build() == 0
    calls.write_text("")
    code, told = asked("verify", ".")
    assert (code, told["ok"], told["runtime"]) == (0, True, "10.3.0")
    assert f"--loadEngine={engine}" in calls.read_text()
    assert "--saveEngine" not in calls.read_text(), "the engine that is there is taken"
    assert calls.read_text().count(":32x128") == 1, "all stored spectra in one process"
    np.savetxt(
        tmp_path / "s.csv",
        np.column_stack([np.linspace(150, 1172, 200), np.random.default_rng(0).normal(size=200)]),
        delimiter=",",
    )
    assert asked("predict", ".", str(tmp_path / "s.csv"))[1]["runtime"] == "10.3.0"
    for harm, said in (
        (lambda: engine.write_bytes(engine.read_bytes() + b" "), "has changed since it was built"),
        (lambda: engine.with_name("jetson.engine.txt").unlink(), "has no record"),
    ):
        harm()
        code, told = asked("predict", ".", str(tmp_path / "s.csv"))
        assert (code, said in told["error"], told["hint"]) == (2, True, "sh build_engine.sh, in the bundle")
    assert build("--check") == 0
    code, told = asked("predict", ".", str(tmp_path / "s.csv"), EDGESPEC_TRTEXEC=str(program(tmp_path, "101303")))
    assert "was built by TensorRT 10.3.0, here is 10.13.3" in told["error"]
    vectors = dict(np.load(folder / "test_vectors.npz"))
    np.savez(folder / "test_vectors.npz", **{**vectors, "logits": -vectors["logits"]})
    assert build("--check") == 4, "compared with the stored answers"
    (folder / "target.json").write_text("[]")
    code, told = asked("verify", ".")
    failed = {each["check"]: each["found"] for each in told["checks"] if not each["ok"]}
    assert (code, "does not tell the runtime" in failed["answers"]) == (4, True)
    assert failed["checksum target.json"] == "has changed since it was sent"


@pytest.mark.usefixtures("no_checker")
def test_an_engine_that_is_demanded_and_cannot_be_built_is_code_3(run_copy: Path, tmp_path: Path) -> None:
    with pytest.raises(Missing, match="TensorRT engine not built") as caught:
        made(run_copy, "jetson", tmp_path / "b", require_engine=True)
    assert caught.value.exit_code == 3
    assert not (tmp_path / "b").exists()
    with pytest.raises(Mistake, match="--require-engine needs --target"):
        export.command(run_copy, require_engine=True)


@pytest.mark.usefixtures("no_checker")
def test_an_old_jetpack_gets_a_file_of_its_opset_with_the_same_answers(run_copy: Path, tmp_path: Path) -> None:
    found = made(run_copy, "jetson_6_0", tmp_path / "b")
    model = onnx.load(tmp_path / "b" / "model.onnx")
    assert model.opset_import[0].version == 17
    assert model.ir_version == 8
    assert found.checked[0].startswith("opset 17: the same labels as the run's own file on ")
    onnx.checker.check_model(model)
    own = next((run_copy / "5-calibrate").glob("model.onnx"))
    x = np.load(tmp_path / "b" / "test_vectors.npz")["spectra"]
    then, now = onnx_file.outputs(own, x), onnx_file.outputs(tmp_path / "b" / "model.onnx", x)
    assert list(then) == list(now)
    for name in then:
        np.testing.assert_allclose(now[name], then[name], rtol=1e-3, atol=1e-4)
    assert contract.load(own) == contract.load(tmp_path / "b" / "model.onnx")
    with pytest.raises(Mistake, match="reads opset 17 and older"):
        made(run_copy, "jetson_6_0", tmp_path / "c", variant="cpu-int8")


@pytest.mark.usefixtures("no_checker")
def test_a_file_that_tensorrt_would_reject_is_not_written(run_copy: Path, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"TensorRT 10\.3 will reject node .*\(DequantizeLinear\)") as caught:
        made(run_copy, "jetson", tmp_path / "b", variant="cpu-int8")
    assert "portable-int8" in caught.value.message
    assert not (tmp_path / "b").exists()


@pytest.mark.usefixtures("no_checker")
def test_compress_ends_with_a_bundle_a_target_and_makes_a_lost_one_anew(run_copy: Path) -> None:
    before = (run_copy / "report.json").read_bytes()
    result = for_targets.write_all(Run(run_copy), ["local", "intel_cpu", "jetson"])
    assert {name: each["status"] for name, each in result.bundles.items()} == {
        "local": "ready", "intel_cpu": "deferred", "jetson": "deferred",
    }  # fmt: skip
    assert result.bundles["intel_cpu"]["message"].endswith("; pip install openvino")
    assert report.read(run_copy).bundles == result.bundles != json.loads(before)["bundles"]
    assert "| jetson | tensorrt | float32 |" in markdown.show(result, drawn=False)
    from edgespec.pipeline import up_to_date

    targets = ["local", "intel_cpu", "jetson"]
    assert up_to_date.delivered(result, run_copy, targets)
    assert not up_to_date.delivered(result, run_copy, [*targets, "jetson_7"])
    shutil.rmtree(run_copy / "bundles" / "jetson")
    assert not up_to_date.delivered(result, run_copy, targets)
    stamp = (run_copy / "bundles" / "local" / "SHA256SUMS").stat().st_mtime_ns
    again = for_targets.write_all(Run(run_copy), targets)
    assert again.bundles == result.bundles
    assert (run_copy / "bundles" / "jetson" / "target.json").is_file()
    assert (run_copy / "bundles" / "local" / "SHA256SUMS").stat().st_mtime_ns == stamp, "what is whole is kept"


def test_compress_writes_the_bundles_of_its_targets_and_not_with_until(
    run_copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compress.command([tmp_path / "tiny.yaml"], out=run_copy, to_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["bundles"]["local"]["status"], told["bundles"]["local"]["variant"]) == ("ready", "float32")
    assert (run_copy / "bundles" / "local" / "SHA256SUMS").is_file()
    assert "| local | onnxruntime | float32 |" in (run_copy / "report.md").read_text()
    shutil.rmtree(run_copy / "bundles")
    compress.command([tmp_path / "tiny.yaml"], out=run_copy, stop="calibrate", to_json=True)
    assert not (run_copy / "bundles").exists()


def test_bench_sends_tensorrt_what_it_takes_and_says_what_was_left_out(
    run_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGESPEC_PREPARED", str(tmp_path / "kept"))
    (tmp_path / "targets").mkdir()
    card = {"runtime": "tensorrt", "trtexec": str(program(tmp_path, "8602")), "jetpack": "6.0"}
    (tmp_path / "targets" / "played.yaml").write_text(yaml.safe_dump(card))
    result = bench.bench(Run(run_copy), ["played"], seconds=0.05)
    found = {each["variant"]: each for each in result.bench["played"]["measurements"]}
    assert "float32" in found
    assert {"cpu-int8", "default"} & set(found) == set()
    assert found["float32"]["provider"] == "TensorRT float32 (trtexec)"
    assert (found["float32"]["reference"], found["float32"]["p50_ms"]) == ("float32", pytest.approx(0.12))
    row = next(row for row in result.last() if row.variant == "float32")
    assert found["float32"]["accuracy"] == pytest.approx(row.accuracy, abs=1e-4), "scored on what trtexec answered"
    refused = result.advice["played"]["refused"]
    assert "one spectrum at a time" in refused["default"][0]
    assert "opset 17" in refused["cpu-int8"][0]
    assert any(note.startswith("on played cpu-int8 was not measured: ") for note in result.notes)
    assert "ratio to float32" in terminal.show_bench(result)
    again = bench.replay(run_copy / "bench" / "played.samples.npz", Run(run_copy))
    assert again.bench["played"]["measurements"] == result.bench["played"]["measurements"]


def test_openvino_gets_its_own_form_and_its_bundle_runs_it(run_copy: Path, tmp_path: Path) -> None:
    found = made(run_copy, "intel_cpu", tmp_path / "b", variant="float32")
    assert (found.status, found.message) == ("ready", ""), "OpenVINO comes with edgespec"
    assert found.files == ("model.bin", "model.xml")
    own = tmp_path / "b" / "runner.py"
    code, lines = ask(tmp_path / "b", "verify", ".", runner=own, EDGESPEC_PREPARED=str(tmp_path / "kept"))
    assert (code, lines[-1]["ok"]) == (0, True)
    assert lines[-1]["runtime"].startswith("20"), "OpenVINO's version"
    assert list((tmp_path / "kept").glob("*.xml")), "it ran there, not in ONNX Runtime"
    code, lines = ask(tmp_path / "b", "verify", ".", "--runtime", "onnxruntime", runner=own)
    assert (code, lines[-1]["runtime"].startswith("1.")) == (0, True)


def test_tensorrt_rtx_parses_and_builds_where_it_is_installed(
    run_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = other_runtimes.installed("trt-check")
    monkeypatch.setenv("PYTHONPATH", f"{tools}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    for name in ("jetson", "jetson_6_0"):
        found = made(run_copy, name, tmp_path / name)
        assert "parses and builds" in found.checked[-1]
        assert "checked with TensorRT-RTX" in found.message


@pytest.mark.parametrize("precision", ["float32", "fp16", "int8"])
@pytest.mark.parametrize("release", [(8, 5, 2), (8, 6, 2), (10, 3, 0), (11, 1, 0)])
def test_the_bundle_builds_with_the_very_flags_of_the_device(release: tuple[int, int, int], precision: str) -> None:
    operators = frozenset(["QuantizeLinear"] if precision == "int8" else [])
    types = frozenset([10] if precision == "fp16" else [1])
    outline = module("engines.onnx_outline").Outline("spectrum", 0, 512, [], 18, 10, operators, types, {})
    there = module("engines.trtexec").build_flags(release, outline)
    here = jetpack.flags(release[0], "{}.{}".format(*release), precision, "spectrum", 512)
    assert sorted(there) == sorted(here)


@pytest.mark.parametrize("name", [name for name in plugins.names("targets") if cards.load(name).jetpack])
def test_a_jetpack_s_card_asks_for_what_its_tensorrt_reads(name: str) -> None:
    card = cards.load(name)
    assert card.opset <= jetpack.RELEASES[card.jetpack].opset
    assert "float32" in card.precisions
