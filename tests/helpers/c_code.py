"""Small graphs as C code: compiled here, asked, and compared with ONNX Runtime."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgespec import contract, device_program
from edgespec.graph import onnx_file
from edgespec.graph.c import source

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC")
QUICK = ("-O1", "-DMODEL_LEVEL=0")  # one of the functions that the file holds for several processors
FORCED = {"-march=skylake-avx512": "avx512vl"}  # a flag for one kind of processor, and what the processor calls it
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler here")


def said(points: int, classes: int) -> contract.Contract:
    """A contract for a graph of so many points and classes."""
    axis = {"start": 200.0, "step": 4.0, "points": points}
    labels = tuple(f"class {i}" for i in range(classes))
    window = {"low": 200.0, "high": 200.0 + 4 * (points - 1), "points": points}
    return contract.Contract(axis, labels, [], "embedded", "0", "0.1.0", window)


def graph(
    folder: Path, nodes: list[onnx.NodeProto], points: int, classes: int, constants: dict[str, Any] | None = None, *, opset: int = 18,
    outputs: tuple[str, ...] = ("logits",), kind: int = TensorProto.FLOAT, batch: Any = "batch",
) -> Path:  # fmt: skip
    """Write a graph spectrum (n, points) -> logits (n, classes)."""
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    given = helper.make_tensor_value_info("spectrum", kind, [batch, points])
    made = [helper.make_tensor_value_info(name, kind, None) for name in outputs]
    model = helper.make_model(
        helper.make_graph(nodes, "g", [given], made, held),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=10,
    )
    contract.stamp(model, said(points, classes))
    path = folder / "model.onnx"
    onnx.save(model, path)
    return path


@functools.cache
def place() -> Path:
    return Path(tempfile.mkdtemp(prefix="edgespec-c-"))


def statements(text: str) -> str:
    """Give the function that answers a spectrum, as it is for any processor."""
    begin = text.index("static int answer_it(")
    return text[begin : text.index("\n}\n", begin)]


def compiled(path: Path, *flags: str, compiler: str = "cc") -> tuple[Any, source.Source]:
    """Compile a model's code, as strictly as can be; give the library and the texts."""
    made = source.source(path)
    name = hashlib.sha256((made.whole + compiler + " ".join(flags)).encode()).hexdigest()[:16]
    code, library = place() / f"{name}.c", place() / f"{name}.so"
    code.write_text(made.whole, encoding="utf-8")
    ended = subprocess.run(
        [compiler, *STRICT, *(flags or QUICK), "-o", str(library), str(code), "-lm"], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[:2000]
    return ctypes.CDLL(str(library)), made


def asked(library: Any, made: source.Source, x: Any, sizes: list[int]) -> tuple[int, list[Any], int]:
    """Ask compiled code for one spectrum: its return code, its outputs, the label."""
    room = np.zeros(made.workspace + 64, np.uint8)
    begin = room.ctypes.data + -room.ctypes.data % 64
    answer = np.zeros(sum(sizes) + 2, np.float32)
    given = np.ascontiguousarray(x, np.float32)
    run = library.model_run
    run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    code = run(given.ctypes.data, begin, made.workspace, answer.ctypes.data)
    parts = np.split(answer[:-2], np.cumsum(sizes)[:-1])
    return code, parts, int(answer[-2:].view(np.int32)[0])


def check(
    path: Path, *flags: str, tolerance: float = 1e-5, n: int = 3, scale: float = 1.0, compiler: str = "cc"
) -> str:
    """Compare a file's code with the file itself in ONNX Runtime, on random spectra; give the code."""
    for flag, named in FORCED.items():
        if flag in flags and named not in device_program.module("measure.sensors").cpuinfo("flags").split():
            pytest.skip(f"{flag}: this processor has no {named}")
    library, made = compiled(path, *flags, compiler=compiler)
    opened = onnx_file.session(path, optimise=False)
    points = opened.get_inputs()[0].shape[1]
    x = (scale * np.random.default_rng(0).normal(size=(n, points))).astype(np.float32)
    for row in x:
        wanted = opened.run(None, {"spectrum": row[None]})
        code, found, _ = asked(library, made, row, [each.size for each in wanted])
        assert code == 0
        for own, other in zip(wanted, found, strict=True):
            largest = max(float(np.abs(own).max()), 1e-3)
            assert np.abs(own.ravel() - other).max() <= tolerance * largest, path
    return made.source
