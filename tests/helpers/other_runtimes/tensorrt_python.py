"""Build each ONNX file given by the runner's own TensorRT-Python code, TensorRT-RTX standing in for TensorRT: a line of JSON a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import tensorrt_rtx as trt

sys.path.insert(0, sys.argv[1])
from engines import onnx_outline, tensorrt_api

for path in sys.argv[2:]:
    engine = Path(path).with_suffix(".engine")
    try:
        tensorrt_api.build(trt, path, engine, onnx_outline.read(path), 11)
        print(json.dumps({"bytes": engine.stat().st_size}))
    except ValueError as error:
        print(json.dumps({"error": str(error)}))
try:
    tensorrt_api.load(trt, str(engine), onnx_outline.read(sys.argv[2]))
except ValueError as error:
    print(json.dumps({"error": str(error)}))
