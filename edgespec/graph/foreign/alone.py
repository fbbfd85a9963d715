"""A model file alone, with no data to say its classes: brought to our form, each of its numbers a class."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray

from edgespec.errors import Mistake
from edgespec.graph import assembly, onnx_file
from edgespec.graph.foreign import adoption, checks, ends, file, labels, trial
from edgespec.graph.foreign.ends import Input, Original, Output

Array = NDArray[Any]
NEEDED = "edgespec new --model FILE --data PATH writes a recipe that says it"


@dataclass(frozen=True)
class Alone:
    """A model file, our form of it (`fast`), the same as it came within our ends (`plain`), and what it says.

    difference: the largest of a probability between `fast` and the file itself, on the spectra that were asked
    """

    source: onnx.ModelProto
    plain: onnx.ModelProto
    fast: onnx.ModelProto
    taken: Input
    output: Output
    names: tuple[str, ...]
    difference: float


def read(path: Path, spectra: Callable[[int], Array]) -> Alone:
    """Bring a file to our form: `spectrum` (n, points) -> `logits` (n, classes).

    spectra: points -> (n, points), n >= 65, what the file is asked
    Raises Mistake as `adoption.adopt` does, Mismatch where our form answers otherwise.
    """
    source = file.read(path)
    checks.check(source, path)
    taken = ends.of_input(source, path)
    if not taken.points:
        raise Mistake(f"{path} takes any number of points", hint=NEEDED)
    trial.run(source, *taken.once(taken.points), path)
    said, x = labels.known(source, path), spectra(taken.points)
    answers = Original(source, taken, path).ask(x)
    output = ends.of_output(answers, len(x), len(said.names) or None, None, "auto", path)
    if output.kind == "labels" and not said.names:
        raise Mistake(f"{path} answers labels alone, and does not say which there are", hint=NEEDED)
    names = said.names or tuple(str(i) for i in range(max(output.columns, 2)))
    columns = list(range(len(names)))
    expected = adoption.wanted(answers[output.name], output, names, columns, len(x), path)
    plain, free = (
        assembly.joined(None, each) for each in adoption.networks(source, taken, output, columns, names, x, path)
    )
    fast = adoption.fast(free)
    logits = onnx_file.ask(checks.opened(fast, path), x, 1)
    with tempfile.TemporaryDirectory() as folder:
        difference = adoption.check(logits, expected, "our form", Path(folder) / "evidence.npz", x)
    return Alone(source, plain, fast, taken, output, names, difference)
