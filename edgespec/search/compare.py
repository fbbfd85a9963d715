"""Several recipes, or one recipe with several models, on the same spectra, split and seeds: one table, one frontier.

Each cell is the mean over the seeds. The interval is the mean's 95 % interval over the seeds (Student's t), with one seed that of the test
part (Wilson's, by physical samples). A difference is taken within each seed, to the first line; its interval is over the seeds, with one seed that of
the paired test spectra by physical sample (`difference`, as the report of the run has it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgespec import recipe as recipes
from edgespec import report as reports
from edgespec import units, yaml12
from edgespec.errors import Mistake
from edgespec.evaluation import difference as differences
from edgespec.evaluation.difference import Mean
from edgespec.job import Progress
from edgespec.pipeline import comparison
from edgespec.recipe import plain
from edgespec.recipe.plan import Plan, plan
from edgespec.report import Report, Row
from edgespec.report.html_model import shipped
from edgespec.report.tables.layout import Grid, Shape
from edgespec.search import cluster, repeat
from edgespec.search.cluster import Training

MODELS = {"train": "model", "distill": "student"}  # steps that name a network, and the key that does
HEAD = [
    "name",
    "model",
    "file",
    "seeds",
    "accuracy",
    "95 % interval",
    "to the first",
    "perturbed",
    "ECE",
    "size",
    "latency",
    "energy",
]
SHAPE = Shape(("name", "accuracy", "95 % interval", "size", "latency", "to the first", "perturbed", "file", "model"), 5)
COLUMNS = ("name", "model", "variant", "seeds", "accuracy", "low", "high", "difference", "difference_low", "difference_high",
           "perturbed", "ece", "bytes", "latency_ms", "energy_mj")  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One line of the comparison: a recipe and what is changed in it. name: of its runs' folders, and in the table"""

    name: str
    recipe: Path
    change: tuple[str, ...] = ()


def entries(given: Sequence[Path], models: Sequence[str], change: Sequence[str]) -> list[Entry]:
    """Give what is compared: each recipe, or each recipe with each model in place of its own.

    models: names, or `{name: keys}`; change: to all, as `--set` takes them
    Raises Mistake where names are not unique, or a recipe trains no model.
    """
    found = []
    for path in given:
        written = recipes.load(path, list(change))
        if not models:
            found.append(Entry(written.name, path, tuple(change)))
            continue
        place = _place(plan(written))
        found += [
            Entry(
                "-".join([*([written.name] if len(given) > 1 else []), _short(each)]),
                path,
                (*change, f"{place}={each}"),
            )
            for each in models
        ]
    names = [each.name for each in found]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise Mistake(f"two lines are named {twice[0]!r}", hint="recipes of different names, and each model once")
    if len(found) < 2:
        raise Mistake(
            "one line is nothing to compare", hint="several recipes, or --model twice: --model pace --model drsn"
        )
    return found


def same_ground(found: Sequence[Entry]) -> None:
    """Raise Mistakes of the recipes, and Mistake where two of them do not stand on the same spectra and split."""
    first: tuple[str, Any] | None = None
    for each in found:
        checked = plan(recipes.load(each.recipe, list(each.change)))
        ground = {"data.load": plain(checked.data.load), "data.split": plain(checked.data.split)}
        if first is None:
            first = each.name, ground
        other = next((key for key in ground if ground[key] != first[1][key]), None)
        if other is not None:
            told = f"{each.name} and {first[0]} have another {other}: their accuracies would not compare"
            raise Mistake(told, hint=f"{other} the same in all recipes, or --set it")


def run(
    found: Sequence[Entry], seeds: int, target: str, out: Path, progress: Progress, scheduler: str = ""
) -> dict[str, list[Report]]:
    """Compress, and where a target is named bench, every line with every seed; give the reports. What is finished in `out` is kept.

    scheduler: of the Dask cluster whose workers compress; measured is from here, when all have
    Raises EdgespecError with the exit code of a run that failed.
    """
    if scheduler:
        wanted = [
            Training(each.recipe, (f"seed={seed}", *each.change), out / each.name / str(seed))
            for each in found
            for seed in range(seeds)
        ]
        cluster.compress(wanted, scheduler, out, progress)
    total, done = len(found) * seeds, 0
    progress.begin("runs", total)
    made: dict[str, list[Report]] = {}
    for each in found:
        for seed in range(seeds):
            folder = out / each.name / str(seed)
            words = [f"--set={change}" for change in (f"seed={seed}", *each.change)]
            repeat.command("compress", str(each.recipe), *words, "--out", str(folder))
            if target and target not in reports.read(folder).bench:
                repeat.command("bench", str(folder), "--target", target)
            made.setdefault(each.name, []).append(reports.read(folder))
            done += 1
            progress.advance(done, f"{each.name}, seed {seed}")
    progress.end()
    tests = {tuple(one.data["test"] for one in each) for each in made.values()}
    if len(tests) > 1:
        raise Mistake("the lines were judged on different test parts", hint="the same data and split in all recipes")
    return made


def summary(made: dict[str, list[Report]], target: str) -> dict[str, Any]:
    """Give one record a line, in the order given, and on what all stand."""
    first: list[Report] = []
    lines = []
    for name, runs in made.items():
        rows = [shipped(each) for each in runs]
        if any(row is None for row in rows):
            raise Mistake(f"{name}: made no file that could be compared", hint="a recipe with to_onnx")
        first = first or runs
        lines.append(_line(name, runs, first, target))
    one = next(iter(made.values()))[0]
    about = {"data": one.data["name"], "source": one.data["source"], "test": one.data["test"], "target": target}
    return {**about, "seeds": len(next(iter(made.values()))), "lines": lines}


def table(found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Give head and cells of the table."""
    return HEAD, [_cells(each) for each in found["lines"]]


def parts(found: dict[str, Any]) -> list[str | Grid]:
    """Word what all lines stand on, and give the table."""
    where = f", latency on {found['target']}" if found["target"] else ""
    runs = "1 seed" if found["seeds"] == 1 else f"{found['seeds']} seeds"
    title = f"data: {found['source']} ({found['data']}), {found['test']} test spectra, {runs}{where}"
    return [title, "", Grid(*table(found), SHAPE)]


def _line(name: str, runs: list[Report], first: list[Report], target: str) -> dict[str, Any]:
    rows, others = ([row for each in reports if (row := shipped(each)) is not None] for reports in (runs, first))
    mine = [row.accuracy for row in rows]
    own, scores = differences.mean(mine), rows[0].scores
    low, high = (scores["low"], scores["high"]) if own.low is None else (own.low, own.high)
    apart = _apart(runs, rows, first, others)
    measured = [_measured(each, row.variant, target) for each, row in zip(runs, rows, strict=True)]
    return {
        "name": name,
        "model": rows[0].model,
        "variant": rows[0].variant,
        "seeds": len(runs),
        "accuracy": own.mean,
        "low": low,
        "high": high,
        "difference": apart.mean,
        "difference_low": apart.low,
        "difference_high": apart.high,
        "perturbed": _mean([row.robustness.get("mean") for row in rows]),
        "ece": _mean([row.scores["ece"] for row in rows]),
        "bytes": rows[0].bytes,
        "latency_ms": _mean([each.get("p50_ms") for each in measured]),
        "energy_mj": _mean([each.get("energy_mj") for each in measured]),
    }


def _apart(runs: list[Report], rows: list[Row], first: list[Report], others: list[Row]) -> Mean:
    """Give the difference to the first line: over the seeds, of one seed on its paired test spectra."""
    if len(runs) == 1:
        return comparison.between(runs[0], rows[0], first[0], others[0])
    tested, learnt = [each.data["test"] for each in runs], [sum(each.data["train"].values()) for each in runs]
    return differences.of([a.accuracy - b.accuracy for a, b in zip(rows, others, strict=True)], tested, learnt)


def _cells(line: dict[str, Any]) -> list[str]:
    def number(key: str, form: str = ".3f") -> str:
        return "-" if line[key] is None else format(line[key], form)

    apart = Mean(line["difference"], line["difference_low"], line["difference_high"]).worded()
    latency = "-" if line["latency_ms"] is None else units.show_time(line["latency_ms"] / 1e3)
    energy = "-" if line["energy_mj"] is None else f"{line['energy_mj']:.3g} mJ"
    interval = f"{line['low']:.3f} - {line['high']:.3f}"
    size = units.show_size(line["bytes"] or 0)
    return [line["name"], line["model"], line["variant"], str(line["seeds"]), number("accuracy"), interval, apart, number("perturbed"),
            number("ece"), size, latency, energy]  # fmt: skip


def _measured(report: Report, variant: str, target: str) -> dict[str, Any]:
    found = report.bench.get(target, {}).get("measurements", [])
    return next((each for each in found if each["variant"] == variant), {})


def _mean(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return float(np.mean(known)) if known else None


def _place(checked: Plan) -> str:
    """Give the key of a recipe that names the network which ends in the file: the last that is trained or taught."""
    for i, step in reversed(list(enumerate(checked.steps, start=1))):
        if step.name in MODELS:
            return f"steps.{i}.{MODELS[step.name]}"
    raise Mistake(
        f"{checked.recipe.path}: no step trains a model", hint="--model goes with recipes that have train or distill"
    )


def _short(model: str) -> str:
    """Name a model for a folder: cnn, or cnn-widths-4-8 for {cnn: {widths: [4, 8]}}."""
    told = yaml12.read(model, "--model", {})
    name = told if isinstance(told, str) else next(iter(told), "") if isinstance(told, dict) else ""
    if not name:
        raise Mistake(f"--model {model}: no name of a model", hint="--model pace, or --model '{pace: {dim: 64}}'")
    rest = "" if isinstance(told, str) else str(told[name])
    return "".join(mark if mark.isalnum() else "-" for mark in f"{name} {rest}").strip("-").replace("--", "-")
