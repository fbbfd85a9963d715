"""What a recipe can promise: each metric with its unit, its sense and its remedy; what may be lost of it where the recipe says nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgespec import units

BETTER, SMALLER, FASTER = (
    "train longer, or a wider student",
    "a narrower student, or int8",
    "a smaller student, or another variant",
)


@dataclass(frozen=True)
class Metric:
    """What can be promised.

    about: its sentence; high: more is better; remedy: what to do where the promise is broken
    signed: a difference, so that a limit below zero makes sense
    """

    about: str
    high: bool
    read: Callable[[str | float], float]
    show: Callable[[float], str]
    remedy: str
    per_target: bool = False
    signed: bool = False


def _fraction(value: float) -> str:
    return f"{value:.1g}" if 0 < abs(value) < 0.0005 else f"{value:.3f}"


def _labels(value: float) -> str:
    return f"{value:.2f} labels"


METRICS = {
    "accuracy": Metric(
        "Least share of the test spectra that each shipped file names rightly.", True, units.share, _fraction, BETTER
    ),
    "sensitivity": Metric(
        "Least sensitivity (recall), the mean over the classes of the test part.", True, units.share, _fraction, BETTER
    ),
    "specificity": Metric(
        "Least specificity, the mean over the classes of the test part.", True, units.share, _fraction, BETTER
    ),
    "macro_f1": Metric(
        "Least F1 score, the mean over the classes of the test part.", True, units.share, _fraction, BETTER
    ),
    "agreement": Metric(
        "Least share of the test spectra that a shipped file names as step 1's model does.",
        True,
        units.share,
        _fraction,
        "look at which step lost it: the table has a column for it",
    ),
    "teacher_accuracy": Metric(
        "Least accuracy of step 1's model: a floor under the reference itself.",
        True,
        units.share,
        _fraction,
        "the reference itself is weak: mend step 1 first",
    ),
    "gain_over_control": Metric(
        "Least accuracy that distillation wins over the same student trained without its teacher.",
        True,
        units.share,
        _fraction,
        "distillation brings too little here: train the student on its labels",
        signed=True,
    ),
    "drop": Metric(
        "Most accuracy that may be lost against step 1's model.", False, units.share, _fraction, BETTER, signed=True
    ),
    "robust_accuracy": Metric(
        "Least accuracy over the perturbed test spectra, the mean over the perturbations.",
        True,
        units.share,
        _fraction,
        "the report names the perturbation that costs most: vary the training spectra by it, or prepare it away",
    ),
    "robust_accuracy_drop": Metric(
        "Most accuracy that may be lost under one perturbation against step 1's model, the clean loss not counted.",
        False,
        units.share,
        _fraction,
        "the report names where: calibrate int8 on spectra varied like that, a wider student, or ship float32",
        signed=True,
    ),
    "ece": Metric(
        "Largest expected calibration error.",
        False,
        units.share,
        _fraction,
        "end the recipe with 'calibrate', or give validation more spectra",
    ),
    "unknown_auroc": Metric(
        "Least area under the ROC curve with which the reject score tells the spectra of data.unknown.",
        True,
        units.share,
        _fraction,
        "the score can't tell unknown substances: more classes, or a preprocessing that keeps bands apart",
    ),
    "accepted": Metric(
        "Least share of the test spectra, all of known substances, that the reject score accepts.", True, units.share, _fraction,
        "give validation more samples, or ask for more: calibrate: {accept: 0.98}",
    ),
    "coverage": Metric(
        "Least share of the test spectra whose set of labels holds the right one.", True, units.share, _fraction,
        "give validation more samples, or ask for more: calibrate: {coverage: 0.98}",
    ),
    "set_size": Metric(
        "Most labels in a spectrum's set, on average over the test spectra.", False, units.count, _labels,
        "a more accurate model, or ask for less: calibrate: {coverage: 0.9}",
    ),
    "size": Metric("Largest file, all that is in it.", False, units.size, units.show_size, SMALLER),
    "params": Metric("Most parameters.", False, units.count, units.show_count, SMALLER),
    "macs": Metric("Most multiply-accumulates of one spectrum.", False, units.count, units.show_count, SMALLER),
    "instructions": Metric(
        "Most instructions of one inference, counted by valgrind.", False, units.count, units.show_count, FASTER
    ),
    "latency_p50": Metric(
        "Longest median latency on a target.", False, units.time, units.show_time, FASTER, per_target=True
    ),
    "latency_p90": Metric(
        "Longest latency of 90 % of the calls on a target.", False, units.time, units.show_time, FASTER, per_target=True
    ),
    "latency_p99": Metric(
        "Longest latency of 99 % of the calls on a target.", False, units.time, units.show_time, FASTER, per_target=True
    ),
    "cold_start": Metric(
        "Longest time from a fresh process to the first answer on a target.", False, units.time, units.show_time,
        "a smaller file, or a runtime that starts faster", per_target=True,
    ),
    "memory": Metric(
        "Most memory that the process takes on a target.", False, units.size, units.show_size, SMALLER, per_target=True
    ),
    "flash": Metric(
        "Most flash that the code and constants of the model take on a microcontroller.", False, units.size, units.show_size, SMALLER,
        per_target=True,
    ),
    "ram": Metric(
        "Most RAM that an answer takes on a microcontroller: spectrum, workspace, answer and stack.", False, units.size, units.show_size,
        "fewer points, or narrower first layers", per_target=True,
    ),
    "energy": Metric(
        "Most energy of one answer above idle on a target.", False, units.energy, units.show_energy, FASTER, per_target=True
    ),
}  # fmt: skip

POINTS = ("accuracy", "robust_accuracy", "ece", "unknown_auroc", "accepted")
"""Metrics of which points may be lost against a baseline; of the others a share may be added."""
GROWING = ("size", "params", "macs", "instructions", "latency_p50", "latency_p90", "cold_start", "memory", "energy")
SAME = {
    "contract": "Axis, labels, preprocessing and outputs of each file are those of the baseline; `any` lets them differ.",
    "variants": "Each file that the baseline had is still made; `any` lets some be gone.",
}
REGRESSIONS = (*POINTS, *GROWING)
DEFAULTS = {"accuracy": 0.01, "robust_accuracy": 0.02, "ece": 0.02, "unknown_auroc": 0.02, "accepted": 0.05,
            "size": 0.02, "params": 0.02, "macs": 0.02, "latency_p50": 0.1, "latency_p90": 0.25}  # fmt: skip
"""What may be lost where the recipe has no `regression:`."""
