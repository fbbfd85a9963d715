"""Which run folder or file a command means, and what a run folder holds."""

from __future__ import annotations

from pathlib import Path

from edgespec import artifact as artifacts
from edgespec import plugins, recipe, report
from edgespec.artifact import OnnxModel
from edgespec.errors import Mistake
from edgespec.job import Job, Progress
from edgespec.pipeline import compress
from edgespec.pipeline.up_to_date import data_digest
from edgespec.recipe.plan import Plan, plan
from edgespec.report import Report

TARGET = "local"
BUNDLED = "model.onnx"


def model(given: Path | None, variant: str | None = None) -> Path:
    """Give the ONNX file that is meant.

    given: an .onnx file, a bundle folder, or a run folder; None is the newest run in `runs/`
    variant: of a run; without it the one recommended on the target `local`, else the last that may be shipped
    Raises Mistake where there is none.
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
        raise Mistake(f"{path} is no ONNX file", hint="name an .onnx file, a bundle folder or a run folder")
    if variant is not None:
        raise Mistake(f"{given} has no variants", hint="name the run folder to choose one of its variants")
    return path


def run_folder(given: Path | None) -> Path:
    """Give the run folder that a command means: the one named, or the newest in `runs/`."""
    if given is not None:
        if not (given / "report.json").is_file():
            raise Mistake(
                f"{given} is no run folder: it holds no report.json", hint="edgespec compress RECIPE makes one"
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
    path = folder / rows[variant or _advised(result, list(rows))].file
    if not path.is_file():
        raise Mistake(f"{path} is missing", hint="edgespec compress makes it anew")
    return path


def _advised(result: Report, names: list[str]) -> str:
    advised = result.advice.get(TARGET, {}).get("variant")
    return advised if advised in names else names[-1]


def opened(folder: Path, progress: Progress) -> tuple[Plan, Job, Report]:
    """Open a run: its plan, its data and its report. Raises Mistake where its data have changed since."""
    result = report.read(folder)
    checked = plan(recipe.load(folder / "recipe.yaml"))
    job = compress.prepare(checked, folder, progress)
    if data_digest(job.spectra) != result.data["digest"]:
        raise Mistake(f"the data of {folder} have changed since it was made", hint="edgespec compress makes it anew")
    return checked, job, result


def last(folder: Path, result: Report) -> OnnxModel:
    """Give the ONNX files that the last step left. Raises Mistake where it left none."""
    if not result.steps:
        raise Mistake(f"{folder} has no finished step", hint="edgespec compress goes on where it stopped")
    found, _ = artifacts.read(folder / result.steps[-1]["folder"])
    if not isinstance(found, OnnxModel):
        raise Mistake(f"{folder} has nothing to measure: its last step leaves no ONNX", hint="add the step 'to_onnx'")
    return found
