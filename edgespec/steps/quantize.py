"""Make int8 variants of the float ONNX: static, per channel, explicit Q/DQ, calibrated on real training spectra.

`cpu`: uint8 activations, because that is what ONNX Runtime's CPU kernels fuse (symmetric int8 activations run up to ten times slower
there). `portable`: symmetric int8, one file for TensorRT, OpenVINO and ONNX Runtime. Scales: Jacob et al. 2018, arXiv:1712.05877.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from annotated_types import Ge, Interval, Len
from pydantic import AfterValidator

from edgespec.artifact import OnnxModel
from edgespec.bench import measure
from edgespec.compression.quantization import int8, variants
from edgespec.compression.quantization.sensitivity import Promises
from edgespec.errors import Mistake
from edgespec.job import Job, Part
from edgespec.targets import card as cards

ASKED = int8.variant("cpu")


def _asked(name: str) -> str:
    """Refuse a target that cannot say whether int8 pays, at its place in the recipe and before anything is trained."""
    try:
        card = cards.load(name)
        measure.check_timed(card)
    except Mistake as problem:
        raise ValueError(problem.message) from None
    if ASKED not in card.precisions:
        raise ValueError(
            f"target {name!r} takes {', '.join(card.precisions)}, not {ASKED}: it cannot say whether that pays"
        )
    return name


Place = Annotated[str, AfterValidator(_asked)]
Flavours = Annotated[Sequence[Literal["cpu", "portable"]], Len(1)]


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
    pays: bool = False,
    target: Place = "local",
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
    pays: ask the target how long float32 and the `cpu` file take, the latter also with its first stages in float32: the fastest is kept,
        and none is made where float32 is faster than each.
    target: where `pays` is asked.
    """
    if pays and "cpu" not in flavours:
        why = f"`pays` asks about {ASKED}, and flavours names {', '.join(flavours)} alone"
        raise Mistake(why, hint="flavours: [cpu, ...], or leave `pays` out")
    bits = 7 if reduce_range else 8
    given = variants.source(job, model, on, spectra)
    ends, told = variants.cut(given, calibration, flavours[0], bits)
    promises = Promises(max_drop, min_agreement, max_float, bits)
    return variants.flavours(
        job, model, given, ends, flavours, promises, {"calibration": told}, target if pays else None
    )
