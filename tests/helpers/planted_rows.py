"""Reports whose rows name planted spectra rightly, clean and under each perturbation: 40 physical samples of three spectra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import report_example

from edgespec.report import Report, Row, right_answers

SAMPLES, EACH = 40, 3
N = SAMPLES * EACH
NAMES = ("shift +5", "shift -5", "drift 5", "SNR 10 dB")


def wrong(samples: int, start: int = 0) -> np.ndarray[Any, Any]:
    """Give (n,): right for all spectra but those of some physical samples, from the one numbered `start` on, the first after the last."""
    member = np.repeat(np.arange(SAMPLES), EACH)
    found: np.ndarray[Any, Any] = (member - start) % SAMPLES >= samples
    return found


def answer(row: Row, clean: int, perturbed: Mapping[str, int], start: int = 0) -> Row:
    """Have a row name wrongly the spectra of so many samples, clean and under each perturbation; those not named as clean."""
    right = {"none": wrong(clean, start)} | {name: wrong(perturbed.get(name, clean), start) for name in NAMES}
    row.right = {name: right_answers.pack(each) for name, each in right.items()}
    row.scores["accuracy"] = float(right["none"].mean())
    shares = {name: float(right[name].mean()) for name in NAMES}
    row.robustness = {"accuracy": shares, "mean": float(np.mean(list(shares.values())))}
    row.robustness |= dict.fromkeys(("drop", "at", "drop_float", "at_float"))
    return row


def report(
    linear: tuple[int, Mapping[str, int]], nearest: tuple[int, Mapping[str, int]] = (4, {}), start: int = 30
) -> Report:
    """The hand-made report: its files name the spectra of two samples wrongly, the baselines those of as many as asked from `start` on."""
    found = report_example.report("measured")
    found.data |= {"test": N, "test_samples": " ".join(map(str, np.repeat(np.arange(SAMPLES), EACH)))}
    found.rows[0].model, found.rows[1].model = "linear", "nearest neighbour"
    found.rows[0].labels = found.rows[1].labels = "all"
    answer(found.rows[0], *linear, start=start)
    answer(found.rows[1], *nearest, start=start)
    for row in found.rows[2:]:
        answer(row, 2, {})
    return found
