"""Answer spectra by OpenVINO on the CPU in float32: for each NAME.onnx of a folder, NAME.npz with batches -> NAME.out.npz."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import openvino

core = openvino.Core()
for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
    compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    with np.load(path.with_suffix(".npz")) as batches:
        answers = {name: compiled([batches[name]])[compiled.output(0)] for name in batches.files}
    np.savez(path.with_suffix(".out.npz"), **answers)
