"""An ONNX graph in three parts: the front (preprocessing), the network, the answer (probabilities and reject score).

They meet at two named tensors, so that each can be taken out, remade and put back: quantisation touches the network
alone, calibration the answer alone, another instrument's axis the front alone.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto, compose, helper, utils

SPECTRUM, PREPARED, LOGITS, PROBABILITIES, SCORE = "spectrum", "prepared", "logits", "probabilities", "score"
FRONT, ANSWER = "front/", "answer/"


def joined(front: onnx.ModelProto | None, network: onnx.ModelProto) -> onnx.ModelProto:
    """Put a front (spectrum -> prepared) before a network (its one input -> logits ...).

    Without a front the network itself takes the spectrum. Every name of the front begins with `front/`.
    """
    behind = onnx.ModelProto()
    behind.CopyFrom(network)
    rename(behind, behind.graph.input[0].name, SPECTRUM if front is None else PREPARED)
    if front is None:
        return behind
    before = front
    if not any(node.name.startswith(FRONT) for node in front.graph.node):
        before = compose.add_prefix(front, FRONT, rename_inputs=False, rename_outputs=False)
    rename(before, before.graph.input[0].name, SPECTRUM)
    rename(before, before.graph.output[0].name, PREPARED)
    found = onnx.ModelProto()
    found.CopyFrom(behind)
    found.graph.ClearField("node")
    found.graph.node.extend([*before.graph.node, *behind.graph.node])
    found.graph.initializer.extend(before.graph.initializer)
    found.graph.ClearField("input")
    found.graph.input.append(before.graph.input[0])
    found.graph.value_info.append(before.graph.output[0])  # where it can be taken apart again
    return found


def front(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Give the part spectrum -> prepared; None where the model has none."""
    return _between(model, SPECTRUM, PREPARED) if _has(model, PREPARED) else None


def refronted(model: onnx.ModelProto, front: onnx.ModelProto) -> onnx.ModelProto:
    """Give the model with another front: network, answer and metadata stay as they are."""
    behind = onnx.ModelProto()
    behind.CopyFrom(model)
    if not _has(model, PREPARED):
        return joined(front, behind)
    for field in ("node", "initializer"):
        kept = [each for each in getattr(model.graph, field) if not each.name.startswith(FRONT)]
        behind.graph.ClearField(field)
        getattr(behind.graph, field).extend(kept)
    behind.graph.ClearField("value_info")
    behind.graph.ClearField("input")
    behind.graph.input.append(next(each for each in model.graph.value_info if each.name == PREPARED))
    return joined(front, behind)


def network(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give the part prepared -> logits."""
    return _between(model, PREPARED if _has(model, PREPARED) else SPECTRUM, LOGITS)


def unanswered(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give the model without its answer part: spectrum -> logits; what it says of itself (metadata) is kept."""
    if [each.name for each in model.graph.output] == [LOGITS]:
        return model
    found = onnx.ModelProto()
    found.CopyFrom(model)
    own = [node for node in model.graph.node if not node.name.startswith(ANSWER)]
    weights = [each for each in model.graph.initializer if not each.name.startswith(ANSWER)]
    outputs = [each for each in model.graph.output if each.name == LOGITS]
    for field, kept in (("node", own), ("initializer", weights), ("output", outputs)):
        found.graph.ClearField(field)
        getattr(found.graph, field).extend(kept)
    return found


def answered(model: onnx.ModelProto, nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto]) -> onnx.ModelProto:
    """Add the answer: a softmax over the logits, and nodes that make `score` (n, 1) of `logits` or `prepared`.

    Every name of `nodes` and `weights` begins with `answer/`, but for the tensors named here.
    """
    found = onnx.ModelProto()
    found.CopyFrom(unanswered(model))
    softmax = helper.make_node("Softmax", [LOGITS], [PROBABILITIES], name=f"{ANSWER}softmax", axis=1)
    found.graph.node.extend([softmax, *nodes])
    found.graph.initializer.extend(weights)
    classes = found.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    for name, width in ((PROBABILITIES, classes), (SCORE, 1)):
        found.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width]))
    return found


def rename(model: onnx.ModelProto, old: str, new: str) -> None:
    """Give a tensor another name, in place."""
    for node in model.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new
    for each in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        if each.name == old:
            each.name = new


def _has(model: onnx.ModelProto, tensor: str) -> bool:
    return any(tensor in node.output for node in model.graph.node)


def _between(model: onnx.ModelProto, first: str, last: str) -> onnx.ModelProto:
    found = utils.Extractor(unanswered(model)).extract_model([first], [last])
    found.graph.ClearField("value_info")
    return found
