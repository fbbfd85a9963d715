"""Run a foreign graph once in a process of its own, with a limit on its memory and its time, before it runs in this one.

A graph can ask for more memory than there is, never end, or crash the runtime; its file says none of that. The process is this file.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx

MEMORY, SECONDS = 4 * 2**30, 120.0  # bytes beyond the file's own, three times over; of one spectrum
REFUSED = 3
SHOWN = 200


def run(model: onnx.ModelProto, shape: list[int], kind: str, path: Path, *, seconds: float = SECONDS) -> None:
    """Answer one spectrum of zeros in another process.

    shape, kind: of the graph's input, such as [1, 1, 512] and "float32"; path: the file that messages name
    Raises Mistake where the graph is refused, needs too much memory or time, or ends the process.
    """
    from edgespec.errors import Mistake

    hint = "does it work in the program that saved it? Is it a classifier of single spectra?"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model.onnx"
        copy.write_bytes(model.SerializeToString())
        memory = MEMORY + 3 * copy.stat().st_size
        command = [sys.executable, __file__, str(copy), json.dumps([shape, kind, memory])]
        try:
            found = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            raise Mistake(f"{path} does not answer one spectrum within {seconds:g} s", hint) from None
    if found.returncode == REFUSED:
        told = words(found.stdout.decode("utf-8", "replace"))
        raise Mistake(f"{path}: ONNX Runtime cannot run it on a spectrum of shape {shape}: {told}", hint)
    if found.returncode:
        raise Mistake(f"{path} ends ONNX Runtime, or needs more than {MEMORY / 2**30:g} GB for one spectrum", hint)


def words(text: str) -> str:
    """Shorten another library's message to one printable line, without its error codes and the places in its source."""
    line = re.sub(r"\[ONNXRuntimeError\] : \d+ : \w+ : |\S*/\S+\.(?:cc|h):\d+ (?:.*?\) )?", "", " ".join(text.split()))
    return "".join(mark if mark.isprintable() else "?" for mark in line)[:SHOWN]


def main(path: str, told: str) -> int:
    """Be the process: open the file, answer once. Gives the exit code."""
    shape, kind, memory = json.loads(told)
    _limit(memory)
    import numpy as np
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        session.run(None, {session.get_inputs()[0].name: np.zeros(shape, kind)})
    except MemoryError:
        print("it needs too much memory")
        return REFUSED
    except Exception as problem:  # noqa: BLE001  whatever it is, the caller says it
        print(problem)
        return REFUSED
    return 0


def _limit(memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
