"""Test spectra that a run's files name wrongly: where each was read, what was answered, and how the spectrum compares with both classes.

A curve is kept in one byte a point, 128 points at most, so that a report of many classes stays small (`report.figures.thumbnail`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from edgespec.errors import visible
from edgespec.evaluation import scoring
from edgespec.job import Job
from edgespec.report import Report
from edgespec.report.figures import thumbnail

SHOWN = 30  # wrong answers of each file, the surest first

Array = NDArray[Any]


def of_run(job: Job, result: Report, folder: Path) -> dict[str, Any]:
    """Give the wrong answers of every file that may be shipped, as plain values; {} where the run has made no file.

    folder: the run folder, in which the rows of `result` name their files
    """
    files = {row.variant: folder / row.file for row in result.last()}
    return mistakes(job, {name: scoring.load(job, path).logits for name, path in files.items()}) if files else {}


def mistakes(job: Job, asked: dict[str, Any]) -> dict[str, Any]:
    """Give the surest wrong answers of some models on the test part.

    asked: name -> what gives the logits (n, classes) of raw spectra (n, points)
    Gives `files`, name -> `wrong` (spectra) and `answers` (`spectrum`, a place in `spectra`; class `named`; its `probability`);
    `spectra`: `where` it was read, `sample` ("" where not known), its `class` and its `curve`; and `means`, class -> curve of the mean of
    its training spectra, each scaled to 0 ... 1.
    """
    rows, found = job.splits.test, job.spectra
    places: dict[int, int] = {}
    files: dict[str, dict[str, Any]] = {}
    for name, ask in asked.items():
        logits = ask(found.x[rows]).astype(np.float64)
        stated = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
        named, sure = stated.argmax(1), stated.max(1)
        wrong = np.flatnonzero(named != found.y[rows])
        surest = wrong[np.argsort(-sure[wrong], kind="stable")][:SHOWN]
        answers = [
            {
                "spectrum": places.setdefault(int(i), len(places)),
                "named": int(named[i]),
                "probability": round(float(sure[i]), 4),
            }
            for i in surest
        ]
        files[name] = {"wrong": len(wrong), "answers": answers}
    spectra = [_told(job, int(rows[i])) for i in places]
    classes = {each["class"] for each in spectra}
    classes |= {each["named"] for file in files.values() for each in file["answers"]}
    return {"files": files, "spectra": spectra, "means": _means(job, sorted(classes))}


def _told(job: Job, row: int) -> dict[str, Any]:
    """Say what one spectrum is. Names come from files of others: signs that hide or move a cursor are written out."""
    found = job.spectra
    return {
        "where": "" if found.where is None else visible(str(found.where[row])),
        "sample": "" if found.group is None else visible(str(found.group[row])),
        "class": int(found.y[row]),
        "curve": thumbnail.pack(found.x[row]),
    }


def _means(job: Job, classes: list[int]) -> dict[str, str]:
    """Give the mean training spectrum of each class; of a class without a training spectrum there is none."""
    learnt = job.splits.rows(None)
    means = {}
    for each in classes:
        x = job.spectra.x[learnt[job.spectra.y[learnt] == each]].astype(np.float64)
        if len(x):
            low = x.min(1, keepdims=True)
            span = x.max(1, keepdims=True) - low
            means[str(each)] = thumbnail.pack(((x - low) / np.where(span > 0, span, 1)).mean(0))
    return means
