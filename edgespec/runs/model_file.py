"""A model file without a run: what can be said of it with no labels and no spectra of its own.

It is asked made-up spectra: bands on a slope, different for each. Their answers say whether runtimes agree and how long one takes;
how right the model is nobody can say from them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import contract, storage
from edgespec.artifact import OnnxModel, Variant
from edgespec.bench import measure as measuring
from edgespec.bench import measurement
from edgespec.bench.protocol import Protocol
from edgespec.errors import EdgespecError, Mistake
from edgespec.graph import onnx_file
from edgespec.graph.foreign import adoption, alone, checks
from edgespec.graph.foreign.alone import Alone
from edgespec.job import Progress
from edgespec.runs import matrix as matrices
from edgespec.runs.matrix_cells import Matrix
from edgespec.targets import card as cards

Array = NDArray[Any]
SPECTRA, SEED = 100, 0
AS_IT_CAME, OURS = "default", "float32"
NO_LABELS = "made-up spectra, no labels: how right the model is is not known; a recipe tells: edgespec new --model FILE --data PATH"


@dataclass(frozen=True)
class Check:
    """One check of `edgespec verify`: kept or not, what was found, and what is tolerated."""

    check: str
    ok: bool
    found: str
    tolerance: str = "exact"


def spectra(points: int) -> Array:
    """(100, points): made-up spectra of three to eight bands on a slope, with noise."""
    rng, place = np.random.default_rng(SEED), np.linspace(0, 1, points)
    rows = []
    for _ in range(SPECTRA):
        bands = rng.uniform([0, 0.004, 0.1], [1, 0.03, 1], (rng.integers(3, 9), 3))
        shape = sum(height * np.exp(-(((place - middle) / width) ** 2)) for middle, width, height in bands)
        rows.append(1000 * (shape + rng.uniform(0, 0.5) * place + rng.normal(0, 0.01, points)))
    return np.stack(rows).astype(np.float32)


def verify(path: Path) -> list[Check]:
    """Check a model file. Raises Mistake where it cannot be read or adopted at all."""
    found = alone.read(path, spectra)
    source, taken, output = found.source, found.taken, found.output
    nodes = f"{len(source.graph.node)} operators, opset {checks.opset(source)}"
    learned = checks.learned_domain(source)
    kept = [
        Check("file", True, f"{path.stat().st_size} bytes, SHA-256 {storage.file_digest(path)[:16]}"),
        Check("operators", True, nodes + (f", of ai.onnx.ml: {', '.join(learned)}" if learned else ", all of ai.onnx")),
        Check("input", True, f"{taken.name}: a spectrum of {taken.points} points"),
        Check("output", True, f"{output.name}: {output.kind} of {len(found.names)} classes"),
        Check(
            "same in our form", True, f"a probability differs by {found.difference:.2g} at most", f"{adoption.NEAR:g}"
        ),
    ]
    x, whole = spectra(taken.points), found.fast.SerializeToString()
    plain = onnx_file.ask(onnx_file.session(whole, optimise=False), x, 1)
    for title, answers in (
        ("alone as in batches", onnx_file.ask(onnx_file.session(whole), x, 65)),
        ("optimised as not", onnx_file.ask(onnx_file.session(whole), x, 1)),
    ):
        apart = float(np.abs(answers - plain).max()) / max(float(np.abs(plain).max()), 1e-12)
        kept.append(
            Check(title, apart <= onnx_file.TIE, f"largest difference {apart:.2g} of the largest", f"{onnx_file.TIE:g}")
        )
    return [*kept, _contract(path, found)]


def _contract(path: Path, found: Alone) -> Check:
    properties = {each.key: each.value for each in found.source.metadata_props}
    if not any(key.startswith(contract.PREFIX) for key in properties):
        return Check("contract", True, "none: a recipe must say its axis and labels", "-")
    try:
        said = contract.of_properties(properties, str(path))
        contract.check(said, found.taken.points, len(found.names), str(path))
    except EdgespecError as problem:
        return Check("contract", False, problem.message)
    values = said.values()
    return Check("contract", True, f"{len(said.labels)} labels, {values[0]:g} to {values[-1]:g} {said.unit}")


def matrix(path: Path, *, seconds: float, progress: Progress) -> Matrix:
    """Ask a model file, in our form and as it came, in every runtime that is installed here. Raises Mistake as `verify` does."""
    with _opened(path) as (model, x):
        return matrices.compare(model, x, None, model.folder, seconds, SEED, progress)


def bench(path: Path, target: str, protocol: Protocol, progress: Progress) -> dict[str, Any]:
    """Measure a model file, in our form and as it came, on a target; nothing is left on the disk.

    Gives the record that `edgespec bench` writes, without accuracies. Raises Mistake as `verify` does, and what `measure` raises.
    """
    with _opened(path) as (model, x):
        files = {name: model.path(name) for name in model.variants}
        named = onnx_file.run(files[OURS], x).argmax(1)
        found = measuring.measure(
            files, x, named, cards.load(target), model.folder / "bench", reference=next(iter(files)), float_of={},
            protocol=protocol, seed=SEED, progress=progress.say,
        )  # fmt: skip
    record = measurement.to_record(found)
    for each in record["measurements"]:
        each["accuracy"], each["scored"] = None, 0
    return record


@contextmanager
def _opened(path: Path) -> Iterator[tuple[OnnxModel, Array]]:
    """Write our form of a file and the file as it came into a folder that is gone afterwards; give both and the spectra."""
    found = alone.read(path, spectra)
    quantised = any(node.op_type == "QuantizeLinear" for node in found.source.graph.node)
    facts = {"precision": "int8"} if quantised else {}
    points, classes = found.taken.points, len(found.names)
    with tempfile.TemporaryDirectory(prefix="edgespec-model-") as name:
        folder = Path(name)
        variants = {
            AS_IT_CAME: Variant("default.onnx", "reference", facts=facts),
            OURS: Variant("model.onnx", facts=facts),
        }
        for title, model in ((AS_IT_CAME, found.plain), (OURS, found.fast)):
            storage.write(folder / variants[title].file, model.SerializeToString())
        yield OnnxModel(folder, path.stem, points, classes, variants), spectra(points)


def refuse(path: Path, **options: object) -> None:
    """Raise Mistake for options that need a run. options: name -> value"""
    said = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if said:
        raise Mistake(
            f"{said[0]} needs a run: {path} is a model file",
            hint="edgespec new --model FILE --data PATH, then edgespec compress",
        )
