"""Infrared spectra of other laboratories: a run's file beside its linear models and its nearest neighbour, on the same foreign spectra.

    edgespec data fetch plastics
    edgespec compress recipes/plastics.yaml --set data.load.arrays.file=plastics/villegas.npz --set steps.1.fit.epochs=12 --out runs/villegas
    python -m benchmarks.accuracy.plastics runs/villegas flopp jung

Classes that the run does not know are left out. Differences are of the file that the run ships, paired, with a 95 % interval; every spectrum is a
sample of its own (`edgespec/evaluation/difference.py`). Nothing is corrected and nothing was chosen on the foreign spectra.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgespec import datasets
from edgespec.authoring import data_argument
from edgespec.cli.console import Bars
from edgespec.data.fetch.wheel_sets import STUDIES
from edgespec.evaluation import baselines, difference, scoring
from edgespec.graph import onnx_file
from edgespec.pipeline import comparison
from edgespec.pipeline.run import Run
from edgespec.runs import transfer_data
from edgespec.training import batches

KEYS = "x: x, y: y, wavenumber: wavenumber, group: group, technique: infrared, intensity: absorbance"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("others", nargs="+", choices=[Path(each.file).stem for each in STUDIES])
    asked = parser.parse_args()
    run = Run(asked.run, Bars())
    print("| judged on | spectra, classes | model | accuracy (95 %) | the file against it |\n" + "| --- " * 5 + "|")
    for name in asked.others:
        print("\n".join(lines(name, *judged(run, name))))


def judged(run: Run, name: str) -> tuple[dict[str, NDArray[np.bool_]], NDArray[Any]]:
    """Give model -> (n,) which foreign spectra it names rightly, the file that the run ships first, and the label of each."""
    call = data_argument.call(f"{{arrays: {{file: plastics/{name}.npz, {KEYS}}}}}")
    read = datasets.load(call, axis=run.plan.data.axis, seed=run.job.seed)
    other = transfer_data.beside(read, run.job)
    prepared = batches.through(run.job.front(), torch.from_numpy(np.ascontiguousarray(other.x, np.float32))).numpy()
    row = comparison.shipped(run.report)
    if row is None:
        raise SystemExit(f"{run.folder} ships no file")
    answers = {f"{row.variant}, the file": onnx_file.run(run.model.path(row.variant), other.x)}
    for each in run.report.rows:
        if each.model == "linear" and each.kind == "baseline":
            answers[each.name] = baselines.network(run.folder / each.file)(prepared)
    answers["1-NN cosine"] = baselines.nearest(run.job, run.job.splits.rows(None))(prepared)
    return {title: logits.argmax(1) == other.y for title, logits in answers.items()}, other.y


def lines(name: str, right: dict[str, NDArray[np.bool_]], y: NDArray[Any]) -> list[str]:
    mine = next(iter(right.values()))
    found = []
    for title, each in right.items():
        low, high = scoring.interval(each, None)
        gap = "" if each is mine else difference.of_samples(mine.astype(float) - each).worded()
        found.append(
            f"| {name} | {len(y)}, {len(np.unique(y))} | {title} | {each.mean():.3f} ({low:.3f} to {high:.3f}) | {gap} |"
        )
    return found


if __name__ == "__main__":
    main()
