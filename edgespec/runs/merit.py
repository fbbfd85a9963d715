"""Which of a run's files answers worse than another, beyond chance: what the recommendation asks where latencies are as good as the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgespec.evaluation import robustness
from edgespec.graph import onnx_file
from edgespec.pipeline.run import Run
from edgespec.runs.gate import chance

Right = NDArray[np.float64]


def of_files(run: Run, files: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    """Compare files of a run pair by pair: variant -> another -> why it answers worse than that one; equals are left out.

    Accuracy first, then the share named rightly under perturbations; both by physical sample, as the gate tests a loss.
    """
    if len(files) < 2:
        return {}
    x, y = run.test
    group = run.job.spectra.group
    sample = np.arange(len(y)) if group is None else np.unique(group[run.job.splits.test], return_inverse=True)[1]
    clean = {name: (onnx_file.run(path, x).argmax(axis=1) == y).astype(np.float64) for name, path in files.items()}
    found = compared(clean, sample, "accuracy")
    for name, each in compared(
        {name: robustness.right(run.job, path) for name, path in files.items()}, sample, "accuracy on perturbed spectra"
    ).items():
        for other, why in each.items():
            if name not in found.get(other, {}):  # the more accurate file is not called worse
                found.setdefault(name, {}).setdefault(other, why)
    return found


def compared(right: Mapping[str, Right], sample: NDArray[np.int64], what: str) -> dict[str, dict[str, str]]:
    """Give variant -> another -> how much less of `what` it has, where chance does not explain that (p < 0.05).

    right: variant -> (n,) how rightly each spectrum was named, 0 to 1; sample: (n,) its physical sample
    """
    found: dict[str, dict[str, str]] = {}
    for name, mine in right.items():
        for other, theirs in right.items():
            loss = float(theirs.mean() - mine.mean())
            if loss > 0 and (p := chance.lost(theirs, mine, sample)) < chance.CHANCE:
                found.setdefault(name, {})[other] = f"{what} is {loss:.3f} below that of {other} (p = {p:.2g})"
    return found
