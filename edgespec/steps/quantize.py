"""Make an int8 variant of the float ONNX: static, per channel, explicit Q/DQ, calibrated on real training spectra.

Activations are uint8 and weights int8 because that is what ONNX Runtime's CPU kernels fuse (symmetric int8 activations run
up to ten times slower there). Scales: Jacob et al. 2018, arXiv:1712.05877.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
from annotated_types import Ge, Interval
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from edgespec import assembly, exporter, graph, storage, training
from edgespec.artifact import OnnxModel
from edgespec.errors import BrokenPromise, Mistake
from edgespec.job import Job, Part

NAME, FILE = "cpu-int8", "cpu-int8.onnx"
ONLY_FLOAT = frozenset(
    ("Abs", "BatchNormalization", "Erf", "Max", "Min", "Sub")
)  # no CPU runtime has int8 kernels for them
Array = NDArray[Any]


def run(
    job: Job,
    model: OnnxModel,
    *,
    on: Part = None,
    spectra: Annotated[int, Ge(64)] = 256,
    reduce_range: bool = True,
    max_drop: Annotated[float, Interval(ge=0, le=1)] = 0.01,
    min_agreement: Annotated[float, Interval(ge=0, le=1)] = 0.9,
) -> OnnxModel:
    """Quantise to int8 with ranges seen on training spectra, half of them varied as the augmentation does.

    on: the training part that calibrates; all of them if not said.
    spectra: how many calibrate, at least 64.
    reduce_range: weights in 7 bits, so that CPUs without VNNI (AVX2 only) do not saturate and every CPU gives the same answers.
    max_drop: accuracy on the validation part that may be lost against float32; judged by the paired 95 % interval.
    min_agreement: share of labels on which int8 and float32 must agree; below it the conversion counts as failed.
    """
    folder = job.folder
    for variant in model.variants.values():
        shutil.copyfile(model.folder / variant.file, folder / variant.file)
    x = _calibration(job, on, spectra)
    _quantize(model.path("float32"), folder / FILE, x, reduce_range)
    source = graph.run(model.path("float32"), x)
    evidence = folder.parent / f"{NAME}-mismatch.npz"
    found = graph.parity(folder / FILE, x, source, least=min_agreement, most=np.inf, evidence=evidence)
    plain = graph.run(folder / FILE, x, optimise=False)
    true = graph.parity(folder / FILE, x, plain, least=min_agreement, most=np.inf, evidence=evidence)
    kept = _drop(job, model.path("float32"), folder / FILE, max_drop)
    facts = {
        "parity": asdict(found),
        "kernels": graph.check_kernels(folder / FILE),
        "arithmetic": asdict(true),
        "calibration": {"spectra": len(x), "digest": storage.digest(x)},
        "validation": kept,
    }
    made = replace(model.variants["float32"], file=FILE, sibling="float32", facts=facts)
    return replace(model, folder=folder, variants={**model.variants, NAME: made})


def _calibration(job: Job, on: str | None, count: int) -> Array:
    """(n, points): training spectra, drawn evenly over the classes, the second half varied."""
    rows = job.splits.rows(on)
    rng = np.random.default_rng([job.seed, 17])
    order = rng.permutation(rows)
    drawn = order[np.argsort(training.occurrence(job.spectra.y[order]), kind="stable")][:count]
    if len(drawn) < 64:
        raise Mistake(
            f"{len(drawn)} training spectra are too few to calibrate int8: at least 64 are needed", hint="more spectra"
        )
    varied = training.another(job, drawn[1::2], seed=job.seed * 1000 + 900)
    return np.concatenate([job.spectra.x[drawn[::2]], varied.numpy()])


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Hands spectra to ONNX Runtime's calibration one after the other."""

    def __init__(self, x: Array, name: str) -> None:
        self.rest: Iterator[dict[str, Array]] = ({name: row[None]} for row in x)

    def get_next(self) -> dict[str, Array] | None:
        return next(self.rest, None)


def _quantize(source: Path, target: Path, x: Array, reduce_range: bool) -> None:
    """Quantise the network alone: preprocessing, probabilities and reject score stay in float32."""
    whole = onnx.load(source)
    front, network = assembly.front(whole), assembly.network(whole)
    with _no_advice(), tempfile.TemporaryDirectory() as name:
        alone, ready, made = (Path(name) / f"{each}.onnx" for each in ("alone", "ready", "made"))
        if front is not None:
            onnx.save(front, alone)
            x = graph.run(alone, x)
        onnx.save(network, alone)
        quant_pre_process(str(alone), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready),
            str(made),
            _Reader(x, network.graph.input[0].name),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=reduce_range,
            nodes_to_exclude=_in_float(onnx.load(ready)),
        )
        joined = assembly.joined(front, exporter.slimmed(_without_zeros(onnx.load(made))))
        joined.metadata_props.extend(whole.metadata_props)
        storage.write(target, joined.SerializeToString())


def _without_zeros(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop the zero points of int32 biases, in place: they are zero by definition, as they are where none is given; 4 bytes a channel."""
    types = {each.name: each.data_type for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and types.get(node.input[0]) == onnx.TensorProto.INT32:
            del node.input[2:]
    used = {name for node in model.graph.node for name in node.input}
    kept = [each for each in model.graph.initializer if each.name in used]
    model.graph.ClearField("initializer")
    model.graph.initializer.extend(kept)
    return model


def _in_float(network: onnx.ModelProto) -> list[str]:
    """Name the nodes that stay in float32: in a network of operators that know no int8, all but its convolutions and its last layer.

    What lies between convolutions (DRSN's thresholds, GELU) would be brought to int8 and back around each operator: the 12-block
    DRSN took 1.6 of float's time so, and 1.0 with half of the error this way; OpenVINO did not compile it, or answered wrongly.
    """
    nodes = network.graph.node
    if not any(node.op_type in ONLY_FLOAT for node in nodes):
        return []
    made_by = {name: node.op_type for node in nodes for name in node.output}
    last = network.graph.output[0].name
    return [node.name for node in nodes if not _in_int8(node, made_by) and last not in node.output]


def _in_int8(node: onnx.NodeProto, made_by: dict[str, str]) -> bool:
    """Tell a convolution, or what a runtime does in one go with it."""
    return node.op_type == "Conv" or (
        node.op_type in ("Relu", "MaxPool") and made_by.get(node.input[0]) in ("Conv", "Relu")
    )


@contextmanager
def _no_advice() -> Iterator[None]:
    """Keep ONNX Runtime's advice about pre-processing, which is done here, out of the root log."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _drop(job: Job, float32: Path, int8: Path, limit: float) -> dict[str, float]:
    """Compare both on the validation part, spectrum by spectrum; raise BrokenPromise where the loss surely exceeds the limit."""
    rows = job.splits.rows(None, valid=True)
    x, y = job.spectra.x[rows], job.spectra.y[rows]
    before, after = graph.run(float32, x).argmax(1) == y, graph.run(int8, x).argmax(1) == y
    lost = before.astype(float) - after
    drop, error = float(lost.mean()), float(lost.std() / np.sqrt(len(lost)))
    if drop - 1.96 * error > limit:
        raise BrokenPromise(
            f"int8 loses {drop:.3f} (at least {drop - 1.96 * error:.3f}) of the validation accuracy, more than max_drop {limit:g}",
            hint="a larger max_drop, or ship float32: leave the step 'quantize' out",
        )
    return {
        "n": len(rows),
        "float32": float(before.mean()),
        "int8": float(after.mean()),
        "drop": drop,
        "drop_error": error,
    }
