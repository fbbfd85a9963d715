"""What each peer loads of one network, made from the run's own float32 ONNX file: in this environment, or by a few lines of Python in the peer's.

`whole`: spectrum in, answers out; `bare`: prepared spectrum in, logits out, as a peer has the network that takes no preprocessing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from edgespec.graph import assembly
from edgespec.graph.c import source as c_source
from edgespec.graph.litert import network
from edgespec.targets import built_here

LIMIT_S = 600.0
Shown = np.ndarray[Any, Any]
NNCF = """
import sys, nncf, numpy as np, openvino
source, out, rows = sys.argv[1:]
data = np.load(rows)
core = openvino.Core()
model = core.read_model(source)
model.reshape([1, data.shape[1]])
made = nncf.quantize(model, nncf.Dataset(list(data[:, None, :])), subset_size=len(data))
openvino.save_model(made, out, compress_to_fp16=False)
"""
IREE = """
import subprocess, sys
from iree.compiler import compile_file
source, out, _ = sys.argv[1:]
mlir = out + ".mlir"
subprocess.run([sys.executable, "-m", "iree.compiler.tools.import_onnx", source, "-o", mlir, "--opset-version", "20"], check=True)
compile_file(mlir, target_backends=["llvm-cpu"], input_type="onnx", output_file=out,
             extra_args=["--iree-llvmcpu-target-cpu=host", "--iree-opt-level=O3"])
"""
EXECUTORCH = """
import sys, torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
source, out, _ = sys.argv[1:]
made = to_edge_transform_and_lower(torch.export.load(source), partitioner=[XnnpackPartitioner()]).to_executorch()
open(out, "wb").write(made.buffer)
"""
NCNN = """
import subprocess, sys, pnnx, os
source, out, points = sys.argv[1:]
folder = os.path.dirname(out)
subprocess.run([pnnx.EXEC_PATH, source, f"inputshape=[1,{points}]", f"ncnnparam={out}", f"ncnnbin={out[:-6]}.bin", "fp16=0",
                f"pnnxparam={folder}/pnnx.param", f"pnnxbin={folder}/pnnx.bin", f"pnnxpy={folder}/pnnx.py", f"pnnxonnx={folder}/pnnx.onnx",
                f"ncnnpy={folder}/ncnn.py"], check=True, stdout=sys.stderr, cwd=folder)
"""
LITERT_INT8 = """
import sys
import zlib
sys.path.append(sys.argv[4])
import numpy as np
from ai_edge_quantizer import quantizer, recipe
source, out, rows = sys.argv[1:4]
data = np.load(rows)
asked = quantizer.Quantizer(source, recipe.static_wi8_ai8())
name = "serving_default"
taken = asked.calibrate({name: [{"prepared": row[None]} for row in data]})
asked.quantize(taken).export_model(out, overwrite=True)
"""


class CannotBeMadeError(Exception):
    """What a peer says where it does not take the network."""


def bare(whole: Path, out: Path) -> Path:
    """Cut preprocessing and answer off a file: prepared (1, points) -> logits."""
    model = assembly.unanswered(onnx.load(whole))
    for each in model.graph.input:
        each.type.tensor_type.shape.dim[0].dim_value = 1
    inside = onnx.utils.Extractor(onnx.shape_inference.infer_shapes(model))
    onnx.save(inside.extract_model([assembly.PREPARED], [assembly.LOGITS]), out)
    return out


def front(whole: Path) -> dict[str, Any]:
    """Read the usual preprocessing off a file, for numpy. Raises CannotBeMadeError where it is another chain."""
    model = onnx.load(whole)
    last = next(i for i, node in enumerate(model.graph.node) if assembly.PREPARED in node.output)
    nodes = model.graph.node[: last + 1]
    usual = ["Unsqueeze", "AveragePool", "Sub", "Reshape", "Abs", "ReduceMean", "Mul", "Clip", "Sqrt", "Div"]
    if [node.op_type for node in nodes] != usual:
        raise CannotBeMadeError("its preprocessing is not highpass, signed_sqrt, rms: no numpy stands in for it here")
    window = next(list(each.ints) for each in nodes[1].attribute if each.name == "kernel_shape")[-1]
    least = next(each for each in model.graph.initializer if each.name == nodes[7].input[1])
    return {"window": window, "least": float(numpy_helper.to_array(least))}


def exported(source: Path, out: Path) -> Path:
    """Write the bare network as a program of torch.export, for torch and what is made of it."""
    graph = network.read(source)

    class One(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = graph  # `graph` is torch's own word for something else

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.network(**{graph.inputs[0]: x})[graph.outputs[0]]

    torch.export.save(torch.export.export(One().eval(), (torch.zeros(1, graph.points),)), out)
    return out


def static(source: Path, out: Path, rows: Shown, activations: QuantType) -> Path:
    """Quantise by ONNX Runtime's own tool, per channel, with its defaults otherwise."""

    class Rows(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(rows)

        def get_next(self) -> dict[str, Any] | None:
            row = next(self.left, None)
            return None if row is None else {assembly.PREPARED: row[None]}

    quantize_static(str(source), str(out), Rows(), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=activations, weight_type=QuantType.QInt8)  # fmt: skip
    return out


def by(program: Path | str, code: str, *arguments: Path | str) -> None:
    """Run a few lines in a peer's environment. Raises CannotBeMadeError with the last that it said."""
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "PATH": f"{Path(program).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [str(program), "-c", code, *map(str, arguments)]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False, env=environment)
    except subprocess.TimeoutExpired:
        raise CannotBeMadeError(f"it did not end within {LIMIT_S:.0f} s") from None
    if ended.returncode != 0:
        lines = [line for line in ended.stderr.strip().splitlines() if line.strip()] or ["it said nothing"]
        raise CannotBeMadeError(lines[-1].strip()[:200])


def tflite(source: Path, out: Path) -> Path:
    """Convert by edgespec's own converter. Raises CannotBeMadeError."""
    command = [sys.executable, "-m", "edgespec.graph.litert.convert", str(source), str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if ended.returncode != 0:
        told = json.loads(ended.stdout) if ended.stdout.startswith("{") else {"error": "the converter failed"}
        raise CannotBeMadeError(str(told["error"]))
    return out


def litert_int8(source: Path, out: Path, rows: Path) -> Path:
    """Quantise a float .tflite by Google's ai-edge-quantizer, static, int8 weights and activations. Raises CannotBeMadeError."""
    by(sys.executable, LITERT_INT8, source, out, rows, str(built_here.converter()))
    return out


def code(source: Path, folder: Path, flags: str) -> Path:
    """Compile the C code of a file, by this machine's compiler and these flags."""
    name = f"{source.stem}-{zlib.crc32(flags.encode())}"
    text, library = folder / f"{name}.c", folder / f"{name}.so"
    text.write_text(c_source.source(source).whole, encoding="utf-8")
    words = ["cc", "-std=c99", *flags.split(), "-shared", "-fPIC", "-o", str(library), str(text), "-lm"]
    try:
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as problem:
        raise CannotBeMadeError(f"there is no C compiler here: {problem}") from problem
    if ended.returncode:
        raise CannotBeMadeError(f"cc does not compile it: {ended.stderr[:200]}")
    return library
