"""The recurrent layer that ONNX knows as LSTM."""

from __future__ import annotations

import numpy as np

from edgespec.graph.c import elementwise, layers, moves
from edgespec.graph.c.making import Making
from edgespec.graph.c.read import Node
from edgespec.graph.c.window import BLOCK


def lstm(making: Making, node: Node) -> None:
    """Translate LSTM: its usual gates, one or two directions, beginning at constants."""
    has, names = node.has, node.inputs
    if has.get("layout", 0) or "activations" in has or "clip" in has or has.get("input_forget", 0):
        raise making.refuse(node, "only its usual gates, steps first")
    if (len(names) > 4 and names[4]) or (len(names) > 7 and names[7]):
        raise making.refuse(node, "sequences of their own length, or peepholes")
    inputs, recurrent = making.constant(names[1]), making.constant(names[2])
    hidden, ways = recurrent.shape[-1], len(recurrent)
    bias = making.optional(node, 3)
    bias = np.zeros((ways, 8 * hidden), np.float32) if bias is None else bias
    first = [making.optional(node, i) for i in (5, 6)]
    backwards = {b"forward": (0,), b"reverse": (1,), b"bidirectional": (0, 1)}[has.get("direction", b"forward")]
    x = moves.plain(making, making.flat(names[0]))
    steps = x.shape[0]
    y_name, h_name, c_name = (*node.places, "", "")[:3]
    program = making.program
    y = program.value((steps, ways, 1, hidden))
    ends = [program.value((ways, 1, hidden)) for _ in range(2)]
    for way, back in enumerate(backwards):
        made = program.value((steps, 4 * hidden))
        sums = bias[way, : 4 * hidden] + bias[way, 4 * hidden :]
        layers.matrix(making, x, inputs[way].T, sums, "-FLT_MAX, FLT_MAX", made)
        for state, begin in zip(ends, first, strict=True):
            held = np.zeros(hidden, np.float32) if begin is None else begin[way, 0]
            into = state.seen((hidden,), (1,), way * hidden)
            elementwise.keep(program, elementwise.of_constant(program, held), into)
        gates = program.value((4 * hidden,))
        none = program.table("float", np.zeros(4 * hidden + BLOCK, np.float32), "b")
        w = program.table("float", layers.pack(recurrent[way].T), "w")
        h, c = (f"{{b{each.buffer.number}}} + {way * hidden}" for each in ends)
        program.say(
            f"lstm({{b{made.buffer.number}}}, {steps}, {back}, {w}, {none}, {hidden}, {h}, {c}, {{b{gates.buffer.number}}}, "
            f"{{b{y.buffer.number}}} + {way * hidden}, {ways * hidden});\n",
            [made.buffer], [*(each.buffer for each in ends), gates.buffer, y.buffer],
        )  # fmt: skip
    program.kernels |= {"dense", "lstm", "arithmetic"}
    for name, value in ((y_name, y), (h_name, ends[0]), (c_name, ends[1])):
        if name:
            making.lay(name, value)
