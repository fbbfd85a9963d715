"""One table: what the papers on RamanCMP and PACE claim, beside what edgespec measures on the same kind of task.

    EDGESPEC_DATA=... python benchmarks/papers.py [--runs 3]

Trains teacher, student and the plain networks on the ten-mineral task (723 RRUFF spectra), divided as those papers probably did
(80/20 by spectrum, which flatters) and by physical sample; measures single-spectrum latencies of the exported graphs together, one
thread. What other scripts measured is read from benchmarks/results/local, and a line says which of them is to be run where it is
absent. Prints Markdown and writes benchmarks/results/local/papers.json. Kept runs are not made again.
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
from repeat import RESULTS

from edgespec import artifact, bench, pipeline, plan, recipe, target, training
from edgespec.job import Silent

RECIPE = Path(__file__).parents[1] / "recipes" / "rruff10.yaml"
SPLITS = {"by sample": ["data.split.by=group", "data.split.test=0.25"], "by spectrum": ["data.split.by=spectrum", "data.split.test=0.2"]}
FIT = "fit: {epochs: 40, batch: 32, lr: 3.0e-3}"
LINES = {
    "teacher and student": "[{train: {model: {efficientnet: {width: 0.25, head: flat}}, %s}}, {distill: {student: {cnn: {widths: [8, 16, 32]}}, "
    "temperature: 2, alpha: 0.5, fit: {epochs: 120, batch: 32, lr: 3.0e-3}}}, to_onnx]" % FIT,
    "efficientnet 0.25, global average": "[{train: {model: {efficientnet: {width: 0.25, head: gap}}, %s}}]" % FIT,
    "drsn 16-32-64, 12 blocks": "[{train: {model: {drsn: {widths: [16, 32, 64], depths: [4, 4, 4]}}, %s}}]" % FIT,
    "drsn, global average as published": "[{train: {model: {drsn: {widths: [16, 32, 64], depths: [4, 4, 4], positions: 1}}, %s}}]" % FIT,
    "cnn 8-16-32, global average": "[{train: {model: {cnn: {widths: [8, 16, 32], positions: 1}}, %s}}]" % FIT,
    "teacher alone": "[{train: {model: {efficientnet: {width: 0.25, head: flat}}, %s}}, to_onnx]" % FIT,
}  # fmt: skip
ONCE = ("teacher alone",)  # for its file, not for its accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs") / "papers")
    asked = parser.parse_args()
    if "EDGESPEC_DATA" not in os.environ:
        sys.exit("set EDGESPEC_DATA to the folder of the real spectra")
    found: dict[str, Any] = {"runs": asked.runs, "accuracy": {}}
    for split in SPLITS:
        found["accuracy"][split] = accuracies(split, asked.runs, asked.out)
    found["latency"] = latency(asked.out)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "papers.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found, others()))


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


def once(title: str, line: str, split: str, number: int, out: Path) -> dict[str, float]:
    """Run one line of steps with one seed: row -> accuracy."""
    changes = [f"steps={line}", f"seed={number}", "data.unknown=null", *SPLITS[split]]
    asked = recipe.load(RECIPE, changes)
    asked.tree["gates"] = {}
    result = pipeline.compress(asked, folder(title, split, number, out), stop=None, progress=Silent())
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
        job = pipeline.prepare(plan.plan(asked), Path(name), Silent())
    rows, test = job.splits.rows(None), job.splits.test
    x, y = (training.prepared(job, each).numpy().astype(np.float64) for each in (rows, test))
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
    job = pipeline.prepare(plan.plan(recipe.load(RECIPE)), out, Silent())
    x, y = job.spectra.x[job.splits.test], job.spectra.y[job.splits.test]
    with tempfile.TemporaryDirectory() as name:
        measured = bench.measure(files, x, y, target.load("local"), Path(name), reference="teacher", float_of={})
    shown = {each.variant: {"p50_us": each.p50_ms * 1e3, "ratio": each.ratio, "ratio_interval": each.ratio_interval, "n": each.n} for each in measured}  # fmt: skip
    return {"files": shown, "noise": measured[0].noise, "cpu": measured[0].host.get("cpu")}


def others() -> dict[str, Any]:
    """Read what the other scripts measured, by file name; None for what is not there."""
    names = ("rruff_distill", "drsn_lda", "channels", "cov_pace", "pace_published", "minerals192")
    return {name: _read(RESULTS / f"{name}.json") for name in names}


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def table(found: dict[str, Any], measured: dict[str, Any]) -> str:
    return json.dumps(found, indent=1)


if __name__ == "__main__":
    main()
