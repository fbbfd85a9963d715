"""The table of peers: numpy's front is ours, a row is a ratio of turns, what is lost has its reason; a worker does what it is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_bundle
import torch
from onnx import helper

from benchmarks.latency import peer_files, peer_worker, peers
from benchmarks.latency.peer_files import CannotBeMadeError
from edgespec.data import preprocess
from edgespec.graph import exporter
from edgespec.recipe import Call
from edgespec.spectra import Axis

TINY = Path(__file__).parents[1] / "export" / "runtimes" / "tiny.onnx"
USUAL = [Call("highpass", {"window": 62.0}), Call("signed_sqrt"), Call("rms")]


def asked(folder: Path, **item: object) -> Path:
    x = np.random.default_rng(0).normal(size=(6, 16)).astype(np.float32)
    np.save(folder / "x.npy", x)
    one = {"name": "tiny", "runtime": "onnxruntime", "file": str(TINY), "points": 16, **item}
    (folder / "items.json").write_text(json.dumps({"spectra": str(folder / "x.npy"), "items": [one]}))
    return folder / "items.json"


def test_numpys_front_is_the_preprocessing_that_the_file_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    axis = Axis(150, 1172, 512)
    front = preprocess.build(USUAL, axis.values(), None)
    made = exporter.of_front(front)
    assert made is not None
    onnx.save(made, tmp_path / "front.onnx")
    monkeypatch.setitem(peer_worker.RUNTIMES, "none", lambda file, item: lambda x: x)
    item = {"runtime": "none", "file": "", "points": 512, "front": peer_files.front(tmp_path / "front.onnx")}
    x = np.abs(np.cumsum(np.random.default_rng(0).normal(size=(1, 512)), 1)).astype(np.float32)
    wanted = front(torch.from_numpy(x)).numpy()
    assert np.abs(peer_worker._opened(item)(x) - wanted).max() <= 1e-4 * np.abs(wanted).max()


def test_another_preprocessing_is_refused(tmp_path: Path) -> None:
    kind = onnx.TensorProto.FLOAT
    ends = [helper.make_tensor_value_info(name, kind, [1, 4]) for name in ("spectrum", "prepared")]
    graph = helper.make_graph([helper.make_node("Abs", ["spectrum"], ["prepared"])], "other", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph), tmp_path / "other.onnx")
    with pytest.raises(CannotBeMadeError, match="no numpy stands in"):
        peer_files.front(tmp_path / "other.onnx")


def test_the_bare_network_answers_the_same_logits(tmp_path: Path) -> None:
    import onnxruntime

    path = tiny_bundle.model()
    whole, bare = (
        onnxruntime.InferenceSession(str(each)) for each in (path, peer_files.bare(path, tmp_path / "bare.onnx"))
    )
    model = onnx.load(path)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("prepared", onnx.TensorProto.FLOAT, None))
    front = onnxruntime.InferenceSession(model.SerializeToString())
    x = np.random.default_rng(0).uniform(1, 2, (1, whole.get_inputs()[0].shape[1])).astype(np.float32)
    prepared = front.run(None, {"spectrum": x})[0]
    assert np.allclose(bare.run(None, {"prepared": prepared})[0], whole.run(None, {"spectrum": x})[0], atol=1e-5)


def test_a_worker_answers_times_starts_cold_and_words_what_a_runtime_refuses(tmp_path: Path) -> None:
    commands = [
        {"do": "open", "name": "tiny", "out": str(tmp_path / "out.npy")},
        {"do": "turn", "name": "tiny", "ms": 1, "first": 3},
    ]
    program = [sys.executable, str(Path(peer_worker.__file__)), str(asked(tmp_path)), "0"]
    given = "".join(json.dumps(each) + "\n" for each in commands)
    ended = subprocess.run(program, input=given, capture_output=True, text=True, check=True, timeout=60)
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert told[0] == {"classes": 5}
    assert np.load(tmp_path / "out.npy").shape == (6, 5)
    assert told[1]["ns"] > 0
    assert told[1]["calls"] >= 3
    cold = subprocess.run([*program, "cold", "tiny"], capture_output=True, text=True, check=True, timeout=60)
    assert 0 < json.loads(cold.stdout)["bytes"] < 2**30
    program[2] = str(asked(tmp_path, file="/nowhere.onnx"))
    ended = subprocess.run(program, input=given, capture_output=True, text=True, check=True, timeout=60)
    assert "nowhere.onnx" in json.loads(ended.stdout.splitlines()[0])["error"]


def test_a_row_is_the_ratio_of_two_turns_of_a_round_and_the_table_says_why_a_peer_is_lost() -> None:
    ns = {peers.OURS: [10e3, 20e3, 30e3], "other": [20e3, 40e3, 60e3]}
    answers, y = np.eye(3, dtype=np.float32)[[0, 1, 1]], np.array([0, 1, 2])
    item = {"name": "other", "bare": False, "bytes": 7}
    row = peers._row(item, ns, answers, y, None)
    assert (row["ratio"], row["interval"], row["us"]) == (2.0, [2.0, 2.0], 40.0)
    assert row["accuracy"] == pytest.approx(2 / 3)
    machine = {"cpu": "a processor", "cores": 2, "flags": ["avx2"], "load": 0.5}
    found = {
        "run": "r",
        "machine": machine,
        "rounds": 3,
        "n": 3,
        "rows": {"other": row},
        "lost": {"TVM": "pip has none"},
    }
    printed = peers.table(found)
    assert "| other | 2.00 [2.00, 2.00] | 40.0 | 0.667 | 7 | - | - |" in printed
    assert "| TVM | not measured: pip has none |" in printed
