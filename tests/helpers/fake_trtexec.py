"""A stand-in for TensorRT's trtexec: its command line, its files and its complaints by version; answers come from ONNX Runtime.

    python fake_trtexec.py VERSION ARGUMENTS...      VERSION as in the banner: 8602, 100300, 101303, 110100

An engine is a JSON line (version, flags) and the ONNX file behind it. Every call is noted in the file that FAKE_TRTEXEC_CALLS names.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

COMMON = {
    "onnx",
    "saveEngine",
    "loadEngine",
    "minShapes",
    "optShapes",
    "maxShapes",
    "shapes",
    "loadInputs",
    "exportTimes",
    "exportOutput",
}
COMMON |= {
    "warmUp",
    "duration",
    "iterations",
    "avgRuns",
    "timingCacheFile",
    "noTF32",
    "useCudaGraph",
    "useSpinWait",
    "noDataTransfers",
}
OWN = {
    8: {"fp16", "int8", "best", "buildOnly"},
    10: {"fp16", "int8", "best", "stronglyTyped"},
    11: {"stronglyTyped", "noCudaGraph", "noSpinWait"},
}
OWN[11] |= {"includeDataTransfers"}
TYPED = {2: "UInt8", 3: "Int8", 6: "Int32"}
NOBODY = "[E] Cuda failure: CUDA driver version is insufficient for CUDA runtime version (error: 35)"
OTHER = "[E] [TRT] IRuntime::deserializeCudaEngine: Error Code 6: API Usage Error (The engine plan file is not compatible with this version of TensorRT, expecting library version {} got {}, please rebuild.)"  # noqa: E501
BIAS = "[E] [TRT] ModelImporter.cpp:914: DequantizeLinear: input has type Int32 but must have type FP8, FP4, Int4, Int8, or UInt8"
ZERO = "[E] [TRT] Assertion failed: shiftIsAllZeros(zeroPoint): Non-zero zero point is not supported"
DLA = "[W] [TRT] TensorRT supports QuantizeLinear/DequantizeLinear with UINT8 zero_point only on DLA. Defaulting to INT8 instead."


def program(folder: Path, number: str) -> Path:
    """Put a trtexec of that version into a folder."""
    path = folder / f"trtexec-{number}"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).resolve()} {number} "$@"\n')
    path.chmod(0o755)
    return path


def main(number: int, arguments: list[str]) -> None:
    told = " ".join(["trtexec", *arguments])
    if calls := os.environ.get("FAKE_TRTEXEC_CALLS"):
        with open(calls, "a") as file:
            file.write(told + "\n")
    print(f"&&&& RUNNING TensorRT.trtexec [TensorRT v{number}] # {told}")
    if arguments == ["--help"]:
        return
    major = number // 10000 or number // 1000
    flags = dict(each.removeprefix("--").partition("=")[::2] for each in arguments)
    known = COMMON | OWN[major] | ({"skipInference"} if number >= 8600 else set())
    for name in flags:
        if name not in known:
            fail(f"[E] Unknown option: --{name} {flags[name]}".rstrip())
    if os.environ.get("FAKE_TRTEXEC_FAIL"):
        fail({"driver": NOBODY}.get(os.environ["FAKE_TRTEXEC_FAIL"], os.environ["FAKE_TRTEXEC_FAIL"]))
    raw = build(number, major, flags) if "onnx" in flags else load(number, flags["loadEngine"])
    if not {"skipInference", "buildOnly"} & set(flags):
        run(number, major, flags, raw)
    print(f"&&&& PASSED TensorRT.trtexec [TensorRT v{number}] # {told}")


def build(number: int, major: int, flags: dict[str, str]) -> bytes:
    import onnx

    raw = Path(flags["onnx"]).read_bytes()
    check(onnx.load_from_string(raw), major, flags)
    head = {"version": number, "flags": sorted(flags)}
    Path(flags["saveEngine"]).write_bytes(json.dumps(head).encode() + b"\n" + raw)
    if "timingCacheFile" in flags:
        Path(flags["timingCacheFile"]).write_bytes(b"timings")
    return raw


def check(model: Any, major: int, flags: dict[str, str]) -> None:
    """Refuse what the parser of this version refuses, in its words."""
    constants = {each.name: each for each in model.graph.initializer}
    rounded = False
    for node in model.graph.node:
        if node.op_type.startswith("QLinear"):
            fail(f"[E] [TRT] (checkQLinearConv): UNSUPPORTED_NODE: {node.op_type}")
        if node.op_type == "Gelu" and major < 10:
            fail("[E] [TRT] No importer registered for op: Gelu. Attempting to import as plugin.")
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        rounded = True
        whole, zero = constants.get(node.input[0]), constants.get(node.input[2]) if len(node.input) > 2 else None
        if whole is not None and TYPED.get(whole.data_type) == "Int32":
            fail(BIAS)
        if zero is not None and any(zero.raw_data or zero.int32_data):
            fail(ZERO)
        if zero is not None and TYPED.get(zero.data_type) == "UInt8":
            print(DLA)
    if rounded and major == 8 and "int8" not in flags:
        fail("[E] Error[4]: Networks with Q/DQ layers need INT8 precision to be enabled")
    if rounded and major == 10 and not {"int8", "stronglyTyped"} & set(flags):
        fail("[E] Error[4]: Networks with Q/DQ layers need INT8 precision to be enabled")


def load(number: int, engine: str) -> bytes:
    head, _, raw = Path(engine).read_bytes().partition(b"\n")
    built = json.loads(head)["version"]
    if built != number:
        fail(OTHER.format(number, built))
    return raw


def run(number: int, major: int, flags: dict[str, str], raw: bytes) -> None:
    name, _, given = flags["loadInputs"].partition(":")
    told = flags.get("shapes", f"{name}:1x{os.path.getsize(given) // 4}")
    dims = [int(each) for each in told.rpartition(":")[2].split("x")]
    if os.path.getsize(given) != 4 * dims[0] * dims[1]:
        fail(f"[E] Expected {4 * dims[0] * dims[1]} bytes in {given}")
    if "exportTimes" in flags:
        Path(flags["exportTimes"]).write_text(times(number, major, flags))
    if "exportOutput" in flags:
        Path(flags["exportOutput"]).write_text(outputs(raw, name, dims, given))


def times(number: int, major: int, flags: dict[str, str]) -> str:
    """0.1 ms of computing and, where they are not left out, 0.02 ms of transfers; 8.x tells its warm-up too."""
    moved = 0.01 if "includeDataTransfers" in flags or (major < 11 and "noDataTransfers" not in flags) else 0.0
    warm = float(flags.get("warmUp", 200))
    now, lines = (0.0 if number < 8600 or major == 8 else warm), []
    count = 0
    while count < int(flags["iterations"]):
        count += now >= warm
        compute = 0.1 if now >= warm else 7.0
        parts = {"Enq": 0.005, "H2d": moved, "Compute": compute, "D2h": moved}
        line = {}
        for part, ms in parts.items():
            line |= {f"start{part}Ms": now, f"end{part}Ms": now + ms}
            now += ms
        line |= {"h2dMs": moved, "computeMs": compute, "d2hMs": moved, "latencyMs": compute + 2 * moved}
        lines.append("{ " + ", ".join(f'"{key}" : {value:g}' for key, value in line.items()) + " }")
    return "[\n  " + "\n, ".join(lines) + "\n]\n"


def outputs(raw: bytes, name: str, dims: list[int], given: str) -> str:
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(raw, providers=["CPUExecutionProvider"])
    if session.get_inputs()[0].name != name:
        fail(f"[E] Cannot find input tensor with name {name!r} in the engine bindings!")
    found = session.run(None, {name: np.fromfile(given, np.float32).reshape(dims)})
    said = []
    for each, values in zip(session.get_outputs(), found, strict=True):
        numbers = ", ".join(f"{value:g}" for value in values.ravel())
        size = "x".join(map(str, values.shape))
        said.append(f'{{ "name" : "{each.name}"\n  , "dimensions" : "{size}"\n  , "values" : [ {numbers} ]\n  }}')
    return "[\n  " + "\n, ".join(said) + "\n]\n"


def fail(line: str) -> NoReturn:
    print(line)
    print("&&&& FAILED TensorRT.trtexec")
    sys.exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
