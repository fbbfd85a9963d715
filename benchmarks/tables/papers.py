"""What the papers on RamanCMP and PACE claim beside what is measured here: a verdict a claim in one line, then the figures.

    python -m benchmarks.tables.papers

Trains nothing: it words what other scripts wrote to benchmarks/results/local, and says which of them is to be run where a result is absent. A
difference of two models has two 95 % intervals (benchmarks/tools/paired.py): by physical sample, which decides the verdict, and over the runs,
each with a division of its own, which three runs leave wide. Verdicts follow from `verdict` alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.tools import paired
from benchmarks.tools.paired import Pair
from benchmarks.tools.results import LOCAL
from edgespec.evaluation import difference, scoring
from edgespec.evaluation.difference import Mean
from edgespec.search.repeat import gained

HOLDS, FAILS, OPEN = "holds here", "does not hold here", "cannot be judged here"
SAMPLE, SPECTRUM = "by sample", "by spectrum"
CNN, STUDENT, TEACHER = "student, control", "student", "teacher"
PLAIN, SHRUNK = "LDA without shrinkage", "shrinkage LDA"
COMMANDS = {
    "paper_claims": "python -m benchmarks.accuracy.paper_claims",
    "cov_pace": "edgespec repeat recipes/cov_pace.yaml --runs 5 --save benchmarks/results/local/cov_pace.json",
    "pace_published": "python -m benchmarks.accuracy.pace_published --seeds 5",
    "channels": "python -m benchmarks.accuracy.channels",
    "drsn_lda": "python -m benchmarks.accuracy.drsn_lda",
    "rruff_distill": "edgespec repeat recipes/rruff_distill.yaml --runs 3 --vary data.load.rruff.split "
    "--save benchmarks/results/local/rruff_distill.json",
    "ten_minerals": "python -m benchmarks.accuracy.ten_minerals --runs 3",
}


@dataclass(frozen=True)
class Claim:
    """A difference that a paper states: mine - other (models of paper_claims.json), as a fraction; below 0 a loss of at most so much."""

    paper: str
    words: str
    mine: str
    other: str
    stated: float
    where: tuple[str, ...] = ("all",)


CLAIMS = [
    Claim("RamanCMP", "EfficientNet 20 points above LDA (no shrinkage)", TEACHER, PLAIN, 0.20, ("all", "site")),
    Claim("RamanCMP", "EfficientNet 20 points above LDA (shrinkage)", TEACHER, SHRUNK, 0.20, ("all", "site")),
    Claim("RamanCMP", "EfficientNet 20 points above the CNN", TEACHER, CNN, 0.20),
    Claim("RamanCMP", "EfficientNet 20 points above the CNN", TEACHER, "student, control-library", 0.20, ("site",)),
    Claim("RamanCMP", "DRSN 20 points above LDA (no shrinkage)", "drsn", PLAIN, 0.20),
    Claim("RamanCMP", "DRSN 20 points above LDA (shrinkage)", "drsn", SHRUNK, 0.20),
    Claim("RamanCMP", "DRSN 20 points above the CNN", "drsn", CNN, 0.20),
    Claim("RamanCMP", "student at most 2.07 points below its teacher", STUDENT, TEACHER, -0.0207, ("all", "site")),
    Claim("RamanCMP", "student 20 points above the untaught student", STUDENT, CNN, 0.20, ("all", "site")),
    Claim("PACE", "PACE 7.0 points above ResNet (their EVs)", "pace", "resnet", 0.070),
    Claim("PACE", "PACE 6.1 points above ViT (their EVs)", "pace", "vit", 0.061),
]
LATENCIES = [  # claim, model, its original, stated share of the time that is left
    ("channel conversion saves 60 % of DRSN's time", "converted", "drsn", 0.40),
    ("DRSN features with LDA save 93 % of DRSN's time", "features + LDA", "drsn", 0.07),
    ("the same, the features of the first stage", "early exit + LDA", "drsn", 0.07),
]
TASKS = {"all": "all labels", "site": "one label a class"}
PUBLISHED_COV, PUBLISHED_EPOCHS = 0.92473, 200


def main() -> None:
    found = {name: _read(name) for name in COMMANDS}
    print(page(found))


def _read(name: str) -> Any:
    path = LOCAL / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def page(found: dict[str, Any]) -> str:
    """Give the whole page as Markdown: verdicts, then tables; of what was not measured, the command."""
    verdicts, tables = [], []
    if claims := found["paper_claims"]:
        rows = differences(claims)
        told = [*rows, *latencies(claims)]
        verdicts += told
        tables += [_figures(rows), _accuracies(claims)]
    if found["cov_pace"] and found["pace_published"]:
        verdicts += covid(found["cov_pace"], found["pace_published"])
        tables.append(_covid_table(found["cov_pace"], found["pace_published"]))
    if found["channels"] and found["drsn_lda"] and found["rruff_distill"]:
        tables.append(_own(found["channels"], found["drsn_lda"], found["rruff_distill"]))
    if found["ten_minerals"]:
        tables.append(_ten(found["ten_minerals"]))
    absent = [f"not measured yet: `{command}`" for name, command in COMMANDS.items() if not found[name]]
    return "\n\n".join(["\n".join(one_line_each(verdicts)), *tables, *absent])


def one_line_each(verdicts: list[dict[str, Any]]) -> list[str]:
    """Word each claim in one line: its verdicts, each with the tasks that it is of and their figures."""
    told: dict[str, dict[str, list[str]]] = {}
    for row in verdicts:
        claim = told.setdefault(f"{row['paper']}, {row['words']}", {})
        claim.setdefault(row["verdict"], []).append(f"{row['task']} {row['here']}")
    return [
        f"- {claim}: " + "; ".join(f"**{said}** ({'; '.join(each)})" for said, each in parts.items())
        for claim, parts in told.items()
    ]


def verdict(gap: Mean, stated: float) -> str:
    """Judge a stated difference by the interval of the one measured.

    A stated gain holds where the interval lies above 0 and reaches it, a stated loss where the interval lies above it. Neither is judged where the
    interval reaches from the stated figure to no difference (gain), or lies on both sides of it (loss).
    """
    if gap.low is None or gap.high is None:
        return OPEN
    if stated < 0:
        return HOLDS if gap.low >= stated else FAILS if gap.high < stated else OPEN
    if gap.high < stated:
        return FAILS
    return HOLDS if gap.low > 0 else OPEN


def beyond(both: list[Pair], stated: float) -> bool:
    """Tell whether a stated gain would need more than 100 %: that takes one training to see; the luck of a training takes several."""
    return float(np.mean([each.other.mean() for each in both])) + stated > 1 and stated > 0


def models(claims: dict[str, Any], where: str, protocol: str, seed: int) -> tuple[dict[str, Any], Any, int]:
    """Give of one division: model -> (n,) 0 or 1, whether a test spectrum is named rightly; (n,) samples; spectra learnt from."""
    names = claims["samples"].get(f"{where}, {protocol}, {seed}")
    sample = np.array(names.split(",")) if names else np.array([])
    right, learnt = {}, 0
    for key, line in claims["lines"].items():
        name, *division = key.split(", ")
        if division == [protocol, str(seed)] and name.startswith("site") == (where == "site"):
            right |= {model: paired.unpacked(text, len(sample)) for model, text in line["right"].items()}
            learnt = line["learnt"]
    return right, sample, learnt


def pairs(claims: dict[str, Any], where: str, protocol: str, mine: str, other: str) -> list[Pair]:
    """Put two models side by side in every division that has both."""
    told = []
    for seed in range(3):
        right, sample, learnt = models(claims, where, protocol, seed)
        if mine in right and other in right:
            told.append(Pair(right[mine], right[other], sample, learnt))
    return told


def differences(claims: dict[str, Any]) -> list[dict[str, Any]]:
    """Judge each stated difference on each task and protocol."""
    rows = []
    for claim in CLAIMS:
        for where in claim.where:
            for protocol in (SAMPLE, SPECTRUM):
                both = pairs(claims, where, protocol, claim.mine, claim.other)
                if not both:
                    continue
                gap, runs = paired.by_sample(both), paired.by_run(both)
                rows.append(
                    {
                        "paper": claim.paper,
                        "words": claim.words,
                        "task": f"{TASKS[where]}, {protocol}",
                        "verdict": verdict(gap, claim.stated) if len(both) > 1 or beyond(both, claim.stated) else OPEN,
                        "here": f"{gap.worded()}",
                        "runs": len(both),
                        "over_runs": runs.worded(),
                    }
                )
    return rows


def latencies(claims: dict[str, Any]) -> list[dict[str, Any]]:
    """Judge the stated savings of time by the exported float32 graphs, one spectrum at a time; accuracy stands beside."""
    rows = []
    cost = claims.get("latency", {})
    for words, name, original, stated in LATENCIES:
        if name not in cost:
            continue
        low, high = cost[name]["ratio_interval"]
        both = pairs(claims, "all", SAMPLE, name, original)
        told = HOLDS if high <= stated else FAILS if low > stated else OPEN
        here = f"ratio {cost[name]['ratio']:.3f} [{low:.3f}, {high:.3f}], accuracy {paired.by_sample(both).worded()}"
        rows.append(
            {"paper": "RamanCMP", "words": words, "task": f"{TASKS['all']}, {SAMPLE}", "verdict": told, "here": here}
        )
    return rows


def covid(ours: dict[str, Any], theirs: dict[str, Any]) -> list[dict[str, Any]]:
    """Judge the stated accuracy on COV by the interval that the test spectra leave to the mean of all seeds; a shorter training judges nothing."""
    rows = []
    for words, values, whole in _covid_lines(ours, theirs):
        mean = difference.mean(values)
        low, high = left_by(mean.mean, theirs["test"])
        told = OPEN if not whole else FAILS if high < PUBLISHED_COV else HOLDS
        here = f"{mean.mean:.3f} ({len(values)} seeds), {theirs['test']} spectra leave [{low:.3f}, {high:.3f}]"
        claim = f"92.47 % on COV: {words}"
        rows.append({"paper": "PACE", "words": claim, "task": "given split", "verdict": told, "here": here})
    return rows


def least(n: int) -> tuple[int, float]:
    """Give how many of n spectra one model must name rightly and the other not, none the other way, to be told apart (exact McNemar, 5 %)."""
    k = next(k for k in range(1, n + 1) if 2 * 0.5**k < 0.05)
    return k, k / n


def left_by(share: float, n: int) -> tuple[float, float]:
    """Give the 95 % interval that n spectra leave to a share, each its own sample: nobody knows whose spectra they are."""
    right = np.arange(n) < round(share * n)
    return scoring.interval(right, None)


def _covid_lines(ours: dict[str, Any], theirs: dict[str, Any]) -> list[tuple[str, list[float], bool]]:
    last = sorted(name for name in ours["accuracy"] if name.endswith("calibrate float32"))[-1]
    lines = [("recipes/cov_pace.yaml, float32", list(ours["accuracy"][last]), True)]
    for line in theirs["lines"]:
        setting = line["setting"]
        words = f"the authors' schedule, {setting['epochs']} epochs, smallest rate {setting['least']:g}"
        whole = setting["epochs"] >= PUBLISHED_EPOCHS
        lines.append((words, [each["test"] for each in line["seeds"].values()], whole))
    return lines


def _covid_table(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    head = f"| COV, {theirs['test']} test spectra | mean with interval over seeds | each seed |\n| --- | --- | --- |"
    rows = [
        f"| {words} | {difference.mean(values).worded(sign='')} | {', '.join(f'{each:.3f}' for each in values)} |"
        for words, values, _ in _covid_lines(ours, theirs)
    ]
    k, share = least(theirs["test"])
    low, high = left_by(PUBLISHED_COV, theirs["test"])
    told = f"{theirs['test']} spectra leave [{low:.3f}, {high:.3f}] to the published figure; two models are told apart from {k} spectra"
    return "\n".join([head, *rows, "", f"{told} on ({share:.1%}), where none speaks for the other."])


def _figures(rows: list[dict[str, Any]]) -> str:
    head = "| claim | task, test part | runs | difference, by physical sample | over the runs |\n| --- | --- | --- | --- | --- |"
    lines = [f"| {row['words']} | {row['task']} | {row['runs']} | {row['here']} | {row['over_runs']} |" for row in rows]
    return "\n".join([head, *lines])


def _accuracies(claims: dict[str, Any]) -> str:
    """Give all models on both tasks and protocols: mean and each run."""
    columns = [(where, protocol) for where in TASKS for protocol in (SAMPLE, SPECTRUM)]
    told: dict[str, dict[tuple[str, str], list[float]]] = {}
    for column in columns:
        for seed in range(3):
            for name, right in models(claims, *column, seed)[0].items():
                told.setdefault(name, {}).setdefault(column, []).append(float(right.mean()))
    head = (
        "| accuracy: mean (each run) | "
        + " | ".join(f"{TASKS[where]}, {protocol}" for where, protocol in columns)
        + " |"
    )
    rows = [
        f"| {name} | " + " | ".join(_mean(each[column]) if column in each else "" for column in columns) + " |"
        for name, each in told.items()
    ]
    return "\n".join([head, "| --- " * (len(columns) + 1) + "|", *rows])


def _own(channels: dict[str, Any], lda: dict[str, Any], site: dict[str, Any]) -> str:
    """Give what the recipes reach, whose heads tell 16 places apart: time over the DRSN's, accuracy."""
    rows = ["| with our own heads | time over the DRSN's | accuracy |", "| --- | --- | --- |"]
    for task, each in channels.items():
        best = min(each["facts"], key=lambda name: each["latency"][f"{name}, float32"]["ratio"])
        cost, gaps = (
            each["latency"][f"{best}, float32"],
            np.subtract(each["accuracy"][best], each["accuracy"]["original"]),
        )
        low, high = cost["ratio_interval"]
        gain = difference.of(list(gaps), each["test_spectra"], each["learnt"]).worded()
        rows.append(f"| channels converted ({best}), {task} | {cost['ratio']:.3f} [{low:.3f}, {high:.3f}] | {gain} |")
    for task, runs in lda.items():
        ratios = [run["latency"]["shipped, float32"]["ratio"] for run in runs]
        right = [run["accuracy"]["shipped, float32"] for run in runs]
        rows.append(
            f"| early exit with LDA, {task} | {np.mean(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}) | {_mean(right)} |"
        )
    for words, other in (("its teacher", "1 train library"), ("the untaught student", "2 control")):
        gain = gained(site, site["difference_to"][other])
        rows.append(f"| student of rruff_distill (int8) against {words} | | {gain} |")
    return "\n".join(rows)


def _ten(found: dict[str, Any]) -> str:
    """Give all networks and linear models of the ten minerals on both divisions."""
    head = f"| ten minerals, seeds: {found['runs']} | " + " | ".join(found["accuracy"]) + " |"
    names = list(next(iter(found["accuracy"].values())))
    rows = [
        f"| {name} | " + " | ".join(_mean(each[name]) for each in found["accuracy"].values()) + " |" for name in names
    ]
    return "\n".join([head, "| --- |" + " --- |" * len(found["accuracy"]), *rows])


def _mean(values: list[float]) -> str:
    """0.995 (0.990, 1.000)"""
    return f"{np.mean(values):.3f} ({', '.join(f'{each:.3f}' for each in values)})"


if __name__ == "__main__":
    main()
