"""Loops over the numbers of tensors, whatever their order in memory."""

from __future__ import annotations

from collections.abc import Sequence

from edgespec.graph.c.values import Strides


def spread(shape: Sequence[int], strides: Strides, wanted: Sequence[int]) -> Strides:
    """Give a tensor's strides under a larger shape, by ONNX's rules of broadcasting: 0 where it repeats."""
    ahead = len(wanted) - len(shape)
    own = [0] * ahead + [0 if size == 1 else stride for size, stride in zip(shape, strides, strict=True)]
    return tuple(own)


def merged(shape: Sequence[int], strides: Sequence[Strides]) -> tuple[list[int], list[list[int]]]:
    """Order the axes by the first tensor's strides, and make one of neighbours that all tensors pass as one.

    Gives sizes, outermost first, and for each tensor its strides.
    """
    axes = [i for i, size in enumerate(shape) if size > 1]
    axes.sort(key=lambda i: (-abs(strides[0][i]), i))
    sizes: list[int] = []
    found: list[list[int]] = [[] for _ in strides]
    for i in axes:
        inner = [each[i] for each in strides]
        joins = bool(sizes) and all(own[-1] == stride * shape[i] for own, stride in zip(found, inner, strict=True))
        if joins:
            sizes[-1] *= shape[i]
            for own, stride in zip(found, inner, strict=True):
                own[-1] = stride
        else:
            sizes.append(shape[i])
            for own, stride in zip(found, inner, strict=True):
                own.append(stride)
    return sizes, found


def nest(sizes: Sequence[int], body: str, first: int = 0) -> str:
    """Write a body inside loops; its indices are i<first>, i<first + 1>, ..."""
    lines = []
    for depth, size in enumerate(sizes):
        name = f"i{first + depth}"
        lines.append(f"{'    ' * depth}for (int {name} = 0; {name} < {size}; {name}++)")
    brace = "    " * max(len(sizes) - 1, 0)
    if not lines:
        return "{\n" + indented(body, "    ") + "}\n"
    lines[-1] += " {"
    return "\n".join(lines) + "\n" + indented(body, brace + "    ") + brace + "}\n"


def index(strides: Sequence[int], first: int = 0) -> str:
    """Write the place of a number in its tensor."""
    parts = [
        f"i{first + depth}" if stride == 1 else f"i{first + depth} * {stride}"
        for depth, stride in enumerate(strides)
        if stride
    ]
    return " + ".join(parts) or "0"


def indented(text: str, by: str) -> str:
    """Shift lines to the right."""
    return "".join(f"{by}{line}\n" for line in text.rstrip("\n").split("\n"))
