"""Run a recipe several times, each with its own seed (and split), and tell means, spreads and paired differences.

    EDGESPEC_DATA=... python benchmarks/repeat.py recipes/rruff_distill.yaml --runs 3 --vary data.load.rruff.split
    EDGESPEC_DATA=... python benchmarks/repeat.py recipes/rruff10.yaml --runs 3

Prints a Markdown table and writes benchmarks/results/local/<recipe>.json. A row's interval is the mean's 95 % interval over
the runs (Student's t); a difference is taken within each run, so what is common to both sides of it cancels.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

KNOWN = ("auroc_displaced", "auroc_unknown", "accepted", "unknown_refused", "mean_risk")
RESULTS = Path(__file__).parent / "results" / "local"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--vary", action="append", default=[], help="a key that is set to the number of the run, besides seed"
    )
    parser.add_argument("--set", action="append", default=[], dest="change", help="a change for every run")
    parser.add_argument("--out", type=Path, default=Path("runs") / "repeat")
    asked = parser.parse_args()
    reports = [once(asked.recipe, number, asked.vary, asked.change, asked.out) for number in range(asked.runs)]
    if any(report["data"]["source"] != "measured" for report in reports):
        sys.exit("the embedded spectra stood in: set EDGESPEC_DATA to the folder of the real ones")
    found = summary(asked.recipe.stem, reports)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{asked.recipe.stem}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))


def once(recipe: Path, number: int, vary: list[str], change: list[str], out: Path) -> dict[str, Any]:
    """Compress and bench once, as a user would, and give report.json."""
    folder = out / f"{recipe.stem}-{number}"
    sets = [f"--set={each}" for each in (f"seed={number}", *(f"{key}={number}" for key in vary), *change)]
    run = [sys.executable, "-m", "edgespec"]
    subprocess.run([*run, "compress", str(recipe), *sets, "--out", str(folder)], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*run, "bench", str(folder), "--target", "local"], check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return found


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
        "recipe": name,
        "runs": len(reports),
        "test_spectra": [report["data"]["test"] for report in reports],
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
    lines = [
        f"{found['recipe']}: {found['runs']} runs, {found['test_spectra'][0]} test spectra each, {found['host']['cpu']}",
        "",
        f"| row | size | accuracy, mean (each run) | '{found['difference_of']}' against it |",
        "| --- | --- | --- | --- |",
    ]
    for name, values in found["accuracy"].items():
        each = ", ".join(f"{value:.3f}" for value in values)
        gap = between(found["difference_to"][name]) if name in found["difference_to"] else ""
        lines.append(f"| {name} | {found['bytes'][name] / 1000:.1f} kB | {np.mean(values):.3f} ({each}) | {gap} |")
    ratios = "; ".join(
        f"{name} {np.mean(each):.2f} ({min(each):.2f} to {max(each):.2f})"
        for name, each in found["latency_ratio_to_default"].items()
    )
    return "\n".join(
        [
            *lines,
            "",
            *_judged(found["judged"]),
            "",
            f"latency over the plain default export: {ratios}; recommended: {', '.join(map(str, found['recommended']))}",
        ]
    )


def _judged(judged: dict[str, dict[str, list[Any]]]) -> list[str]:
    """One line a figure, one column a model: the mean of the runs."""
    names = list(dict.fromkeys(name for each in judged.values() for name in each))
    lines = ["| mean of the runs | " + " | ".join(judged) + " |", "| --- |" + " --- |" * len(judged)]
    for name in names:
        known = [[value for value in each.get(name, []) if value is not None] for each in judged.values()]
        lines.append(f"| {name} | " + " | ".join(f"{np.mean(each):.3f}" if each else "-" for each in known) + " |")
    return lines


def between(values: list[float]) -> str:
    """Give the mean with its 95 % interval, three decimals."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:+.3f}"
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return f"{mean:+.3f} [{mean - half:+.3f}, {mean + half:+.3f}]"


if __name__ == "__main__":
    main()
