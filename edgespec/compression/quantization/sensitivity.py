"""Which layers int8 hurts, and the fewest that must stay in float so that a model keeps its promises.

Everything is judged on validation spectra, beside the float network's own answers. Layers by their cost alone: Wu et al. 2020,
arXiv:2004.09602, section 6.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from scipy.special import log_softmax

from edgespec.compression.quantization import int8, qdq
from edgespec.compression.quantization.ranges import Range
from edgespec.errors import BrokenPromise
from edgespec.graph import onnx_file
from edgespec.spectra import Floats, Ints

Z = 1.96
SCANNED = 64  # spectra as they are, and as many varied, that each layer alone is judged on
Array = NDArray[Any]


@dataclass(frozen=True)
class Judge:
    """Prepared spectra `x` (n, points), the labels `y` of the first of them, and float's logits (n, classes) for all."""

    x: Floats
    y: Ints
    logits: Array

    def few(self) -> Judge:
        """Give the same on at most SCANNED spectra and as many varied ones."""
        plain, rest = min(len(self.y), SCANNED), slice(len(self.y), len(self.y) + SCANNED)
        x, logits = (np.concatenate([each[:plain], each[rest]]) for each in (self.x, self.logits))
        return Judge(x, self.y[:plain], logits)


@dataclass(frozen=True)
class Loss:
    """What rounding cost, against float on the same spectra.

    n: labelled validation spectra; float32, int8: accuracy on them; drop, drop_error: their difference, its standard error
    agreement: share of all judged spectra, varied ones too, with the same label
    divergence: mean Kullback-Leibler divergence of the probabilities from float's, in nats
    """

    n: int
    float32: float
    int8: float
    drop: float
    drop_error: float
    agreement: float
    divergence: float

    def broken(self, max_drop: float, min_agreement: float) -> str:
        """Say which promise is surely (95 %) broken, or nothing. Varied spectra do not count as further evidence."""
        if self.drop - Z * self.drop_error > max_drop:
            least = self.drop - Z * self.drop_error
            return f"loses {self.drop:.3f} (at least {least:.3f}) of the validation accuracy, more than max_drop {max_drop:g}"
        share = (self.agreement * self.n + 1) / (self.n + 2)
        if self.agreement + Z * np.sqrt(share * (1 - share) / self.n) < min_agreement:
            return f"names {1 - self.agreement:.3f} of the validation spectra otherwise than float32, min_agreement is {min_agreement:g}"
        return ""


@dataclass(frozen=True)
class Promises:
    """What a rounded file must keep: `max_drop` and `min_agreement` as `Loss.broken` judges them, with at most `max_float` of its layers in float.

    bits: of the weights
    """

    max_drop: float
    min_agreement: float
    max_float: float
    bits: int


@dataclass(frozen=True)
class Settled:
    """A network that keeps its promises: what it is, what it lost, and which layers stayed in float for that."""

    network: onnx.ModelProto
    loss: Loss
    floats: tuple[str, ...]


def judge(network: onnx.ModelProto, x: Floats, y: Ints) -> Judge:
    """Take the float network's answers. x: (n, points), prepared; y: labels of the first of them."""
    return Judge(x, y, _answers(network, x))


def loss(network: onnx.ModelProto, judge: Judge) -> Loss:
    """Compare a rounded network with the float one."""
    logits, y = _answers(network, judge.x), judge.y
    before, after = (each[: len(y)].argmax(1) == y for each in (judge.logits, logits))
    lost = before.astype(float) - after
    p, q = (log_softmax(each.astype(np.float64), axis=1) for each in (judge.logits, logits))
    return Loss(
        n=len(y),
        float32=float(before.mean()),
        int8=float(after.mean()),
        drop=float(lost.mean()),
        drop_error=float(lost.std() / np.sqrt(len(lost))),
        agreement=float((judge.logits.argmax(1) == logits.argmax(1)).mean()),
        divergence=float((np.exp(p) * (p - q)).sum(1).mean()),
    )


def scan(network: onnx.ModelProto, ranges: Mapping[str, Range], judge: Judge, bits: int) -> list[dict[str, Any]]:
    """Give what each layer costs when it alone is int8: its name, operator, share of the weights, agreement, drop and divergence."""
    layers, few = qdq.layers(network), judge.few()
    sizes = onnx_file.shapes(network)
    weights = {each.name: float(np.prod(sizes[each.weight])) for each in layers}
    found = []
    for layer in layers:
        others = [each.name for each in layers if each is not layer]
        alone = asdict(loss(qdq.portable(network, ranges, floats=others, bits=bits), few))
        kept = {key: round(alone[key], 6) for key in ("divergence", "agreement", "drop")}
        share = round(weights[layer.name] / sum(weights.values()), 4)
        found.append({"layer": layer.name, "operator": layer.operator, "weights": share, **kept})
    return found


def settle(
    flavour: str,
    network: onnx.ModelProto,
    ranges: Mapping[str, Range],
    judge: Judge,
    table: Sequence[Mapping[str, Any]],
    promises: Promises,
    always: Sequence[str] = (),
) -> Settled:
    """Keep the layers that cost most in float, one more at a time, until both promises hold; then give back those that need not be.

    table: what `scan` gave; always: layers that stay in float anyway and do not count
    Raises BrokenPromise where even so many do not suffice.
    """
    order = [each["layer"] for each in sorted(table, key=lambda each: -each["divergence"])]
    order = [name for name in order if name not in always]

    def tried(more: Sequence[str]) -> Settled:
        floats = [*always, *(name for name in more if name not in always)]
        made = int8.make(flavour, network, ranges, floats=floats, bits=promises.bits)
        return Settled(made, loss(made, judge), tuple(floats))

    allowed = min(int(promises.max_float * len(table)), len(order) - 1)
    for floats in _attempts(flavour, network, order, allowed):
        found = tried(floats)
        if not (broken := found.loss.broken(promises.max_drop, promises.min_agreement)):
            break
    else:
        told = f" with {allowed} of {len(table)} layers in float32" if allowed else ""
        raise BrokenPromise(
            f"{flavour} int8 {broken}{told}",
            hint="a larger max_float, max_drop or smaller min_agreement, or ship float32: leave the step 'quantize' out",
        )
    for name in [name for name in found.floats if name not in always]:
        fewer = tried([each for each in found.floats if each != name])
        found = found if fewer.loss.broken(promises.max_drop, promises.min_agreement) else fewer
    return found


def _attempts(flavour: str, network: onnx.ModelProto, order: Sequence[str], allowed: int) -> Iterator[list[str]]:
    """Give what to keep in float, ever more of it: the costliest layers; in `cpu`, then with what makes their inputs, else rounded too."""
    for count in range(allowed + 1):
        yield [*order[:count]]
        wider = int8.with_sources(network, order[:count]) if flavour == "cpu" else []
        if count < len(wider) <= allowed:
            yield wider


def _answers(network: onnx.ModelProto, x: Floats) -> Array:
    return onnx_file.ask(onnx_file.session(network.SerializeToString()), x)
