"""What every ONNX file of ours must stand: the right answers at every batch size, the kernels it claims, its weight."""

from __future__ import annotations

import io
import platform
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper, shape_inference
from onnxruntime.capi import onnxruntime_pybind11_state as _state

from edgespec import storage
from edgespec.errors import Mismatch, Mistake
from edgespec.graph import assembly

OPSET = 18
BATCHES = (1, 2, 65, 100)  # one runtime was silently wrong above 64
SCALE = "temperature"  # the node that multiplies logits which no linear layer gives
TIE = 1e-3  # logits nearer than this (relative to the largest) may swap their order
Array = NDArray[Any]
Session = onnxruntime.InferenceSession
REFUSALS: tuple[type[Exception], ...] = (
    RuntimeError,
    ValueError,
    *(each for each in vars(_state).values() if isinstance(each, type) and issubclass(each, Exception)),
)
"""What ONNX Runtime raises for a graph that it cannot load or run; a RuntimeError where it has no word of its own."""


def session(
    path: Path | bytes, *, optimised: Path | None = None, optimise: bool = True
) -> onnxruntime.InferenceSession:
    """Open an ONNX file, or the bytes of one, in ONNX Runtime on one CPU thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
    options.log_severity_level = 4  # what goes wrong is raised, and told once
    if optimised:
        options.optimized_model_filepath = str(optimised)
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    given = path if isinstance(path, bytes) else str(path)
    return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])


def fold(path: Path, folded: Path) -> None:
    """Write a file with what is constant in it computed, in the same opset and standard operators."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.optimized_model_filepath = 3, str(folded)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(path: Path, x: Array, batch: int = 100, *, optimise: bool = True) -> Array:
    """(n, points) -> (n, classes), `batch` spectra at a time."""
    return ask(session(path, optimise=optimise), x, batch)


def ask(opened: onnxruntime.InferenceSession, x: Array, batch: int = 100) -> Array:
    """Ask an open session: (n, points) -> (n, classes), `batch` spectra at a time."""
    name = opened.get_inputs()[0].name
    return np.concatenate([opened.run(None, {name: x[i : i + batch]})[0] for i in range(0, len(x), batch)])


def outputs(path: Path, x: Array, batch: int = 100) -> dict[str, Array]:
    """Give every output of a file by its name: logits (n, classes) and, once calibrated, probabilities and score (n, 1)."""
    return ask_all(session(path), x, batch)


def ask_all(opened: onnxruntime.InferenceSession, x: Array, batch: int = 100) -> dict[str, Array]:
    """Ask an open session for every output by its name, `batch` spectra at a time. x: (n, points)"""
    name = opened.get_inputs()[0].name
    parts = [opened.run(None, {name: x[i : i + batch]}) for i in range(0, len(x), batch)]
    return {each.name: np.concatenate([part[i] for part in parts]) for i, each in enumerate(opened.get_outputs())}


@dataclass(frozen=True)
class Parity:
    """How well a file agrees with what it was made from, over the same spectra.

    agreement: share of spectra with the same label; ties (two logits nearer than the margin) count as the same
    largest: largest difference of two logits; relative: the same, as a share of the largest logit
    batches: the largest difference between one spectrum's answers in batches of 1, 2, 65 and 100
    """

    n: int
    agreement: float
    largest: float
    relative: float
    batches: float


def parity(
    path: Path,
    x: Array,
    source: Array,
    *,
    least: float,
    most: float,
    evidence: Path,
    sizes: tuple[int, ...] = BATCHES,
    between: float = TIE,
) -> Parity:
    """Check a file against its source's answers, at batch 1, 2, 65 and 100.

    x: (n, points), n >= 64; source: (n, classes)
    least: smallest agreement of labels that is accepted; most: largest relative difference that is accepted; between: the same, of batch sizes
    Raises Mismatch (exit 4) beyond that, and leaves the spectra and both answers in `evidence`; Mistake for too few spectra.
    """
    if len(x) < 64:
        raise Mistake(f"{len(x)} spectra are too few to check {path.name}: 64 are needed", hint="more training spectra")
    answers = {size: run(path, x, size) for size in sizes}
    first = next(iter(answers.values()))
    scale = max(float(np.abs(source).max()), 1e-12)
    spread = max(float(np.abs(each - first).max()) for each in answers.values())
    alike = same(source, first, TIE)
    found = Parity(
        len(x),
        float(alike.mean()),
        float(np.abs(first - source).max()),
        float(np.abs(first - source).max()) / scale,
        spread,
    )
    if not np.isfinite(first).all() or found.agreement < least or found.relative > most or spread > between * scale:
        kept = io.BytesIO()
        np.savez(kept, x=x, source=source, answers=np.stack(list(answers.values())), disagree=np.flatnonzero(~alike))
        storage.write(evidence, kept.getvalue())
        raise Mismatch(
            f"{path.name} and its source disagree on {int((~alike).sum())} of {len(x)} spectra (largest difference {found.largest:.3g}; "
            f"between batch sizes {spread:.3g})",
            hint=f"the evidence is in {evidence}",
        )
    return found


def same(source: Array, other: Array, margin: float) -> NDArray[np.bool_]:
    """Tell where two answers (n, classes) name the same label, or one that `source` holds for as good.

    margin: as a share of the source's largest logit
    """
    named = np.take_along_axis(source, other.argmax(1)[:, None], 1)[:, 0]
    return source.max(1) - named <= margin * max(float(np.abs(source).max()), 1e-12)  # type: ignore[no-any-return]


def kernels(path: Path) -> dict[str, int]:
    """Count the operators that ONNX Runtime really runs after its own optimisation, fast-layout ones as `nchwc.Conv`."""
    with tempfile.TemporaryDirectory() as folder:
        optimised = Path(folder) / "optimised.onnx"
        session(path, optimised=optimised)
        nodes = onnx.load(optimised).graph.node
    return dict(Counter(f"nchwc.{n.op_type}" if "nchwc" in n.domain else n.op_type for n in nodes))


def check_kernels(path: Path) -> dict[str, int]:
    """Assert that the optimised graph holds what the file claims: int8 kernels where weights are int8, the fast layout where none are.

    Raises Mismatch where a quantised convolution still runs in float, or no convolution reaches the fast layout that could.
    """
    found, model = kernels(path), onnx.load(path)
    convs = [node for node in model.graph.node if node.op_type == "Conv" and not node.name.startswith(assembly.FRONT)]
    sizes = shapes(model)
    if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        backs = {node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
        claimed = [node for node in convs if node.input[1] in backs]
        if left := len(claimed) - found.get("QLinearConv", 0):  # nothing else becomes one
            raise Mismatch(f"{path.name}: {left} of {len(claimed)} convolutions are not run in int8 by ONNX Runtime")
    elif platform.machine() in ("x86_64", "AMD64"):
        able = [node for node in convs if _fast(node, sizes)]
        if able and not found.get("nchwc.Conv", 0):
            raise Mismatch(f"{path.name}: none of its {len(able)} convolutions is run in ONNX Runtime's fast layout")
    return found


def _fast(conv: onnx.NodeProto, sizes: dict[str, list[int]]) -> bool:
    """Tell whether ONNX Runtime could run a convolution in its fast layout: 16 channels at a time, also within each group."""
    out, inward = sizes[conv.input[1]][:2]
    groups = next((each.i for each in conv.attribute if each.name == "group"), 1)
    within = groups == 1 or (inward == 1 and out == groups)  # dense, or depthwise
    return out % 16 == 0 and (within or (inward % 16 == 0 and out // groups % 16 == 0))


def fold_temperature(path: Path, temperature: float) -> None:
    """Divide the logits of a float or Q/DQ file by a temperature: in the last linear layer's weights or their scales, at no cost.

    Logits that are themselves quantised keep their integers: the scales behind the layer are divided too. Float16 stays float16.
    Where the logits come from anything else, as those of an adopted model may, a multiplication stands behind them.
    """
    model = assembly.unanswered(onnx.load(path))
    names = _last_weights(model)
    if names is None:
        _scale_logits(model, 1 / temperature)
        storage.write(path, model.SerializeToString())
        return
    for name in dict.fromkeys(names):
        found = next(each for each in model.graph.initializer if each.name == name)
        values = numpy_helper.to_array(found)
        scaled = (values.astype(np.float32) * np.float32(1 / temperature)).astype(values.dtype)
        found.CopyFrom(numpy_helper.from_array(scaled, name))
    storage.write(path, model.SerializeToString())


def _last_weights(model: onnx.ModelProto) -> list[str] | None:
    """Name the constants that scale the logits: weight and bias of the last linear layer, or their scales. None where another operator has a say."""
    makers = {name: node for node in model.graph.node for name in node.output}
    last, chain = makers[assembly.LOGITS], list[onnx.NodeProto]()
    while last.op_type in ("QuantizeLinear", "DequantizeLinear", "Cast"):
        chain += [] if last.op_type == "Cast" else [last]
        if last.input[0] not in makers:
            return None
        last = makers[last.input[0]]
    if last.op_type not in ("Gemm", "MatMul") or any(
        each.name in ("alpha", "beta") and each.f != 1 for each in last.attribute
    ):
        return None
    chain += [makers[name] for name in last.input[1:] if name in makers]
    names = [name for name in last.input[1:] if name not in makers] + [
        node.input[1] for node in chain if len(node.input) > 1
    ]
    constants = {each.name for each in model.graph.initializer}
    plain = all(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in chain) and set(names) <= constants
    readers = Counter(name for node in model.graph.node for name in set(node.input))
    return names if plain and all(readers[name] <= 2 for name in names) else None


def _scale_logits(model: onnx.ModelProto, factor: float) -> None:
    """Multiply the logits, in place; a second factor goes into the first one's constant."""
    makers = {name: node for node in model.graph.node for name in node.output}
    last = makers[assembly.LOGITS]
    if last.name == SCALE:
        held = next(each for each in model.graph.initializer if each.name == last.input[1])
        held.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(held) * np.float32(factor), held.name))
        return
    last.output[list(last.output).index(assembly.LOGITS)] = f"{SCALE}/unscaled"
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = f"{SCALE}/unscaled" if name == assembly.LOGITS else name
    model.graph.initializer.append(numpy_helper.from_array(np.array(factor, np.float32), f"{SCALE}/factor"))
    model.graph.node.append(
        onnx.helper.make_node("Mul", [f"{SCALE}/unscaled", f"{SCALE}/factor"], [assembly.LOGITS], name=SCALE)
    )


def shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Give the shape of every tensor for batch 1, weights included."""
    inferred = shape_inference.infer_shapes(model, data_prop=True)
    found = {each.name: list(each.dims) for each in model.graph.initializer}
    for each in [*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output]:
        found[each.name] = [d.dim_value or 1 for d in each.type.tensor_type.shape.dim]
    return found
