"""Bundles of before: flat_bundle.zip was written by edgespec 0.1.0 when all of its program lay flat beside the model."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import python38
from command import edgespec
from device_runner import RUNNER, ask, carry

PACKED = Path(__file__).with_name("flat_bundle.zip")


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Such a bundle, and beside it one of its own test vectors as a spectrum file."""
    folder = tmp_path / "flat"
    with zipfile.ZipFile(PACKED) as packed:
        packed.extractall(folder)
    assert {"runner.py", "reading.py", "axes.py", "clocks.py"} <= {path.name for path in folder.iterdir()}
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["runtimes"]
    axis = json.loads((folder / "contract.json").read_text())["axis"]
    with np.load(folder / "test_vectors.npz") as held:
        shifts = axis["start"] + axis["step"] * np.arange(axis["points"])
        np.savetxt(tmp_path / "one.csv", np.c_[shifts, held["spectra"][0]], delimiter=",")
        (tmp_path / "label.txt").write_text(str(held["label"][0]))
    return folder


def answered(here: Path, *arguments: str | Path) -> dict[str, Any]:
    ended = edgespec(here, *arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return dict(json.loads(ended.stdout))


def test_edgespec_verifies_it_and_predicts_with_it(flat: Path, tmp_path: Path) -> None:
    told = answered(tmp_path, "verify", flat)
    assert told["ok"], told
    assert {"checksum axes.py", "checksum runner.py", "logits"} <= {each["check"] for each in told["checks"]}
    (answer,) = answered(tmp_path, "predict", flat, "one.csv")["results"]
    assert answer["label"] == (tmp_path / "label.txt").read_text()


def test_its_own_program_still_does(flat: Path, tmp_path: Path) -> None:
    for _ in range(2):  # the first must leave nothing behind
        code, (told,) = ask(tmp_path, "verify", flat, runner=flat / "runner.py")
        assert (code, told["ok"]) == (0, True), told
    code, (answer, summary) = ask(tmp_path, "predict", flat, "one.csv", runner=flat / "runner.py")
    assert (code, answer["label"], summary["answered"]) == (0, (tmp_path / "label.txt").read_text(), 1)


def test_a_device_with_python_3_8_and_the_program_of_today_does_too(flat: Path, tmp_path: Path) -> None:
    command = [str(python38.furnished()), str(carry(tmp_path / "device", "onnxruntime"))]
    for more in (["verify", str(flat)], ["predict", str(flat), "one.csv"]):
        ended = subprocess.run(
            [*command, *more], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("command", [("verify",), ("predict", "one.csv"), ("hello", "--runtime", "onnxruntime")])
def test_a_program_without_its_folders_says_so(flat: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    """Whoever copies a bundle's files without its folders, or a new runner.py over an old bundle, has half a program."""
    for path in RUNNER.parent.glob("*.py"):
        shutil.copy(path, flat)
    name, *more = command
    told = ask(tmp_path, name, *([flat] if name != "hello" else []), *more, runner=flat / "runner.py")
    if name == "verify":  # needs no folder, and finds what has changed
        code, (answer,) = told
        wrong = {each["check"]: each["found"] for each in answer["checks"] if not each["ok"]}
        assert (code, wrong["checksum runner.py"]) == (4, "has changed since it was sent")
        return
    code, (answer,) = told
    assert code == 2
    assert f"the program in {flat} is not whole" in answer["error"]
    assert ("spectra" if name == "predict" else "measure") in answer["error"]
    assert "with all its folders" in answer["hint"]


@pytest.mark.parametrize("name", ["spectra/jcamp.py", "model.py"])
def test_a_program_without_one_of_its_files_says_which(flat: Path, tmp_path: Path, name: str) -> None:
    runner = carry(tmp_path / "device", "onnxruntime")
    (tmp_path / "device" / name).unlink()
    code, (answer,) = ask(tmp_path, "predict", flat, "one.csv", runner=runner)
    assert code == 2
    assert "is not whole" in answer["error"]
    assert Path(name).stem in answer["error"]


@pytest.mark.parametrize("harm", ["no model", "packed", "one deeper"])
def test_what_is_no_bundle_is_told_with_what_to_name(flat: Path, tmp_path: Path, harm: str) -> None:
    named = {"no model": flat, "packed": PACKED, "one deeper": tmp_path}[harm]
    if harm == "no model":
        (flat / "model.onnx").unlink()
        (flat / "SHA256SUMS").unlink()
    ended = edgespec(tmp_path, "verify", named)
    assert ended.returncode == 2
    assert f"error: {named} is not a bundle: it holds neither SHA256SUMS nor model.onnx" in ended.stderr
    assert "hint:  name a folder that edgespec export made" in ended.stderr
    assert "Traceback" not in ended.stderr
