"""Which run folder or file a command means, and what a run folder holds."""

from __future__ import annotations

from pathlib import Path

from edgespec import plugins, report
from edgespec.artifact import OnnxModel
from edgespec.errors import Mismatch, Mistake
from edgespec.pipeline import integrity
from edgespec.report import choice

BUNDLED = "model.onnx"


def model(given: Path | None, variant: str | None = None) -> Path:
    """Give the ONNX file that is meant.

    given: an .onnx file, a bundle folder, or a run folder; None is the newest run in `runs/`
    variant: of a run; without it the one that this machine is to run (`report.choice`)
    Raises Mistake where there is none, Mismatch where a file of the run is not as it was written.
    """
    if given is None or (given / "report.json").is_file():
        return _of_run(run_folder(given), variant)
    if not given.exists():
        raise Mistake(f"there is no {given}", hint="name an .onnx file, a bundle folder or a run folder")
    path = given / BUNDLED if given.is_dir() else given
    if not path.is_file():
        raise Mistake(
            f"{given} is neither a bundle nor a run: it holds no {BUNDLED} and no report.json",
            hint="edgespec compress RECIPE makes a run",
        )
    if path.suffix != ".onnx":
        raise Mistake(f"{path} is not an ONNX file", hint="name an .onnx file, a bundle folder or a run folder")
    if variant is not None:
        raise Mistake(f"{given} has no variants", hint="name the run folder to choose one of its variants")
    return path


def run_folder(given: Path | None) -> Path:
    """Give the run folder that a command means: the one named, or the newest in `runs/`."""
    if given is not None:
        if not (given / "report.json").is_file():
            raise Mistake(
                f"{given} is not a run folder: it holds no report.json", hint="edgespec compress RECIPE makes one"
            )
        return given
    found = sorted(Path("runs").glob("*/report.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise Mistake("there is no run in runs/", hint="edgespec compress RECIPE makes one, or name a run folder")
    return found[-1].parent


def _of_run(folder: Path, variant: str | None) -> Path:
    result = report.read(folder)
    rows = {row.variant: row for row in result.last()}
    if not rows:
        raise Mistake(f"{folder} has made no ONNX file yet", hint="edgespec compress, to the end; it needs 'to_onnx'")
    if variant is not None and variant not in rows:
        raise Mistake(f"{folder} ships no variant {variant!r}", hint=plugins.did_you_mean(variant, list(rows)))
    file = rows[variant or choice.variant(result) or next(iter(rows))].file
    made = integrity.step(folder, result, Path(file).parts[0])
    if not isinstance(made, OnnxModel) or folder / file not in map(made.path, made.variants):
        raise Mismatch(f"{folder}: its report and its files differ: {file} is not a file of that step", integrity.ANEW)
    return folder / file
