"""The tables of benchmarks/accuracy/ramanbench.py: both protocols, our rows beside RamanBench's published ones."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from edgespec.data.readers import locate
from edgespec.errors import Missing
from edgespec.evaluation import difference

OURS = ("tuned", "five", "rounded", "int8", "deepcnn")
LINEAR = ("lda", "logistic", "pls_da")
OTHERS = ("svm", "1-NN")
SHOWN = 4  # best published rows
ALWAYS = ("DEEPCNN", "ROCKET", "LR", "PLS", "KNN")
SCORES = ("accuracy", "f1_macro", "roc_auc", "log_loss")
Kept = dict[str, dict[str, Any]]


def table(kept: Kept) -> str:
    """Give a Markdown table for each protocol and task, and the paired differences under each."""
    lines: list[str] = []
    for protocol in ("published", "person"):
        for task in dict.fromkeys(name.split()[0] for name in kept):
            parts = [each for name, each in kept.items() if name.startswith(f"{task} {protocol} ")]
            if parts:
                lines += [
                    f"\n**{task}**, {_by(protocol)}, {len(parts)} test parts\n",
                    *_rows(parts, protocol, task),
                    "",
                    *_gaps(parts),
                ]
    return "\n".join(lines)


SIDES = (
    *((task, protocol) for task in ("parkinson", "alzheimer") for protocol in ("published", "person")),
    ("marine_pathogens_binary", "published"),
)
COMPARED = ("TABFM-PLUS", "RAMANPFN", *OURS, *LINEAR, *OTHERS)


def side_by_side(kept: Kept) -> str:
    """Give both protocols side by side: a table of accuracy (log loss), and one of macro-F1; AUROC; seconds of training; ms of one answer."""
    head = [
        "| model | " + " | ".join(f"{task}, {protocol}" for task, protocol in SIDES) + " |",
        "| --- " * (len(SIDES) + 1) + "|",
    ]
    tables = [list(head), list(head)]
    for name in COMPARED:
        each = [_of(kept, name, task, protocol) for task, protocol in SIDES]
        cells = [f"{_mean(one, 'accuracy'):.3f} ({_mean(one, 'log_loss'):.2f})" if one else "" for one in each]
        tables[0].append(f"| {name} | {' | '.join(cells)} |")
        cells = [_more(one) if one else "" for one in each]
        tables[1].append(f"| {name} | {' | '.join(cells)} |")
    return "\n\n".join("\n".join(lines) for lines in tables)


def _of(kept: Kept, name: str, task: str, protocol: str) -> list[dict[str, Any]]:
    """Give a model's scores by fold: ours where we have them, the published ones else."""
    parts = [each for part, each in kept.items() if part.startswith(f"{task} {protocol} ")]
    mine = [part[name] for part in parts if name in part]
    published_too = protocol == "published" and name.upper() in (*ALWAYS, *COMPARED)
    return mine or (published(task, (name.upper(),)).get(name.upper(), []) if published_too else [])


def _mean(each: list[dict[str, Any]], score: str) -> float:
    return float(np.mean([one[score] for one in each]))


def _more(each: list[dict[str, Any]]) -> str:
    answer = f"{np.mean([_answer(one) for one in each]):.3g}" if "inference_s" in each[0] else "-"
    return f"{_mean(each, 'f1_macro'):.3f}; {_mean(each, 'roc_auc'):.3f}; {_mean(each, 'train_s'):.0f}; {answer}"


def _by(protocol: str) -> str:
    return "published folds, by spectrum" if protocol == "published" else "by person"


def _rows(parts: list[dict[str, Any]], protocol: str, task: str) -> list[str]:
    lines = [
        "| model | accuracy (folds) | mean | macro-F1 | AUROC | log loss | file | training s | inference, ms a spectrum |",
        "| --- " * 9 + "|",
    ]
    found = []
    for row in dict.fromkeys(name for part in parts for name in part if name != "setting"):
        each = [part[row] for part in parts if row in part]
        if len(each) == len(parts):
            found.append(_row(f"ours: {row}" if row in OURS else row, each))
    if protocol == "published":
        found += [_row(f"published: {name}", each) for name, each in published(task).items()]
    found.sort(key=lambda each: -each[0])
    return lines + [text for _, text in found]


def _row(name: str, each: list[dict[str, Any]]) -> tuple[float, str]:
    mean = {score: float(np.mean([one[score] for one in each])) for score in SCORES}
    folds = ", ".join(f"{one['accuracy']:.3f}" for one in each)
    size = f"{max(one['bytes'] for one in each) / 1000:.0f} kB" if "bytes" in each[0] else ""
    told = " | ".join(f"{mean[score]:.3f}" for score in SCORES)
    trained = np.mean([one["train_s"] for one in each])
    answer = f"{np.mean([_answer(one) for one in each]):.3f}" if "inference_s" in each[0] else ""
    return mean["accuracy"], f"| {name} | {folds} | {told} | {size} | {trained:.1f} | {answer} |"


def _answer(one: dict[str, Any]) -> float:
    """Give milliseconds a spectrum; the published seconds are of a whole test part, a third of the spectra."""
    return 1000 * float(one["inference_s"]) / float(one["n"] if "n" in one else len(one["right"]))


def published(task: str, also: tuple[str, ...] = ()) -> dict[str, list[dict[str, Any]]]:
    """Give the published rows that are shown: the best few, and those that are compared with, `also`; {} where the file is not at hand."""
    try:
        path = locate.find(f"ramanbench/{task}_reference.csv", None)
    except (locate.NotFound, Missing):
        return {}
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with Path(path).open(encoding="utf-8", newline="") as file:
        for each in csv.DictReader(file):
            if each["accuracy"]:
                told = {score: float(each[score] or "nan") for score in SCORES}
                times = {
                    "train_s": float(each["time_train_s"] or "nan"),
                    "inference_s": float(each["time_infer_s"] or "nan"),
                }
                rows[each["model"]].append({**told, **times, "n": int(each["num_instances"]) / 3})
    best = sorted(rows, key=lambda name: -float(np.mean([each["accuracy"] for each in rows[name]])))[:SHOWN]
    return {name: rows[name] for name in rows if name in (*best, *ALWAYS, *also)}


def _gaps(parts: list[dict[str, Any]]) -> list[str]:
    """Word how far the tuned network and the int8 file are from the best linear model and DeepCNN, paired by fold."""
    lines = []
    linear = [row for row in LINEAR if all(row in part for part in parts)]
    best = max(linear, key=lambda row: np.mean([part[row]["accuracy"] for part in parts])) if linear else ""
    for mine in ("tuned", "five", "rounded", "int8"):
        for other in (best, "deepcnn"):
            if all(row in part for row in (mine, other) for part in parts):
                gaps = [part[mine]["accuracy"] - part[other]["accuracy"] for part in parts]
                tested = [len(part[mine]["right"]) for part in parts]
                learnt = [_learnt(parts, i) for i in range(len(parts))]
                lines.append(f"- {mine} against {other}: {difference.of(gaps, tested, learnt).worded()}")
    return lines


def _learnt(parts: list[dict[str, Any]], i: int) -> int:
    """Give how many spectra a part learnt from: those of the two other folds of its division, less a tenth for validation."""
    first = i - i % 3
    others = [j for j in range(first, min(first + 3, len(parts))) if j != i]
    return (
        round(0.9 * sum(len(parts[j]["tuned"]["right"]) for j in others))
        if all("tuned" in parts[j] for j in others)
        else 0
    )
