"""RamanCMP's kind of task at its own size, ten minerals and 723 RRUFF spectra, on which nearly everything is 1.000.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.ten_minerals [--runs 3]

Trains teacher, student and the plain networks, the test part drawn as those papers probably did (a fifth of the spectra, which flatters) and by
physical sample; measures single-spectrum latencies of the exported graphs together, one thread. Writes
benchmarks/results/local/ten_minerals.json, which `benchmarks.tables.papers` words. Kept runs are not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tools.results import LOCAL as RESULTS
from benchmarks.tools.results import RECIPES
from edgespec import artifact, recipe, report
from edgespec.bench import measure
from edgespec.job import Silent
from edgespec.pipeline import compress, preparation
from edgespec.recipe import plan
from edgespec.targets import card as cards
from edgespec.training import batches

RECIPE = RECIPES / "rruff10.yaml"
SPLITS = {
    "by sample": ["data.split.by=group", "data.split.test=0.25"],
    "by spectrum": ["data.split.by=spectrum", "data.split.test=0.2"],
}
FIT = {"epochs": 40, "batch": 32, "lr": 3.0e-3}
TEACHER = {"train": {"model": {"efficientnet": {"width": 0.25, "head": "flat"}}, "fit": FIT}}
STUDENT = {
    "distill": {
        "student": {"cnn": {"widths": [8, 16, 32]}},
        "temperature": 2,
        "alpha": 0.5,
        "fit": {**FIT, "epochs": 120},
    }
}
DRSN = {"widths": [16, 32, 64], "depths": [4, 4, 4]}


def _alone(model: dict[str, Any]) -> list[Any]:
    return [{"train": {"model": model, "fit": FIT}}]


LINES: dict[str, list[Any]] = {
    "teacher and student": [TEACHER, STUDENT, "to_onnx"],
    "efficientnet 0.25, global average": _alone({"efficientnet": {"width": 0.25, "head": "gap"}}),
    "drsn 16-32-64, 12 blocks": _alone({"drsn": DRSN}),
    "drsn, global average as published": _alone({"drsn": {**DRSN, "positions": 1}}),
    "cnn 8-16-32, global average": _alone({"cnn": {"widths": [8, 16, 32], "positions": 1}}),
    "teacher alone": [TEACHER, "to_onnx"],
}
ONCE = ("teacher alone",)  # for its file, not for its accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs") / "ten_minerals")
    asked = parser.parse_args()
    if "EDGESPEC_DATA" not in os.environ:
        sys.exit("set EDGESPEC_DATA to the folder of the real spectra")
    found: dict[str, Any] = {"runs": asked.runs, "accuracy": {}, "test_spectra": {}, "learnt": {}}
    for split in SPLITS:
        found["accuracy"][split] = accuracies(split, asked.runs, asked.out)
        data = [report.read(folder(next(iter(LINES)), split, number, asked.out)).data for number in range(asked.runs)]
        found["test_spectra"][split] = [each["test"] for each in data]
        found["learnt"][split] = [sum(each["train"].values()) for each in data]
    found["latency"] = latency(asked.out)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "ten_minerals.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found["accuracy"], indent=1))


def accuracies(split: str, runs: int, out: Path) -> dict[str, list[float]]:
    """Give, by network, its test accuracy of each run."""
    found: dict[str, list[float]] = {}
    for number in range(runs):
        for title, line in LINES.items():
            if title in ONCE and (number or split != "by sample"):
                continue
            for name, accuracy in once(title, line, split, number, out).items():
                found.setdefault(name, []).append(accuracy)
    return found


def once(title: str, line: list[Any], split: str, number: int, out: Path) -> dict[str, float]:
    """Run one line of steps with one seed: row -> accuracy."""
    changes = [f"steps={json.dumps(line)}", f"seed={number}", "data.unknown=null", *SPLITS[split]]
    asked = recipe.load(RECIPE, changes)
    asked.tree["gates"] = {}
    result = compress.compress(asked, folder(title, split, number, out), stop=None, progress=Silent()).report
    rows = {(row.name, row.kind): row.accuracy for row in result.rows}
    found = {} if title in ONCE else {title: rows["train", "step"]}
    if title == "teacher and student":
        found = {
            "teacher: efficientnet 0.25": rows["train", "step"],
            "student: cnn 8-16-32": rows["distill", "step"],
            "student, untaught": rows["control", "control"],
            "shrinkage LDA": rows["shrinkage LDA", "baseline"],
            "logistic regression": rows["logistic regression", "baseline"],
            "nearest neighbour": rows["1-NN cosine", "baseline"],
            "LDA without shrinkage": plain_lda(asked),
        }
    return found


def folder(title: str, split: str, number: int, out: Path) -> Path:
    """Name a run's folder."""
    return out / "-".join(f"{title} {split} {number}".replace(",", "").replace(":", "").split())


def plain_lda(asked: recipe.Recipe) -> float:
    """Fit LDA as a paper would that does not regularise it, on the same prepared spectra; give its test accuracy."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    with tempfile.TemporaryDirectory() as name:
        job = preparation.prepare(plan.plan(asked), Path(name), Silent())
    rows, test = job.splits.rows(None), job.splits.test
    x, y = (batches.prepared(job, each).numpy().astype(np.float64) for each in (rows, test))
    fitted = LinearDiscriminantAnalysis(solver="svd").fit(x, job.spectra.y[rows])
    return float((fitted.predict(y) == job.spectra.y[test]).mean())


def latency(out: Path) -> dict[str, Any]:
    """Measure the student's file beside its teacher's: one session, in turns, one thread."""
    student, teacher = (folder(title, "by sample", 0, out) for title in ("teacher and student", "teacher alone"))
    files = {}
    for name, each in (("teacher", teacher), ("student", student)):
        made, _ = artifact.read(max(each.glob("*-to_onnx")))
        assert isinstance(made, artifact.OnnxModel)
        files[name] = made.path("float32")
    job = preparation.prepare(plan.plan(recipe.load(RECIPE)), out, Silent())
    x, y = job.spectra.x[job.splits.test], job.spectra.y[job.splits.test]
    with tempfile.TemporaryDirectory() as name:
        measured = measure.measure(files, x, y, cards.load("local"), Path(name), reference="teacher", float_of={})
    shown = {
        each.variant: {"us": each.p50_ms * 1e3, "n": each.n, "ratio": each.ratio, "ratio_interval": each.ratio_interval}
        for each in measured
    }
    return {"files": shown, "noise": measured[0].noise, "cpu": measured[0].host.get("cpu")}


if __name__ == "__main__":
    main()
