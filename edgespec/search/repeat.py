"""Run a recipe several times, each with its own seed (and split), and tell means, spreads and paired differences.

A difference is taken within each run, so what is common to both sides of it cancels; its interval is over the runs, of one run that of its
paired test spectra, as its report has it (`difference`).
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edgespec import recipe as recipes
from edgespec.errors import EdgespecError, Mistake
from edgespec.evaluation import difference
from edgespec.evaluation.difference import Mean
from edgespec.interrupts import INTERRUPTED
from edgespec.job import Progress
from edgespec.pipeline import comparison
from edgespec.recipe.plan import plan
from edgespec.report import Report, Row, markdown, read
from edgespec.report.tables.layout import Grid, Shape
from edgespec.search import cluster
from edgespec.search.cluster import Training

BUG = 70
KNOWN = ("auroc_displaced", "auroc_unknown", "accepted", "unknown_refused", "mean_risk")
TARGET = "local"
MEANS = "accuracy, mean (each run)"


def repeat(
    recipe: Path,
    runs: int,
    *,
    vary: Sequence[str],
    change: Sequence[str],
    out: Path,
    progress: Progress,
    scheduler: str = "",
) -> dict[str, Any]:
    """Compress and bench a recipe `runs` times, as a user would; give the summary.

    vary: keys that are set to the number of the run, besides the seed; change: to every run, as `--set` takes them
    out: the runs lie in `out/<recipe>-<number>`; what is finished there is kept
    scheduler: of the Dask cluster whose workers compress; measured is from here, when all have
    Raises Mistakes of the recipe before anything runs; EdgespecError with the exit code of a run that failed.
    """
    if runs < 1:
        raise Mistake(f"--runs {runs}: at least 1 is wanted")
    for number in range(runs):
        plan(recipes.load(recipe, _changes(number, vary, change)))
    folders = [out / f"{recipe.stem}-{number}" for number in range(runs)]
    if scheduler:
        wanted = [Training(recipe, tuple(_changes(i, vary, change)), folder) for i, folder in enumerate(folders)]
        cluster.compress(wanted, scheduler, out, progress)
    progress.begin(f"runs of {recipe.stem}", runs)
    reports = []
    for number, folder in enumerate(folders):
        command(
            "compress", str(recipe), *(f"--set={each}" for each in _changes(number, vary, change)), "--out", str(folder)
        )
        if TARGET not in read(folder).bench:
            command("bench", str(folder), "--target", TARGET)
        reports.append(asdict(read(folder)))
        progress.advance(
            number + 1, f"{title(reports[-1]['rows'][-1])} {reports[-1]['rows'][-1]['scores']['accuracy']:.3f}"
        )
    progress.end()
    return summary(recipe.stem, reports)


def _changes(number: int, vary: Sequence[str], change: Sequence[str]) -> list[str]:
    return [f"seed={number}", *(f"{key}={number}" for key in vary), *change]


def command(*words: str) -> None:
    """Run a command in a process of its own, whose progress is seen; raise an error with its exit code where it fails."""
    ended = subprocess.run([sys.executable, "-m", "edgespec", *words], stdout=subprocess.DEVNULL, check=False)
    if ended.returncode == INTERRUPTED or ended.returncode == -signal.SIGINT:
        raise KeyboardInterrupt
    if ended.returncode:
        problem = EdgespecError(
            f"edgespec {words[0]} {words[1]} ended with code {ended.returncode}, as told above",
            hint="mend that and repeat: runs that are finished are kept",
        )
        problem.exit_code = ended.returncode if ended.returncode > 0 else BUG
        raise problem


def summary(name: str, reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Give rows of accuracies by title, differences to the last file, latency ratios, and on what it ran."""
    accuracies: dict[str, list[float]] = {}
    for report in reports:
        for row in report["rows"]:
            accuracies.setdefault(title(row), []).append(row["scores"]["accuracy"])
    last = title(reports[0]["rows"][-1])
    mine = np.array(accuracies[last])
    differences = {key: list(mine - np.array(each)) for key, each in accuracies.items() if key != last}
    measured = [report["bench"]["local"]["measurements"] for report in reports]
    ratios = {
        each["variant"]: [one["ratio"] for run in measured for one in run if one["variant"] == each["variant"]]
        for each in measured[0]
    }
    host = measured[0][0]["host"]
    return {
        "paired": _paired(reports[0]) if len(reports) == 1 else {},
        "recipe": name,
        "runs": len(reports),
        "source": reports[0]["data"]["source"],
        "test_spectra": [report["data"]["test"] for report in reports],
        "learnt": [sum(report["data"]["train"].values()) for report in reports],
        "accuracy": accuracies,
        "difference_of": last,
        "difference_to": differences,
        "judged": judged(reports),
        "pruned": pruned(reports),
        "bytes": {title(row): row["bytes"] for row in reports[0]["rows"]},
        "latency_ratio_to_default": ratios,
        "recommended": [report["advice"]["local"]["variant"] for report in reports],
        "versions": reports[0]["environment"]["versions"],
        "host": {key: host.get(key) for key in ("cpu", "flags", "cores")},
    }


def judged(reports: list[dict[str, Any]]) -> dict[str, dict[str, list[Any]]]:
    """Give, for each model that was judged so, what every run found: calibration, reject score, accuracy under each perturbation."""
    found: dict[str, dict[str, list[Any]]] = {}
    for report in reports:
        for row in report["rows"]:
            if not row["reject"]:
                continue
            mine = found.setdefault(title(row), {})
            told = {"ece": row["scores"]["ece"], "ece_high": row["scores"]["ece_high"]}
            told |= {name: row["reject"].get(name) for name in KNOWN} | row["robustness"]["accuracy"]
            for name, value in told.items():
                mine.setdefault(name, []).append(value)
    return found


def pruned(reports: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Give, of runs that prune, what is left of the products, and latency over the unpruned model's with its interval, each run's."""
    told = [row["pruning"] for report in reports for row in report["rows"] if row.get("pruning")]
    if not told:
        return {}
    return {
        "macs": [each["after"]["macs"] / each["before"]["macs"] for each in told],
        "latency": [each["latency"]["ratio"] for each in told],
        "latency_interval": [each["latency"]["interval"] for each in told],
    }


def title(row: dict[str, Any]) -> str:
    """Name a row so that the same row of another run has the same name."""
    parts = [
        str(row["step"]) if row["step"] else "",
        row["name"],
        row["variant"] if row["kind"] == "variant" else "",
        row["on"],
    ]
    return " ".join([*filter(None, parts), f"({row['labels']})" if row["labels"] not in ("", "all") else ""]).strip()


def table(found: dict[str, Any]) -> str:
    """Word the summary as Markdown."""
    return markdown.as_parts(parts(found))


def parts(found: dict[str, Any]) -> list[str | Grid]:
    """Word the summary: a line each model, a line each figure that was judged, latency."""
    title = f"{found['recipe']}: {found['runs']} runs, {found['test_spectra'][0]} test spectra each ({found['source']} data), {found['host']['cpu']}"
    head = ["row", "size", MEANS, f"'{found['difference_of']}' against it"]
    lines = []
    for name, values in found["accuracy"].items():
        each = ", ".join(f"{value:.3f}" for value in values)
        gap = (
            gained(found, found["difference_to"][name], found.get("paired", {}).get(name))
            if name in found["difference_to"]
            else ""
        )
        lines.append([name, f"{found['bytes'][name] / 1000:.1f} kB", f"{np.mean(values):.3f} ({each})", gap])
    ratios = "; ".join(
        f"{name} {np.mean(each):.2f} ({min(each):.2f} to {max(each):.2f})"
        for name, each in found["latency_ratio_to_default"].items()
    )
    latency = (
        f"latency over the plain default export: {ratios}; recommended: {', '.join(map(str, found['recommended']))}"
    )
    shape = Shape(("row", MEANS, head[3], "size"), 3, {"row": 16, MEANS: 16, head[3]: 16})
    return [title, "", Grid(head, lines, shape), "", _judged(found["judged"]), "", latency]


def _judged(judged: dict[str, dict[str, list[Any]]]) -> Grid:
    """One line a figure, one column a model: the mean of the runs."""
    names = list(dict.fromkeys(name for each in judged.values() for name in each))
    rows = []
    for name in names:
        known = [[value for value in each.get(name, []) if value is not None] for each in judged.values()]
        rows.append([name, *(f"{np.mean(each):.3f}" if each else "-" for each in known)])
    last = list(judged)[-1:]
    return Grid(["mean of the runs", *judged], rows, Shape(("mean of the runs", *last), 2))


def _paired(report: dict[str, Any]) -> dict[str, list[float | None]]:
    """Give the difference of the last file to each row of one run, on the paired test spectra: [mean, low, high]."""
    rows = [Row(**row) for row in report["rows"]]
    told = Report(report["recipe"], report["seed"], report["data"], rows=rows)
    found = {title(vars(row)): comparison.apart(told, rows[-1], row) for row in rows[:-1]}
    return {name: [each.mean, each.low, each.high] for name, each in found.items()}


def gained(found: dict[str, Any], gaps: Sequence[float], paired: Sequence[Any] | None = None) -> str:
    """Word the mean of paired differences of a summary's runs, with its interval. paired: of one run, on its test spectra"""
    if paired is not None:
        return Mean(*paired).worded()
    return difference.of(gaps, found["test_spectra"], found["learnt"]).worded()
