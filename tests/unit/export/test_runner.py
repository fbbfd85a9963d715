"""The program on the device's side: what it answers and what it refuses."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import device_runner
import numpy as np
import onnx
import pytest
from bench_request import CLASSES, POINTS, QUICK, ask, gemm, run
from device_runner import RUNNER, carry

from edgespec import plugins


def test_packages_of_others_that_bear_the_names_of_its_folders_do_no_harm(folder: Path, tmp_path_factory: Any) -> None:
    others = tmp_path_factory.mktemp("others")
    for name in ("spectra", "measure", "engines", "model", "runtimes"):
        (others / name).mkdir()
        (others / name / "__init__.py").write_text("raise RuntimeError('not this one')\n")
    code, (answer,) = device_runner.ask(folder, "bench", "request.json", PYTHONPATH=str(others))
    assert (code, len(answer["models"])) == (0, 2)


PACKAGES = {"litert": "ai_edge_litert"}  # of runtimes whose package bears another name


@pytest.mark.parametrize(
    "path", sorted(RUNNER.parent.rglob("*.py")), ids=lambda path: str(path.relative_to(RUNNER.parent))
)
def test_what_leaves_the_workstation_is_python_3_8_and_knows_nothing_of_edgespec(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    siblings = {each.partition("/")[0].removesuffix(".py") for each in plugins.program()}
    allowed = {*sys.stdlib_module_names, *siblings, "numpy", PACKAGES.get(path.stem, path.stem)}
    assert {name.split(".")[0] for name in imported} <= allowed


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


def test_a_later_process_takes_the_portions_of_the_first(folder: Path) -> None:
    portions = [{"calls": 9, "block": 3}, {"calls": 4, "block": 1}]
    models = [{"name": f"{i}", "file": f"{'ab'[i]}.onnx", **each} for i, each in enumerate(portions)]
    ask(folder, models=models)
    code, answer, _ = run(folder, "bench", "request.json")
    assert code == 0
    samples = np.load(folder / answer["samples"])
    assert [samples[f"ns_{i}"].shape[1] for i in range(2)] == [9, 4]
    assert [each["block"] for each in answer["models"]] == [3, 1]
