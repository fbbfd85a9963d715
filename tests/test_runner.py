"""The device's side: what it answers, what it refuses, and how it takes turns (with a clock of our own)."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from device import RUNNER, carry, module
from onnx import TensorProto, helper, numpy_helper

from edgespec import plugins

POINTS, CLASSES = 32, 4
QUICK = {"warmup_ms": 2, "warmup_max_ms": 100, "seconds": 0.01, "min_samples": 20, "slot_ms": 0.5}


def gemm(path: Path, weight: Any, *, points: Any = None) -> Path:
    """Write a model of one layer: (n, points) @ weight."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", points or weight.shape[0]])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", weight.shape[1]])
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", [x], [y], [numpy_helper.from_array(weight.astype(np.float32), "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A request for two models on seven spectra."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(2, POINTS, CLASSES)).astype(np.float32)
    gemm(tmp_path / "a.onnx", weights[0])
    gemm(tmp_path / "b.onnx", weights[1])
    np.save(tmp_path / "weights.npy", weights)
    np.save(tmp_path / "x.npy", rng.normal(size=(7, POINTS)).astype(np.float32))
    ask(tmp_path)
    return tmp_path


def ask(folder: Path, **changes: Any) -> None:
    models = [{"name": "first", "file": "a.onnx"}, {"name": "second", "file": "b.onnx"}]
    request = {"runtime": "onnxruntime", "threads": 1, "spectra": "x.npy", "models": models, **QUICK, **changes}
    (folder / "request.json").write_text(json.dumps({k: v for k, v in request.items() if v is not None}))


def run(folder: Path, *arguments: str, runner: Path = RUNNER) -> tuple[int, dict[str, Any], str]:
    ended = subprocess.run(
        [sys.executable, str(runner.resolve()), *arguments], cwd=folder, capture_output=True, text=True
    )
    return ended.returncode, json.loads(ended.stdout), ended.stderr


@pytest.mark.parametrize("path", sorted(RUNNER.parent.rglob("*.py")), ids=lambda path: path.name)
def test_what_leaves_the_workstation_is_python_3_8_and_knows_nothing_of_edgespec(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    siblings = {each.partition("/")[0].removesuffix(".py") for each in plugins.program()}
    allowed = {*sys.stdlib_module_names, *siblings, "numpy", path.stem, "jcamp", "spc_io"}
    assert {name.split(".")[0] for name in imported} <= allowed


def test_hello_tells_what_latencies_depend_on(tmp_path: Path) -> None:
    code, facts, _ = run(tmp_path, "hello", "--runtime", "onnxruntime")
    assert code == 0
    import onnxruntime

    assert facts["runtime_version"] == onnxruntime.__version__
    assert facts["python"] == sys.version.split()[0]
    assert facts["cores"] >= 1
    assert set(facts) >= {"numpy", "machine", "cpu", "flags", "load1", "governor", "affinity"}
    if sys.platform == "linux":
        assert len(facts["affinity"]) == 1


def test_bench_gives_samples_by_round_and_the_outputs_of_every_spectrum_in_order(folder: Path) -> None:
    code, answer, _ = run(folder, "bench", "request.json")
    assert code == 0
    x, weights = np.load(folder / "x.npy"), np.load(folder / "weights.npy")
    samples = np.load(folder / answer["samples"])
    for i, (name, model) in enumerate(zip(["first", "second"], answer["models"], strict=True)):
        assert model["name"] == name
        assert model["providers"] == ["CPUExecutionProvider"]
        np.testing.assert_allclose(np.load(folder / model["outputs"]), x @ weights[i], rtol=1e-4, atol=1e-5)
        assert samples[f"ns_{i}"].shape[1] == model["calls"]
        assert samples[f"ns_{i}"].size >= QUICK["min_samples"]
        assert samples[f"ns_{i}"].sum() >= QUICK["seconds"] * 1e9
        assert (samples[f"ns_{i}"] > 0).all()
    assert len(samples["ns_0"]) == len(samples["ns_1"]) >= 11


def test_a_fresh_process_tells_its_own_memory_not_that_of_whoever_started_it(folder: Path) -> None:
    ballast = np.ones(300_000_000, np.uint8)  # a child inherits ru_maxrss
    code, cold, _ = run(folder, "cold", "request.json", "--model", "second")
    assert code == 0
    assert min(cold["import_ms"], cold["load_ms"], cold["first_ms"]) > 0
    assert 1_000_000 < cold["peak_memory_before_load"] <= cold["peak_memory"]
    if sys.platform == "linux":
        assert cold["peak_memory"] < ballast.nbytes


def test_a_missing_runtime_is_code_3_with_a_remedy(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    device = tmp_path_factory.mktemp("device")
    runner = carry(device)
    (device / "runtimes" / "toaster.py").write_text("import toaster_runtime_that_nobody_has\n")
    code, answer, stderr = run(folder, "hello", "--runtime", "toaster", runner=runner)
    assert code == 3
    assert "toaster_runtime_that_nobody_has" in answer["error"]
    assert "pip install toaster_runtime_that_nobody_has" in answer["hint"]
    assert "Traceback" not in stderr


def test_what_a_library_prints_is_not_in_the_answer(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    device = tmp_path_factory.mktemp("device")
    runner = carry(device)
    noise = "import os\nos.write(1, b'hello from C')\nprint('hello')\ndef version():\n    return '7'\n"
    (device / "runtimes" / "loud.py").write_text(noise)
    code, answer, stderr = run(folder, "hello", "--runtime", "loud", runner=runner)
    assert (code, answer["runtime_version"]) == (0, "7")
    assert "hello from C" in stderr


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"runtime": "onnxruntim"}, "onnxruntim"),
        ({"spectra": "nowhere.npy"}, "nowhere.npy"),
        ({"models": [{"name": "first", "file": "nowhere.onnx"}]}, "first"),
        ({"models": [{"name": "first", "file": "x.npy"}]}, "first"),
        ({"models": [{"name": "one", "file": "a.onnx"}, {"name": "one", "file": "b.onnx"}]}, "name of its own"),
        ({"models": []}, "models"),
        ({"models": [{"name": "first"}]}, "models"),
        ({"threads": None}, "threads"),
        ({"threads": 0}, "thread"),
        ({"seconds": "long"}, "seconds"),
        ({"second": 1}, "second"),
    ],
)
def test_a_wrong_request_is_code_2_and_says_what_is_wrong(folder: Path, changes: dict[str, Any], told: str) -> None:
    ask(folder, **changes)
    code, answer, stderr = run(folder, "bench", "request.json")
    assert code == 2
    assert told in answer["error"]
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("x", "told"),
    [
        (np.zeros((3, POINTS + 1), np.float32), f"{POINTS} points, these have {POINTS + 1}"),
        (np.zeros((3, POINTS)), "float32"),
        (np.zeros((0, POINTS), np.float32), "float32 (n, points)"),
        (np.zeros(POINTS, np.float32), "float32 (n, points)"),
    ],
)
def test_spectra_that_no_model_takes_are_refused(folder: Path, x: Any, told: str) -> None:
    np.save(folder / "x.npy", x)
    for command in (["bench", "request.json"], ["cold", "request.json", "--model", "first"]):
        code, answer, _ = run(folder, *command)
        assert code == 2
        assert told in answer["error"]


def test_a_model_of_free_length_or_two_inputs_is_refused(folder: Path) -> None:
    gemm(folder / "a.onnx", np.ones((POINTS, CLASSES)), points="length")
    code, answer, _ = run(folder, "cold", "request.json", "--model", "first")
    assert code == 2
    assert "fixed length" in answer["error"]


@pytest.mark.parametrize("field", ["ir_version", "opset"])
def test_a_model_newer_than_the_runtime_says_so(folder: Path, field: str) -> None:
    model = onnx.load(folder / "a.onnx")
    if field == "ir_version":
        model.ir_version = 99
    else:
        model.opset_import[0].version = 99
    onnx.save(model, folder / "a.onnx")
    code, told, _ = run(folder, "cold", "request.json", "--model", "first")
    assert code == 2
    assert "99" in told["error"]
    assert "a newer runtime, or 'opset' and 'ir_version' of the target's card" in told["hint"]


@pytest.mark.parametrize("arguments", [[], ["bench"], ["weigh"], ["cold", "request.json", "--model", "third"]])
def test_wrong_arguments_are_answered_in_json_too(folder: Path, arguments: list[str]) -> None:
    code, answer, _ = run(folder, *arguments)
    assert code == 2
    assert answer["error"]
    assert answer["hint"]


class Clock:
    """A clock that only models move."""

    def __init__(self) -> None:
        self.now = 0
        self.order: list[str] = []

    def __call__(self) -> int:
        return self.now

    def model(self, name: str, ns: int) -> Any:
        def infer(row: Any) -> None:
            self.now += ns
            self.order.append(name)

        return infer


LIMITS = {"seconds": 0.0, "min_samples": 1, "max_seconds": 1e9, "settle": 0}


def test_models_take_turns_in_a_rotating_order() -> None:
    clock = Clock()
    infers = [clock.model(name, 10) for name in "ABC"]
    module("measure.timing").interleave(infers, [2, 1, 1], [None], LIMITS, clock)
    assert "".join(clock.order[:12]) == "AABC" + "BCAA" + "CAAB"


def test_every_call_is_timed_alone_and_none_is_left_out() -> None:
    clock = Clock()
    samples = module("measure.timing").interleave(
        [clock.model("A", 7), clock.model("B", 900)], [3, 1], [None], LIMITS, clock
    )
    assert [[list(each) for each in rounds] for rounds in samples] == [[[7, 7, 7]] * 11, [[900]] * 11]


def test_measuring_ends_when_all_models_have_their_time_and_their_samples() -> None:
    clock = Clock()
    infers = [clock.model("fast", 1_000), clock.model("slow", 100_000)]
    by_time = module("measure.timing").interleave(infers, [100, 1], [None], {**LIMITS, "seconds": 0.01}, clock)
    assert [len(each) for each in by_time] == [100, 100]
    by_count = module("measure.timing").interleave(infers, [100, 1], [None], {**LIMITS, "min_samples": 250}, clock)
    assert [len(each) for each in by_count] == [250, 250]


def test_the_longest_time_wins_but_never_leaves_fewer_than_eleven_rounds() -> None:
    clock = Clock()
    limits = {"seconds": 1e6, "min_samples": 10**6, "settle": 0}
    second = [clock.model("A", 10**9)]
    assert len(module("measure.timing").interleave(second, [1], [None], {**limits, "max_seconds": 30}, clock)[0]) == 30
    assert len(module("measure.timing").interleave(second, [1], [None], {**limits, "max_seconds": 2}, clock)[0]) == 11


def test_calls_that_settle_a_slot_are_not_timed() -> None:
    clock = Clock()
    samples = module("measure.timing").interleave([clock.model("A", 5)], [8], [None], {**LIMITS, "settle": 5}, clock)
    assert np.array(samples[0]).shape == (11, 8)
    assert len(clock.order) == 11 * (8 + 2)  # a quarter of the slot at most


def test_real_spectra_go_round() -> None:
    seen: list[int] = []
    module("measure.timing").time_calls(seen.append, [0, 1, 2, 0], lambda: 0)
    assert seen == [0, 1, 2, 0]
    seen.clear()
    module("measure.timing").interleave([seen.append], [2], [0, 1, 2], LIMITS, lambda: 0)
    assert seen[:7] == [0, 1, 2, 0, 1, 2, 0]


def test_warm_up_waits_for_two_blocks_that_agree() -> None:
    clock = Clock()
    speed = iter([1000] * 5 + [800] * 5 + [500] * 100)

    def infer(row: Any) -> None:
        clock.now += next(speed)

    warm = module("measure.timing").warm_up(infer, [None], {"warmup_ms": 0, "warmup_max_ms": 1e9}, clock)
    assert warm == {"stable": True, "calls": 20, "ms": pytest.approx(0.014), "median_ns": 500}


def test_warm_up_lasts_as_long_as_asked_and_gives_up_at_its_limit() -> None:
    clock = Clock()
    warm = module("measure.timing").warm_up(
        clock.model("A", 1_000_000), [None], {"warmup_ms": 200, "warmup_max_ms": 1e9}, clock
    )
    assert warm["stable"]
    assert warm["ms"] >= 200
    faster = [10**9]

    def never_twice_the_same(row: Any) -> None:
        faster[0] = int(faster[0] * 0.99)
        clock.now += faster[0]

    warm = module("measure.timing").warm_up(
        never_twice_the_same, [None], {"warmup_ms": 0, "warmup_max_ms": 20_000}, clock
    )
    assert not warm["stable"]
    assert warm["ms"] >= 20_000


def test_models_get_the_same_time_in_a_round_not_the_same_number_of_calls() -> None:
    calls = module("measure.timing").calls_in_slot
    assert [calls(ns, 5.0) for ns in (1_000, 50_000, 5e6, 1e9)] == [1000, 100, 1, 1]


def test_other_work_is_what_this_process_did_not_do() -> None:
    before, after = {"busy_s": 100.0, "own_s": 1.0}, {"busy_s": 106.0, "own_s": 5.0}
    assert module("measure.machine").others(before, after, 4.0) == pytest.approx(0.5)
    assert module("measure.machine").others({"busy_s": None, "own_s": 1.0}, after, 4.0) is None


def test_the_runtime_answers_other_batch_sizes_and_keeps_its_bindings_apart(folder: Path) -> None:
    runtime = module("model").find_runtime("onnxruntime")
    infer, facts = runtime.load(str(folder / "a.onnx"), 1)
    x, weight = np.load(folder / "x.npy"), np.load(folder / "weights.npy")[0]
    assert facts["points"] == POINTS
    for batch in (x[:1], x[1:2], x, x[3:4], x[:5]):
        for _ in range(2):
            np.testing.assert_allclose(infer(batch)[0], batch @ weight, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="nowhere"):
        runtime.load("nowhere.onnx", 1)


def test_short_calls_are_timed_in_blocks_of_at_least_fifty_microseconds() -> None:
    calls = module("measure.timing").calls_in_sample
    assert [calls(ns, 40, 50.0) for ns in (1_000, 7_000, 49_999, 50_000, 1e6)] == [50, 8, 2, 1, 1]
    assert calls(60_000, 100, 50.0) == 2, "a timer of 100 ns steps wants 100 us"
    assert calls(1_000, 40, 0) == 1


def test_a_sample_is_a_block_of_calls_each_with_its_own_spectrum() -> None:
    clock, seen = Clock(), []
    model = clock.model("A", 7)

    def infer(row: int) -> None:
        seen.append(row)
        model(row)

    samples = module("measure.timing").interleave(
        [infer, clock.model("B", 90)], [3, 2], [0, 1, 2, 3, 4], LIMITS, clock, [4, 1]
    )
    assert {tuple(each) for each in samples[0]} == {(28, 28, 28)}
    assert {tuple(each) for each in samples[1]} == {(90, 90)}
    assert seen[:14] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3]
    assert len(seen) == 11 * 12


def test_the_timer_tells_its_step() -> None:
    ticks = iter([0, 0, 0, 30, 30, 90, 120] + [120] * 993)
    assert module("measure.timing").timer_step(lambda: next(ticks)) == 30
    assert module("measure.timing").timer_step() > 0


def test_a_later_process_takes_the_portions_of_the_first(folder: Path) -> None:
    portions = [{"calls": 9, "block": 3}, {"calls": 4, "block": 1}]
    models = [{"name": f"{i}", "file": f"{'ab'[i]}.onnx", **each} for i, each in enumerate(portions)]
    ask(folder, models=models)
    code, answer, _ = run(folder, "bench", "request.json")
    assert code == 0
    samples = np.load(folder / answer["samples"])
    assert [samples[f"ns_{i}"].shape[1] for i in range(2)] == [9, 4]
    assert [each["block"] for each in answer["models"]] == [3, 1]
