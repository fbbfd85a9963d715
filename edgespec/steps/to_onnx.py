"""Turn the torch model into the one float ONNX file that everything after it derives from."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import torch
from annotated_types import Ge

from edgespec import models
from edgespec.artifact import Checkpoint, OnnxModel, Variant
from edgespec.graph import exporter, onnx_file
from edgespec.job import Job
from edgespec.training import batches

CHECKED = 256  # spectra that a conversion is checked on
AGREEMENT, TOLERANCE = 1.0, 1e-3


def run(job: Job, checkpoint: Checkpoint, *, check: Annotated[int, Ge(64)] = CHECKED) -> OnnxModel:
    """Export opset 18, convolutions as Conv2d 1 x K, one file; beside it the plain default export, to be compared with.

    check: training spectra on which torch and both files must agree, at batch 1, 2, 65 and 100; at least 64.
    """
    network = models.load(checkpoint)
    front, x = job.front(), job.checked(check)
    source = batches.logits(network, batches.through(front, torch.from_numpy(x))).numpy()
    contract = replace(job.contract(), temperature=checkpoint.facts.get("temperature", 1.0))
    variants = {}
    for name, file, write, role, sizes in (
        ("float32", "model.onnx", exporter.export, "candidate", onnx_file.BATCHES),
        ("default", "default.onnx", exporter.export_default, "reference", (1,)),
    ):
        path = job.folder / file
        write(network, path, front=front, contract=contract)
        found = onnx_file.parity(
            path,
            x,
            source,
            least=AGREEMENT,
            most=TOLERANCE,
            evidence=job.folder.parent / f"{name}-mismatch.npz",
            sizes=sizes,
        )
        kernels = onnx_file.check_kernels(path) if role == "candidate" else onnx_file.kernels(path)
        variants[name] = Variant(
            file, role, temperature=contract.temperature, facts={"parity": vars(found), "kernels": kernels}
        )
    return OnnxModel(
        job.folder, checkpoint.model, checkpoint.points, checkpoint.classes, variants, facts={"opset": onnx_file.OPSET}
    )
