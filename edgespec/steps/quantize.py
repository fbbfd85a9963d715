"""Make int8 variants of the float ONNX: static, per channel, explicit Q/DQ, calibrated on real training spectra.

`cpu`: uint8 activations, because that is what ONNX Runtime's CPU kernels fuse (symmetric int8 activations run up to ten times slower
there). `portable`: symmetric int8, one file for TensorRT, OpenVINO and ONNX Runtime. Scales: Jacob et al. 2018, arXiv:1712.05877.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

import numpy as np
import onnx
from annotated_types import Ge, Interval, Len
from numpy.typing import NDArray
from onnx import numpy_helper

from edgespec import assembly, exporter, graph, int8, lint, qdq, ranges, representative, sensitivity, storage
from edgespec.artifact import OnnxModel, Variant
from edgespec.errors import Mistake
from edgespec.job import Job, Part
from edgespec.ranges import METHODS, Seen
from edgespec.sensitivity import Judge, Settled

SURELY = 0.9  # a file that agrees less with its source, or with itself unoptimised, is converted wrongly
Flavours = Annotated[Sequence[Literal["cpu", "portable"]], Len(1)]
Array = NDArray[Any]


def run(
    job: Job,
    model: OnnxModel,
    *,
    on: Part = None,
    flavours: Flavours = ("cpu",),
    spectra: Annotated[int, Ge(64)] = 256,
    calibration: Literal["auto", "minmax", "percentile", "entropy", "mse"] = "auto",
    reduce_range: bool = True,
    max_drop: Annotated[float, Interval(ge=0, le=1)] = 0.01,
    min_agreement: Annotated[float, Interval(ge=0, le=1)] = 0.99,
    max_float: Annotated[float, Interval(ge=0, le=1)] = 0.5,
) -> OnnxModel:
    """Quantise to int8 with ranges seen on training spectra, half of them varied as the augmentation does.

    Layers that cost a promise stay in float32, the fewest that suffice. Preprocessing, GELU, soft thresholds and softmax always do.

    on: the training part that calibrates; all of them if not said.
    flavours: `cpu` (uint8 activations, fastest in ONNX Runtime), `portable` (symmetric, one file for TensorRT, OpenVINO and ONNX Runtime), or both.
    spectra: how many calibrate, at least 64, stratified by class and physical sample.
    calibration: how ranges are cut; auto takes what keeps the probabilities nearest to float32's on the validation part.
    reduce_range: weights in 7 bits, so that CPUs without VNNI (AVX2 only) do not saturate and every CPU gives the same answers.
    max_drop: accuracy on the validation part that may be lost against float32; judged by the paired 95 % interval.
    min_agreement: share of validation spectra, varied ones too, on whose label int8 and float32 must agree; judged by its 95 % interval.
    max_float: share of the layers that may stay in float32 so that both promises hold; 0 keeps none.
    """
    whole = onnx.load(model.path("float32"))
    front, network = assembly.front(whole), assembly.network(whole)
    _check(network)
    x, judged = representative.drawn(job, on, spectra), representative.judged(job, on)
    network = int8.ready(network)
    judge = sensitivity.judge(network, _prepared(front, judged.x), judged.y)
    seen, bits = ranges.observe(network, _prepared(front, x)), 7 if reduce_range else 8
    method, tried = _method(calibration, flavours[0], network, seen, judge, bits)
    ends = ranges.cut(seen, method)
    table = sensitivity.scan(network, ends, judge, bits)
    sets = representative.told(job, x)
    for variant in model.variants.values():
        shutil.copyfile(model.folder / variant.file, job.folder / variant.file)
    made = {}
    for flavour in dict.fromkeys(flavours):
        found = sensitivity.settle(
            flavour,
            network,
            ends,
            judge,
            table,
            max_drop=max_drop,
            min_agreement=min_agreement,
            max_float=max_float,
            bits=bits,
        )
        name = int8.variant(flavour)
        facts = {
            "flavour": flavour,
            "calibration": {"method": method, "tried": tried, **sets["calibration"]},
            "validation": asdict(found.loss),
            "float_layers": list(found.floats),
            "layers": table,
        }
        made[name] = _written(job, model, flavour, found, x, facts, min(min_agreement, SURELY))
    return replace(model, folder=job.folder, variants={**model.variants, **made}, facts={**model.facts, "sets": sets})


def _method(
    wanted: str, flavour: str, network: onnx.ModelProto, seen: dict[str, Seen], judge: Judge, bits: int
) -> tuple[str, dict[str, Any]]:
    """Choose how ranges are cut: the method asked for, or the one whose probabilities stay nearest to float's on validation spectra."""
    tried = {}
    for method in METHODS if wanted == "auto" else (wanted,):
        made = int8.make(flavour, network, ranges.cut(seen, method), bits=bits)
        lost = sensitivity.loss(made, judge)
        tried[method] = {"divergence": round(lost.divergence, 6), "agreement": round(lost.agreement, 5)}
    return min(tried, key=lambda method: tried[method]["divergence"]), tried


def _written(
    job: Job, model: OnnxModel, flavour: str, found: Settled, x: Array, facts: dict[str, Any], least: float
) -> Variant:
    """Write the whole file, and check it against the float one and against itself without the runtime's optimisation."""
    source, name = model.path("float32"), int8.variant(flavour)
    whole, path = onnx.load(source), job.folder / f"{name}.onnx"
    joined = assembly.joined(assembly.front(whole), exporter.slimmed(found.network))
    joined.metadata_props.extend(whole.metadata_props)
    storage.write(path, joined.SerializeToString())
    facts = {**facts, "lint": lint.check(flavour, joined)}
    evidence = job.folder.parent / f"{name}-mismatch.npz"
    for fact, answers in (("parity", graph.run(source, x)), ("arithmetic", graph.run(path, x, optimise=False))):
        facts[fact] = asdict(graph.parity(path, x, answers, least=least, most=np.inf, evidence=evidence))
    facts["kernels"] = graph.check_kernels(path) if flavour == "cpu" else graph.kernels(path)
    return replace(model.variants["float32"], file=path.name, sibling="float32", facts=facts)


def _prepared(front: onnx.ModelProto | None, x: Array) -> Array:
    return x if front is None else graph.ask(graph.session(front.SerializeToString()), x)


def _check(network: onnx.ModelProto) -> None:
    """Refuse a network that no flavour can round: broken weights, weights of an operator without int8, or no layer at all."""
    constants = {each.name: numpy_helper.to_array(each) for each in network.graph.initializer}
    for name, values in constants.items():
        if values.dtype.kind == "f" and (bad := int((~np.isfinite(values)).sum())):
            raise Mistake(
                f"{bad} of {values.size} weights of {name} are not finite numbers",
                hint="train again with a smaller fit.lr",
            )
    for node in network.graph.node:
        held = [constants[name] for name in node.input if name in constants]
        many = sum(each.size for each in held if each.dtype.kind == "f" and each.ndim > 1)
        if many and node.op_type not in (*lint.LAYERS, "Add", "Mul", "Sub", "Div"):
            raise Mistake(
                f"no flavour of int8 can hold the {many} weights of {node.op_type} ({node.name})",
                hint="ship float32 or fp16: leave the step 'quantize' out; int8 knows convolutions and linear layers",
            )
    if not qdq.layers(network):
        raise Mistake(
            "the network has no convolution and no linear layer with constant weights: there is nothing to quantise",
            hint="leave the step 'quantize' out",
        )
