"""Which files of a run a target can take at all: those that its runtime is known to reject are left out, and it is said why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from edgespec.artifact import OnnxModel
from edgespec.errors import Mistake
from edgespec.graph import jetpack, older
from edgespec.job import Job
from edgespec.report import Report
from edgespec.targets.card import Target

ONE_BY_ONE = "it takes one spectrum at a time; float32 is compared with in its place"


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
    if not card.jetpack:
        return Suited(dict(files), reference, {})
    newest = jetpack.RELEASES[card.jetpack].opset
    kept, left_out = {}, {}
    for name, path in files.items():
        wrong = [ONE_BY_ONE] if name == reference else jetpack.lint(onnx.load(path), card.jetpack)
        if wrong and name == older.SOURCE and jetpack.opset(onnx.load(path)) > newest:
            path = _own(run, card.name)
            path.parent.mkdir(exist_ok=True)
            older.float_file(path, model, job, result, run, newest)
            wrong = jetpack.lint(onnx.load(path), card.jetpack)
        if wrong:
            left_out[name] = wrong[0]
        else:
            kept[name] = path
    if older.SOURCE not in kept:
        raise Mistake(f"target {card.name!r} takes none of the files: {next(iter(left_out.values()), 'there is none')}")
    return Suited(kept, older.SOURCE, left_out)


def again(files: Mapping[str, Path], target: str, run: Path) -> dict[str, Path]:
    """Give the files that a recording of a target may be of: the float file as it was exported anew for it, where it was."""
    own = _own(run, target)
    return {**files, older.SOURCE: own} if own.is_file() else dict(files)


def _own(run: Path, target: str) -> Path:
    return run / "bench" / f"{target}.onnx"
