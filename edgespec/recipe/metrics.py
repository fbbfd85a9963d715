"""What can be promised: each metric, which side of it is good, how it is written and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgespec import units


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


BETTER, SMALLER, FASTER = (
    "train longer, or a wider student",
    "a narrower student, or int8",
    "a smaller student, or another variant",
)
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
}
