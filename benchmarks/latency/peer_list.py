"""The rows of the table of peers: what each loads, and in which environment."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization import QuantType

from benchmarks.latency import peer_files as files
from benchmarks.tools import environments
from edgespec import plugins
from edgespec.pipeline.run import Run

OURS, BARE = "ours float32, ONNX Runtime", "bare: ours float32, ONNX Runtime"
HERE = ""  # the environment that runs this
PACKAGES = {
    "onnxruntime": ["onnxruntime==1.31.1", "numpy==2.4.6"],
    "litert": ["ai-edge-litert==2.3.0", "numpy==2.4.6"],
    "ncnn": ["ncnn", "pnnx", "numpy==2.4.6"],
    "openvino": ["openvino==2026.4.1", "nncf==3.4.0", "onnx==1.23.2", "numpy==2.4.6"],
    "iree": ["iree-base-compiler[onnx]", "iree-base-runtime", "numpy==2.4.6"],
    "executorch": ["torch==2.13.0", "executorch"],
    "torch": HERE,
    "c": ["numpy==2.4.6"],
}
COMPILED = {
    "this processor": "-O3 -march=native -fno-math-errno -fno-trapping-math",
    "any x86-64, -O2": "-O2",
    "any x86-64, -O2, AVX2 at most": "-O2 -DMODEL_LEVEL=1",
    "any x86-64, -O2, SSE2 alone": "-O2 -DMODEL_LEVEL=0",
}
"""How C code is compiled: title -> flags."""


@dataclass(frozen=True)
class Peer:
    """A row: what is loaded, in which environment and runtime.

    make: writes the file, into the folder that it is handed, and gives it; whole: preprocessing is in it
    """

    name: str
    environment: str
    runtime: str
    make: Callable[[Path], Path]
    whole: bool = True
    more: dict[str, Any] = field(default_factory=dict)


def peers(run: Run, work: Path, rows: Path) -> list[Peer]:
    """List all rows."""
    held, points = np.load(rows), str(np.load(rows).shape[1])
    source = files.bare(run.model.path("float32"), work / "bare.onnx")
    own = {name: run.model.path(name) for name in run.model.variants}

    def torch(folder: Path) -> Path:
        return files.exported(source, folder / "bare.pt2")

    def there(
        environment: str, code: str, ending: str, before: Callable[[Path], Path], last: str
    ) -> Callable[[Path], Path]:
        def make(folder: Path) -> Path:
            out = folder / f"{environment}{ending}"
            files.by(python(environment), code, before(folder), out, last)
            return out

        return make

    found = [Peer(OURS, "onnxruntime", "onnxruntime", lambda folder: own["float32"])]
    found += [
        Peer(f"ours {name}, ONNX Runtime", "onnxruntime", "onnxruntime", lambda folder, each=own[name]: each)
        for name in own
        if name not in ("float32", "default")
    ]
    if "default" in own:
        found.append(
            Peer("default export with front, ONNX Runtime", "onnxruntime", "onnxruntime", lambda folder: own["default"])
        )
    found += [
        Peer(f"ONNX Runtime static {kind} + numpy", "onnxruntime", "onnxruntime",
             lambda folder, kind=kind, each=each: files.static(source, folder / f"{kind}.onnx", held, each), whole=False)
        for kind, each in (("S8S8", QuantType.QInt8), ("U8S8", QuantType.QUInt8))
    ]  # fmt: skip
    found += [
        Peer(f"C {name}, {title}", "c", "c", lambda folder, name=name, flags=flags: files.code(own[name], folder, flags),
             more={"program": str(plugins.shipped("export"))})
        for name in own if name not in ("default",)
        for title, flags in COMPILED.items()
    ]  # fmt: skip
    lite = lambda folder: files.tflite(own["float32"], folder / "whole.tflite")  # noqa: E731
    lite_bare = lambda folder: files.tflite(source, folder / "bare.tflite")  # noqa: E731
    nncf = there("openvino", files.NNCF, ".xml", lambda folder: source, str(rows))
    executorch = there("executorch", files.EXECUTORCH, ".pte", torch, "")
    found += [
        Peer("ours float32, OpenVINO", "openvino", "openvino", lambda folder: own["float32"]),
        Peer("OpenVINO float32 + numpy", "openvino", "openvino", lambda folder: source, whole=False),
        Peer("OpenVINO NNCF int8 + numpy", "openvino", "openvino", nncf, whole=False),
        Peer("ours float32, LiteRT", "litert", "litert", lite),
        Peer("LiteRT int8 + numpy", "litert", "litert",
             lambda folder: files.litert_int8(lite_bare(folder), folder / "int8.tflite", rows), whole=False),
        Peer("ncnn + numpy", "ncnn", "ncnn", there("ncnn", files.NCNN, ".param", lambda folder: source, points), whole=False),
        Peer("IREE + numpy", "iree", "iree", there("iree", files.IREE, ".vmfb", lambda folder: source, ""), whole=False),
        Peer("ExecuTorch + numpy", "executorch", "executorch", executorch, whole=False),
        Peer("torch eager + numpy", "torch", "torch", torch, whole=False),
        Peer("torch.compile + numpy", "torch", "torch", torch, whole=False, more={"compile": True}),
        Peer(BARE, "onnxruntime", "onnxruntime", lambda folder: source),
        Peer("bare: OpenVINO float32", "openvino", "openvino", lambda folder: source),
        Peer("bare: LiteRT float32", "litert", "litert", lite_bare),
        Peer("bare: ExecuTorch float32", "executorch", "executorch", executorch),
    ]  # fmt: skip
    return found


def python(environment: str) -> Path:
    packages = PACKAGES[environment]
    return Path(sys.executable) if packages == HERE else environments.python(environment, packages)
