"""An ONNX graph as a torch module that takes one spectrum: what Google's converter can read."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor, nn

from edgespec.errors import Mistake
from edgespec.graph import onnx_file
from edgespec.graph.litert import operators
from edgespec.graph.litert.operators import UnknownOperator

WHOLE = ("int64", "int32")
DAMAGED = (OSError, KeyError, IndexError, TypeError, DecodeError, onnx.checker.ValidationError)


class Graph(nn.Module):
    """A graph's nodes, computed one after the other.

    inputs, outputs: the names of its ends, in their order; points: length of a spectrum
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        super().__init__()
        graph = model.graph
        self.inputs = [each.name for each in graph.input]
        self.outputs = [each.name for each in graph.output]
        shape = graph.input[0].type.tensor_type.shape.dim
        self.points = shape[-1].dim_value if len(self.inputs) == 1 and len(shape) == 2 else 0
        self._constants: dict[str, Any] = {}
        self._places: dict[str, str] = {}
        for i, each in enumerate(graph.initializer):
            held = numpy_helper.to_array(each).copy()
            if held.dtype.name in WHOLE:
                self._constants[each.name] = held
            elif held.shape == () and held.dtype.kind == "f":
                self._constants[each.name] = float(held)
            else:
                self._places[each.name] = f"constant_{i}"
                self.register_buffer(f"constant_{i}", torch.from_numpy(held))
        self._nodes = [
            (
                operators.find(node.op_type, node.domain),
                {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute},
                list(node.input),
                list(node.output),
            )
            for node in graph.node
        ]

    def forward(self, **spectrum: Tensor) -> dict[str, Tensor]:
        """(1, points), under the input's own name -> every output by its name."""
        held: dict[str, Any] = {**self._constants, **spectrum}
        held.update((name, getattr(self, place)) for name, place in self._places.items())
        for compute, keys, inputs, outputs in self._nodes:
            found = compute([held[name] if name else None for name in inputs], keys)
            held.update(zip(outputs, found if isinstance(found, tuple) else (found,), strict=False))
        return {name: held[name] for name in self.outputs}


def read(path: Path) -> Graph:
    """Read an ONNX file as a module for one spectrum at a time.

    What is constant once the batch is 1 (shapes among it) is computed first, by ONNX Runtime.
    Raises Mistake for a file that is no model of one float spectrum, is rounded, or holds an operator that is not translated.
    """
    try:
        model = onnx.load(path)
        if not any(node.op_type in ("QuantizeLinear", "QLinearConv") for node in model.graph.node):
            model = _single(model)
        graph = Graph(model)
        if graph.points < 1:
            raise UnknownOperator("its input is not one tensor(float) (n, points) of fixed length")
        with torch.no_grad():
            graph(**{graph.inputs[0]: torch.linspace(0.1, 1.0, graph.points)[None]})
    except UnknownOperator as problem:
        raise Mistake(
            f"{path.name}: {problem}", hint="the ONNX file itself runs in ONNX Runtime and OpenVINO"
        ) from None
    except (*onnx_file.REFUSALS, *DAMAGED) as problem:
        told = (str(problem) or type(problem).__name__).strip().splitlines()[0]
        raise Mistake(
            f"{path.name} cannot be read as a network: {told}", hint="is it an ONNX file, and whole?"
        ) from None
    return graph


def _single(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give the graph for a batch of 1, with what is constant in it computed."""
    for each in (*model.graph.input, *model.graph.output):
        shape = each.type.tensor_type.shape
        if shape.dim and not shape.dim[0].dim_value:
            shape.dim[0].dim_value = 1
    del model.graph.value_info[:]
    with tempfile.TemporaryDirectory() as work:
        source, folded = Path(work) / "source.onnx", Path(work) / "folded.onnx"
        onnx.save(model, source)
        onnx_file.fold(source, folded)
        return onnx.load(folded)
