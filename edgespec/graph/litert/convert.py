"""Write LiteRT's file (.tflite) of ONNX files. A program of its own, as the converter takes seconds to load and talks a lot:

    python -m edgespec.graph.litert.convert MODEL.onnx MODEL.tflite

One line of JSON on standard output where it fails: what, and how to mend it. Exit code 0; 2 for a file that cannot be converted, 3 where the
converter is not here, 4 where what it wrote answers otherwise than the ONNX file.

Google's litert-torch converts torch modules and nothing else, so the graph is read as one. Its packages (0.8 GB) want other versions of
packages than edgespec's own in their set-up, and work with edgespec's: they lie in a folder of their own, which `edgespec setup litert` fills.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgespec import storage
from edgespec.errors import EdgespecError, Mismatch, Missing, Mistake
from edgespec.targets import built_here

if TYPE_CHECKING:
    from edgespec.graph.litert.network import Graph

SETUP = "edgespec setup litert | sh"
METADATA = "edgespec_onnx_sha256"
"""The name under which the file holds the SHA-256 of the ONNX file that it was made of, 64 digits of ASCII."""
NEAR = 1e-4  # of the largest output: float32 sums in another order
CHECKED = 16  # spectra


def convert(source: Path, out: Path) -> None:
    """Write the .tflite of an ONNX file: one spectrum at a time, its outputs under their own names, its precision as it is.

    Raises Mistake for a file that is no float model of one spectrum, Missing where the converter is not here, Mismatch where the answers differ.
    """
    sys.path.append(str(built_here.converter()))
    if importlib.util.find_spec("litert_torch") is None:  # told before torch is loaded, which takes seconds
        told = f"LiteRT's converter (litert-torch) is not here: neither in {built_here.converter()} nor installed"
        raise Missing(told, hint=f"{SETUP} fetches it (0.8 GB), once; a bundle that is made of it needs none")
    from edgespec.graph.litert import network

    graph = network.read(source)
    storage.write(out, _stamped(_converted(graph), storage.file_digest(source)))
    try:
        _check(source, out, graph)
    except BaseException:
        out.unlink()
        raise


def main(arguments: list[str]) -> int:
    """Convert one file."""
    answer_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # the converter prints its progress
    try:
        source, out = map(Path, arguments)
        convert(source, out)
    except EdgespecError as problem:
        print(json.dumps({"error": problem.message, "hint": problem.hint}), file=answer_to, flush=True)
        return problem.exit_code
    return 0


def _converted(graph: Graph) -> bytes:
    """Let the converter convert a graph. Raises Missing where it does not load, Mistake with its first complaint."""
    import torch

    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    try:
        import litert_torch
    except ImportError as problem:
        raise Missing(f"LiteRT's converter does not load: {problem}", hint=f"{SETUP} fetches it anew") from None
    try:
        with torch.no_grad():
            made = litert_torch.convert(graph.eval(), sample_kwargs={graph.inputs[0]: torch.zeros(1, graph.points)})
            return bytes(made.model_content())
    except (RuntimeError, ValueError, TypeError, KeyError, AssertionError) as problem:
        told = (str(problem) or type(problem).__name__).strip().splitlines()[0][:300]
        raise Mistake(
            f"LiteRT's converter does not take it: {told}", hint="the ONNX file itself runs elsewhere"
        ) from None


def _stamped(made: bytes, digest: str) -> bytes:
    """Put the digest of the ONNX file into the file's metadata."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(made, 0))
    held, entry = schema.BufferT(), schema.MetadataT()
    held.data = list(digest.encode())
    entry.name, entry.buffer = METADATA, len(model.buffers)
    model.buffers.append(held)
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(len(made) + 4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _check(source: Path, out: Path, graph: Graph) -> None:
    """Ask both files for the same spectra. Raises Mismatch where an output differs."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    from edgespec.graph import onnx_file

    opened = Interpreter(str(out), num_threads=1)
    ask = opened.get_signature_runner()
    (name,) = ask.get_input_details()
    chance = np.random.default_rng(0)
    x = np.cumsum(chance.normal(size=(CHECKED, graph.points)), 1).astype(np.float32)
    x -= x.min(1, keepdims=True)
    session = onnx_file.session(source)
    for row in x:
        wanted = session.run(None, {graph.inputs[0]: row[None]})
        found = ask(**{name: row[None]})
        for each, own in zip(graph.outputs, wanted, strict=True):
            apart = float(np.abs(np.asarray(found[each]) - own).max()) if each in found else float("inf")
            if not apart <= NEAR * max(float(np.abs(own).max()), 1e-6):
                told = f"{source.name}: output {each!r} of the .tflite is {apart:.2g} off the ONNX file's"
                raise Mismatch(told, hint="use ONNX Runtime or OpenVINO for this network")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
