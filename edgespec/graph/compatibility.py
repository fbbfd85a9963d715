"""Which files of a run a target can take at all: those that its runtime is known to reject are left out, and it is said why."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from edgespec import artifact as artifacts
from edgespec import contract, models, storage
from edgespec.artifact import Checkpoint, OnnxModel
from edgespec.errors import Mistake
from edgespec.graph import answer, assembly, exporter, jetpack, names, onnx_file
from edgespec.graph.c import source
from edgespec.graph.onnx_file import Parity
from edgespec.job import Job
from edgespec.report import Report
from edgespec.targets.card import Target

ONE_BY_ONE = "it takes one spectrum at a time; float32 is compared with in its place"
ROUNDED = "it is in {}, which LiteRT's converter does not keep; a float file in its place would be another model"
SOURCE = "float32"
CODE = ("c", "cortex_m")  # runtimes that are handed C code, not the file
CHECKED = 256
AGREEMENT, TOLERANCE = 1.0, 1e-3


@dataclass(frozen=True)
class Suited:
    """The files that a target is sent, which of them the others are compared with, and why others are left out."""

    files: dict[str, Path]
    reference: str
    left_out: dict[str, str]


def choose(
    files: Mapping[str, Path], reference: str, card: Target, model: OnnxModel, job: Job, result: Report, run: Path
) -> Suited:
    """Leave out what the target's TensorRT would reject; where it reads no opset of ours, export the float file anew for it.

    Left out too is the plain default export: it takes one spectrum at a time, and through trtexec each would cost a process.

    files: name -> ONNX file; run: its folder, where such a file is left as `bench/<target>.onnx`
    Raises Mistake where nothing is left.
    """
    if card.runtime in CODE:
        return _code(files, reference, card, run)
    if card.runtime == "litert":
        rounded = {name: each for name, path in files.items() if (each := jetpack.precision(onnx.load(path))) != SOURCE}
        kept = {name: path for name, path in files.items() if name not in rounded}
        return Suited(kept, reference, {name: ROUNDED.format(each) for name, each in rounded.items()})
    if not card.jetpack:
        return Suited(dict(files), reference, {})
    newest = jetpack.RELEASES[card.jetpack].opset
    kept, left_out = {}, {}
    for name, path in files.items():
        wrong = [ONE_BY_ONE] if name == reference else jetpack.lint(onnx.load(path), card.jetpack)
        if wrong and name == SOURCE and jetpack.opset(onnx.load(path)) > newest:
            path = _own(run, card.name)
            path.parent.mkdir(exist_ok=True)
            float_file(path, model, job, result, run, newest)
            wrong = jetpack.lint(onnx.load(path), card.jetpack)
        if wrong:
            left_out[name] = wrong[0]
        else:
            kept[name] = path
    if SOURCE not in kept:
        raise Mistake(f"target {card.name!r} takes none of the files: {next(iter(left_out.values()), 'there is none')}")
    return Suited(kept, SOURCE, left_out)


def _code(files: Mapping[str, Path], reference: str, card: Target, run: Path) -> Suited:
    """Write the C code of each file as `bench/<target>-<name>.c`, the file beside it.

    What has no C is left out, and it is said which operator is why.
    """
    kept, left_out = {}, {}
    for name, path in files.items():
        try:
            kept[name] = _coded(path, _own_code(run, card.name, name))
        except Mistake as problem:
            left_out[name] = problem.message
    if not kept:
        raise Mistake(f"target {card.name!r} takes none of the files: {next(iter(left_out.values()), 'there is none')}")
    return Suited(kept, reference if reference in kept else next(iter(kept)), left_out)


def as_run(files: Mapping[str, Path], card: Target, folder: Path) -> dict[str, Path]:
    """Give what a target is sent of each file, to be timed: the file itself, or the C code that is made of it in `folder`.

    Raises Mistake for a file that has no C.
    """
    if card.runtime not in CODE:
        return dict(files)
    return {name: _coded(path, folder / f"{i}.c", timed=True) for i, (name, path) in enumerate(files.items())}


def _coded(path: Path, place: Path, *, timed: bool = False) -> Path:
    whole = source.source(path, timed=timed).whole
    place.parent.mkdir(parents=True, exist_ok=True)
    storage.write(place, whole.encode())
    shutil.copyfile(path, place.with_suffix(".onnx"))  # what its answers are compared with
    return place


def again(files: Mapping[str, Path], target: str, run: Path) -> dict[str, Path]:
    """Give the files that a recording of a target may be of: the float file as it was exported anew for it, where it was."""
    own = _own(run, target)
    code = {name: path for name in files if (path := _own_code(run, target, name)).is_file()}
    if code:
        return {**files, **code}
    return {**files, SOURCE: own} if own.is_file() else dict(files)


def bare(name: str, path: Path, out: Path) -> dict[str, Path]:
    """Write a file without its answer part, which the plain default export lacks too, and give it by name; nothing where it has none."""
    model = onnx.load(path)
    found = assembly.unanswered(model)
    if found is model:
        return {}
    storage.write(out, found.SerializeToString(deterministic=True))
    return {name: out}


def _own_code(run: Path, target: str, name: str) -> Path:
    return run / "bench" / f"{target}-{re.sub('[^A-Za-z0-9_.-]+', '_', name)}.c"


def _own(run: Path, target: str) -> Path:
    return run / "bench" / f"{target}.onnx"


def float_file(path: Path, made: OnnxModel, job: Job, result: Report, run: Path, opset: int) -> Parity:
    """Write the run's float32 file in another opset: same weights, temperature, reject score and contract.

    Raises Mistake where the run holds no network to export, Mismatch where the answers differ from its own file's.
    """
    return written(path, made, _checkpoint(result, run), job, opset, run / f"opset{opset}-mismatch.npz")


def written(path: Path, made: OnnxModel, checkpoint: Checkpoint, job: Job, opset: int, evidence: Path) -> Parity:
    """Write the float32 file of `made`, which was exported from this network, in another opset. Raises Mismatch as above."""
    source = made.path(SOURCE)
    said, own = contract.load(source), made.variants[SOURCE]
    exporter.export_older(models.load(checkpoint), path, front=job.front(), opset=opset, contract=said)
    onnx_file.fold_temperature(path, own.temperature / checkpoint.facts.get("temperature", 1.0))
    if said.score:
        whole = answer.add(onnx.load(path), answer.read(onnx.load(source), said.score))
        storage.write(path, names.shortened(whole).SerializeToString())
    x = job.checked(CHECKED)
    return onnx_file.parity(path, x, onnx_file.run(source, x), least=AGREEMENT, most=TOLERANCE, evidence=evidence)


def _checkpoint(result: Report, run: Path) -> Checkpoint:
    """Give the network that the run's float file was exported from."""
    for step in reversed(result.steps):
        found, _ = artifacts.read(run / step["folder"])
        if isinstance(found, Checkpoint):
            return found
    raise Mistake(
        f"{run} holds no network to export in an older opset",
        hint="a recipe that trains one, or adopts a checkpoint: an adopted ONNX file is never brought to an older opset",
    )
