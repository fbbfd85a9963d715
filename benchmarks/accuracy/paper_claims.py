"""The claims of the papers on RamanCMP and PACE, on tasks where they could be seen: 192 minerals, with all labels and with one label a class.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.paper_claims [--only WORD ...]

The networks have the heads that were published: the mean over all places of the spectrum (`positions: 1`, `head: gap`). EPOCHS says how long each
learns: the deep ones are short, because all of it has to fit into 45 minutes of one core; each learning rate falls to its end.

| task | learnt from | protocols |
| --- | --- | --- |
| minerals192 | all labels | test part drawn with the seed: a fifth of the spectra, as the papers probably did; a quarter of the samples |
| minerals192_site | teacher: the library; student: the site, one label a class | the same two; by sample: divisions of the task list |

Nothing is chosen by the test part: learning rates are those of benchmarks/results/local/any_model-rates.json (the DRSN's 0.003: at 0.001 its loss
on training spectra was still 1.8 after 10 epochs), temperature and alpha those of recipes.
PLAN has the lines in the order of what they are worth. Finished lines are kept in benchmarks/results/local/paper_claims.json, finished
trainings in --out, so a killed script goes on. `python -m benchmarks.tables.papers` words the result.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tools import kept, paired
from benchmarks.tools.results import LOCAL, RECIPES
from edgespec import artifact, plugins, recipe, storage
from edgespec.artifact import Artifact, Checkpoint, OnnxModel
from edgespec.bench import measure
from edgespec.evaluation import baselines
from edgespec.job import Job, Silent
from edgespec.pipeline import preparation
from edgespec.recipe.plan import plan
from edgespec.targets import card as cards
from edgespec.training import batches

FILE = LOCAL / "paper_claims.json"
RECIPE = RECIPES / "minerals192.yaml"
SAMPLE, SPECTRUM = "by sample", "by spectrum"
POINTS = (
    256  # PACE's own input; half of the recipe's points, so that the networks learn for twice as long in the same time
)
EPOCHS = {
    "teacher": 14,
    "student": 40,
    "drsn": 20,
    "converted": 10,
    "resnet": 14,
    "vit": 30,
    "pace": 10,
    "site teacher": 18,
}


def fit(name: str, lr: float) -> dict[str, Any]:
    return {"epochs": EPOCHS[name], "batch": 32, "lr": lr}


TEACHER = {"efficientnet": {"width": 0.25, "head": "gap"}}
STUDENT = {"cnn": {"widths": [8, 16, 32], "positions": 1}}
DRSN = {"drsn": {"widths": [16, 32, 64], "depths": [4, 4, 4], "positions": 1}}
TRAINED = {"train": {"model": DRSN, "fit": fit("drsn", 3e-3)}}
CONVERT = {"how": "narrow", "share": 0.5, "depths": [1, 1, 1], "views": 4, "fit": fit("converted", 3e-3)}
LDA = {"shrinkage": "auto", "max_drop": 1.0}
DISTILL = {"student": STUDENT, "temperature": 2, "views": 4, "fit": fit("student", 3e-3)}
LINES: dict[str, list[dict[str, Any]]] = {
    "teaching": [{"train": {"model": TEACHER, "fit": fit("teacher", 3e-3)}}, {"distill": {**DISTILL, "alpha": 0.5}}],
    "converted": [TRAINED, {"convert_channels": CONVERT}],
    "lda": [TRAINED, {"fuse_lda": LDA}],
    "early lda": [TRAINED, {"fuse_lda": {**LDA, "after": 1, "positions": 16}}],
    "pace": [{"train": {"model": {"pace": {"dim": 256}}, "fit": fit("pace", 3e-3)}}],
    "resnet": [{"train": {"model": {"resnet": {"positions": 1}}, "fit": fit("resnet", 1e-3)}}],
    "vit": [{"train": {"model": {"vit": {}}, "fit": fit("vit", 3e-3)}}],
    "site": [
        {"train": {"on": "library", "model": TEACHER, "fit": fit("site teacher", 3e-3)}},
        {"distill": {**DISTILL, "on": "site", "alpha": 1, "labels": "1 per class"}},
    ],
    "linear": [{"train": {"model": STUDENT}}],  # nothing is trained: the linear models need the data and their parts
    "site linear": [{"train": {"on": "library", "model": STUDENT}}],
}
STEPS = {"convert_channels": "converted", "fuse_lda": "features + LDA", "distill": "student"}
FIRST = {"teaching": "teacher", "site": "teacher", "converted": "drsn", "lda": "drsn", "early lda": "drsn"}
Place = tuple[str, int, str]  # protocol, seed, line
TAUGHT, SHRINKING = ("linear", "teaching", "site linear", "site"), ("converted", "lda", "early lda")
OTHERS = ("pace", "resnet", "vit")
PLAN: list[Place] = [
    *((SAMPLE, 0, name) for name in TAUGHT),
    *((SPECTRUM, 0, name) for name in ("linear", "teaching", "site linear")),
    *((SAMPLE, 1, name) for name in TAUGHT),
    *((SAMPLE, 0, name) for name in OTHERS),
    *((SAMPLE, 2, name) for name in TAUGHT),
    *((SAMPLE, 0, name) for name in SHRINKING),
    (SPECTRUM, 0, "site"),
    *((SPECTRUM, seed, name) for seed in (1, 2) for name in TAUGHT),
    *((SAMPLE, seed, name) for seed in (1, 2) for name in (*SHRINKING, *OTHERS)),
    *((SPECTRUM, seed, name) for seed in (0, 1, 2) for name in (*SHRINKING, *OTHERS)),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="lines whose names begin so")
    parser.add_argument("--minutes", type=float, default=600, help="begin no line after so many (default: 600)")
    parser.add_argument("--out", type=Path, default=Path("runs") / "paper_claims")
    asked = parser.parse_args()
    if "EDGESPEC_DATA" not in os.environ:
        sys.exit("set EDGESPEC_DATA to the folder of the real spectra")
    torch.set_num_threads(1)
    end = time.monotonic() + 60 * asked.minutes
    for protocol, seed, name in PLAN:
        key = f"{name}, {protocol}, {seed}"
        if key in known()["lines"] or (asked.only and not key.startswith(tuple(asked.only))):
            continue
        if time.monotonic() > end:
            break
        started = time.monotonic()
        job, right = once(name, protocol, seed, asked.out)
        found, learnt = known(), len(job.splits.rows("library" if name.startswith("site") else None))
        packed = {model: paired.packed(each) for model, each in right.items()}
        made = {"learnt": learnt, "seconds": round(time.monotonic() - started), "right": packed}
        found["lines"][key] = made
        found["samples"][division(name, protocol, seed)] = ",".join(map(str, job.spectra.group[job.splits.test]))  # type: ignore[index]
        storage.write_json(FILE, found)
        accuracies = {model: round(float(each.mean()), 3) for model, each in right.items()}
        print(f"{key}: {made['seconds']} s, {accuracies}", file=sys.stderr, flush=True)
    if "latency" not in known() and all(
        f"{name}, {SAMPLE}, 0" in known()["lines"] for name in ("teaching", *SHRINKING)
    ):
        storage.write_json(FILE, {**known(), "latency": latency(asked.out), "epochs": EPOCHS, "points": POINTS})


def known() -> dict[str, Any]:
    """Give what is finished: by line, protocol and seed, which test spectra each model names rightly; the sample of each of a division's spectra."""
    empty: dict[str, Any] = {"samples": {}, "lines": {}}
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else empty


def division(name: str, protocol: str, seed: int) -> str:
    """Name the division into parts that a line works on."""
    return f"{'site' if name.startswith('site') else 'all'}, {protocol}, {seed}"


def changes(name: str, protocol: str, seed: int) -> list[str]:
    """Give what is changed in recipes/minerals192.yaml for a line."""
    spectrum = protocol == SPECTRUM
    split = (
        "{by: spectrum, test: 0.2, valid: 0.1}" if spectrum else "{by: group, test: 0.25, valid: 0.1, valid_from: 4}"
    )
    told = [f"seed={seed}", "data.unknown=null", f"data.axis.points={POINTS}", f"steps={json.dumps(LINES[name])}"]
    if name.startswith("site"):
        parts = "{library: 0.5, site: 0.5}" if spectrum else "given"
        test = "test: 0.2, " if spectrum else ""
        split = f"{{by: {'spectrum' if spectrum else 'group'}, parts: {parts}, {test}valid: 0.1}}"
        told.append(f"data.load={{rruff: {{task: minerals192_site.csv, split: {seed}}}}}")
    return [*told, f"data.split={split}"]


def once(name: str, protocol: str, seed: int, out: Path) -> tuple[Job, dict[str, Any]]:
    """Run one line with one seed: its job, and which test spectra each of its models names rightly."""
    asked = recipe.load(RECIPE, changes(name, protocol, seed))
    asked.tree["gates"] = {}
    checked = plan(asked)
    place = folder(out, name, protocol, seed)
    place.mkdir(parents=True, exist_ok=True)
    job = preparation.prepare(checked, place, Silent())
    if job.spectra.source != "measured" or job.spectra.group is None:
        sys.exit("the embedded spectra stood in: set EDGESPEC_DATA to the folder of the real ones")
    if name.endswith("linear"):
        return job, linear(job, "library" if name.startswith("site") else None)
    return job, networks(name, job, checked.steps, place)


def folder(out: Path, name: str, protocol: str, seed: int) -> Path:
    """Name where the trainings of a division are kept."""
    return out / division(name, protocol, seed).replace(",", "").replace(" ", "-")


def networks(name: str, job: Job, steps: Any, place: Path) -> dict[str, Any]:
    """Train what is not there yet and judge each model."""
    before: list[Artifact] = []
    found: dict[str, Any] = {}
    for number, step in enumerate(steps):
        title = (
            FIRST.get(name, name) if number == 0 else STEPS[step.name] if name != "early lda" else "early exit + LDA"
        )
        run = plugins.find("steps", step.name).run
        made = kept.made(
            place / title.replace(" ", "_"),
            step.name,
            step.keys,
            before,
            lambda part, run=run, before=tuple(before), keys=step.keys: run(job.inside(part), *before, **keys),
        )
        assert isinstance(made, Checkpoint)
        found[title] = paired.right(job, made)
        found |= {f"{title}, {control}": paired.right(job, each) for control, each in made.controls.items()}
        before = [made]
    return found


def linear(job: Job, on: str | None) -> dict[str, Any]:
    """Fit LDA as a paper would that does not regularise it, shrinkage LDA and the nearest neighbour, on the same prepared spectra."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rows, test = job.splits.rows(on), job.splits.test
    x, y = (batches.prepared(job, each).numpy().astype(np.float64) for each in (rows, test))
    known_y, wanted = job.spectra.y[rows], job.spectra.y[test]
    plain = LinearDiscriminantAnalysis(solver="svd").fit(x, known_y)
    shrunk = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x, known_y)
    return {
        "LDA without shrinkage": plain.predict(y) == wanted,
        "shrinkage LDA": shrunk.predict(y) == wanted,
        "1-NN": baselines.nearest(job, rows)(y.astype(np.float32)).argmax(1) == wanted,
    }


def latency(out: Path) -> dict[str, Any]:
    """Measure the first division's files, one spectrum at a time on one thread: student to teacher, and what is made of the DRSN to the DRSN."""
    found = {}
    for reference, others in (("teacher", ["student"]), ("drsn", ["converted", "features + LDA", "early exit + LDA"])):
        name = "teaching" if reference == "teacher" else "converted"
        checked = plan(recipe.load(RECIPE, changes(name, SAMPLE, 0)))
        place = folder(out, name, SAMPLE, 0)
        job = preparation.prepare(checked, place, Silent())
        files = {}
        for title in (reference, *others):
            trained = artifact.read(place / title.replace(" ", "_"))[0]
            run = plugins.find("steps", "to_onnx").run
            made = kept.made(
                place / f"{title.replace(' ', '_')}-onnx",
                "to_onnx",
                {},
                [trained],
                lambda part, run=run, job=job, trained=trained: run(job.inside(part), trained),
            )
            assert isinstance(made, OnnxModel)
            files[title] = made.path("float32")
        x, y = job.spectra.x[job.splits.test], job.spectra.y[job.splits.test]
        told = measure.measure(
            files, x, y, cards.load("local"), place / "bench", reference=reference, float_of={}, seconds=3.0
        )
        found |= {
            each.variant: {
                "us": each.p50_ms * 1e3,
                "n": each.n,
                "ratio": each.ratio,
                "ratio_interval": each.ratio_interval,
                "bytes": each.size_bytes,
            }
            for each in told
        }
        found["cpu"] = told[0].host.get("cpu")
    return found


if __name__ == "__main__":
    main()
