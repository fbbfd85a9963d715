"""What can be promised: each metric, which side of it is good, how it is written and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgespec import units


@dataclass(frozen=True)
class Metric:
    """What can be promised.

    high: more is better; remedy: what to do where the promise is broken
    signed: a difference, so that a limit below zero makes sense
    """

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
    "accuracy": Metric(True, units.share, _fraction, BETTER),
    "sensitivity": Metric(True, units.share, _fraction, BETTER),
    "specificity": Metric(True, units.share, _fraction, BETTER),
    "macro_f1": Metric(True, units.share, _fraction, BETTER),
    "agreement": Metric(True, units.share, _fraction, "look at which step lost it: the table has a column for it"),
    "teacher_accuracy": Metric(True, units.share, _fraction, "the reference itself is weak: mend step 1 first"),
    "gain_over_control": Metric(
        True,
        units.share,
        _fraction,
        "distillation brings too little here: train the student on its labels",
        signed=True,
    ),
    "drop": Metric(False, units.share, _fraction, BETTER, signed=True),
    "robust_accuracy": Metric(
        True,
        units.share,
        _fraction,
        "the report names the perturbation that costs most: vary the training spectra by it, or prepare it away",
    ),
    "robust_accuracy_drop": Metric(
        False,
        units.share,
        _fraction,
        "the report names where: calibrate int8 on spectra varied like that, a wider student, or ship float32",
        signed=True,
    ),
    "ece": Metric(False, units.share, _fraction, "end the recipe with 'calibrate', or give validation more spectra"),
    "unknown_auroc": Metric(
        True,
        units.share,
        _fraction,
        "the score can't tell unknown substances: more classes, or a preprocessing that keeps bands apart",
    ),
    "size": Metric(False, units.size, units.show_size, SMALLER),
    "params": Metric(False, units.count, units.show_count, SMALLER),
    "macs": Metric(False, units.count, units.show_count, SMALLER),
    "instructions": Metric(False, units.count, units.show_count, FASTER),
    "latency_p50": Metric(False, units.time, units.show_time, FASTER, per_target=True),
    "latency_p90": Metric(False, units.time, units.show_time, FASTER, per_target=True),
    "latency_p99": Metric(False, units.time, units.show_time, FASTER, per_target=True),
}
