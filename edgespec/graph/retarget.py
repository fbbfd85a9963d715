"""An instrument's own pixel axis: read it from a file, and make a graph take it by other resampling constants; no retraining."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgespec import contract, storage
from edgespec.contract import Contract
from edgespec.data import preprocess
from edgespec.errors import Mistake
from edgespec.graph import assembly, exporter, names, onnx_file
from edgespec.recipe import Call

FEWEST = 16
AXIS_HINT = "one wavenumber in cm-1 a line (or in the first column), in the order of the pixels"


def read(path: Path, said: Contract) -> NDArray[np.float64]:
    """(m,): the axis in a text file; `pixels` says how it is written.

    Raises Mistake as `pixels` does, and for an axis that covers less of the model's window than its contract wants.
    """
    axis = pixels(path)
    wanted = said.seen()
    covered = float(((wanted >= axis.min()) & (wanted <= axis.max())).mean())
    if covered < said.min_coverage:
        raise Mistake(
            f"{path}: {axis.min():g} to {axis.max():g} covers {covered:.0%} of the model's window "
            f"{wanted[0]:g} to {wanted[-1]:g} {said.unit}; {said.min_coverage:.0%} is wanted",
            hint="Raman shift in cm-1, not nm; else train on a window that this instrument measures (data.axis)",
        )
    return axis


def pixels(path: Path) -> NDArray[np.float64]:
    """(m,): the axis in a text file, one value a line or the first column of a table; rising or falling.

    Raises Mistake with file:line for what is no number or does not rise (or fall) throughout.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise Mistake(f"{path} is not text", hint=AXIS_HINT) from None
    except OSError as problem:
        raise Mistake(f"{path} cannot be read: {problem.strerror}", hint=AXIS_HINT) from None
    values, places = _values(path, lines)
    if len(values) < FEWEST:
        raise Mistake(f"{path} holds {len(values)} values; an axis has at least {FEWEST}", hint=AXIS_HINT)
    axis = np.array(values)
    steps = np.diff(axis) * (1 if axis[-1] > axis[0] else -1)
    if (steps <= 0).any():
        line = places[int((steps <= 0).argmax()) + 1]
        raise Mistake(f"{path}:{line}: {axis[int((steps <= 0).argmax()) + 1]:g} turns back or repeats", hint=AXIS_HINT)
    return axis


def retarget(path: Path, own: NDArray[np.float64]) -> Contract:
    """Make an ONNX file take spectra on `own` (m,), in place; give its new contract.

    The front is made anew, beginning with a linear interpolation onto the model's axis; network and answer stay as they are.
    """
    said = contract.load(path)
    calls = [Call(name, keys) for each in said.preprocess for name, keys in each.items()]
    front = exporter.of_front(preprocess.build(calls, said.seen(), own))
    if front is None:
        raise Mistake(f"{path}: no front could be made of its contract")
    model = assembly.refronted(onnx.load(path), front)
    told = replace(said, axis=contract.axis(own))
    contract.stamp(model, told)
    storage.write(path, names.shortened(model).SerializeToString())
    return told


def check(before: Path, after: Path, x: NDArray[Any], own: NDArray[np.float64], evidence: Path) -> onnx_file.Parity:
    """Check that a retargeted file answers spectra on its axis as the other answers them interpolated onto its own.

    x: (n, points) spectra on the axis of `before`, n >= 64
    Raises Mismatch (exit 4) where it does not.
    """
    old = contract.load(before)
    there = _onto(x, old.values(), own)
    back = _onto(there, own, old.values())
    quantised = any(node.op_type == "QuantizeLinear" for node in onnx.load(before).graph.node)
    least, most = (0.98, 0.05) if quantised else (1.0, 1e-3)  # a value at the edge of a step may fall to either side
    return onnx_file.parity(after, there, onnx_file.run(before, back), least=least, most=most, evidence=evidence)


def _onto(x: NDArray[Any], own: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float32]:
    """(n, len(own)) -> (n, len(wanted)), linear, zero outside; either may fall."""
    order = np.argsort(own)
    inside = (wanted >= own.min()) & (wanted <= own.max())
    rows = [np.interp(wanted, own[order], row[order]) for row in x]
    return np.where(inside, np.stack(rows), 0.0).astype(np.float32)


def _values(path: Path, lines: Sequence[str]) -> tuple[list[float], list[int]]:
    values: list[float] = []
    places: list[int] = []
    for number, line in enumerate(lines, start=1):
        text = line.replace(";", ",").replace("\t", ",").strip()
        if not text or text.startswith("#"):
            continue
        first = text.split(",")[0].split()[0] if text.split(",")[0].strip() else ""
        try:
            value = float(first)
        except ValueError:
            if not values:
                continue  # a heading
            raise Mistake(f"{path}:{number}: {first[:30]!r} is not a number", hint=AXIS_HINT) from None
        if not np.isfinite(value):
            raise Mistake(f"{path}:{number}: {first!r} is not finite", hint=AXIS_HINT)
        values.append(value)
        places.append(number)
    return values, places
