"""The cells of a matrix: what one file says in one runtime, compared with the same file in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from edgespec.artifact import OnnxModel
from edgespec.errors import Mistake
from edgespec.evaluation import scoring
from edgespec.graph import onnx_file

FORMAT = 1
REFERENCE, SOURCE = "onnxruntime", "float32"
MARGINS = {"float32": 1e-3, "fp16": 1e-2, "int8": 2e-2, "bf16": 5e-2}
"""How far apart, as a share of the largest logit, two labels' logits must be for their order to count, by precision."""
Array = NDArray[Any]


@dataclass(frozen=True)
class Cell:
    """One file in one runtime.

    verdict: "agrees", "disagrees", "builds" (it can only be parsed and built there), "refused" (by the runtime: `reason`)
    margin: as MARGINS has it; disagreements: spectra whose label differs from the same file's in ONNX Runtime, or between batch sizes, beyond it
    agreement, probability: share of labels, and largest difference of a probability, against the same file in ONNX Runtime
    agreement_float: share of labels against float32 in ONNX Runtime; ratio: of medians to the first file in ONNX Runtime
    """

    variant: str
    runtime: str
    precision: str
    version: str
    verdict: str
    reason: str = ""
    n: int = 0
    margin: float = 0.0
    disagreements: int = 0
    agreement: float | None = None
    probability: float | None = None
    agreement_float: float | None = None
    accuracy: float | None = None
    size_bytes: int = 0
    ratio: float | None = None
    ratio_interval: tuple[float, float] | None = None
    p50_ms: float | None = None
    samples: int = 0


@dataclass(frozen=True)
class Matrix:
    """All cells, what a ratio refers to, the machine, why runtimes are left out, and what a latency would be there."""

    cells: tuple[Cell, ...]
    reference: str
    host: Mapping[str, Any]
    absent: Mapping[str, str]
    source: str = "measured"

    @property
    def disagree(self) -> list[Cell]:
        """The cells that disagree."""
        return [each for each in self.cells if each.verdict == "disagrees"]


def judge(
    model: OnnxModel, pairs: Sequence[tuple[str, str, str]], said: Mapping[str, dict[str, Any]], y: Array | None
) -> list[Cell]:
    """Compare answers.

    said: title -> what the runner told, `answers` (batch size -> logits (n, classes)) among it where the cell answered, `error` where not
    """
    cells = []
    for variant, runtime, precision in pairs:
        told = said[title(variant, runtime, precision)]
        cell = Cell(variant, runtime, precision, told.get("runtime_version", ""), "refused", told.get("error", ""))
        precision = cell.precision or model.variants[variant].facts.get("precision", "")
        cell = replace(cell, size_bytes=model.path(variant).stat().st_size)
        if "answers" not in told:
            cells.append(cell if cell.reason else replace(cell, verdict="builds"))
            continue
        own, plain = (said[title(name, REFERENCE, "")]["answers"]["1"] for name in (variant, SOURCE))
        cells.append(_judged(cell, told["answers"], own, plain, y, precision))
    return cells


def title(variant: str, runtime: str, precision: str) -> str:
    """Name a cell."""
    return f"{variant} in {runtime}" + (f" {precision}" if precision else "")


def ordered(model: OnnxModel) -> list[str]:
    """Name the files: the plain default export first, as every ratio refers to it; it takes one spectrum at a time only."""
    names = list(model.variants)
    if SOURCE not in names:
        raise Mistake("the run has no float32 file to compare with", hint="a recipe with 'to_onnx'")
    return sorted(names, key=lambda name: model.variants[name].role != "reference")


def of_torch(source: Array, told: Mapping[str, Any], y: Array | None) -> Cell:
    """Give the cell of the network that was exported. source: (n, classes) its logits; told: what the float file said."""
    import torch

    cell = Cell(SOURCE, "torch", "", torch.__version__, "agrees")
    own = told["answers"]["1"]
    return replace(_judged(cell, {"all": source}, own, own, y), size_bytes=0)


def _judged(
    cell: Cell, answers: Mapping[str, Array], own: Array, plain: Array, y: Array | None, precision: str = ""
) -> Cell:
    kind = "int8" if cell.variant.endswith("int8") else cell.variant
    kind = precision if precision in ("bf16", "int8", "fp16") else kind
    margin = MARGINS.get(kind, MARGINS["float32"])
    first = next(iter(answers.values()))
    apart = np.zeros(len(own), dtype=bool)
    for each in answers.values():
        apart |= ~onnx_file.same(own, each, margin) | ~onnx_file.same(first, each, margin)
    broken = not all(np.isfinite(each).all() for each in answers.values())
    return replace(
        cell,
        verdict="disagrees" if apart.any() or broken else "agrees",
        reason="its answers are no numbers" if broken else "",
        n=len(own),
        margin=margin,
        disagreements=int(apart.sum()),
        agreement=_alike(own, first),
        probability=float(np.abs(softmax(own, axis=1) - softmax(first, axis=1)).max()),
        agreement_float=_alike(plain, first),
        accuracy=None if y is None else scoring.accuracy(first, y),
    )


def _alike(one: Array, other: Array) -> float:
    return float((one.argmax(1) == other.argmax(1)).mean())
