"""Does an early exit pay? A short network answers what it is sure of, the whole one the rest: accuracy, share, mean time.

    EDGESPEC_DATA=... python -m benchmarks.latency.early_exit RUN [--target local --target c_x86]

RUN is a finished run whose first step trains one network with stages (minerals192, hard13). After each stage but the last the network
is left with shrinkage LDA in its head, as `fuse_lda` does. Its answer counts where its larger probability reaches a threshold: the
lowest with which the cascade names at least as many validation spectra rightly as the whole network. All files are timed in turns in
one session a target.

The mean time is a lower bound: that of the short file, and for the share that goes on the difference of the two files' times, as if the
whole network's other stages began where the short one ends, and the branch cost nothing. An exit that does not pay by that bound does
not pay. Accuracy and share are those of the test part. Prints Markdown and writes benchmarks/results/latency/early_exit.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tools.results import RESULTS
from edgespec import artifact, models
from edgespec.bench import measure
from edgespec.evaluation import scoring
from edgespec.graph import compatibility, exporter
from edgespec.job import Job, Silent
from edgespec.pipeline.run import Run
from edgespec.steps import fuse_lda
from edgespec.targets import card as cards

FILE = RESULTS / "latency" / "early_exit.json"
WHOLE, SECONDS = "whole", 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--target", action="append")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = cascades(Run(asked.run, Silent()), asked.target or ["local", "c_x86"], Path(name))
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    kept[asked.run.name] = found
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(table(found))


def cascades(run: Run, targets: list[str], work: Path) -> dict[str, Any]:
    """Fit an exit after each stage and judge each cascade."""
    job = replace(run.job, folder=work, progress=Silent())
    trained, _ = artifact.read(run.folder / run.report.steps[0]["folder"])
    network: Any = models.load(trained)
    files, answers = {}, {}
    for stage in range(1, network.stages + 1):
        name = WHOLE if stage == network.stages else f"after {stage}"
        (work / name).mkdir()
        made = fuse_lda.run(replace(job, folder=work / name), trained, after=stage, blend=[0.5, 1.0], max_drop=1.0)
        files[name] = work / f"{name}.onnx"
        exporter.export(models.load(made), files[name], front=job.front())
        answers[name] = {part: _answers(job, files[name], part) for part in ("valid", "test")}
    times = {target: _timed(job, files, target, work) for target in targets}
    rows = [_judged(job, name, answers, times) for name in files if name != WHOLE]
    whole = float(_right(job, answers[WHOLE]["test"], "test").mean())
    whole_us = {each: times[each][WHOLE] for each in times}
    return {
        "host": next(iter(times.values()))["host"],
        "test_spectra": len(job.splits.test),
        "whole": {"accuracy": whole, "us": whole_us},
        "exits": rows,
    }


def _answers(job: Job, path: Path, part: str) -> Any:
    logits = scoring.answers(job, path, _rows(job, part))
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def _rows(job: Job, part: str) -> Any:
    return job.splits.test if part == "test" else job.splits.rows(None, valid=True)


def _right(job: Job, found: Any, part: str) -> Any:
    return found.argmax(1) == job.spectra.y[_rows(job, part)]


def _judged(job: Job, name: str, answers: dict[str, Any], times: dict[str, Any]) -> dict[str, Any]:
    """Set the threshold on validation spectra, and tell accuracy, share and time on the test part."""
    short, whole = ({part: each[part] for part in each} for each in (answers[name], answers[WHOLE]))
    sure = short["valid"].max(1)
    right = {key: _right(job, each["valid"], "valid") for key, each in (("short", short), ("whole", whole))}
    enough = [
        t for t in np.sort(sure) if np.where(sure >= t, right["short"], right["whole"]).sum() >= right["whole"].sum()
    ]
    threshold = float(enough[0]) if enough else 1.0
    answered = short["test"].max(1) >= threshold
    named = np.where(answered, _right(job, short["test"], "test"), _right(job, whole["test"], "test"))
    share = float(answered.mean())
    us = {}
    for target, each in times.items():
        mean = each[name] + (1 - share) * max(each[WHOLE] - each[name], 0.0)
        us[target] = {"short": each[name], "mean": mean, "ratio": mean / each[WHOLE]}
    return {"exit": name, "threshold": threshold, "share": share, "accuracy": float(named.mean()), "us": us}


def _timed(job: Job, files: dict[str, Path], target: str, work: Path) -> dict[str, Any]:
    card, rows = cards.load(target), job.splits.test
    sent = compatibility.as_run(files, card, work / f"sent-{target}")
    found = measure.measure(
        sent, job.spectra.x[rows], job.spectra.y[rows], card, work / f"bench-{target}", reference=WHOLE, float_of={}, seconds=SECONDS
    )  # fmt: skip
    return {"host": found[0].host.get("cpu", ""), **{each.variant: each.p50_ms * 1e3 for each in found}}


def table(found: dict[str, Any]) -> str:
    """One line an exit."""
    targets = list(found["whole"]["us"])
    lines = [
        f"{found['host']}; {found['test_spectra']} test spectra; the whole network: {found['whole']['accuracy']:.3f}",
        "",
        "| exit | answers | accuracy of both | "
        + " | ".join(f"{each}: short, mean over whole" for each in targets)
        + " |",
        "| --- " * (3 + len(targets)) + "|",
    ]
    for row in found["exits"]:
        cells = [f"{row['us'][each]['short']:.1f} us, {row['us'][each]['ratio']:.2f}" for each in targets]
        lines.append("| " + " | ".join([row["exit"], f"{row['share']:.2f}", f"{row['accuracy']:.3f}", *cells]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
