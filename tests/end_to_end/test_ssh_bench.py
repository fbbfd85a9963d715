"""A measurement on a real ssh device: everything that it takes, a line that is cut in the middle, a device that lies."""

from __future__ import annotations

import importlib.util
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import python38
import ssh_server
from fake_trtexec import program
from onnx import TensorProto, helper, numpy_helper
from ssh_server import Device

from edgespec import storage
from edgespec.bench import measure as bench_measure
from edgespec.bench.measurement import Measurement
from edgespec.bench.protocol import QUICK
from edgespec.errors import Mismatch, Missing, Unreachable
from edgespec.graph import compatibility
from edgespec.targets import card as cards
from edgespec.targets import connection, runner
from edgespec.targets.card import Target

pytestmark = pytest.mark.skipif(ssh_server.SSHD is None, reason="no sshd here: apt install openssh-server")
FETCHED = storage.home() / "arm64"  # in the real cache folder, which tests don't see
SHORT = replace(QUICK, seconds=0.02, min_samples=70)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 16)).astype(np.float32)
WEIGHT = RNG.normal(size=(16, 3)).astype(np.float32)
Y = (X @ WEIGHT).argmax(axis=1)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    with ssh_server.running(tmp_path_factory.mktemp("device")) as found:
        yield found


@pytest.fixture(autouse=True)
def _called(there: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESPEC_SSH", there.ssh)
    monkeypatch.setattr(bench_measure, "WARMUP_MAX_S", 0.2)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One Gemm, and another that names other labels."""
    found = {}
    for name, weight in {"float32": WEIGHT, "fp16": WEIGHT[:, ::-1]}.items():
        x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", k]) for n, k in (("x", 16), ("y", 3)))
        constants = [numpy_helper.from_array(np.ascontiguousarray(weight), "w")]
        graph = helper.make_graph([helper.make_node("Gemm", ["x", "w"], ["y"])], "g", [x], [y], constants)
        found[name] = tmp_path_factory.mktemp("models") / f"{name}.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), found[name])
    return found


def measure(card: Target, models: dict[str, Path], folder: Path, **more: Any) -> list[Measurement]:
    keys: dict[str, Any] = {"reference": "float32", "float_of": {}, "protocol": SHORT, **more}
    return bench_measure.measure(models, X, Y, card, folder, **keys)


def test_a_measurement_is_made_there_and_its_outputs_are_scored(
    there: Device, models: dict[str, Path], tmp_path: Path
) -> None:
    before = (there.folder / "log").read_text().count("Accepted publickey")
    float32, other = measure(there.card(), models, tmp_path)
    assert (float32.target, float32.source) == ("pi", "measured")
    assert (float32.accuracy, float32.scored) == (1.0, 30)
    assert other.accuracy == pytest.approx(float(((X @ WEIGHT[:, ::-1]).argmax(axis=1) == Y).mean()))
    assert float32.n >= 64
    assert float32.p50_ms > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pi.json", "pi.samples.npz"]
    assert (there.folder / "log").read_text().count("Accepted publickey") == before + 1
    assert there.work == []


def test_a_device_of_python_3_8_measures(there: Device, models: dict[str, Path], tmp_path: Path) -> None:
    float32, _ = measure(there.card(python=(str(python38.furnished()),)), models, tmp_path)
    assert (float32.accuracy, float32.scored) == (1.0, 30)
    assert float32.p50_ms > 0
    assert there.work == []


def test_a_line_cut_in_the_middle_is_told_and_the_next_call_goes_on(
    there: Device, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = connection.Line.call, []

    def call(self: Any, arguments: list[str], *more: Any) -> Any:
        calls.append(arguments[0])
        if calls.count("bench") == 2 and arguments[0] == "bench":
            threading.Timer(0.5, there.cut).start()
        return real(self, arguments, *more)

    monkeypatch.setattr(connection.Line, "call", call)
    protocol = replace(SHORT, processes=2, seconds=0.5)
    with pytest.raises(Unreachable, match="was cut"):
        measure(there.card(), models, tmp_path, protocol=protocol)
    assert calls.count("bench") == 2
    assert ssh_server.wait(lambda: there.work == [])
    said: list[str] = []
    found = measure(there.card(), models, tmp_path, protocol=protocol, progress=said.append)
    assert [line for line in said if "is kept from before" in line]
    assert calls.count("bench") == 3
    assert found[0].accuracy == 1.0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pi.json", "pi.samples.npz"]


@pytest.mark.parametrize("lie", ["answers", "latencies", "clock", "no samples", "no models"])
def test_a_device_that_lies_is_found_out(
    there: Device, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    real = connection.Line.call

    def call(self: Any, arguments: list[str], folder: Path, *more: Any) -> Any:
        ended = real(self, arguments, folder, *more)
        if arguments[0] == "bench":
            with np.load(folder / "samples.npz") as arrays:
                samples = dict(arrays)
            if lie == "answers":
                np.save(folder / "outputs-0.npy", np.load(folder / "outputs-0.npy")[:, ::-1])
            elif lie == "latencies":
                samples["ns_0"][0, 0] = 0
            elif lie == "clock":
                samples["ns_1"] *= 1_000_000
            elif lie == "no samples":
                del samples["ns_0"]
            else:
                ended = ended._replace(printed=b"{}")
            np.savez(folder / "samples.npz", **samples)
        return ended

    monkeypatch.setattr(connection.Line, "call", call)
    with pytest.raises(Mismatch, match="target 'pi'") as caught:
        measure(there.card(), {"float32": models["float32"]}, tmp_path)
    assert caught.value.exit_code == 4
    assert list(tmp_path.iterdir()) == []
    assert there.work == []


def test_an_engine_is_built_on_the_device_once(there: Device, models: dict[str, Path], tmp_path: Path) -> None:
    if importlib.util.find_spec("tensorrt"):
        pytest.skip("TensorRT's Python package is here: its runtime would take that, not trtexec")
    card = replace(there.card(trtexec=str(program(tmp_path, "100300"))), name="orin", runtime="tensorrt")
    card = replace(card, env={"FAKE_TRTEXEC_CALLS": "{home}/calls"})
    calls, prepared = there.home / ".cache" / "edgespec" / "calls", there.home / ".cache" / "edgespec" / "prepared"
    (found,) = measure(card, {"float32": models["float32"]}, tmp_path / "out")
    assert (found.target, found.runtime_version, found.accuracy) == ("orin", "10.3.0", 1.0)
    assert found.provider == "TensorRT float32 (trtexec)"
    work = tmp_path / "again"
    work.mkdir()
    shutil.copy(models["float32"], work / "a.onnx")
    np.save(work / "x.npy", X)
    request = {"runtime": "tensorrt", "threads": 1, "spectra": "x.npy", "models": [{"name": "a", "file": "a.onnx"}]}
    (work / "request.json").write_text(json.dumps(request))
    (kept,) = runner.call(card, ["prepare", "request.json"], work)["models"]
    assert [path.name for path in prepared.glob("*.engine")] == [kept["file"]]
    told = calls.read_text().splitlines()
    assert len([line for line in told if "--saveEngine" in line]) == 1
    assert there.work == []


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler here")
@pytest.mark.parametrize("there_too", [False, True])
def test_a_device_without_a_compiler_runs_what_is_compiled_here(
    there_too: bool, there: Device, models: dict[str, Path], tmp_path: Path
) -> None:
    card = replace(there.card(), name="board", runtime="c")
    code = compatibility.as_run({"float32": models["float32"]}, card, tmp_path / "sent")
    lacks = {} if there_too else {"EDGESPEC_CC": "/no/compiler"}
    if lacks:
        with pytest.raises(Missing, match="no C compiler here"):
            measure(replace(card, env=lacks), code, tmp_path / "lost")
    (found,) = measure(replace(card, env={**lacks, "EDGESPEC_CROSS": "cc -O1"}), code, tmp_path / "out")
    assert (found.target, found.accuracy) == ("board", 1.0)
    assert ("on the workstation" in found.runtime_version) is not there_too
    assert there.work == []


def test_a_device_of_another_architecture_answers_as_this_one(
    there: Device, models: dict[str, Path], tmp_path: Path
) -> None:
    """Everything at the far end is ARM's: the agent, the runner, the runtime."""
    if not (FETCHED / "emulator").exists():
        pytest.skip("no emulated ARM here: 'edgespec setup arm64_emulated | sh' fetches it")
    place = there.home / ".cache" / "edgespec" / "arm64"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(FETCHED.resolve())
    shutil.copy(models["float32"], tmp_path / "a.onnx")
    np.save(tmp_path / "x.npy", X)
    request = {"runtime": "onnxruntime", "threads": 1, "spectra": "x.npy", "models": [{"name": "a", "file": "a.onnx"}]}
    (tmp_path / "request.json").write_text(json.dumps({**request, "batches": [1]}))
    card = replace(cards.load("arm64_emulated"), reach="ssh", host="device")
    with runner.held(card):
        assert runner.call(card, ["hello", "--runtime", "onnxruntime"], tmp_path, 300)["machine"] == "aarch64"
        runner.call(card, ["answers", "request.json", "--model", "a"], tmp_path, 300)
    place.unlink()
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_allclose(arrays["1"], X @ WEIGHT, rtol=1e-4, atol=1e-4)
    assert there.work == []
