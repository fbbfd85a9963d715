"""Which range of each tensor int8 stands for: seen on representative spectra, cut where that loses less than it gains.

Four methods on one set of histograms. Min-max and mean squared error: Nagel et al. 2021, arXiv:2106.08295, section 3.1;
entropy: Migacz 2017, "8-bit inference with TensorRT", here for the 256 levels of an asymmetric range.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, shape_inference

from edgespec.graph import onnx_file
from edgespec.spectra import Floats

METHODS = ("minmax", "percentile", "entropy", "mse")
BINS, LEVELS = 2048, 256
CHUNK, KEPT = 16, 32768  # spectra at a time; values of a tensor that enter its histogram each time, evenly taken
TAIL = 1e-4  # of the values beyond each end of a percentile range
SHARES = np.linspace(0.1, 1.0, 37)  # of the whole range that are tried
Range = tuple[float, float]
Array = NDArray[Any]


@dataclass(frozen=True)
class Seen:
    """What a tensor took: its lowest and highest value, zero included, and a histogram (BINS,) between them."""

    low: float
    high: float
    counts: Array


def observe(network: onnx.ModelProto, x: Floats) -> dict[str, Seen]:
    """Run spectra through a network and keep what each of its float tensors took. x: (n, points), as its input takes them."""
    named = _floats(network)
    open_model = onnx.ModelProto()
    open_model.CopyFrom(network)
    known = {each.name for each in network.graph.output}
    inner = [name for name in named if name not in known and name != network.graph.input[0].name]
    open_model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in inner)
    session = onnx_file.session(open_model.SerializeToString())
    first, names = session.get_inputs()[0].name, [each.name for each in session.get_outputs()]
    parts = [x[i : i + CHUNK] for i in range(0, len(x), CHUNK)]
    ends: dict[str, Range] = {}
    for part in parts:
        for name, values in [(first, part), *zip(names, session.run(None, {first: part}), strict=True)]:
            low, high = ends.get(name, (0.0, 0.0))
            ends[name] = (min(low, float(values.min())), max(high, float(values.max())))
    counts = {name: np.zeros(BINS, np.int64) for name in ends}
    for part in parts:
        for name, values in [(first, part), *zip(names, session.run(None, {first: part}), strict=True)]:
            counts[name] += _counted(values, *ends[name])
    return {name: Seen(*ends[name], counts[name]) for name in ends}


def cut(seen: Mapping[str, Seen], method: str) -> dict[str, Range]:
    """Give the range of each tensor, zero inside, by one of METHODS."""
    by = {"minmax": _whole, "percentile": _percentile, "entropy": _entropy, "mse": _mse}[method]
    return {name: by(each) for name, each in seen.items()}


def _floats(network: onnx.ModelProto) -> list[str]:
    inferred = shape_inference.infer_shapes(network).graph
    typed = [*inferred.input, *inferred.value_info, *inferred.output]
    return [each.name for each in typed if each.type.tensor_type.elem_type == TensorProto.FLOAT]


def _counted(values: Array, low: float, high: float) -> Array:
    flat = values.ravel()[:: max(values.size // KEPT, 1)]
    at = ((flat - low) * (BINS / max(high - low, 1e-30))).astype(np.int64)
    return np.bincount(at.clip(0, BINS - 1), minlength=BINS)


def _whole(seen: Seen) -> Range:
    return seen.low, seen.high


def _percentile(seen: Seen) -> Range:
    """Leave TAIL of the values out at each end, and none of the end that is zero."""
    below = np.cumsum(seen.counts) / max(seen.counts.sum(), 1)
    edges = np.linspace(seen.low, seen.high, BINS + 1)
    low = edges[np.searchsorted(below, TAIL, side="right")] if seen.low < 0 else 0.0
    high = edges[np.searchsorted(below, 1 - TAIL) + 1] if seen.high > 0 else 0.0
    return min(float(low), 0.0), max(float(high), 0.0)


def _entropy(seen: Seen) -> Range:
    """Take the share of the range whose 256 levels keep most of the distribution: least Kullback-Leibler divergence."""
    return _best(seen, _divergence)


def _mse(seen: Seen) -> Range:
    """Take the share of the range that leaves the least squared error, rounding and clipping together."""
    return _best(seen, _squared_error)


def _best(seen: Seen, loss: Any) -> Range:
    if seen.high <= seen.low or not seen.counts.sum():
        return seen.low, seen.high
    losses = [loss(seen, float(share)) for share in SHARES]
    share = float(SHARES[len(SHARES) - 1 - int(np.argmin(losses[::-1]))])  # of equals the widest
    return seen.low * share, seen.high * share


def _squared_error(seen: Seen, share: float) -> float:
    at = (np.arange(BINS) + 0.5) * (seen.high - seen.low) / BINS + seen.low
    low, high = seen.low * share, seen.high * share
    step = (high - low) / (LEVELS - 1)
    rounded = np.round(np.clip(at, low, high) / step) * step
    return float((seen.counts * (at - rounded) ** 2).sum())


def _divergence(seen: Seen, share: float) -> float:
    width = (seen.high - seen.low) / BINS
    first = int(np.floor((seen.low * share - seen.low) / width + 1e-9))
    last = max(int(np.ceil((seen.high * share - seen.low) / width - 1e-9)), first + 1)
    inside = seen.counts[first:last].astype(np.float64)
    wanted = inside.copy()
    wanted[0] += seen.counts[:first].sum()
    wanted[-1] += seen.counts[last:].sum()
    level = np.arange(len(inside)) * LEVELS // len(inside)
    filled = inside > 0
    total, places = np.bincount(level, inside, LEVELS), np.bincount(level, filled, LEVELS)
    spread = np.where(filled, (total / np.maximum(places, 1))[level], 0.0)
    p, q = wanted / wanted.sum(), spread / max(spread.sum(), 1e-30)
    here = p > 0
    return float((p[here] * np.log(p[here] / np.maximum(q[here], 1e-12))).sum())
