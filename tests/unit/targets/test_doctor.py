"""The doctor: what is absent, what is there and does not load, what clashes; its exit code."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import typer

from edgespec.cli import doctor as command
from edgespec.targets import doctor
from edgespec.targets.doctor import Finding


def package(folder: Path, name: str, version: str, source: str) -> None:
    """Install a package of one module."""
    (folder / f"{name}.py").write_text(source)
    facts = folder / f"{name}-{version}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that this and every other Python looks into."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_a_library_that_kills_its_process_is_told_and_kills_nobody_else(place: Path) -> None:
    package(place, "spoilt", "1.2", "import os; print('no AVX here', flush=True); os.abort()")
    package(place, "whole", "3.4", "")
    assert doctor._library("whole") == Finding("whole", "needed", "works", "3.4")
    found = doctor._library("spoilt")
    assert (found.state, found.version) == ("broken", "1.2")
    assert "no AVX here" in found.about
    assert "pip install --force-reinstall 'spoilt'" in found.mend
    assert doctor._library("nowhere-to-be-had").state == "absent"


def test_two_onnx_runtimes_clash_and_their_helpers_do_not() -> None:
    assert doctor.clashes(["onnxruntime", "numpy", "onnxruntime-extensions", "onnxruntime_genai"]) == []
    (found,) = doctor.clashes(["onnxruntime_gpu", "onnxruntime", "onnx"])
    assert (found.state, found.kind) == ("broken", "needed")
    assert "onnxruntime and onnxruntime-gpu are both installed" in found.about
    assert "uninstall -y onnxruntime onnxruntime-gpu" in found.mend
    assert not doctor.sound([found])


def test_onnx_runtime_for_gpus_is_an_onnx_runtime(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(place, "onnxruntime_gpu", "9.9", "")
    monkeypatch.setattr(doctor, "_onnx_runtimes", lambda names=None: ["onnxruntime-gpu"])
    assert doctor._library("onnxruntime") == Finding("onnxruntime-gpu", "needed", "works", "9.9")


def test_a_tool_tells_its_version_or_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor._tool("trtexec").state == "absent"
    for number, release in (("8602", "8.6.2"), ("101303", "10.13.3")):
        (tmp_path / "trtexec").write_text(
            f"#!{sys.executable}\nprint('&&&& RUNNING TensorRT.trtexec [TensorRT v{number}] # x')"
        )
        (tmp_path / "trtexec").chmod(0o755)
        assert doctor._tool("trtexec").version == release
    (tmp_path / "nvidia-smi").write_text(f"#!{sys.executable}\nprint('NVIDIA-SMI has failed')\nraise SystemExit(9)")
    (tmp_path / "nvidia-smi").chmod(0o755)
    found = doctor._tool("nvidia-smi")
    assert (found.state, "has failed" in found.about) == ("broken", True)


def test_a_runtime_is_asked_as_a_measurement_asks_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert doctor._runtime("onnxruntime").state == "works"
    (tmp_path / "openvino.py").write_text("raise ImportError('libtbb.so.12: cannot open')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    found = doctor._runtime("openvino")
    assert found.state == "absent"
    assert "libtbb.so.12" in found.about
    assert found.mend == "pip install 'edgespec[openvino]'"


def test_a_cache_that_cannot_be_written_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path / "file"))
    found = doctor._home()
    assert (found.state, found.kind) == ("broken", "needed")
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("EDGESPEC_DATA", raising=False)
    assert doctor._home().state == "works"
    assert doctor._data().state == "absent"
    monkeypatch.setenv("EDGESPEC_DATA", str(tmp_path))
    assert doctor._data() == Finding("spectra", "data", "works", "", str(tmp_path))


@pytest.mark.parametrize(("state", "code"), [("works", 0), ("absent", 3), ("broken", 3)])
def test_only_what_edgespec_needs_decides_the_exit_code(
    state: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [Finding("numpy", "needed", state, "2", "", "pip install numpy"), Finding("trtexec", "tool", "absent")]
    monkeypatch.setattr(doctor, "examine", lambda: found)
    for to_json in (True, False):
        if code:
            with pytest.raises(typer.Exit) as caught:
                command.command(to_json=to_json)
            assert caught.value.exit_code == code
        else:
            command.command(to_json=to_json)
        told = capsys.readouterr().out
        if to_json:
            assert json.loads(told)["ok"] == (code == 0)
        elif code:
            assert "numpy: pip install numpy" in told


def test_what_edgespec_needs_is_what_its_project_says() -> None:
    needed, extras = doctor._requirements()
    assert {"torch", "numpy", "onnxruntime", "torch-pruning"} <= set(needed)
    assert extras["trt-check"] == ["tensorrt-rtx"]


def test_the_litert_converter_is_looked_for_in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESPEC_LITERT", str(tmp_path))
    monkeypatch.setattr(sys, "path", [each for each in sys.path if "litert" not in each])
    absent = doctor._converter()
    assert (absent.state, absent.mend) == ("absent", "edgespec setup litert | sh")
    package(tmp_path, "litert_torch", "9.9", "raise ImportError('no jax here')")
    (tmp_path / "litert_torch-9.9.dist-info" / "METADATA").write_text("Name: litert-torch\nVersion: 9.9\n")
    broken = doctor._converter()
    assert (broken.state, broken.version, "no jax here" in broken.about) == ("broken", "9.9", True)
    (tmp_path / "litert_torch.py").write_text("")
    assert (doctor._converter().state, doctor._converter().version) == ("works", "9.9")
