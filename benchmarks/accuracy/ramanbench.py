"""Our models on three tasks of RamanBench v1, under its published folds and by person, beside its published results.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.ramanbench [TASK ...] [--protocol published|person] [--tune 2m] [--recipe RECIPE.yaml ...]
    python -m benchmarks.accuracy.ramanbench --raman-data ID [...]            any other task, for who can fetch it

| protocol | test parts |
| --- | --- |
| published | RepeatedStratifiedKFold(n_splits=3, random_state=0), by spectrum, as version 1 published: one person stands on both sides |
| person | three folds, two divisions, no person on both sides |

Each test part is named by models that never saw it: the setting is chosen by `edgespec new --tune` inside the training part of that very fold.

| row | what it is |
| --- | --- |
| tuned | the chosen setting, one network, a float32 file with its calibration |
| five | five networks of that setting, which answer together |
| int8 | the chosen network taught by the five, rounded: one file |
| rounded | the chosen network itself, rounded: one int8 file that nobody taught |
| deepcnn | DeepCNN's architecture (Liu et al. 2017) with SNV and light augmentation, 60 epochs |
| lda, logistic, pls_da, svm, 1-NN | fitted on the same spectra behind SNV |
| NAME | a recipe of --recipe: its front, augmentation and steps on these data |

What is finished is kept in benchmarks/results/local/ramanbench.json. AUROC and log loss are of the answers' probabilities (calibrated where the file
is); training seconds are of one thread, of the linear models for all of them together; inference is one pass over the test part by one file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax, softmax
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss, roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold

from benchmarks.tables import ramanbench as tables
from benchmarks.tools.results import LOCAL
from edgespec import datasets, storage, units
from edgespec import recipe as recipes
from edgespec.artifact import OnnxModel
from edgespec.authoring import survey
from edgespec.data import splits
from edgespec.errors import EdgespecError
from edgespec.evaluation import baselines, scoring
from edgespec.graph import assembly
from edgespec.job import Job
from edgespec.recipe import Call, Split
from edgespec.recipe.plan import plan
from edgespec.recipe.schema import Binder
from edgespec.recipe.setting import Setting
from edgespec.search import fold
from edgespec.search.tuning import choose, settings
from edgespec.spectra import Axis, Ints, Spectra
from edgespec.training import batches

FILE = LOCAL / "ramanbench.json"
TASKS = {
    "parkinson": Axis(401, 1600, 900),
    "alzheimer": Axis(401, 1600, 900),
    "marine_pathogens_binary": Axis(600, 1800, 900),
}
LIGHT = settings.AUGMENTS["light"]
SNV = (Call("snv"),)
START = Setting(SNV, LIGHT, settings.SMALL["cnn 8-16-32"], 60)
NETWORKS = {
    **settings.SMALL,
    **{f"mlp {n} wide": Call("mlp", {"components": n, "widths": [256, 128]}) for n in (20, 30, 40)},
    "pace 128": Call("pace", {"dim": 128}),
}
DEEP = Setting(SNV, LIGHT, Call("deepcnn"), 60, lr=1e-3)
MEMBERS = 5


@dataclass(frozen=True)
class Part:
    """One test part: which division and fold, its rows."""

    task: str
    protocol: str
    repeat: int
    fold: int
    test: Ints

    @property
    def name(self) -> str:
        return f"{self.task} {self.protocol} {self.repeat} {self.fold}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="*", help=", ".join(TASKS))
    parser.add_argument("--protocol", choices=["published", "person"], action="append")
    parser.add_argument("--tune", default="2m", metavar="TIME", help="for each test part (2m)")
    parser.add_argument("--recipe", type=Path, action="append", default=[], help="a recipe to judge as well")
    parser.add_argument(
        "--raman-data", action="append", default=[], metavar="ID", help="a set of the package raman-data"
    )
    parser.add_argument("--rows", default="linear,tuned,rounded,taught,deepcnn", help="which rows to make")
    asked = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    named = asked.task or ([] if asked.raman_data else list(TASKS))
    for protocol in asked.protocol or ["published", "person"]:
        for task in (*named, *asked.raman_data):
            spectra = read(task)
            for part in parts(task, spectra, protocol):
                judge(part, spectra, asked.rows.split(","), units.duration(asked.tune), asked.recipe)
    print(f"{tables.table(known())}\n\n{tables.side_by_side(known())}")


def read(task: str) -> Spectra:
    """Read a task: of the three from its arrays, any other through raman-data."""
    if task in TASKS:
        keys = {"file": f"ramanbench/{task}.npz", "x": "x", "y": "y", "wavenumber": "wavenumber", "labels": "labels"}
        keys |= {} if task.startswith("marine") else {"group": "group"}
        call = {"arrays": {**keys, "technique": "Raman"}}
        return datasets.load(Binder(str).call("datasets", call, (), ""), axis=TASKS[task], seed=0)
    call = {"raman_data": {"dataset": task, "refused": "skip"}}
    return survey.survey(Binder(str).call("datasets", call, (), "")).spectra


def parts(task: str, spectra: Spectra, protocol: str) -> Iterator[Part]:
    """Give the test parts of a protocol; nothing where nobody knows the persons."""
    if protocol == "published":
        drawn = RepeatedStratifiedKFold(n_splits=3, n_repeats=1, random_state=0).split(spectra.y, spectra.y)
        yield from (Part(task, protocol, 0, fold, test) for fold, (_, test) in enumerate(drawn))
    elif spectra.group is not None:
        for repeat in range(2):
            found = splits.folds(spectra, Split(), 3, repeat)
            yield from (Part(task, protocol, repeat, fold, test) for fold, test in enumerate(found))


def judge(part: Part, spectra: Spectra, rows: list[str], budget: float, written: list[Path]) -> None:
    """Train and judge what is not kept yet."""
    split = Split(by="spectrum" if part.protocol == "published" else "group", valid=0.1)
    around = replace(splits.around(spectra, split, part.test, 0), test=part.test)
    job = Job(spectra, around, SNV, LIGHT, Path(), 0)
    if "linear" in rows and not done(part, "lda"):
        linear(part, job)
    if {"tuned", "taught", "rounded"} & set(rows) and not done(part, "setting"):
        tuned = choose.tune(
            job, split, settings.Space(START, NETWORKS, len(job.splits.rows(None))), budget, one_instrument=True
        )
        keep(
            part,
            "setting",
            {"chosen": str(tuned.chosen.setting), "told": tuned.told(), "keys": tuned.chosen.setting.plain()},
        )
    if "tuned" in rows and not done(part, "tuned"):
        trained(part, job, "tuned", setting(part))
    if "rounded" in rows and not done(part, "rounded"):
        rounded(part, job, setting(part))
    if "taught" in rows and not done(part, "int8"):
        taught(part, job, setting(part))
    if "deepcnn" in rows and not done(part, "deepcnn"):
        trained(part, job, "deepcnn", DEEP)
    for path in written:
        if not done(part, path.stem):
            data = plan(recipes.load(path)).data
            own = replace(job, preprocess=tuple(data.preprocess), augment=data.augment)
            steps = [each for each in recipes.load(path).tree["steps"] if "bench" not in each]
            line(part, own, path.stem, steps)


def trained(part: Part, job: Job, row: str, taken: Setting) -> None:
    own = replace(job, preprocess=taken.preprocess, augment=taken.augment)
    line(part, own, row, [*taken.steps(), "to_onnx", {"calibrate": {"score": "energy"}}])


def rounded(part: Part, job: Job, taken: Setting) -> None:
    """Round the chosen network as it is."""
    own = replace(job, preprocess=taken.preprocess, augment=taken.augment)
    steps = [*taken.steps(), "to_onnx", {"quantize": {"max_drop": 0.01}}, {"calibrate": {"score": "energy"}}]
    line(part, own, "rounded", steps)


def taught(part: Part, job: Job, taken: Setting) -> None:
    """Train five networks of the chosen setting, and the small file that they teach."""
    own = replace(job, preprocess=taken.preprocess, augment=taken.augment)
    train = taken.steps()[0]["train"]
    fit = {"epochs": 2 * START.epochs, "batch": START.batch, "lr": 3e-3}
    steps = [
        {"train": {**train, "model": [train["model"]] * MEMBERS}},
        {"distill": {"student": taken.model.plain(), "temperature": 2, "alpha": 0.5, "control": False, "fit": fit}},
        *taken.steps()[1:],
        "to_onnx",
        {"quantize": {"max_drop": 0.01}},
        {"calibrate": {"score": "energy"}},
    ]
    line(part, own, "int8", steps, teacher="five")


def line(part: Part, job: Job, row: str, steps: list[Any], teacher: str = "") -> None:
    """Run steps one after the other and keep what the last file answers; of a teacher the first step's network too."""
    bound = [Binder(str).call("steps", each, (), "") for each in steps]
    with tempfile.TemporaryDirectory() as name:
        began = time.monotonic()
        for step, own, made in fold.through(job, bound, Path(name)):
            if teacher and step is bound[0]:
                loaded = scoring.load(own, made)  # type: ignore[arg-type]  # a step that trains leaves a checkpoint
                answered(part, teacher, job, log_softmax(loaded.logits(job.spectra.x[part.test]), axis=1), began, {})
        spent = time.monotonic() - began
        assert isinstance(made, OnnxModel)
        names = [name for name, each in made.variants.items() if each.role == "candidate"]
        path = made.path("cpu-int8" if "cpu-int8" in names else names[0])
        loaded = scoring.load(job, path)
        asked = time.monotonic()
        out = loaded.outputs(job.spectra.x[part.test])
        more = {"bytes": path.stat().st_size, "inference_s": time.monotonic() - asked, "train_s": spent}
        probability = np.log(np.maximum(out[assembly.PROBABILITIES], 1e-9))
        answered(part, row, job, probability, began, more)


def linear(part: Part, job: Job) -> None:
    """Judge the linear models, the SVM and the nearest neighbour behind SNV."""
    rows = np.union1d(job.splits.rows(None), job.splits.rows(None, valid=True))
    seen = batches.prepared(job, part.test).numpy()
    began = time.monotonic()
    answers = dict(baselines.linear(job, rows))
    if machine := baselines.svm(job, rows):
        answers["svm"] = machine[1]
    answers["1-NN"] = baselines.nearest(job, rows)
    for name, answer in answers.items():
        answered(part, name, job, log_softmax(answer(seen), axis=1), began, {})


def answered(part: Part, row: str, job: Job, told: Any, began: float, more: dict[str, Any]) -> None:
    """Keep the scores of log probabilities, (n, classes), and which spectra are named rightly."""
    y, p = job.spectra.y[part.test], softmax(told, axis=1)
    named = p.argmax(1)
    auc = roc_auc_score(y, p[:, 1]) if p.shape[1] == 2 else roc_auc_score(y, p, multi_class="ovr")
    found = {
        "accuracy": float((named == y).mean()),
        "balanced_accuracy": float(balanced_accuracy_score(y, named)),
        "f1_macro": float(f1_score(y, named, average="macro")),
        "roc_auc": float(auc),
        "log_loss": float(log_loss(y, p, labels=list(range(p.shape[1])))),
        "train_s": time.monotonic() - began,
    }
    right = "".join(map(str, (named == y).astype(int)))
    group = None if job.spectra.group is None else ",".join(map(str, job.spectra.group[part.test]))
    keep(
        part, row, {**{key: round(value, 5) for key, value in (found | more).items()}, "right": right, "sample": group}
    )


def setting(part: Part) -> Setting:
    """Give the setting that was chosen for a part."""
    return Setting.read(known()[part.name]["setting"]["keys"])


def known() -> dict[str, dict[str, Any]]:
    """Give what is finished: part -> row -> scores."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def done(part: Part, row: str) -> bool:
    return row in known().get(part.name, {})


def keep(part: Part, row: str, found: dict[str, Any]) -> None:
    kept = known()
    kept.setdefault(part.name, {})[row] = found
    storage.write_json(FILE, kept)
    shown = {key: found[key] for key in ("accuracy", "log_loss", "bytes", "chosen") if key in found}
    print(f"{part.name} {row}: {shown}", file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except EdgespecError as problem:
        sys.exit(f"{problem.message}; {problem.hint}")
