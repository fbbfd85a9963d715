"""A float ONNX network as a torch module whose layers see rounded weights and inputs: quantisation-aware training on the exported graph.

Rounding lets gradients through as if it were not there (Bengio et al. 2013, arXiv:1308.3432). Scales are learnt with the weights (Esser
et al. 2020, arXiv:1902.08153, LSQ), here as factors: on the calibrated range of a layer's input, on the largest weight of a channel.
Weights leave clipped to the latter, so whoever rounds them by their largest rounds them by the learnt scale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from edgespec.compression.quantization import qdq
from edgespec.compression.quantization.ranges import LEVELS, Range
from edgespec.errors import Mistake

SMALLEST = 1e-8
Attributes = Mapping[str, Any]
Operator = Callable[[list[Any], Attributes], Tensor]


class Network(nn.Module):
    """(n, points) prepared -> logits (n, classes), as the graph computes them.

    ranges: of the layers' inputs, rounded to 256 levels within them; without ranges inputs stay float
    bits: of the weights, one scale an output channel; None leaves them float
    Raises Mistake for an operator that is not known here.
    """

    def __init__(self, network: onnx.ModelProto, ranges: Mapping[str, Range], bits: int | None) -> None:
        super().__init__()
        self.nodes = list(network.graph.node)
        unknown = sorted({node.op_type for node in self.nodes} - set(OPERATORS))
        if unknown:
            raise Mistake(f"no way is known to train {', '.join(unknown)}", hint="'quantize' needs no training")
        self.taken, self.given = network.graph.input[0].name, network.graph.output[0].name
        self.layers = {each.name: each for each in qdq.layers(network)}
        self.bits = bits
        self.constants: dict[str, Tensor] = {}
        self.weights, self.cuts, self.clips = nn.ParameterDict(), nn.ParameterDict(), nn.ParameterDict()
        self.largest: dict[str, Tensor] = {}
        self.ranges: dict[str, Range] = {}
        learnt = {name for node in self.nodes if node.name in self.layers for name in node.input[1:]}
        for each in network.graph.initializer:
            values = torch.from_numpy(numpy_helper.to_array(each).copy())
            if each.name in learnt:
                self.weights[_key(each.name)] = nn.Parameter(values)
            else:
                self.constants[each.name] = values
        for layer in self.layers.values():
            weight = self._weight(layer.weight).detach().abs()
            self.largest[layer.weight] = weight.amax([i for i in range(weight.ndim) if i != layer.axis], keepdim=True)
            self.clips[_key(layer.weight)] = nn.Parameter(torch.ones(weight.shape[layer.axis]))
        for node in self.nodes:
            if node.name in self.layers and node.input[0] in ranges:
                self.ranges[node.input[0]] = ranges[node.input[0]]
                self.cuts[_key(node.input[0])] = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, classes)"""
        known: dict[str, Any] = {self.taken: x, **self.constants}
        for node in self.nodes:
            inputs = [known[name] if name in known else self._weight(name) for name in node.input if name]
            if layer := self.layers.get(node.name):
                inputs[0] = self._input(node.input[0], inputs[0])
                inputs[1] = self._rounded(layer)
            attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
            known[node.output[0]] = OPERATORS[node.op_type](inputs, attributes)
        found: Tensor = known[self.given]
        return found

    def learnt(self, network: onnx.ModelProto) -> onnx.ModelProto:
        """Give the float network with the weights that were learnt, clipped."""
        found = onnx.ModelProto()
        found.CopyFrom(network)
        clipped = {each.weight: self._clipped(each)[0] for each in self.layers.values()} if self.bits else {}
        for each in found.graph.initializer:
            if (key := _key(each.name)) in self.weights:
                values = clipped.get(each.name, self.weights[key]).detach().numpy()
                each.CopyFrom(numpy_helper.from_array(values, each.name))
        return found

    def cut(self, ranges: Mapping[str, Range]) -> dict[str, Range]:
        """Give ranges as they were learnt, of the layers' inputs; the others as they were."""
        factors = {name: float(self.cuts[_key(name)].detach()) for name in self.ranges}
        return {
            name: (low * factors.get(name, 1.0), high * factors.get(name, 1.0)) for name, (low, high) in ranges.items()
        }

    def _weight(self, name: str) -> Tensor:
        found: Tensor = self.weights[_key(name)]
        return found

    def _input(self, name: str, x: Tensor) -> Tensor:
        if name not in self.ranges:
            return x
        low, high = self.ranges[name]
        factor: Tensor = self.cuts[_key(name)].clamp_min(SMALLEST)
        scale = factor * max((high - low) / (LEVELS - 1), SMALLEST)
        zero = round(-low / max((high - low) / (LEVELS - 1), SMALLEST))
        whole = (x / scale).clamp(-zero, LEVELS - 1 - zero)
        return _straight(whole) * scale

    def _rounded(self, layer: qdq.Layer) -> Tensor:
        if self.bits is None:
            return self._weight(layer.weight)
        clipped, limit = self._clipped(layer)
        scale = limit / qdq.LARGEST[self.bits]
        return _straight(clipped / scale) * scale

    def _clipped(self, layer: qdq.Layer) -> tuple[Tensor, Tensor]:
        """Give a weight within its channels' limits, and these: never beyond the largest weight that there is."""
        weight = self._weight(layer.weight)
        others = [i for i in range(weight.ndim) if i != layer.axis]
        limit = self.clips[_key(layer.weight)].reshape(self.largest[layer.weight].shape) * self.largest[layer.weight]
        limit = torch.minimum(limit, weight.detach().abs().amax(others, keepdim=True)).clamp_min(SMALLEST)
        return torch.minimum(torch.maximum(weight, -limit), limit), limit


def _key(name: str) -> str:
    return name.replace(".", "/")


def _straight(x: Tensor) -> Tensor:
    return x + (x.round() - x).detach()


def _conv(inputs: list[Any], attributes: Attributes) -> Tensor:
    x, weight, bias = (*inputs, None)[:3]
    pads, rank = attributes.get("pads", []), weight.ndim - 2
    if any(pads):
        x = functional.pad(x, [side for i in reversed(range(rank)) for side in (pads[i], pads[i + rank])])
    run = functional.conv2d if rank == 2 else functional.conv1d
    return run(
        x, weight, bias, attributes.get("strides", 1), 0, attributes.get("dilations", 1), attributes.get("group", 1)
    )


def _gemm(inputs: list[Any], attributes: Attributes) -> Tensor:
    weight = inputs[1].T if attributes.get("transB") else inputs[1]
    out: Tensor = inputs[0] @ weight * attributes.get("alpha", 1.0)
    return out + attributes.get("beta", 1.0) * inputs[2] if len(inputs) > 2 else out


def _pool(run: Any, empty: float | None) -> Operator:
    """empty: what a padding holds that no window takes for its answer; None where there is no such number."""

    def pooled(inputs: list[Any], attributes: Attributes) -> Tensor:
        x, pads, kernel = inputs[0], attributes.get("pads", [0] * 4), attributes["kernel_shape"]
        if any(pads):
            if empty is None:
                raise Mistake("no way is known to train a mean with padding", hint="'quantize' needs no training")
            rank = len(kernel)
            sides = [side for i in reversed(range(rank)) for side in (pads[i], pads[i + rank])]
            x = functional.pad(x, sides, value=empty)
        return run(x, tuple(kernel), tuple(attributes.get("strides", [1] * len(kernel))))  # type: ignore[no-any-return]

    return pooled


def _layer_norm(inputs: list[Any], attributes: Attributes) -> Tensor:
    x, weight, bias = (*inputs, None)[:3]
    return functional.layer_norm(
        x, x.shape[attributes.get("axis", -1) :], weight, bias, attributes.get("epsilon", 1e-5)
    )


def _slice(inputs: list[Any], attributes: Attributes) -> Tensor:
    x, starts, ends, *rest = inputs
    axes = rest[0].tolist() if rest else list(range(len(starts)))
    steps = rest[1].tolist() if len(rest) > 1 else [1] * len(axes)
    places = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        places[axis] = slice(start, end, step)
    return x[tuple(places)]  # type: ignore[no-any-return]


def _gather(inputs: list[Any], attributes: Attributes) -> Tensor:
    x, index, axis = inputs[0], inputs[1], attributes.get("axis", 0)
    found = x.index_select(axis, index.reshape(-1) % x.shape[axis])
    return found.squeeze(axis) if index.ndim == 0 else found.unflatten(axis, index.shape)  # type: ignore[no-any-return]


def _norm(inputs: list[Any], attributes: Attributes) -> Tensor:
    x, weight, bias, mean, variance = inputs
    return functional.batch_norm(x, mean, variance, weight, bias, eps=attributes.get("epsilon", 1e-5))


def _mean(inputs: list[Any], attributes: Attributes) -> Tensor:
    axes = inputs[1].tolist() if len(inputs) > 1 else list(attributes["axes"])
    return inputs[0].mean(axes, keepdim=bool(attributes.get("keepdims", 1)))  # type: ignore[no-any-return]


def _reshape(inputs: list[Any], attributes: Attributes) -> Tensor:
    x, wanted = inputs[0], inputs[1].tolist()
    return x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(wanted)])  # type: ignore[no-any-return]


def _unsqueeze(inputs: list[Any], attributes: Attributes) -> Tensor:
    x = inputs[0]
    for axis in sorted(np.atleast_1d(inputs[1].numpy()).tolist()):
        x = x.unsqueeze(axis)
    return x  # type: ignore[no-any-return]


def _pad(inputs: list[Any], attributes: Attributes) -> Tensor:
    pads = inputs[1].tolist()
    rank = len(pads) // 2
    value = float(inputs[2]) if len(inputs) > 2 else 0.0
    return functional.pad(
        inputs[0], [side for i in reversed(range(rank)) for side in (pads[i], pads[i + rank])], value=value
    )


OPERATORS: dict[str, Operator] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": lambda x, _: x[0] @ x[1],
    "Relu": lambda x, _: functional.relu(x[0]),
    "Sigmoid": lambda x, _: torch.sigmoid(x[0]),
    "Erf": lambda x, _: torch.erf(x[0]),
    "Abs": lambda x, _: x[0].abs(),
    "Neg": lambda x, _: -x[0],
    "Add": lambda x, _: x[0] + x[1],
    "Sub": lambda x, _: x[0] - x[1],
    "Mul": lambda x, _: x[0] * x[1],
    "Div": lambda x, _: x[0] / x[1],
    "Min": lambda x, _: torch.minimum(x[0], x[1]),
    "Max": lambda x, _: torch.maximum(x[0], x[1]),
    "Concat": lambda x, a: torch.cat(x, a["axis"]),
    "MaxPool": _pool(functional.max_pool2d, -torch.inf),
    "AveragePool": _pool(functional.avg_pool2d, None),
    "BatchNormalization": _norm,
    "LayerNormalization": _layer_norm,
    "LeakyRelu": lambda x, a: functional.leaky_relu(x[0], a.get("alpha", 0.01)),
    "Tanh": lambda x, _: torch.tanh(x[0]),
    "Softmax": lambda x, a: torch.softmax(x[0], a.get("axis", -1)),
    "Transpose": lambda x, a: x[0].permute(*a["perm"]),
    "Slice": _slice,
    "Gather": _gather,
    "ReduceMean": _mean,
    "Reshape": _reshape,
    "Unsqueeze": _unsqueeze,
    "Pad": _pad,
}
