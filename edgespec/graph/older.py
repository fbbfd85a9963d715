"""The float file in an opset before 18, for runtimes that read no newer one: exported anew from the network, never converted down."""

from __future__ import annotations

from pathlib import Path

import onnx

from edgespec import artifact as artifacts
from edgespec import contract, models, storage
from edgespec.artifact import Checkpoint, OnnxModel
from edgespec.errors import Mistake
from edgespec.graph import answer, exporter, onnx_file
from edgespec.graph.onnx_file import Parity
from edgespec.job import Job
from edgespec.report import Report
from edgespec.training import loop

SOURCE = "float32"
CHECKED = 256
AGREEMENT, TOLERANCE = 1.0, 1e-3


def float_file(path: Path, made: OnnxModel, job: Job, result: Report, run: Path, opset: int) -> Parity:
    """Write the run's float32 file in another opset: same weights, temperature, reject score and contract.

    Raises Mistake where the run holds no network to export, Mismatch where the answers differ from its own file's.
    """
    return written(path, made, _checkpoint(result, run), job, opset, run / f"opset{opset}-mismatch.npz")


def written(path: Path, made: OnnxModel, checkpoint: Checkpoint, job: Job, opset: int, evidence: Path) -> Parity:
    """Write the float32 file of `made`, which was exported from this network, in another opset. Raises Mismatch as above."""
    source = made.path(SOURCE)
    said, own = contract.load(source), made.variants[SOURCE]
    exporter.export_older(models.load(checkpoint), path, front=loop.front(job), opset=opset, contract=said)
    onnx_file.fold_temperature(path, own.temperature / checkpoint.facts.get("temperature", 1.0))
    if said.score:
        whole = answer.add(onnx.load(path), answer.read(onnx.load(source), said.score))
        storage.write(path, whole.SerializeToString())
    x = job.spectra.x[job.splits.rows(None)[:CHECKED]]
    return onnx_file.parity(path, x, onnx_file.run(source, x), least=AGREEMENT, most=TOLERANCE, evidence=evidence)


def _checkpoint(result: Report, run: Path) -> Checkpoint:
    """Give the network that the run's float file was exported from."""
    for step in reversed(result.steps):
        found, _ = artifacts.read(run / step["folder"])
        if isinstance(found, Checkpoint):
            return found
    raise Mistake(f"{run} holds no network to export in an older opset", hint="a recipe that trains or adopts one")
