"""Free a batch that was fixed when the model was saved, where the answers prove that this is sound."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, numpy_helper

from edgespec.graph import onnx_file
from edgespec.graph.foreign.surgery import BATCH

Array = NDArray[Any]
SIZES = (1, 2, 65)


def freed(network: onnx.ModelProto, batch: int, x: Array) -> onnx.ModelProto | None:
    """Give a network that takes any number of spectra; None where what it computes depends on the number.

    network: `prepared` -> `logits`, with a batch of `batch` (0 for free) in its ends and perhaps in its reshapes
    x: (n, points) prepared spectra on which this is checked
    """
    spectra = np.ascontiguousarray(np.resize(x, (max(SIZES), x.shape[1])), np.float32)
    for relaxed in (_relaxed(network), _reshaped(_relaxed(network), batch)):
        if _is_free(relaxed, spectra):
            return relaxed
    return None


def _is_free(network: onnx.ModelProto, x: Array) -> bool:
    """Tell whether spectra get the same answers alone, in pairs and 65 at a time."""
    try:
        opened = onnx_file.session(network.SerializeToString())
        answers = [onnx_file.ask(opened, x, size) for size in SIZES]
    except onnx_file.REFUSALS:
        return False
    scale = max(float(np.abs(answers[0]).max()), 1e-12)
    alike = [each.shape == answers[0].shape and np.abs(each - answers[0]).max() <= 1e-4 * scale for each in answers]
    return len(answers[0]) == len(x) and all(alike)


def _relaxed(network: onnx.ModelProto) -> onnx.ModelProto:
    found = onnx.ModelProto()
    found.CopyFrom(network)
    for each in [*found.graph.input, *found.graph.output]:
        each.type.tensor_type.shape.dim[0].dim_param = BATCH
    found.graph.ClearField("value_info")
    return found


def _reshaped(network: onnx.ModelProto, batch: int) -> onnx.ModelProto:
    """Let each Reshape to a shape that begins with the batch work its first length out, in place."""
    constants = {each.name: each for each in network.graph.initializer}
    constants |= {
        node.output[0]: node.attribute[0].t
        for node in network.graph.node
        if node.op_type == "Constant" and node.attribute[0].type == AttributeProto.TENSOR
    }
    for node in network.graph.node:
        if node.op_type != "Reshape" or node.input[1] not in constants:
            continue
        shape = numpy_helper.to_array(constants[node.input[1]]).copy()
        if shape.size > 1 and shape[0] == max(batch, 1):
            shape[0] = 0 if -1 in shape else -1
            name = f"{node.output[0]}_shape"
            network.graph.initializer.append(numpy_helper.from_array(shape, name))
            node.input[1] = name
    return network
