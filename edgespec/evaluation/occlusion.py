"""Which regions of a spectrum spoke for an answer: the evidence that is lost without each.

Occlusion (Zeiler, Fergus 2014, arXiv:1311.2901, section 4.2), for bands: within a window, the straight line between its ends
stands in for the spectrum. That cuts a band off at its feet and leaves the background as it is, so that the model sees
a spectrum of a kind that it knows. What a window's absence costs is told in nats of the named class's log-odds; below zero the
window spoke against it. It works alike on a torch model and on any file, int8 too, and needs no gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from edgespec import artifact
from edgespec.artifact import Checkpoint
from edgespec.evaluation import scoring
from edgespec.job import Job
from edgespec.report import Report
from edgespec.spectra import Floats

WIDTH_CM1 = 30.0  # wide enough for a band of a mineral, narrow enough to tell two apart
SHOWN = 6

Array = NDArray[Any]


def of_run(job: Job, result: Report, folder: Path) -> dict[str, Any]:
    """Give a few spectra with what spoke for the answers of step 1's model and of the last one, a file if there is one."""
    models: dict[str, Checkpoint | Path] = {}
    rows = {1: result.reference(), len(result.steps): next(reversed(result.last()), None)}
    for number, row in rows.items():
        step = result.steps[number - 1]
        made, _ = artifact.read(folder / step["folder"])
        if isinstance(made, Checkpoint):
            models[f"{number} {step['name']}"] = made
        elif row is not None:
            models[f"{row.step} {row.variant}"] = folder / row.file
    job.progress.begin("regions of a few spectra", 1)
    found = examples(job, models)
    job.progress.advance(1, f"{len(found['spectra'])} spectra, {len(models)} models")
    job.progress.end()
    return found


def examples(job: Job, models: Mapping[str, Checkpoint | Path]) -> dict[str, Any]:
    """Give a few test spectra, what each model says of them and which regions spoke for it, as plain values.

    models: title -> model; the last one is judged: its surest mistakes, what it is least sure of, and what is usual for it
    Gives `method`, `width_cm1`, `centres_cm1` of the windows, `models` (titles), and `spectra`: `why` it is shown, its class,
    `intensity` scaled to 0 ... 1, and for each model the class named, its probability and the `evidence` (nats) of each window.
    """
    rows = job.splits.test
    asked = {title: scoring.load(job, each).logits for title, each in models.items()}
    stated = {title: _probabilities(ask(job.spectra.x[rows])) for title, ask in asked.items()}
    windows = _windows(job.spectra.axis)
    found = []
    for i, why in _choose(list(stated.values()), job.spectra.y[rows]).items():
        x = job.spectra.x[rows[i]]
        answers = []
        for title, ask in asked.items():
            named = int(stated[title][i].argmax())
            lost = evidence(ask(_without(x, windows)), ask(x[None]), named)
            told = {"named": named, "probability": round(float(stated[title][i, named]), 4)}
            answers.append({**told, "evidence": [round(float(each), 3) for each in lost]})
        span = float(x.max() - x.min()) or 1.0
        intensity = [round(float(each), 3) for each in (x - x.min()) / span]
        found.append({"why": why, "class": int(job.spectra.y[rows[i]]), "intensity": intensity, "answers": answers})
    centres = [round(float(job.spectra.axis[low : high + 1].mean()), 1) for low, high in windows]
    about = {"method": "occlusion", "width_cm1": WIDTH_CM1, "centres_cm1": centres, "models": list(models)}
    return {**about, "spectra": found}


def evidence(without: Array, whole: Array, named: int) -> Array:
    """Give what each window's absence costs the named class's log-odds. without: (windows, classes) logits; whole: (1, classes)"""
    return _odds(whole, named) - _odds(without, named)


def _odds(logits: Array, named: int) -> Array:
    """Give log p / (1 - p), finite however sure the model is."""
    logits = logits.astype(np.float64)
    return logits[:, named] - logsumexp(np.delete(logits, named, axis=1), axis=1)  # type: ignore[no-any-return]


def _windows(axis: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Give the first and last point of each window; they overlap by half."""
    starts = np.arange(axis[0], axis[-1] - WIDTH_CM1 / 2, WIDTH_CM1 / 2)
    lows = np.searchsorted(axis, starts)
    highs = np.searchsorted(axis, starts + WIDTH_CM1, side="right") - 1
    pairs = {(int(low), int(high)): None for low, high in zip(lows, highs, strict=True) if high - low >= 2}
    return list(pairs) or [(0, len(axis) - 1)]


def _without(x: Floats, windows: list[tuple[int, int]]) -> Floats:
    """(windows, points): the spectrum without each window."""
    changed = np.repeat(x[None], len(windows), axis=0)
    for row, (low, high) in zip(changed, windows, strict=True):
        row[low : high + 1] = np.linspace(row[low], row[high], high - low + 1)
    return changed


def _probabilities(logits: Array) -> Array:
    logits = logits.astype(np.float64)
    return np.exp(logits - logsumexp(logits, axis=1, keepdims=True))  # type: ignore[no-any-return]


def _choose(stated: list[Array], y: NDArray[np.int64]) -> dict[int, str]:
    """Choose test spectra to show and say why each; of the judged model's mistakes no more than three."""
    named, sure = stated[-1].argmax(1), stated[-1].max(1)
    wrong = np.flatnonzero(named != y)
    right = np.flatnonzero(named == y)
    found = {int(i): "surest mistake" for i in wrong[np.argsort(-sure[wrong], kind="stable")][:2]}
    differ = np.flatnonzero(stated[0].argmax(1) != named)
    for i in differ[np.argsort(-sure[differ], kind="stable")][:1]:
        found.setdefault(int(i), "the models disagree")
    for i in right[np.argsort(sure[right], kind="stable")][:1]:
        found.setdefault(int(i), "right, and least sure")
    usual = right[np.argsort(np.abs(sure[right] - np.median(sure[right])), kind="stable")] if len(right) else right
    seen = {int(y[i]) for i in found}
    for fresh in (True, False):  # other classes first
        for i in map(int, usual):
            if len(found) < SHOWN and i not in found and (int(y[i]) not in seen or not fresh):
                found[i] = "right, as usual"
                seen.add(int(y[i]))
    return found
