"""Bring a foreign graph to the form of a network of ours: `prepared` (n, points) -> `logits` (n, classes), standard names.

Maps of probabilities and a last softmax go; what gives probabilities gets their logarithm behind it, so that the softmax of its
logits is what it said; labels become scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper, version_converter

from edgespec.errors import Mistake
from edgespec.graph import assembly, onnx_file
from edgespec.graph.foreign import checks
from edgespec.graph.foreign.ends import Input, Output

PREFIX = "network/"
TINY = 1e-9  # the least probability whose logarithm is taken
SCORE = 10.0  # of the label that a graph without confidences names
BATCH = "batch"


@dataclass(frozen=True)
class Cut:
    """A graph up to the tensor that holds the classes.

    kind: as Output's; with "one " in front where its one number stands for the second of two classes
    plain: whether the tensor is (n, classes) in float32
    """

    model: onnx.ModelProto
    tensor: str
    kind: str
    plain: bool


def cut(model: onnx.ModelProto, output: Output) -> Cut:
    """Cut a graph behind the tensor that holds the classes: before a ZipMap, and before a softmax or sigmoid that ends it."""
    makers = {name: node for node in model.graph.node for name in node.output}
    tensor, kind = output.name, output.kind
    last = {"Sigmoid"} if output.columns == 1 else {"Softmax"}
    while (maker := makers.get(tensor)) is not None:
        ends = (
            kind == "probabilities"
            and maker.op_type in last
            and maker.domain in ("", "ai.onnx")
            and _over_classes(maker)
        )
        if maker.op_type == "Identity" or (maker.op_type == "ZipMap" and maker.domain == "ai.onnx.ml"):
            tensor = maker.input[0]
        elif ends:
            tensor, kind = maker.input[0], "logits"
        else:
            break
    found = onnx.ModelProto()
    found.CopyFrom(model)
    needed, waiting = set[str](), [tensor]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += makers[name].input if name in makers else []
    for field, kept in (
        ("node", [node for node in model.graph.node if needed & set(node.output)]),
        ("initializer", [each for each in model.graph.initializer if each.name in needed]),
        ("input", [each for each in model.graph.input if each.name in needed]),
        ("output", [_value(model, tensor)]),
        ("value_info", []),
    ):
        found.graph.ClearField(field)
        getattr(found.graph, field).extend(kept)
    del found.metadata_props[:]
    value = found.graph.output[0].type.tensor_type
    plain = (
        value.elem_type == TensorProto.FLOAT and output.flat and (tensor == output.name or len(value.shape.dim) == 2)
    )
    return Cut(found, tensor, f"one {kind}" if output.columns == 1 else kind, plain)


def raised(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """Give a graph in opset 18 or the later one that it has. Raises Mistake where it cannot be converted."""
    if checks.opset(model) >= onnx_file.OPSET:
        return model
    found = onnx.ModelProto()
    found.CopyFrom(model)
    if not checks.opset(model):  # nothing but operators of ai.onnx.ml
        found.opset_import.append(helper.make_opsetid("", onnx_file.OPSET))
        return found
    try:
        return version_converter.convert_version(found, onnx_file.OPSET)
    except (
        RuntimeError,
        ValueError,
        IndexError,
        onnx.checker.ValidationError,
    ) as problem:  # IndexError: before onnx 1.23
        raise Mistake(
            f"{path} is of opset {checks.opset(model)} and cannot be brought to {onnx_file.OPSET}: {checks.first_line(problem)}",
            hint=f"export it in opset {onnx_file.OPSET}",
        ) from None


def network(cut: Cut, taken: Input, points: int, columns: Sequence[int], classes: Sequence[str]) -> onnx.ModelProto:
    """Put adapters around a graph of opset 18 or later: `prepared` (batch, points) -> `logits` (batch, classes).

    points: of a spectrum; columns: which number of the graph is each class of ours; classes: what the graph names them, for labels
    """
    found = onnx.ModelProto()
    found.CopyFrom(cut.model)
    _rename(found)
    batch: int | str = taken.batch or BATCH
    before = _before(f"{PREFIX}{taken.name}", taken)
    behind, weights = _behind(found, cut, columns, classes)
    nodes = [*before[0], *found.graph.node, *behind]
    for number, node in enumerate(nodes):
        node.name = f"{PREFIX}{node.op_type}_{number}"
    constants = [*before[1], *found.graph.initializer, *weights]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(assembly.PREPARED, TensorProto.FLOAT, [batch, points])],
        [helper.make_tensor_value_info(assembly.LOGITS, TensorProto.FLOAT, [batch, len(columns)])],
        constants,
    )
    return finished(helper.make_model(graph, opset_imports=list(found.opset_import)))


def finished(model: onnx.ModelProto) -> onnx.ModelProto:
    """Name the opsets that a graph uses, each once, and the least version of the format that holds them."""
    used = {node.domain if node.domain != "ai.onnx" else "" for node in model.graph.node} | {""}
    versions = {each.domain if each.domain != "ai.onnx" else "": each.version for each in model.opset_import}
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, versions[domain]) for domain in sorted(used))
    model.ir_version = max(helper.find_min_ir_version_for(model.opset_import, ignore_unknown=True), 8)
    return model


def _over_classes(node: NodeProto) -> bool:
    """Tell a softmax over all but the batch: along the last axis, or along the first behind the batch; a sigmoid always."""
    axis = next((each.i for each in node.attribute if each.name == "axis"), -1)
    return node.op_type == "Sigmoid" or axis in (-1, 1)


def _value(model: onnx.ModelProto, tensor: str) -> onnx.ValueInfoProto:
    """Give what is known of a tensor: its type at least."""
    inferred = onnx.shape_inference.infer_shapes(model)
    for each in [*inferred.graph.output, *inferred.graph.value_info, *inferred.graph.input]:
        if each.name == tensor:
            return each
    return helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None)


def _rename(model: onnx.ModelProto) -> None:
    """Put all names under `network/`, in place: none of them can be one of ours."""
    for node in model.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = f"{PREFIX}{name}" if name else ""
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    for each in model.graph.initializer:
        each.name = f"{PREFIX}{each.name}"


def _before(name: str, taken: Input) -> tuple[list[NodeProto], list[TensorProto]]:
    """Bring `prepared` to the input's shape and type."""
    axes = [i for i in range(1, taken.rank) if i != taken.place]
    shaped = name if taken.kind == TensorProto.FLOAT else f"{name}_float"
    nodes = [helper.make_node("Unsqueeze", [assembly.PREPARED, f"{name}_axes"], [shaped])]
    weights = [numpy_helper.from_array(np.array(axes, np.int64), f"{name}_axes")]
    if not axes:
        nodes, weights = [helper.make_node("Identity", [assembly.PREPARED], [shaped])], []
    if shaped != name:
        nodes.append(helper.make_node("Cast", [shaped], [name], to=taken.kind))
    return nodes, weights


def _behind(
    model: onnx.ModelProto, cut: Cut, columns: Sequence[int], classes: Sequence[str]
) -> tuple[list[NodeProto], list[TensorProto]]:
    """Turn the graph's answer into logits, one a class of ours, in their order."""
    nodes: list[NodeProto] = []
    weights: list[TensorProto] = []
    tensor, kind = f"{PREFIX}{cut.tensor}", cut.kind

    def constant(name: str, value: np.ndarray) -> str:
        weights.append(numpy_helper.from_array(value, f"{PREFIX}ends/{name}"))
        return f"{PREFIX}ends/{name}"

    def then(operator: str, *more: str, domain: str = "", **attributes: object) -> None:
        before = nodes[-1].output[0] if nodes else tensor
        output = f"{PREFIX}ends/{len(nodes)}"
        nodes.append(helper.make_node(operator, [before, *more], [output], domain=domain, **attributes))

    order = np.array(columns, np.int64)
    if kind == "labels":
        numbers = np.arange(len(classes))
        if _is_words(model):
            _add_encoder(model, then, classes)
        else:
            numbers = np.array([int(each) if each.lstrip("-").isdecimal() else i for i, each in enumerate(classes)])
        then("Cast", to=TensorProto.INT64)
        then("Reshape", constant("rows", np.array([-1, 1], np.int64)))
        then("Equal", constant("classes", numbers[order].astype(np.int64)[None]))
        then("Cast", to=TensorProto.FLOAT)
        then("Mul", constant("score", np.array(SCORE, np.float32)))
    else:
        single = kind.startswith("one ")
        if not cut.plain:
            then("Cast", to=TensorProto.FLOAT)
            then("Reshape", constant("rows", np.array([-1, 1 if single else len(columns)], np.int64)))
        if single:
            probable = kind.endswith("probabilities")
            then("Mul", constant("both", np.array([[-1.0 if probable else 0.0, 1.0]], np.float32)))
            if probable:
                then("Add", constant("rest", np.array([[1.0, 0.0]], np.float32)))
        if kind.endswith("probabilities"):
            then("Max", constant("tiny", np.array(TINY, np.float32)))
            then("Log")
        if list(columns) != list(range(len(columns))):
            then("Gather", constant("order", order), axis=1)
    if not nodes:
        then("Identity")
    nodes[-1].output[0] = assembly.LOGITS
    return nodes, weights


def _is_words(model: onnx.ModelProto) -> bool:
    return bool(model.graph.output[0].type.tensor_type.elem_type == TensorProto.STRING)


def _add_encoder(model: onnx.ModelProto, then: Callable[..., None], classes: Sequence[str]) -> None:
    """Turn words into the number of their class; a word that no class has becomes -1."""
    version = next((each.version for each in model.opset_import if each.domain == "ai.onnx.ml"), 0)
    if not version:
        model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 2))
    if version == 1:
        then("LabelEncoder", domain="ai.onnx.ml", classes_strings=list(classes), default_int64=-1)
    else:
        numbers = list(range(len(classes)))
        then("LabelEncoder", domain="ai.onnx.ml", keys_strings=list(classes), values_int64s=numbers, default_int64=-1)
