"""ONNX Runtime on the CPU, which every machine has, or on the provider that EDGESPEC_PROVIDER names: a GPU's."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as state

from refusal import RefusalError

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
# CUDA's libraries round the factors of a float32 product to 10 bits of mantissa (TF32) unless told not to.
OPTIONS = {CUDA: {"use_tf32": "0"}}
PLACEMENT = "session.record_ep_graph_assignment_info"
REFUSALS = (
    state.EPFail,
    state.Fail,
    state.InvalidArgument,
    state.InvalidGraph,
    state.InvalidProtobuf,
    state.NoSuchFile,
    state.NotImplemented,
    state.RuntimeException,
)


def version() -> str:
    """Give the runtime's version."""
    return str(onnxruntime.__version__)


def ready() -> None:
    """Raise RefusalError 3 where the provider that is asked for is not in this ONNX Runtime."""
    _provider()


def prepare(onnx: str, folder: str, precision: str) -> str:
    """Nothing to build: ONNX Runtime reads the file as it is, and its precision lives in the file."""
    return onnx


def load(path: str, threads: int) -> tuple[Callable[[Any], list[Any]], dict[str, Any]]:
    """Give a function from (n, points) float32 to the graph's outputs, and what really runs it.

    The arrays that the function gives are the bound ones: they hold until its next call. Its attribute `watched` makes the calls that follow, or no
    more of them, such that another thread can stop one; it gives what stops it. A call that can be stopped takes 34 us longer: no timed call is.
    Raises ValueError where the file is no model of one float spectrum, RefusalError 3 where another provider than asked for would run it.
    """
    provider = _provider()
    # CUDA's libraries may be packages of pip, off the loader's path
    if provider != CPU and hasattr(onnxruntime, "preload_dlls"):
        with contextlib.redirect_stdout(sys.stderr):
            onnxruntime.preload_dlls()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    if threads > 1:  # an idle pool that spins would burn the core on which another model is being timed
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if provider != CPU:
        options.add_session_config_entry(PLACEMENT, "1")
    try:
        session = onnxruntime.InferenceSession(path, options, providers=[(provider, OPTIONS.get(provider, {}))])
    except REFUSALS as error:
        raise ValueError(str(error)) from error
    if session.get_providers()[0] != provider:  # it falls back, with no more than a line on stderr
        told = f"{provider} was asked for, and {session.get_providers()[0]} runs it: a library of it, or the driver, did not load"
        raise RefusalError(3, told, "edgespec doctor says which")
    facts = {"providers": _placed(session, provider), "threads": threads, "points": _points(session)}
    facts["outputs"] = [each.name for each in session.get_outputs()]
    facts["metadata"] = dict(session.get_modelmeta().custom_metadata_map)
    return _bound(session, copied=provider != CPU), facts


def _provider() -> str:
    wanted = os.environ.get("EDGESPEC_PROVIDER") or CPU
    able = onnxruntime.get_available_providers()
    if wanted not in able:
        told = f"this ONNX Runtime {version()} has no {wanted}, it has {', '.join(able)}"
        raise RefusalError(3, told, "pip uninstall onnxruntime; pip install onnxruntime-gpu: two of them clash")
    return wanted


def _placed(session: Any, provider: str) -> list[str]:
    """Name the providers that have nodes of this graph, and how many where several have: listed alone says nothing.

    Raises RefusalError 3 where the one asked for has none.
    """
    if provider == CPU or not hasattr(session, "get_provider_graph_assignment_info"):  # before ONNX Runtime 1.24
        return list(session.get_providers())
    nodes: dict[str, int] = {}
    for part in session.get_provider_graph_assignment_info():
        nodes[part.ep_name] = nodes.get(part.ep_name, 0) + len(part.get_nodes())
    if provider not in nodes:
        raise RefusalError(3, f"{provider} was asked for, and takes no node of this graph", "bench it on target local")
    if len(nodes) == 1:
        return [provider]
    return [f"{name} ({nodes[name]} nodes)" for name in sorted(nodes, key=lambda name: (name != provider, name))]


def _points(session: Any) -> int:
    inputs = session.get_inputs()
    shape = inputs[0].shape if len(inputs) == 1 else []
    if len(shape) != 2 or not isinstance(shape[1], int) or inputs[0].type != "tensor(float)":
        told = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
        raise ValueError(f"its input is not one tensor(float) (n, points) of fixed length: {told}")
    return int(shape[1])


def _bound(session: Any, copied: bool) -> Callable[[Any], list[Any]]:
    """Bind input and outputs at the first call of a shape: each later one costs a copy of the spectrum and one `Run`.

    `run_with_iobinding` on arrays that ONNX Runtime shares with numpy makes no dictionary, no allocation and no copy
    of the answer, which for a small model is half of what `session.run` takes.
    copied: the provider has a memory of its own, to which a spectrum is copied when it is bound, not when the graph runs.
    """
    name = session.get_inputs()[0].name
    run = session.run_with_iobinding
    buffer = np.empty((0, 0), np.float32)
    answers: list[Any] = []
    binding: Any = None
    able: list[Any] = []  # ONNX Runtime's options, where a call is to be such that it can be stopped

    def infer(x: Any) -> list[Any]:
        try:
            if x.shape != buffer.shape:
                return bind(x)
            buffer[...] = x
            if copied:
                binding.bind_cpu_input(name, buffer)
            run(binding, *able)
        except REFUSALS as error:
            raise ValueError(str(error)) from error
        return answers

    def watched(on: bool) -> Callable[[], None]:
        able[:] = [onnxruntime.RunOptions()] if on else []
        return functools.partial(setattr, able[0], "terminate", True) if on else lambda: None

    def bind(x: Any) -> list[Any]:
        nonlocal buffer, answers, binding
        buffer = np.array(x, np.float32, order="C")
        answers = [np.ascontiguousarray(answer) for answer in session.run(None, {name: buffer}, *able)]
        binding = session.io_binding()
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(buffer))
        for i, output in enumerate(session.get_outputs()):
            binding.bind_ortvalue_output(output.name, onnxruntime.OrtValue.ortvalue_from_numpy(answers[i]))
        return answers

    infer.watched = watched  # type: ignore[attr-defined]
    return infer
