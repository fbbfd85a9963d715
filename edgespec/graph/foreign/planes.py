"""Turn one-dimensional convolutions into convolutions over planes of 1 x length, which ONNX Runtime's fast layout wants.

Around each converted operator stand an Unsqueeze and a Squeeze; between two of them both fall away, so that a chain of
convolutions, activations and poolings works on planes from its first operator to its last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper, shape_inference

ALONG = ("kernel_shape", "strides", "dilations")  # attributes with a number for each axis
LAYERS = ("Conv", "MaxPool", "AveragePool", "LpPool")
SAME = frozenset(
    ("Relu", "LeakyRelu", "Elu", "Selu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Erf", "Gelu", "Softplus", "Softsign", "Mish",
     "Exp", "Abs", "Neg", "Sqrt", "Clip", "Identity", "Cast", "BatchNormalization", "GlobalAveragePool", "GlobalMaxPool",
     "InstanceNormalization")
)  # fmt: skip
"""Operators that mean the same on (n, channels, 1, length)."""
PAIRS = frozenset(("Add", "Sub", "Mul", "Div", "Pow", "PRelu", "Max", "Min", "Where", "Concat"))
RANK = 3


def widened(network: onnx.ModelProto) -> onnx.ModelProto:
    """Give the network with its convolutions on (n, channels, length) on (n, channels, 1, length); one without any stays as it is."""
    constants = {each.name: each for each in network.graph.initializer}
    flat = [
        node for node in network.graph.node if node.op_type == "Conv" and _rank(constants.get(node.input[1])) == RANK
    ]
    if not flat:
        return network
    found = onnx.ModelProto()
    found.CopyFrom(network)
    work = _Planes(_ranks(network), constants)
    for node in network.graph.node:
        work.add(node)
    for output in network.graph.output:
        work.flat(output.name)
    found.graph.ClearField("node")
    found.graph.node.extend(work.nodes)
    used = {name for node in work.nodes for name in node.input}
    kept = [each for each in [*network.graph.initializer, *work.constants] if each.name in used]
    found.graph.ClearField("initializer")
    found.graph.initializer.extend(kept)
    found.graph.ClearField("value_info")
    return found


class _Planes:
    """The nodes of the new graph, and which tensors there are flat, as planes, or both."""

    def __init__(self, ranks: Mapping[str, int], constants: Mapping[str, onnx.TensorProto]) -> None:
        self.ranks, self.weights = ranks, constants
        self.nodes: list[NodeProto] = []
        axes = {"axis": [2], "both": [1, 2]}
        self.constants = [
            numpy_helper.from_array(np.array(each), f"network/planes/{name}") for name, each in axes.items()
        ]
        self.wide: dict[str, str] = {}
        self.narrow: set[str] = set()

    def add(self, node: NodeProto) -> None:
        """Add a node, on planes where that is what it works on."""
        if self._axis_only(node):
            return
        changed = self._converted(node)
        if changed is None:
            for name in node.input:
                self.flat(name)
            self.nodes.append(node)
            self.narrow |= set(node.output)
            return
        self.nodes.append(changed)
        self.wide.update(zip(node.output, changed.output, strict=True))

    def flat(self, name: str) -> None:
        """See to it that a tensor is there as it was."""
        if name in self.wide and name not in self.narrow:
            self.nodes.append(
                helper.make_node("Squeeze", [self.wide[name], "network/planes/axis"], [name], name=f"{name}/flat")
            )
            self.narrow.add(name)

    def _axis_only(self, node: NodeProto) -> bool:
        """Take in an Unsqueeze or Squeeze that does nothing but give or take the axis of planes, or the channels of the input."""
        if node.op_type not in ("Unsqueeze", "Squeeze") or len(node.input) < 2 or node.input[1] not in self.weights:
            return False
        axes, (given, made) = (
            numpy_helper.to_array(self.weights[node.input[1]]).tolist(),
            (node.input[0], node.output[0]),
        )
        rank = self.ranks.get(given)
        if node.op_type == "Unsqueeze" and rank == RANK and axes in ([2], [-2]) and given in self.wide:
            self.nodes.append(helper.make_node("Identity", [self.wide[given]], [made], name=node.name))
            return True
        if node.op_type == "Unsqueeze" and rank == RANK - 1 and axes in ([1], [-2]):
            self.wide[made] = f"{made}/plane"
            self.nodes.append(
                helper.make_node("Unsqueeze", [given, "network/planes/both"], [self.wide[made]], name=self.wide[made])
            )
            return True
        if node.op_type == "Squeeze" and rank == RANK + 1 and axes in ([2], [-2]):
            self.wide[made] = given
            return True
        return False

    def _plane(self, name: str) -> str:
        """Give the tensor as planes; a constant gets the axis where its shape has a place for it."""
        if name in self.weights:
            return self._constant(name)
        if name not in self.wide:
            self.wide[name] = f"{name}/plane"
            self.nodes.append(
                helper.make_node("Unsqueeze", [name, "network/planes/axis"], [self.wide[name]], name=self.wide[name])
            )
            self.narrow.add(name)
        return self.wide[name]

    def _constant(self, name: str) -> str:
        values = numpy_helper.to_array(self.weights[name])
        if values.ndim < 2:
            return name
        self.constants.append(numpy_helper.from_array(np.expand_dims(values, values.ndim - 1), f"{name}/plane"))
        return f"{name}/plane"

    def _converted(self, node: NodeProto) -> NodeProto | None:
        """Give the node on planes; None where it works on anything else or has attributes that are not known here."""
        if node.domain or len(node.output) != 1 or self.ranks.get(node.output[0]) != RANK:
            return None
        variable = [name for name in node.input if name and name not in self.weights]
        if not variable or any(self.ranks.get(name) != RANK for name in variable):
            return None
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        inputs = list(node.input)
        if node.op_type in LAYERS:
            attributes |= {name: [1, *attributes[name]] for name in ALONG if name in attributes}
            if "pads" in attributes:
                begin, end = attributes["pads"]
                attributes["pads"] = [0, begin, 0, end]
            inputs[0] = self._plane(inputs[0])
            if node.op_type == "Conv":
                inputs[1] = self._constant(inputs[1])
        elif node.op_type in PAIRS:
            if "axis" in attributes:
                attributes["axis"] += 1 if attributes["axis"] == RANK - 1 else 0
            inputs = [self._plane(name) for name in inputs]
        elif node.op_type in SAME:
            inputs[0] = self._plane(inputs[0])
        else:
            return None
        output = f"{node.output[0]}/plane"
        return helper.make_node(node.op_type, inputs, [output], name=node.name, **attributes)


def _rank(tensor: onnx.TensorProto | None) -> int:
    return 0 if tensor is None else len(tensor.dims)


def _ranks(network: onnx.ModelProto) -> dict[str, int]:
    """Give the rank of every tensor that shape inference knows."""
    inferred = shape_inference.infer_shapes(network, data_prop=True)
    values = [*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output]
    return {
        each.name: len(each.type.tensor_type.shape.dim) for each in values if each.type.tensor_type.HasField("shape")
    }


def slimmer(one: onnx.ModelProto, other: onnx.ModelProto) -> onnx.ModelProto:
    """Give the second of two models where it is not much larger: folding can write out what was a formula."""
    return other if other.ByteSize() <= math.ceil(1.5 * one.ByteSize()) + 4096 else one
