"""ONNX operators as torch computes them: what our models, steps and answers are made of, and what networks of others usually bring.

Source: the operators' definitions of ONNX, opset 18 (https://onnx.ai/onnx/operators). What a definition allows and no case here covers is
refused by name: a converter that guesses would answer wrongly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own name for it)

Values = Sequence[Any]
"""An operator's inputs: tensors, constant whole numbers as numpy arrays, a constant number as a float, None where one is left out."""
Keys = Mapping[str, Any]
"""Its attributes, by name."""
Operator = Callable[[Values, Keys], Any]


class UnknownOperator(ValueError):
    """An operator, or a form of one, that is not translated."""


def find(name: str, domain: str) -> Operator:
    """Give the function of an operator. Raises UnknownOperator."""
    if domain not in ("", "ai.onnx") or name not in OPERATORS:
        raise UnknownOperator(f"operator {domain + '.' if domain else ''}{name} is not translated for LiteRT")
    return OPERATORS[name]


def numbers(value: Any) -> list[int]:
    """Read a constant input as whole numbers, [] where it is left out. Raises UnknownOperator where it is computed and no constant."""
    if value is None:
        return []
    if not isinstance(value, np.ndarray):
        raise UnknownOperator("a shape or an axis is computed from the spectrum, and LiteRT's graph is fixed")
    return [int(each) for each in value.reshape(-1)]


def _unary(function: Any) -> Operator:
    return lambda values, keys: function(values[0])


def _binary(function: Any) -> Operator:
    return lambda values, keys: function(_tensor(values[0]), _tensor(values[1]))


def _tensor(value: Any) -> Any:
    if isinstance(value, float):
        return torch.full((), value)
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def _folded(function: Any) -> Operator:
    def all_of(values: Values, keys: Keys) -> Tensor:
        found: Tensor = _tensor(values[0])
        for each in values[1:]:
            found = function(found, _tensor(each))
        return found

    return all_of


def _axes(values: Values, keys: Keys, rank: int) -> list[int]:
    """Give the axes of a reduction: the second input, an attribute before opset 18, all where neither is there."""
    axes = numbers(values[1]) if len(values) > 1 else list(keys.get("axes", []))
    if not axes and keys.get("noop_with_empty_axes", 0):
        raise UnknownOperator("a reduction over no axis")
    return axes or list(range(rank))


def _reduced(function: Callable[[Tensor, list[int], bool], Tensor]) -> Operator:
    def reduce(values: Values, keys: Keys) -> Tensor:
        return function(values[0], _axes(values, keys, values[0].dim()), bool(keys.get("keepdims", 1)))

    return reduce


def _log_sum_exp(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    """Compute it from the largest value on: torch's own form becomes three more operators, for infinities that logits are not."""
    top = x.amax(axes, keepdim=True)
    found = (x - top).exp().sum(axes, keepdim=True).log() + top
    return found if keep else found.reshape([n for i, n in enumerate(x.shape) if i not in {a % x.dim() for a in axes}])


def _pads(keys: Keys, rank: int) -> list[int]:
    """Give ONNX's pads (all begins, then all ends) in torch's order: the last axis first. Raises UnknownOperator for auto_pad."""
    if keys.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise UnknownOperator("auto_pad is not translated for LiteRT: explicit pads are")
    pads = list(keys.get("pads", [0] * 2 * rank))
    return [each for axis in reversed(range(rank)) for each in (pads[axis], pads[axis + rank])]


def _conv(values: Values, keys: Keys) -> Tensor:
    x, weight, bias = values[0], values[1], values[2] if len(values) > 2 else None
    rank = weight.dim() - 2
    if rank not in (1, 2):
        raise UnknownOperator(f"a convolution over {rank} axes")
    strides, dilations = (tuple(keys.get(key, [1] * rank)) for key in ("strides", "dilations"))
    pads = _pads(keys, rank)
    own = tuple(pads[::-2])
    if any(pads[i] != pads[i + 1] for i in range(0, len(pads), 2)):
        x, own = F.pad(x, pads), (0,) * rank
    convolve: Any = F.conv1d if rank == 1 else F.conv2d
    found: Tensor = convolve(x, weight, bias, strides, own, dilations, keys.get("group", 1))
    return found


def _max_pool(values: Values, keys: Keys) -> Tensor:
    x, kernel = values[0], tuple(keys["kernel_shape"])
    rank = len(kernel)
    pads = _pads(keys, rank)
    if keys.get("ceil_mode", 0) or any(each != 1 for each in keys.get("dilations", [1])) or rank > 2:
        raise UnknownOperator("MaxPool with ceil_mode or dilations")
    if any(pads):
        x = F.pad(x, pads, value=torch.finfo(torch.float32).min)
    pool = F.max_pool1d if rank == 1 else F.max_pool2d
    return pool(x, kernel, tuple(keys.get("strides", [1] * rank)))


def _average_pool(values: Values, keys: Keys) -> Tensor:
    kernel = tuple(keys["kernel_shape"])
    rank = len(kernel)
    pads = _pads(keys, rank)
    uneven = any(pads[i] != pads[i + 1] for i in range(0, len(pads), 2))
    if keys.get("ceil_mode", 0) or rank > 2 or uneven:
        raise UnknownOperator("AveragePool with ceil_mode or uneven pads")
    pool: Any = F.avg_pool1d if rank == 1 else F.avg_pool2d
    strides = tuple(keys.get("strides", [1] * rank))
    found: Tensor = pool(values[0], kernel, strides, tuple(pads[::-2]), False, bool(keys.get("count_include_pad", 0)))
    return found


def _gemm(values: Values, keys: Keys) -> Tensor:
    a = values[0].t() if keys.get("transA", 0) else values[0]
    b = values[1] if keys.get("transB", 0) else values[1].t()
    alpha, beta = keys.get("alpha", 1.0), keys.get("beta", 1.0)
    bias = values[2] if len(values) > 2 else None
    if alpha == 1.0 and (bias is None or beta == 1.0):
        return F.linear(a, b, bias)
    found: Tensor = F.linear(a, b) * alpha
    return found if bias is None else found + bias * beta


def _dequantize(values: Values, keys: Keys) -> Tensor:
    """Of constants alone: where activations are rounded, a QuantizeLinear stands before, which is refused."""
    x, scale = values[0], _tensor(values[1])
    wide = [-1 if i == keys.get("axis", 1) % x.dim() else 1 for i in range(x.dim())] if scale.dim() else []
    zero = values[2].float().reshape(wide) if len(values) > 2 else 0.0
    found: Tensor = (x.float() - zero) * scale.reshape(wide)
    return found


def _reshape(values: Values, keys: Keys) -> Tensor:
    wanted = numbers(values[1])
    if not keys.get("allowzero", 0):
        wanted = [values[0].shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    return values[0].reshape(wanted)  # type: ignore[no-any-return]


def _unsqueeze(values: Values, keys: Keys) -> Tensor:
    axes = numbers(values[1]) if len(values) > 1 else list(keys["axes"])
    found: Tensor = values[0]
    for axis in sorted(each % (found.dim() + len(axes)) for each in axes):
        found = found.unsqueeze(axis)
    return found


def _squeeze(values: Values, keys: Keys) -> Tensor:
    x: Tensor = values[0]
    axes = numbers(values[1]) if len(values) > 1 else list(keys.get("axes", []))
    away = {each % x.dim() for each in axes} or {i for i, n in enumerate(x.shape) if n == 1}
    return x.reshape([n for i, n in enumerate(x.shape) if i not in away])


def _slice(values: Values, keys: Keys) -> Tensor:
    x: Tensor = values[0]
    starts, ends = numbers(values[1]), numbers(values[2])
    axes = numbers(values[3]) if len(values) > 3 and values[3] is not None else list(range(len(starts)))
    steps = numbers(values[4]) if len(values) > 4 and values[4] is not None else [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        rows = list(range(x.shape[axis]))[slice(start, None if step < 0 and end < -x.shape[axis] else end, step)]
        if step > 0:
            at = [slice(None)] * x.dim()
            at[axis] = slice(rows[0], rows[-1] + 1, step) if rows else slice(0, 0)
            x = x[tuple(at)]
        else:
            x = x.index_select(axis, torch.tensor(rows))
    return x


def _gather(values: Values, keys: Keys) -> Tensor:
    x: Tensor = values[0]
    axis, rows = keys.get("axis", 0) % x.dim(), numbers(values[1])
    found = x.index_select(axis, torch.tensor([each % x.shape[axis] for each in rows]))
    return found.reshape([*x.shape[:axis], *values[1].shape, *x.shape[axis + 1 :]])


def _split(values: Values, keys: Keys) -> tuple[Tensor, ...]:
    x, axis = values[0], keys.get("axis", 0)
    if len(values) > 1 and values[1] is not None:
        return tuple(x.split(numbers(values[1]), axis))
    return tuple(x.chunk(keys["num_outputs"], axis))


def _pad(values: Values, keys: Keys) -> Tensor:
    x, pads = values[0], numbers(values[1])
    if len(values) > 3 and values[3] is not None:
        raise UnknownOperator("Pad along named axes")
    mode = keys.get("mode", b"constant").decode()
    rank = x.dim()
    flat = [each for axis in reversed(range(rank)) for each in (pads[axis], pads[axis + rank])]
    if mode == "constant":
        value = float(values[2]) if len(values) > 2 and values[2] is not None else 0.0
        return F.pad(x, flat, value=value)
    if mode != "edge" or any(flat[2:]):
        raise UnknownOperator(f"Pad in mode {mode}")
    first, last = x[..., :1], x[..., -1:]
    return torch.cat([first] * flat[0] + [x] + [last] * flat[1], -1)


def _clip(values: Values, keys: Keys) -> Tensor:
    limits = [None if each is None else float(each) for each in (*values[1:], None, None)][:2]
    return torch.clamp(values[0], *limits)


def _softmax(values: Values, keys: Keys) -> Tensor:
    return torch.softmax(values[0], keys.get("axis", -1))


def _batch_norm(values: Values, keys: Keys) -> Tensor:
    x, scale, bias, mean, variance = values[:5]
    wide = [1, -1, *[1] * (x.dim() - 2)]
    factor = scale / (variance + keys.get("epsilon", 1e-5)).sqrt()
    found: Tensor = x * factor.reshape(wide) + (bias - mean * factor).reshape(wide)
    return found


def _layer_norm(values: Values, keys: Keys) -> Tensor:
    x, scale, bias = values[0], values[1], values[2] if len(values) > 2 else None
    axes = list(range(keys.get("axis", -1) % x.dim(), x.dim()))
    away = x - x.mean(axes, keepdim=True)
    found: Tensor = away / ((away * away).mean(axes, keepdim=True) + keys.get("epsilon", 1e-5)).sqrt() * scale
    return found if bias is None else found + bias


def _cast(values: Values, keys: Keys) -> Tensor:
    kinds = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool}
    if keys["to"] not in kinds:
        raise UnknownOperator(f"Cast to ONNX's type {keys['to']}")
    return values[0].to(kinds[keys["to"]])  # type: ignore[no-any-return]


def _hard_sigmoid(values: Values, keys: Keys) -> Tensor:
    return torch.clamp(values[0] * keys.get("alpha", 0.2) + keys.get("beta", 0.5), 0.0, 1.0)


def _gelu(values: Values, keys: Keys) -> Tensor:
    return F.gelu(values[0], approximate=keys.get("approximate", b"none").decode())


OPERATORS: dict[str, Operator] = {
    **{name: _unary(each) for name, each in {
        "Abs": torch.abs, "Neg": torch.neg, "Sqrt": torch.sqrt, "Exp": torch.exp, "Log": torch.log, "Relu": F.relu, "Tanh": torch.tanh,
        "Sigmoid": torch.sigmoid, "Erf": torch.erf, "Reciprocal": torch.reciprocal, "Sign": torch.sign, "Floor": torch.floor,
        "Identity": lambda x: x, "HardSwish": F.hardswish, "Softplus": F.softplus, "Not": torch.logical_not,
    }.items()},
    **{name: _binary(each) for name, each in {
        "Sub": torch.sub, "Div": torch.div, "Pow": torch.pow, "MatMul": torch.matmul, "Greater": torch.gt, "Less": torch.lt,
        "GreaterOrEqual": torch.ge, "LessOrEqual": torch.le, "Equal": torch.eq, "And": torch.logical_and, "Or": torch.logical_or,
    }.items()},
    **{name: _folded(each) for name, each in {
        "Add": torch.add, "Mul": torch.mul, "Max": torch.maximum, "Min": torch.minimum,
    }.items()},
    **{name: _reduced(each) for name, each in {
        "ReduceMean": lambda x, axes, keep: x.mean(axes, keepdim=keep), "ReduceSum": lambda x, axes, keep: x.sum(axes, keepdim=keep),
        "ReduceMax": lambda x, axes, keep: x.amax(axes, keepdim=keep), "ReduceMin": lambda x, axes, keep: x.amin(axes, keepdim=keep),
        "ReduceL2": lambda x, axes, keep: (x * x).sum(axes, keepdim=keep).sqrt(), "ReduceLogSumExp": _log_sum_exp,
    }.items()},
    "Conv": _conv, "MaxPool": _max_pool, "AveragePool": _average_pool, "Gemm": _gemm,
    "GlobalAveragePool": lambda values, keys: values[0].mean(list(range(2, values[0].dim())), keepdim=True),
    "GlobalMaxPool": lambda values, keys: values[0].amax(list(range(2, values[0].dim())), keepdim=True),
    "Reshape": _reshape, "Unsqueeze": _unsqueeze, "Squeeze": _squeeze, "Slice": _slice, "Gather": _gather, "Split": _split, "Pad": _pad,
    "Flatten": lambda values, keys: values[0].flatten(1) if keys.get("axis", 1) == 1 else values[0].reshape(1, -1),
    "Transpose": lambda values, keys: values[0].permute(list(keys.get("perm", reversed(range(values[0].dim()))))),
    "Concat": lambda values, keys: torch.cat([_tensor(each) for each in values], keys["axis"]),
    "Expand": lambda values, keys: values[0] * torch.ones(numbers(values[1]), dtype=values[0].dtype),
    "Where": lambda values, keys: torch.where(*(_tensor(each) for each in values)), "Clip": _clip, "Cast": _cast,
    "Softmax": _softmax, "LogSoftmax": lambda values, keys: torch.log_softmax(values[0], keys.get("axis", -1)),
    "BatchNormalization": _batch_norm, "LayerNormalization": _layer_norm, "HardSigmoid": _hard_sigmoid, "Gelu": _gelu,
    "DequantizeLinear": _dequantize,
    "LeakyRelu": lambda values, keys: F.leaky_relu(values[0], keys.get("alpha", 0.01)),
    "Elu": lambda values, keys: F.elu(values[0], keys.get("alpha", 1.0)),
    "PRelu": lambda values, keys: torch.where(values[0] < 0, values[0] * values[1], values[0]),
}  # fmt: skip
