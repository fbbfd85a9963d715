"""The device's program runs under Python 3.8: a checker finds nothing, and a real one imports, answers and measures."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import python38
import tiny_bundle
from device_runner import RUNNER, carry

COMMANDS = ("predict", "verify", "hello", "prepare", "cold", "bench", "answers", "energy", "soak", "loop")
# What is not there on a device is no fault of the program: these say so themselves.
IMPORT = """
import importlib, json, pathlib, sys
program = pathlib.Path(sys.argv[1])
sys.dont_write_bytecode = True
sys.path.insert(0, str(program))
found = []
for path in sorted(program.rglob("*.py")):
    name = ".".join(path.relative_to(program).with_suffix("").parts)
    if path.parent.name == "runtimes":
        import model, refusal
        try:
            model.find_runtime(path.stem)
        except refusal.RefusalError as none:
            assert none.code == 3, none
    elif path.parent.name == "ssh":
        spec = importlib.util.spec_from_file_location("agent", str(path))
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    elif name != "runner":
        importlib.import_module(name[:-len(".__init__")] if name.endswith(".__init__") else name)
    found.append(name)
print(json.dumps(found))
"""
PLANTED = {
    "an alias of a generic": "from __future__ import annotations\nfrom collections.abc import Callable\nUndo = Callable[[], None]\n",
    "a builtin generic": "from typing import cast\nfound = cast(list[int], [])\n",
    "a base class": "class Known(dict[str, int]):\n    pass\n",
    "a union": "Number = int | float\n",
    "a union in an annotation": "def size(x: int | None) -> None:\n    pass\n",
    "a generic in an annotation": "def size(x: list[int]) -> None:\n    pass\n",
    "removeprefix": "def bare(name):\n    text = str(name)\n    return text.removeprefix('x')\n",
    "zip(strict=)": "def pairs(a, b):\n    return zip(a, b, strict=True)\n",
    "functools.cache": "import functools\n\n\n@functools.cache\ndef one():\n    return 1\n",
    "a dataclass with slots": "from dataclasses import dataclass\n\n\n@dataclass(slots=True)\nclass One:\n    x = 1\n",
    "match": "def say(x):\n    match x:\n        case 1:\n            return 2\n",
    "with in parentheses": "with (open('a') as a, open('b') as b):\n    pass\n",
    "a union of dicts": "both = {} | {}\n",
    "a decorator that is any expression": "both = [len]\n\n\n@both[0].__call__\ndef one():\n    return 1\n",
}


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="from 3.12 on vermin takes every f-string for one of PEP 701")
def test_a_checker_of_versions_finds_nothing() -> None:
    assert python38.complaints(RUNNER.parent) == ""


@pytest.mark.parametrize("name", PLANTED)
def test_the_checker_finds_what_came_after_3_8(tmp_path: Path, name: str) -> None:
    shutil.copy(RUNNER, tmp_path)
    assert python38.complaints(tmp_path) == ""
    (tmp_path / "planted.py").write_text(PLANTED[name])
    assert "planted.py" in python38.complaints(tmp_path)


def test_the_checker_finds_what_kept_the_clocks_from_being_held(tmp_path: Path) -> None:
    with zipfile.ZipFile(Path(__file__).with_name("flat_bundle.zip")) as packed:
        packed.extract("clocks.py", tmp_path)
    assert "collections.abc.Callable" in python38.complaints(tmp_path)


def run(python: Path, *arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a Python on the program, in an environment that holds nothing of this one."""
    command = [str(python), *map(str, arguments)]
    given = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False, env=given)


def test_every_module_imports(tmp_path: Path) -> None:
    ended = run(python38.furnished(), "-c", IMPORT, RUNNER.parent, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert {"runner", "measure.clocks", "spectra.files", "engines.cache", "ssh.agent", "runtimes.onnxruntime"} <= set(
        json.loads(ended.stdout)
    )


def test_what_runs_beside_a_measurement_needs_no_library(tmp_path: Path) -> None:
    for name in ("clocks", "sensor_log"):
        ended = run(
            python38.bare(),
            "-c",
            f"import sys; sys.path.insert(0, {str(RUNNER.parent)!r}); import measure.{name}",
            cwd=tmp_path,
        )
        assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_comes(tmp_path: Path, command: str) -> None:
    ended = run(python38.furnished(), RUNNER, *([command] if command else []), "--help", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "usage: runner.py" in ended.stderr, "standard output is for answers"


@pytest.mark.parametrize("variant", ["float32", "cpu-int8"])
def test_a_bundle_verifies_and_predicts(tmp_path: Path, variant: str) -> None:
    folder = tiny_bundle.write(tmp_path / "bundle", variant)
    axis, x = tiny_bundle.known()
    np.savetxt(tmp_path / "one.csv", np.c_[axis, x], delimiter=",")
    ended = run(python38.furnished(), folder / "runner.py", "verify", folder, cwd=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    ended = run(python38.furnished(), folder / "runner.py", "predict", folder, "one.csv", cwd=tmp_path)
    answer, summary = map(json.loads, ended.stdout.splitlines())
    assert (ended.returncode, summary["answered"], answer["covered"]) == (0, 1, 1.0)
    assert answer["probability"] == max(each["probability"] for each in answer["top"])


def test_it_measures_with_the_clocks_held(tmp_path: Path) -> None:
    governor = tmp_path / "root" / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
    governor.parent.mkdir(parents=True)
    governor.write_text("schedutil")
    runner = carry(tmp_path / "device", "onnxruntime")
    np.save(tmp_path / "x.npy", np.ones((3, tiny_bundle.tiny_job.AXIS.points), np.float32))
    shutil.copy(tiny_bundle.model(), tmp_path / "model.onnx")
    request = {
        "runtime": "onnxruntime",
        "threads": 1,
        "spectra": "x.npy",
        "models": [{"name": "m", "file": "model.onnx"}],
    }
    request |= {"warmup_ms": 2, "warmup_max_ms": 100, "seconds": 0.01, "min_samples": 20, "lock_clocks": 1}
    (tmp_path / "request.json").write_text(json.dumps(request))
    root = str(tmp_path / "root")
    ended = run(python38.furnished(), runner, "bench", "request.json", cwd=tmp_path, EDGESPEC_SYS=root)
    answer = json.loads(ended.stdout)
    assert (ended.returncode, answer["clocks"]) == (0, {"how": "governor performance", "restored": True}), answer
    assert governor.read_text() == "schedutil"
    assert not list((tmp_path / "device").rglob("__pycache__")), (
        "a bundle holds what its checksums say, and nothing else"
    )
