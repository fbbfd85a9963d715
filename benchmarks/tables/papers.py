"""One table: what the papers on RamanCMP and PACE claim, beside what edgespec measures on the same kind of task.

    EDGESPEC_DATA=... python -m benchmarks.tables.papers [--runs 3]

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
from numpy.typing import NDArray

from benchmarks.tools.results import LOCAL as RESULTS
from benchmarks.tools.results import RECIPES
from edgespec import artifact, recipe, report
from edgespec.bench import measure
from edgespec.evaluation import difference
from edgespec.job import Silent
from edgespec.pipeline import compress, preparation
from edgespec.recipe import plan
from edgespec.search.repeat import gained
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
    parser.add_argument("--out", type=Path, default=Path("runs") / "papers")
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


def others() -> dict[str, Any]:
    """Read what the other scripts measured, by file name; None for what is not there."""
    names = ("rruff_distill", "drsn_lda", "channels", "cov_pace", "pace_published")
    return {name: _read(RESULTS / f"{name}.json") for name in names}


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def table(found: dict[str, Any], measured: dict[str, Any]) -> str:
    """One line a claim: what the paper states, what was measured here, and how far the two can be compared."""
    rows = [*_networks(found), *_teaching(found, measured["rruff_distill"]), *_drsn(measured), *_pace(measured)]
    head = ["paper", "claim", "here", "comparable?"]
    lines = ["| " + " | ".join(each) + " |" for each in (head, ["---"] * len(head), *rows)]
    return "\n".join([*lines, "", _accuracies(found)])


def _gain(found: dict[str, Any], split: str, gaps: NDArray[np.float64]) -> str:
    tested, learnt = (found[key][split] for key in ("test_spectra", "learnt"))
    return difference.of(list(gaps), tested, learnt).worded()


def _networks(found: dict[str, Any]) -> list[list[str]]:
    told = []
    for split, each in found["accuracy"].items():
        best = [_mean(each[name]) for name in ("teacher: efficientnet 0.25", "drsn 16-32-64, 12 blocks")]
        plain = f"LDA without shrinkage {_mean(each['LDA without shrinkage'])}, with {_mean(each['shrinkage LDA'])}"
        plain += f"; CNN {_mean(each['cnn 8-16-32, global average'])} (global average)"
        told.append(f"{split}: EfficientNet {best[0]}, DRSN {best[1]}; {plain}")
    claim = "EfficientNet and DRSN more than 20 points above LDA and CNN"
    return [
        [
            "RamanCMP",
            claim,
            "; ".join(told),
            "in kind: same size of task, other minerals; its LDA was probably not regularised",
        ]
    ]


def _teaching(found: dict[str, Any], site: Any) -> list[list[str]]:
    told = []
    for split, each in found["accuracy"].items():
        student = np.array(each["student: cnn 8-16-32"])
        for name, against in (("teacher", "teacher: efficientnet 0.25"), ("untaught student", "student, untaught")):
            told.append(f"{split}, against the {name}: {_gain(found, split, student - np.array(each[against]))}")
    files = found["latency"]["files"]["student"]
    rows = [
        [
            "RamanCMP",
            "student 2.07 points below its teacher, 20 above the untaught student",
            "; ".join(told),
            "in kind: all labels; a student with a head that sees positions leaves nothing to gain",
        ]
    ]
    if site:
        gaps = [site["difference_to"][name] for name in ("1 train library", "2 control")]
        rows.append(
            [
                "",
                "the same, where the student may see one label a class",
                f"192 minerals: against the teacher {gained(site, gaps[0])}, against the untaught student {gained(site, gaps[1])} (int8)",
                "no: another task, the one where a teacher is worth having",
            ]
        )
    else:
        rows.append(
            _absent(
                "rruff_distill",
                "edgespec repeat recipes/rruff_distill.yaml --runs 3 --vary data.load.rruff.split --save benchmarks/results/local/rruff_distill.json",
            )
        )
    rows.append(
        [
            "",
            "student saves 9,680.9 s of time against the teacher",
            f"{files['ratio']:.3f} {_range(files['ratio_interval'])} of the teacher's latency (float32, one spectrum)",
            "no: theirs is probably the time of training and testing altogether",
        ]
    )
    return rows


def _drsn(measured: dict[str, Any]) -> list[list[str]]:
    rows = []
    channels, lda = measured["channels"], measured["drsn_lda"]
    for task in channels or {}:
        each = channels[task]
        best = min(each["facts"], key=lambda name: each["latency"][f"{name}, float32"]["ratio"])
        gaps = list(np.array(each["accuracy"][best]) - np.array(each["accuracy"]["original"]))
        gain = difference.of(gaps, each["test_spectra"], each["learnt"]).worded()
        cost = each["latency"][f"{best}, float32"]
        rows.append(
            [
                "RamanCMP",
                "channel conversion saves 60 % of DRSN's time",
                f"{task}, {best}: {1 - cost['ratio']:.0%} less (ratio {cost['ratio']:.3f} {_range(cost['ratio_interval'])}), accuracy {gain}",
                "no: its method can't be read; ours are two guesses",
            ]
        )
    for task in lda or {}:
        runs = lda[task]
        name = min(
            ("shipped, float32", "shipped, cpu-int8"),
            key=lambda each: np.mean([run["latency"][each]["ratio"] for run in runs]),
        )
        ratios = [run["latency"][name]["ratio"] for run in runs]
        cost = f"ratio {np.mean(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}"
        right = [run["accuracy"][name] for run in runs]
        rows.append(
            [
                "RamanCMP",
                "DRSN features with LDA: 93 % less time at 94.48 %",
                f"{task}, {name.removeprefix('shipped, ')}: {1 - np.mean(ratios):.0%} less ({cost}) at {_mean(right)}",
                "in kind: an early exit of a 12-block DRSN",
            ]
        )
    if not channels:
        rows.append(_absent("channels", "python -m benchmarks.accuracy.channels"))
    if not lda:
        rows.append(_absent("drsn_lda", "python -m benchmarks.accuracy.drsn_lda"))
    return rows


def _pace(measured: dict[str, Any]) -> list[list[str]]:
    rows = []
    claim = "92.47 % on COV (93 test spectra, given split, one run)"
    cov, published = measured["cov_pace"], measured["pace_published"]
    if cov:
        for name in ("5 calibrate float32", "5 calibrate cpu-int8", "4 calibrate float32", "4 calibrate cpu-int8"):
            if name in cov["accuracy"]:
                rows.append(
                    [
                        "PACE",
                        claim,
                        f"{name.split()[-1]}: {_mean(cov['accuracy'][name])}",
                        "yes: same spectra, same split; settings chosen inside the 372",
                    ]
                )
    else:
        rows.append(
            _absent(
                "cov_pace",
                "edgespec repeat recipes/cov_pace.yaml --runs 5 --save benchmarks/results/local/cov_pace.json",
            )
        )
    if published:
        right = [each["test"] for each in published["seeds"].values()]
        rows.append(
            [
                "PACE",
                claim,
                f"the authors' schedule, dim 1024: {_mean(right)}",
                "yes, but for the pooling of their test spectra (docs/models.md)",
            ]
        )
    else:
        rows.append(_absent("pace_published", "python -m benchmarks.accuracy.pace_published --seeds 5"))
    return rows


def _absent(name: str, command: str) -> list[str]:
    return ["", f"({name})", f"not measured yet: {command}", ""]


def _accuracies(found: dict[str, Any]) -> str:
    """All networks and linear models on both divisions."""
    head = f"| ten minerals, seeds: {found['runs']} | " + " | ".join(found["accuracy"]) + " |"
    names = list(next(iter(found["accuracy"].values())))
    rows = [
        f"| {name} | " + " | ".join(_mean(each[name]) for each in found["accuracy"].values()) + " |" for name in names
    ]
    return "\n".join([head, "| --- |" + " --- |" * len(found["accuracy"]), *rows])


def _mean(values: list[float]) -> str:
    """0.995 (0.990, 1.000)"""
    return f"{np.mean(values):.3f} ({', '.join(f'{each:.3f}' for each in values)})"


def _range(interval: list[float]) -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]"


if __name__ == "__main__":
    main()
