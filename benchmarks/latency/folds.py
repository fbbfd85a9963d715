"""What a fold of the small CNN's graph is worth in ONNX Runtime: forms that give the same answers, beside the file as it is.

    python -m benchmarks.latency.folds runs/NAME [--rounds 100]

NAME is a finished run of `cnn` behind highpass, signed_sqrt, rms with the score `energy` (rruff_distill). Forms: the front on (1, 1, 1, points)
without Reshape and second Unsqueeze; the head as a convolution; log-softmax, whose exponential is the probabilities, in place of softmax and
logsumexp; channels of each stage padded with zeros to a multiple of 16; the high-pass as one convolution (at the ends of the spectrum it
answers otherwise: for the time alone). All are timed in turns as in `latency.larger`. Prints a Markdown table and writes
benchmarks/results/local/folds.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from benchmarks.latency import larger
from benchmarks.tools.results import LOCAL
from edgespec.graph import assembly
from edgespec.job import Silent
from edgespec.pipeline.run import Run

FILE = LOCAL / "folds.json"
LANES = 16


class Graph:
    """A copy of a model whose nodes and constants can be changed."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = onnx.ModelProto.FromString(model.SerializeToString())
        self.model.graph.ClearField("value_info")

    @property
    def nodes(self) -> list[onnx.NodeProto]:
        return list(self.model.graph.node)

    def constant(self, name: str) -> Any:
        return numpy_helper.to_array(next(each for each in self.model.graph.initializer if each.name == name))

    def hold(self, name: str, value: Any) -> str:
        old = [each for each in self.model.graph.initializer if each.name == name]
        made = numpy_helper.from_array(np.ascontiguousarray(value), name)
        if old:
            old[0].CopyFrom(made)
        else:
            self.model.graph.initializer.append(made)
        return name

    def put(self, nodes: list[onnx.NodeProto]) -> onnx.ModelProto:
        kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        self.model.graph.ClearField("node")
        self.model.graph.node.extend(kept)
        return self.model


def flat(model: onnx.ModelProto) -> onnx.ModelProto:
    graph, new, kept = Graph(model), dict[str, str](), []
    for node in graph.nodes:
        for i, name in enumerate(node.input):
            node.input[i] = new.get(name, name)
        front = node.name.startswith(assembly.FRONT)
        if (front and node.op_type == "Reshape") or (
            node.op_type == "Unsqueeze" and node.input[0] == assembly.PREPARED
        ):
            new[node.output[0]] = node.input[0]
            continue
        if front and node.op_type == "ReduceMean":
            graph.hold(node.input[1], np.array([3]))
        kept.append(node)
    return graph.put(kept)


def convolved_head(model: onnx.ModelProto) -> onnx.ModelProto:
    graph, kept = Graph(model), list[onnx.NodeProto]()
    for node in graph.nodes:
        if node.op_type != "Gemm":
            kept.append(node)
            continue
        shape = next(each for each in kept if node.input[0] in each.output)
        kept.remove(shape)
        last = next(each for each in reversed(kept) if each.op_type == "Conv")
        weight, channels = graph.constant(node.input[1]), graph.constant(last.input[1]).shape[0]
        graph.hold(node.input[1], weight.reshape(len(weight), channels, 1, -1))
        kept.append(helper.make_node("Conv", [shape.input[0], *node.input[1:]], ["wide_logits"]))
        kept.append(
            helper.make_node("Squeeze", ["wide_logits", graph.hold("places", np.array([2, 3]))], [assembly.LOGITS])
        )
    return graph.put(kept)


def one_exponential(model: onnx.ModelProto) -> onnx.ModelProto:
    graph = Graph(model)
    own = [node for node in graph.nodes if not node.name.startswith(assembly.ANSWER)]
    first = graph.hold("first", np.array([0]))
    return graph.put([
        *own,
        helper.make_node("LogSoftmax", [assembly.LOGITS], ["logs"], axis=1),
        helper.make_node("Exp", ["logs"], [assembly.PROBABILITIES]),
        helper.make_node("Sub", [assembly.LOGITS, "logs"], ["apart"]),
        helper.make_node("Gather", ["apart", first], [assembly.SCORE], axis=1),
    ])  # fmt: skip


def padded(model: onnx.ModelProto) -> onnx.ModelProto:
    graph, before = Graph(model), 0
    convs = [node for node in graph.nodes if node.op_type == "Conv"]
    for node in convs:
        weight, bias = (graph.constant(name) for name in node.input[1:3])
        more = -len(weight) % LANES if node is not convs[-1] else 0
        graph.hold(node.input[1], np.pad(weight, ((0, more), (0, before), (0, 0), (0, 0))))
        graph.hold(node.input[2], np.pad(bias, (0, more)))
        before = more
    return graph.put(graph.nodes)


def convolved_highpass(model: onnx.ModelProto) -> onnx.ModelProto:
    graph, kept = Graph(model), list[onnx.NodeProto]()
    for node in graph.nodes:
        if node.op_type == "Sub" and node.name.startswith(assembly.FRONT):
            size = next(list(each.ints) for each in kept[-1].attribute if each.name == "kernel_shape")[-1]
            kernel = -np.full((1, 1, 1, size), 1 / size, np.float32)
            kernel[..., size // 2] += 1
            half, name = size // 2, graph.hold(f"{assembly.FRONT}kernel", kernel)
            kept[-1] = helper.make_node(
                "Conv", [node.input[0], name], node.output, name=node.name, pads=[0, half, 0, half]
            )
        else:
            kept.append(node)
    return graph.put(kept)


FORMS: dict[str, Callable[[onnx.ModelProto], onnx.ModelProto]] = {
    "front without Reshape": flat,
    "head as a convolution": convolved_head,
    "one exponential": one_exponential,
    "channels padded to 16": padded,
    "high-pass as a convolution": convolved_highpass,
    "the first three": lambda model: one_exponential(convolved_head(flat(model))),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--rounds", type=int, default=100)
    asked = parser.parse_args()
    run = Run(asked.run, Silent())
    own, (x, _) = onnx.load(run.model.path("float32")), run.test
    larger.POINTS = x.shape[1]
    with tempfile.TemporaryDirectory(prefix="edgespec-folds-") as name:
        files = [("as it is", "onnxruntime", run.model.path("float32"))]
        for title, form in FORMS.items():
            files.append((title, "onnxruntime", Path(name) / f"{len(files)}.onnx"))
            onnx.save(form(own), files[-1][2])
        rows = larger.timed(files, np.float32(x[:64]), asked.rounds)
    told = {"cpu": larger.cpu(), "rounds": asked.rounds, "networks": {asked.run.name: {"rows": rows, "lost": {}}}}
    FILE.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(larger.table(told))


if __name__ == "__main__":
    main()
