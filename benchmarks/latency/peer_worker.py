"""One environment's worker: it loads the files of its runtimes, answers spectra, and times calls when it is told to. numpy and the runtimes, no more.

    python peer_worker.py ITEMS.json CORE            then a line of JSON a command on standard input, a line of JSON for each answer
    python peer_worker.py ITEMS.json CORE cold NAME  a fresh start: import, load, first answer; nanoseconds and bytes

A call is from one spectrum in memory to the answer in memory. An item with `front` has no preprocessing in its file: numpy does that first, and
it is timed with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Call = Callable[[Any], Any]


def main(arguments: list[str]) -> None:
    answer_to = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a runtime prints is no answer
    with open(arguments[0], encoding="utf-8") as file:
        told = json.load(file)
    os.sched_setaffinity(0, {int(arguments[1])})
    x = np.load(told["spectra"])
    items = {each["name"]: each for each in told["items"]}
    if arguments[2:3] == ["cold"]:
        began = time.perf_counter_ns()
        _opened(items[arguments[3]])(x[:1])
        took = time.perf_counter_ns() - began
        with open(
            "/proc/self/status", encoding="ascii"
        ) as status:  # getrusage tells the parent's memory where that is larger
            most = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
        print(json.dumps({"ns": took, "bytes": most}), file=answer_to)
        return
    calls: dict[str, Call] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            found = _done(asked, items, calls, x)
        except Exception as problem:  # noqa: BLE001  (whatever a runtime raises becomes a row of the table)
            found = {"error": f"{type(problem).__name__}: {(str(problem).strip().splitlines() or [''])[0][:200]}"}
        print(json.dumps(found), file=answer_to, flush=True)


def _done(asked: dict[str, Any], items: dict[str, Any], calls: dict[str, Call], x: Any) -> dict[str, Any]:
    name = asked["name"]
    if asked["do"] == "open":
        calls[name] = _opened(items[name])
        rows = np.concatenate([np.array(calls[name](x[i : i + 1]), np.float32).reshape(1, -1) for i in range(len(x))])
        np.save(asked["out"], rows)
        return {"classes": rows.shape[1]}
    call, until, took = calls[name], time.perf_counter_ns() + int(asked["ms"] * 1e6), []
    i = asked["first"]
    now = time.perf_counter_ns()
    while now < until or len(took) < 3:
        row = x[i % len(x) : i % len(x) + 1]
        begun = time.perf_counter_ns()
        call(row)
        now = time.perf_counter_ns()
        took.append(now - begun)
        i += 1
    return {"ns": float(np.median(took)), "calls": len(took)}


def _opened(item: dict[str, Any]) -> Call:
    infer = RUNTIMES[item["runtime"]](item["file"], item)
    if not item.get("front"):
        return infer
    window = int(item["front"]["window"])
    kernel = np.ones(window, np.float32)
    counts = np.convolve(np.ones(item["points"], np.float32), kernel, "same")

    def whole(x: Any) -> Any:
        away = x[0] - np.convolve(x[0], kernel, "same") / counts
        size = np.abs(away)
        return infer((away / np.sqrt(np.maximum(size * size.mean(), item["front"]["least"])))[None])

    return whole


def _onnxruntime(file: str, item: dict[str, Any]) -> Call:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name, outputs = session.get_inputs()[0].name, session.get_outputs()
    buffer = np.zeros((1, item["points"]), np.float32)
    answers = [np.ascontiguousarray(each) for each in session.run(None, {name: buffer})]
    binding, share = session.io_binding(), onnxruntime.OrtValue.ortvalue_from_numpy
    binding.bind_ortvalue_input(name, share(buffer))
    for each, array in zip(outputs, answers, strict=True):
        binding.bind_ortvalue_output(each.name, share(array))
    run = session.run_with_iobinding

    def infer(x: Any) -> Any:
        buffer[...] = x
        run(binding)
        return answers[0]

    return infer


def _openvino(file: str, item: dict[str, Any]) -> Call:
    import openvino

    model = openvino.Core().read_model(file)
    model.reshape([1, item["points"]])
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
    buffer = np.zeros((1, item["points"]), np.float32)
    request.set_input_tensor(openvino.Tensor(buffer, shared_memory=True))
    request.infer()
    answer = request.get_output_tensor(0).data

    def infer(x: Any) -> Any:
        buffer[...] = x
        request.infer()
        return answer

    return infer


def _litert(file: str, item: dict[str, Any]) -> Call:
    from ai_edge_litert.interpreter import Interpreter

    opened = Interpreter(file, num_threads=1)
    opened.allocate_tensors()
    signature = opened.get_signature_runner()
    (taken,) = signature.get_input_details().values()
    given = signature.get_output_details()
    told = given.get("logits") or next(iter(given.values()))
    into, place = taken["index"], told["index"]

    def infer(x: Any) -> Any:
        opened.set_tensor(into, x)
        opened.invoke()
        return opened.get_tensor(place)

    if taken["dtype"] is not np.int8:
        return infer
    (scale, zero), (step, offset) = taken["quantization"], told["quantization"]

    def rounded(x: Any) -> Any:  # the file's ends are int8: whoever asks it rounds
        low = np.clip(np.rint(x / np.float32(scale)) + zero, -128, 127).astype(np.int8)
        return (infer(low).astype(np.float32) - offset) * np.float32(step)

    return rounded


def _ncnn(file: str, item: dict[str, Any]) -> Call:
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = 1
    net.load_param(file)
    net.load_model(file.replace(".param", ".bin"))
    into, out = net.input_names()[0], net.output_names()[0]

    def infer(x: Any) -> Any:
        with net.create_extractor() as each:
            each.input(into, ncnn.Mat(x[0]))
            return np.array(each.extract(out)[1])

    return infer


def _iree(file: str, item: dict[str, Any]) -> Call:
    from iree import runtime

    settings = runtime.Config("local-sync")
    with open(file, "rb") as held:
        module = runtime.load_vm_module(runtime.VmModule.copy_buffer(settings.vm_instance, held.read()), settings)
    main = next(
        module[name] for name in module.vm_module.function_names if not name.startswith("__") and "async" not in name
    )
    return lambda x: main(x).to_host()


def _executorch(file: str, item: dict[str, Any]) -> Call:
    import torch
    from executorch.extension.pybindings import portable_lib
    from executorch.runtime import Runtime

    torch.set_num_threads(1)
    portable_lib._unsafe_reset_threadpool(
        1
    )  # else it starts a thread a core, and all of them wait for the one that is ours
    method = Runtime.get().load_program(file).load_method("forward")
    return lambda x: method.execute([torch.from_numpy(x)])[0].numpy()


def _torch(file: str, item: dict[str, Any]) -> Call:
    import torch

    torch.set_num_threads(1)
    network = torch.export.load(file).module()
    network = torch.compile(network) if item.get("compile") else network

    def infer(x: Any) -> Any:
        with torch.inference_mode():
            return network(torch.from_numpy(x)).numpy()

    return infer


def _c(file: str, item: dict[str, Any]) -> Call:
    sys.path[:0] = [item["program"], item["program"] + "/runtimes"]
    import c

    infer, _ = c.load(file, 1)
    return lambda x: infer(x)[0]


RUNTIMES = {
    "c": _c,
    "onnxruntime": _onnxruntime, "openvino": _openvino, "litert": _litert, "ncnn": _ncnn, "iree": _iree, "executorch": _executorch, "torch": _torch,
}  # fmt: skip

if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1:])
