"""Run a recipe from data to report: each step kept where nothing that made it has changed, made anew where something has."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from edgespec import artifact as artifacts
from edgespec import report, storage
from edgespec.artifact import Artifact
from edgespec.crew.processes import Crew, Pending
from edgespec.errors import Mismatch, Mistake
from edgespec.evaluation import mistakes, occlusion, scoring
from edgespec.job import Job, Progress, Watch, few
from edgespec.pipeline import baseline_rows, comparison, provenance, report_rows, step_cache
from edgespec.pipeline.preparation import prepare
from edgespec.pipeline.run import Run
from edgespec.pipeline.step_cache import Made, Store
from edgespec.pipeline.up_to_date import data_digest, fingerprint
from edgespec.recipe import Call, Recipe, place, plain
from edgespec.recipe.plan import Plan, plan, until
from edgespec.report import Report, Row, choice, right_answers
from edgespec.report.choice import HERE
from edgespec.targets import card as cards

Seen = Callable[[Report], None]
Hearing = Callable[[int], Watch | None]
Named = tuple[str, list[Row]]


def compress(
    recipe: Recipe,
    folder: Path,
    *,
    stop: str | None,
    progress: Progress,
    seen: Seen = lambda _: None,
    store: Store | None = None,
    processes: int | None = None,
) -> Run:
    """Run the recipe's steps and give the run; what is already made and still true is kept.

    folder: the run folder; stop: `--until`; seen: hears the report after every step
    store: finished steps, and baselines, of other runs of the same data
    processes: that work side by side at most; as many as `crew.processes.allowed` says if not said
    Raises Mistakes of the recipe before anything is written, EdgespecErrors of the data and the steps as they come.
    """
    checked = plan(recipe)
    last = until(checked, stop)
    run = Run(folder, progress)
    with run.locked():
        before = _before(folder)
        _same_recipe(recipe, before, folder)
        run.plan, run.job = checked, prepare(checked, folder, progress)
        result = _begun(checked, run.job, folder)
        with Crew(progress, processes) as crew:
            job = replace(run.job, crew=crew)
            _run(checked.steps[:last], job, result, folder, seen, store)
        result.examples = occlusion.of_run(run.job, result, folder)
        result.mistakes = mistakes.of_run(run.job, result, folder)
        if before and _digests(before) == _digests(result):
            result.bench, result.advice = before.bench, before.advice  # measured on these very files
            result.transfer, result.bundles = before.transfer, before.bundles
        here = [HERE, *(name for name in checked.targets if name != HERE)]
        result.ships = choice.all_of(result, checked.gates, [cards.load(name) for name in here])
        result.comparison = comparison.of(result)
        result.notes += [*report_rows.remarks(result), *baseline_rows.remarks(result)]
        result.finished = fingerprint(recipe, run.job.spectra, stop)
        run.report = result
        run.write()
    return run


def make(checked: Plan, folder: Path, job: Job, store: Store, hearing: Hearing = lambda _: None) -> Artifact:
    """Run all steps without judging any: the report has no rows, and the test part is not looked at.

    job: as `prepare` gave it; store: finished steps of other runs of the same data; hearing: the watch over each step's training
    `compress` on the same folder keeps every step and judges it.
    """
    result = _begun(checked, job, folder)
    for made in unjudged(checked, folder, job, store, hearing):
        _note(result, made, folder)
    how = f"edgespec compress {shlex.quote(str(folder / 'recipe.yaml'))} --out {shlex.quote(str(folder))}"
    result.notes.append(f"not judged on the test part: {how} does that and keeps every step")
    report.write(result, folder)
    return made.artifact


def unjudged(checked: Plan, folder: Path, job: Job, store: Store, hearing: Hearing = lambda _: None) -> Iterator[Made]:
    """Run all steps one after the other, and leave nothing else in the folder."""
    before, parent = None, step_cache.shared(job)
    for number, step in enumerate(checked.steps, start=1):
        own = replace(job, folder=folder, watch=hearing(number))
        made = step_cache.step(own, step, number, before, parent, folder, store)
        before, parent = made.artifact, made.digest
        yield made


def _run(steps: tuple[Call, ...], job: Job, result: Report, folder: Path, seen: Seen, store: Store | None) -> None:
    base, crew = step_cache.shared(job), job.together()
    learnt: list[Pending | Named] = []
    for on, labels in _learnt_from(steps):
        name, key = _named(on, labels, base)
        rows = _kept_rows(folder / name, key)
        learnt.append(crew.begin(_baselines, job, on, labels, base, folder, store) if rows is None else (name, rows))
    if not crew.others:
        _stand(crew, learnt, result, folder)
    parent, before = base, None
    for number, step in enumerate(steps, start=1):
        made = step_cache.step(job, step, number, before, parent, folder, store)
        _stand(crew, learnt, result, folder)
        if made.rows is None:
            made = made.judged(_judge(job, made, step, before, result, folder))
        before, parent = made.artifact, made.digest
        result.rows += made.rows or []
        result.notes += [each for each in made.artifact.facts.get("notes", ()) if each not in result.notes]
        _note(result, made, folder)
        report.write(result, folder)
        seen(result)


def _stand(crew: Crew, learnt: list[Pending | Named], result: Report, folder: Path) -> None:
    """Put the baselines into the report, those that another process has fitted beside the first step too."""
    made = iter(crew.results(*(each for each in learnt if isinstance(each, Pending))))
    for name, rows in (next(made) if isinstance(each, Pending) else each for each in learnt):
        result.rows += rows
        result.sealed[name] = storage.file_digest(folder / name / artifacts.RECORD)
    learnt.clear()


def _judge(job: Job, made: Made, step: Call, before: Artifact | None, result: Report, folder: Path) -> list[Row]:
    number, name = made.record["number"], f"{made.record['number']}-{step.name}"
    own = job.inside(folder / name)
    found = report_rows.after(own, made.artifact, number, step, made.record["seconds"], before, result)
    for row in found:
        row.file = f"{name}/{row.file}" if row.file else ""
    return found


def _note(result: Report, made: Made, folder: Path) -> None:
    told = {key: made.record[key] for key in ("number", "step", "seconds", "digest")}
    name = told.pop("step")
    place = f"{told['number']}-{name}"
    result.steps.append({"number": told["number"], "name": name, "folder": place, "kept": made.kept, **told})
    result.sealed[place] = storage.file_digest(folder / place / artifacts.RECORD)


def _digests(result: Report) -> list[str]:
    return [step["digest"] for step in result.steps]


def _before(folder: Path) -> Report | None:
    """Give the report of an earlier run in this folder, if it can be read."""
    try:
        return report.read(folder)
    except (Mistake, Mismatch):
        return None


def _same_recipe(recipe: Recipe, before: Report | None, folder: Path) -> None:
    """Raise Mistake where the folder holds the run of another recipe that is still there."""
    if before is None or before.recipe_file in ("", place.of(recipe.path)):
        return
    if (place.top(recipe.path) / before.recipe_file).is_file():
        raise Mistake(
            f"{folder} is the run of {before.recipe_file}, not of {recipe.path}", hint="--out names another folder"
        )


def _begun(checked: Plan, job: Job, folder: Path) -> Report:
    """Write down what is run and where, and give the report to be filled."""
    tree = plain(checked.recipe.tree)
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    storage.write(folder / "recipe.yaml", text)
    result = _start(checked, job)
    result.recipe_file, result.recipe_digest = place.of(checked.recipe.path), storage.digest(text)
    storage.write_json(folder / "environment.json", result.environment)
    return result


def _start(checked: Plan, job: Job) -> Report:
    spectra, splits = job.spectra, job.splits
    data: dict[str, Any] = {
        "name": spectra.name or checked.data.load.name,
        "source": spectra.source,
        "digest": data_digest(spectra),
        "classes": len(spectra.labels),
        "labels": list(spectra.labels),
        "axis": plain(checked.data.axis),
        "samples": len(set(spectra.group.tolist())) if spectra.group is not None else None,
        "train": {name: len(each) for name, each in splits.train.items()},
        "valid": {name: len(each) for name, each in splits.valid.items()},
        "test": len(splits.test),
        "test_samples": right_answers.numbered(scoring.groups(job)),
        "notes": [*spectra.notes, *splits.notes],
    }
    return Report(checked.recipe.name, checked.seed, data, environment=provenance.environment())


def _learnt_from(steps: tuple[Call, ...]) -> list[tuple[str | None, str]]:
    """Give each (part, labels) that a step learns from: the baselines stand on the same."""
    found = [(step.keys["on"], step.keys.get("labels", "all")) for step in steps if step.name in ("train", "distill")]
    found += [(None, "all") for step in steps if step.name == "adopt"]  # what it learnt from is not here; the data are
    return list(dict.fromkeys(found))


def _named(on: str | None, labels: str, base: str) -> tuple[str, str]:
    """Give the folder of the baselines of one part, and the digest of all that makes them."""
    name = "-".join(["0-baselines", on or "all", *([labels.replace(" ", "-")] if few(labels) else [])])
    return name, storage.digest("baselines", on, labels, base, provenance.whole_digest(), provenance.versions())


def _kept_rows(folder: Path, key: str) -> list[Row] | None:
    kept = step_cache.kept(folder, key)
    return None if kept is None else kept.rows


def _baselines(job: Job, on: str | None, labels: str, base: str, folder: Path, store: Store | None) -> Named:
    """Give the folder of the baselines of one part, and their rows; made where they are not there yet."""
    name, key = _named(on, labels, base)
    if store is not None and step_cache.kept(folder / name, key) is None:
        store.take(key, folder / name)
    kept = _kept_rows(folder / name, key)
    if kept is not None:
        return name, kept
    with storage.whole_folder(folder / name) as part:
        made, found = baseline_rows.made(job.inside(part), on, labels)
        for row in found:
            row.file = f"{name}/{row.file}" if row.file else ""
        record = {"step": "baselines", "digest": key, "data": job.spectra.source, "rows": [vars(row) for row in found]}
        artifacts.seal(made, record)
        report.release(folder, name)
    if store is not None:
        store.give(key, folder / name)
    return name, found
