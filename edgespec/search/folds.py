"""Cross-validate a recipe inside its training data: each fold is the test part of the recipe's own line of steps.

A test part that the data set gives is taken away first, so whatever is chosen here was chosen without it. Folds keep physical
samples whole.

Differences are taken fold by fold. Their 95 % interval is Student's t over the folds, widened for training sets that overlap
(Nadeau, Bengio 2003, Mach. Learn. 52, 239: the variance of the mean is (1 / folds + test / training) times the folds' own).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from edgespec import plugins, storage
from edgespec import recipe as recipes
from edgespec.artifact import Artifact, Checkpoint, OnnxModel
from edgespec.data import splits
from edgespec.data.splits import Splits
from edgespec.errors import Mistake
from edgespec.evaluation import baselines, scoring
from edgespec.job import Job, Progress, Silent, few
from edgespec.pipeline import preparation, provenance
from edgespec.pipeline.up_to_date import data_digest
from edgespec.recipe import Call, Split
from edgespec.recipe.plan import plan, until
from edgespec.spectra import Ints
from edgespec.training import batches

FORMAT = 1
Right = dict[str, int]  # title of a model -> how many of a fold's spectra it names rightly


@dataclass(frozen=True)
class Asked:
    """How a recipe is cross-validated.

    folds: into how many the data are divided; repeats: how many divisions; seeds: trainings of each fold
    until: number or name of the last step that runs
    valid: share of what is learnt from that is kept for validation, 0 for none; as the recipe says if not said
    baselines: also fit the linear models and the nearest neighbour
    """

    folds: int = 5
    repeats: int = 1
    seeds: int = 1
    until: str | None = None
    valid: float | None = None
    baselines: bool = True


def validate(path: Path, change: Sequence[str], asked: Asked, file: Path, progress: Progress) -> dict[str, Any]:
    """Run the recipe's steps with each fold as the test part; fold f of repeat r learns with a seed of its own.

    change: to the recipe, as `--set` takes them
    file: where the result lies, written after each fold; folds that are there already, of the same recipe, code and data, are kept
    Raises Mistakes of the recipe, and Mistake where there are fewer physical samples than folds.
    """
    _check(asked)
    valid = [f"data.split.valid={asked.valid}"] if asked.valid else []
    checked = plan(recipes.load(path, [*change, *valid]))
    steps, split = checked.steps[: until(checked, asked.until)], checked.data.split
    with tempfile.TemporaryDirectory() as name:
        whole = preparation.prepare(checked, Path(name), Silent())
    if whole.spectra.source == "embedded":
        progress.say(preparation.LOUD)
    job = inside(whole, split)
    made_by = (recipes.plain(checked.recipe.tree), asdict(asked), data_digest(job.spectra))
    key = storage.digest(*made_by, provenance.whole_digest(), provenance.versions())
    kept = {(each["repeat"], each["fold"], each["seed"]): each for each in _kept(file, key)}
    told = _about(path, change, asked, split, steps, whole, job) | {"key": key}
    found: list[dict[str, Any]] = []
    progress.begin(f"folds of {path.stem}", asked.folds * asked.repeats * asked.seeds)
    for repeat, number, again, test in _divisions(job, split, asked):
        seed = checked.seed + (repeat * asked.folds + number) * asked.seeds + again
        each = kept.get((repeat, number, seed))
        if each is None:
            parts = splits.around(job.spectra, split, test, seed)
            mine = replace(job, splits=unheld(parts) if asked.valid == 0 else parts, seed=seed)
            right = once(mine, steps, asked.baselines)
            learnt = len(mine.splits.rows(None))
            each = {"repeat": repeat, "fold": number, "seed": seed, "n": len(test), "learnt": learnt, "right": right}
        found.append(each)
        storage.write_json(file, {**told, "folds": found})
        last = list(each["right"])[-1]
        progress.advance(len(found), f"{last} {each['right'][last]} of {each['n']}")
    progress.end()
    return {**told, "folds": found}


def read(path: Path) -> dict[str, Any]:
    """Read a result. Raises Mistake where there is none, or the file is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT or not found["folds"]:
            raise ValueError(f"its format is {found['format']}, with {len(found['folds'])} folds")
        table(found)
    except FileNotFoundError:
        raise Mistake(f"there is no {path}", hint="edgespec folds RECIPE --out FILE writes one") from None
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as problem:
        raise Mistake(f"{path} is no result of edgespec folds: {problem!r}") from None
    return dict(found)


def _check(asked: Asked) -> None:
    for name, least in (("folds", 2), ("repeats", 1), ("seeds", 1)):
        if getattr(asked, name) < least:
            raise Mistake(f"--{name} {getattr(asked, name)}: at least {least} is wanted")
    if asked.valid is not None and not 0 <= asked.valid < 1:
        raise Mistake(f"--valid {asked.valid}: is no share", hint="--valid 0.15, or 0 for none")


def _kept(file: Path, key: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return list(found["folds"]) if found["key"] == key else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _divisions(job: Job, split: Split, asked: Asked) -> Iterator[tuple[int, int, int, Ints]]:
    """Give repeat, fold, training of it, and the rows that are its test part."""
    for repeat in range(asked.repeats):
        for number, test in enumerate(splits.folds(job.spectra, split, asked.folds, repeat)):
            for again in range(asked.seeds):
                yield repeat, number, again, test


def _about(
    path: Path, change: Sequence[str], asked: Asked, split: Split, steps: tuple[Call, ...], whole: Job, job: Job
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "recipe": path.stem,
        "change": list(change),
        "until": steps[-1].name,
        "valid": split.valid if asked.valid is None else asked.valid,
        "source": job.spectra.source,
        "spectra": len(job.spectra),
        "left_out": len(whole.spectra) - len(job.spectra),
        "samples": None if job.spectra.group is None else len(set(job.spectra.group.tolist())),
        "notes": [note for note in job.splits.notes if "one sample only" not in note],
    }


def inside(job: Job, split: Split) -> Job:
    """Give the job without the test part that its data set names; all of its spectra where it names none."""
    if split.parts != "given":
        return job
    return replace(job, spectra=job.spectra[np.setdiff1d(np.arange(len(job.spectra)), job.splits.test)])


def unheld(parts: Splits) -> Splits:
    """Learn from the validation spectra too."""
    train = {name: np.union1d(parts.train[name], parts.valid[name]) for name in parts.train}
    return replace(parts, train=train, valid={name: rows[:0] for name, rows in parts.valid.items()})


def once(job: Job, steps: tuple[Call, ...], simple: bool) -> Right:
    """Run the steps one after the other and count what every model that they make names rightly, the baselines first."""
    with tempfile.TemporaryDirectory() as name:
        found = linear(job, steps) if simple else {}
        made: Artifact | None = None
        for number, step in enumerate(steps, start=1):
            own = job.inside(_fresh(Path(name), f"{number}-{step.name}"))
            before = made
            made = plugins.find("steps", step.name).run(own, *([] if before is None else [before]), **step.keys)
            found |= {f"{number} {title}": right(own, model) for title, model in models(made, before, step.name)}
    return found


def _fresh(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


def models(made: Artifact, before: Artifact | None, step: str) -> list[tuple[str, Checkpoint | Path]]:
    """List what a step made that answers: a checkpoint, its controls before it, or every candidate file that is new."""
    if isinstance(made, Checkpoint):
        return [*made.controls.items(), (step, made)]
    known = before.variants if isinstance(before, OnnxModel) else {}
    new = [name for name, each in made.variants.items() if each.role == "candidate" and name not in known]
    return [(f"{step} {name}", made.path(name)) for name in new]


def right(job: Job, model: Checkpoint | Path) -> int:
    """Count the test spectra that a model names rightly."""
    test = job.splits.test
    return int((scoring.answers(job, model, test).argmax(1) == job.spectra.y[test]).sum())


def linear(job: Job, steps: tuple[Call, ...]) -> Right:
    """Count what each baseline names rightly, fitted on what each step learns from, as a run of the recipe does."""
    learnt = [
        (step.keys["on"], step.keys.get("labels", "all")) for step in steps if "on" in step.keys and "fit" in step.keys
    ]
    test, found = job.splits.test, {}
    for on, labels in dict.fromkeys(learnt):
        known = batches.labelled(job, job.splits.rows(on), few(labels))
        asked = batches.prepared(job, test).numpy()
        answers = {"1-NN cosine": baselines.nearest(job, known)(asked), **baselines.linear(job, known, test)}
        if machine := baselines.svm(job, known):
            answers["svm"] = machine[1](asked)
        for name, answer in answers.items():
            title = " ".join(filter(None, ["baseline", name, on, f"({labels})" if labels != "all" else ""]))
            found[title] = int((answer.argmax(1) == job.spectra.y[test]).sum())
    return found


def shares(found: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Give each model's accuracy by fold."""
    return {
        title: np.array([each["right"][title] / each["n"] for each in found["folds"]])
        for title in found["folds"][0]["right"]
    }


def difference(mine: NDArray[np.float64], other: NDArray[np.float64], found: dict[str, Any]) -> dict[str, float]:
    """Give the mean paired difference over the folds, and half of its 95 % interval."""
    gap = mine - other
    if len(gap) < 2:
        return {"mean": float(gap.mean()), "half": float("nan")}
    overlap = float(np.mean([each["n"] / each["learnt"] for each in found["folds"]]))
    error = float(np.sqrt((1 / len(gap) + overlap) * gap.var(ddof=1)))
    return {"mean": float(gap.mean()), "half": float(stats.t.ppf(0.975, len(gap) - 1)) * error}


def table(found: dict[str, Any], other: dict[str, Any] | None = None) -> str:
    """Word the result as Markdown; `other` is a result of the same folds, whose last model this one's is compared with."""
    each = shares(found)
    counts = {title: sum(fold["right"][title] for fold in found["folds"]) for title in each}
    n = sum(fold["n"] for fold in found["folds"])
    by = "physical sample" if found["samples"] else "spectrum (no physical samples are known, which may flatter)"
    lines = [
        f"{found['recipe']} {' '.join(found['change'])}: {found['spectra']} spectra ({found['source']}), "
        f"{found['left_out']} of a given test part left out; {len(found['folds'])} folds by {by}; "
        f"about {np.mean([fold['learnt'] for fold in found['folds']]):.0f} learnt from, {found['valid']:g} kept for validation",
        *found["notes"],
        "",
        "| model | mean | sd over folds | right |",
        "| --- | --- | --- | --- |",
    ]
    for title, values in each.items():
        spread = values.std(ddof=1) if len(values) > 1 else float("nan")
        lines.append(
            f"| {title} | {values.mean():.4f} | {spread:.4f} | {counts[title]} of {n} ({counts[title] / n:.4f}) |"
        )
    last = list(each)[-1]
    linear = [title for title in each if title.startswith("baseline")]
    lines.append("")
    if linear:
        best = max(linear, key=lambda title: each[title].mean())
        lines.append(_worded(f"'{last}' against '{best}'", difference(each[last], each[best], found)))
    if other:
        same = [{key: fold[key] for key in ("repeat", "fold", "n")} for fold in found["folds"]]
        if same != [{key: fold[key] for key in ("repeat", "fold", "n")} for fold in other["folds"]]:
            raise Mistake("the other result is of other folds", hint="the same --folds, --repeats and --seeds")
        theirs = shares(other)
        name = list(theirs)[-1]
        title = f"'{last}' against '{name}' of {other['recipe']} {' '.join(other['change'])}"
        lines.append(_worded(title, difference(each[last], theirs[name], found)))
    return "\n".join(lines)


def _worded(what: str, gap: dict[str, float]) -> str:
    low, high = gap["mean"] - gap["half"], gap["mean"] + gap["half"]
    return f"{what}: {gap['mean']:+.4f} [{low:+.4f}, {high:+.4f}]"
