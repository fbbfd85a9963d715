"""Train the weights and the ranges of the float ONNX with rounding in the loop: where `quantize` alone loses too much, and for 4 bits.

The network learns to answer as it did in float32 (its own logits, softened, not labels: cross-entropy forgets). It is the exported graph that
is trained, and the same Q/DQ goes into it as `quantize` inserts. Where training did not help, the untrained file is kept and says so.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

import onnx
from annotated_types import Ge, Gt, Interval, Len
from torch import Tensor

from edgespec.artifact import OnnxModel
from edgespec.compression.quantization import int8, qdq, ranges, sensitivity
from edgespec.compression.quantization import variants as variant_files
from edgespec.compression.quantization.fake_quant import Network
from edgespec.compression.quantization.ranges import Range
from edgespec.compression.quantization.sensitivity import Loss, Promises
from edgespec.compression.quantization.variants import Source
from edgespec.errors import BrokenPromise
from edgespec.evaluation.difference import Z
from edgespec.job import Fit, Job, Part
from edgespec.training import batches, loop, losses

INT4 = "int4"
Flavours = Annotated[Sequence[Literal["cpu", "portable"]], Len(1)]


def run(
    job: Job,
    model: OnnxModel,
    *,
    on: Part = None,
    flavours: Flavours = ("cpu",),
    weight_bits: Literal[8, 4] = 8,
    spectra: Annotated[int, Ge(64)] = 256,
    calibration: Literal["auto", "minmax", "percentile", "entropy", "mse"] = "auto",
    reduce_range: bool = True,
    temperature: Annotated[float, Gt(0)] = 2.0,
    max_drop: Annotated[float, Interval(ge=0, le=1)] = 0.01,
    min_agreement: Annotated[float, Interval(ge=0, le=1)] = 0.99,
    max_float: Annotated[float, Interval(ge=0, le=1)] = 0.5,
    fit: Fit = Fit(epochs=20, lr=1e-3, weight_decay=0.0),
) -> OnnxModel:
    """Quantise with weights and ranges that were trained for it.

    on: the training part that trains and calibrates; all of them if not said.
    flavours: as in `quantize`; not for weights of 4 bits.
    weight_bits: 8, or 4 for size alone: no CPU computes with 4 bits, so activations stay float32 and the file is called `int4`.
    spectra: how many calibrate, at least 64, stratified by class and physical sample.
    calibration: how ranges are cut before they are trained.
    reduce_range: weights in 7 bits rather than 8, for CPUs without VNNI.
    temperature: softens both logits; what is wrong in small probabilities counts more the higher it is.
    max_drop: accuracy on the validation part that may be lost against float32; judged by the paired 95 % interval.
    min_agreement: share of validation spectra, varied ones too, on whose label both must agree; judged by its 95 % interval.
    max_float: share of the layers that may stay in float32 so that both promises hold; not for weights of 4 bits.
    fit: how long and how fast.
    """
    given = variant_files.source(job, model, on, spectra)
    promises = Promises(max_drop, min_agreement, max_float, 7 if reduce_range else 8)
    if weight_bits == 4:
        start = qdq.clipped(given.network, 4)
        trained, _ = _train(job, given, start, {}, 4, on, temperature, fit)
        before, after = (sensitivity.loss(qdq.packed(each), given.judge) for each in (start, trained))
        helped = _helped(job, before, after)
        return _int4(job, model, given, trained if helped else start, promises, _told(before, after, helped))
    ends, told = variant_files.cut(given, calibration, flavours[0], promises.bits)
    network, learnt = _train(job, given, given.network, ends, promises.bits, on, temperature, fit)
    seen = ranges.observe(network, variant_files.prepared(given.front, given.x))
    tuned = {**ranges.cut(seen, told["method"]), **learnt}
    before, after = (
        sensitivity.loss(int8.make(flavours[0], *each, bits=promises.bits), given.judge)
        for each in ((given.network, ends), (network, tuned))
    )
    helped = _helped(job, before, after)
    if helped:
        given, ends = replace(given, network=network), tuned
    facts = {"calibration": told, "training": _told(before, after, helped)}
    return variant_files.flavours(job, model, given, ends, flavours, promises, facts)


def _train(
    job: Job,
    given: Source,
    start: onnx.ModelProto,
    ends: Mapping[str, Range],
    bits: int,
    on: str | None,
    temperature: float,
    fit: Fit,
) -> tuple[onnx.ModelProto, dict[str, Range]]:
    """Give `start` with trained weights, and the ranges of its layers' inputs as they were learnt; the float network teaches."""
    network, source = Network(start, ends, bits), Network(given.network, {}, None)
    front, rows = job.front(), job.splits.rows(on)

    def epoch_of(epoch: int) -> tuple[Tensor, ...]:
        x = batches.through(front, batches.another(job, rows, seed=job.seed * 1000 + 500 + epoch))
        return x, batches.logits(source, x)

    def loss(out: Tensor, soft: Tensor) -> Tensor:
        return losses.plain(out, soft, temperature)

    loop.fit(network, job, fit, epoch_of=epoch_of, loss=loss, judge=None, what="qat")
    learnt = network.cut(ends)
    return network.learnt(start), {name: learnt[name] for name in network.ranges}


def _helped(job: Job, before: Loss, after: Loss) -> bool:
    """Tell whether training brought the rounded file nearer to float32 on the validation part."""
    helped = after.divergence < before.divergence and after.int8 >= before.int8 - Z * max(
        after.drop_error, before.drop_error
    )
    if not helped:
        job.progress.say("training with rounding did not help: the file is as 'quantize' makes it")
    return helped


def _told(before: Loss, after: Loss, helped: bool) -> dict[str, Any]:
    return {"helped": helped, "untrained": asdict(before), "trained": asdict(after)}


def _int4(
    job: Job, model: OnnxModel, given: Source, network: onnx.ModelProto, promises: Promises, told: dict[str, Any]
) -> OnnxModel:
    """Write the file with weights of 4 bits. Raises BrokenPromise where it loses too much."""
    made = qdq.packed(network)
    lost = sensitivity.loss(made, given.judge)
    if broken := lost.broken(promises.max_drop, promises.min_agreement):
        raise BrokenPromise(
            f"{INT4} {broken}",
            hint="train longer (fit.epochs), a larger max_drop or smaller min_agreement, or weight_bits: 8",
        )
    for variant in model.variants.values():
        shutil.copyfile(model.folder / variant.file, job.folder / variant.file)
    facts = {"calibration": given.sets["calibration"], "training": told, "validation": asdict(lost)}
    least = min(promises.min_agreement, variant_files.SURELY)
    variant = variant_files.written(job, model, INT4, made, given.x, facts, least)
    variants = {**model.variants, INT4: variant}
    return replace(model, folder=job.folder, variants=variants, facts={**model.facts, "sets": given.sets})
