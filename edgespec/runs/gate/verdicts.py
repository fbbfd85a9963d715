"""Promises kept or broken: one metric, one limit, one verdict; unmeasured is not passed, and what can't be told is said so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgespec.bench import warnings
from edgespec.recipe.gates import Gate
from edgespec.recipe.metrics import METRICS
from edgespec.report import Report, choice
from edgespec.report.promises import ROBUST, compare, kept, of_row

BROKEN, UNSURE = 1, 5
ON_BOARD = ("flash", "ram")  # known when the code is written for a microcontroller, never measured


@dataclass(frozen=True)
class Verdict:
    """What became of a promise, with the figure and, where it isn't kept, what to do.

    verdict: "pass", "fail", "inconclusive" (the interval straddles the limit, or the machine is too noisy to tell) or "unmeasured"
    relative: against a baseline, whose figure is `baseline`; skipped: no baseline that could answer: told, and breaks nothing
    """

    metric: str
    target: str
    limit: float
    measured: float | None
    verdict: str
    variant: str
    message: str
    hint: str
    relative: bool = False
    baseline: float | None = None
    skipped: bool = False

    def plain(self) -> dict[str, Any]:
        """For report.json."""
        return asdict(self)


def code(verdicts: Sequence[Verdict], inconclusive: str, skipped: str = "warn") -> int:
    """Give the exit code: 1 where a promise is broken or unmeasured, 5 where one is unsure and that is to fail, else 0.

    skipped: "fail" breaks promises that the baseline can't answer; where it answers none of them, all are broken whatever this says
    """
    if any(each.verdict == "fail" or (each.verdict == "unmeasured" and not each.skipped) for each in verdicts):
        return BROKEN
    relative = [each.skipped for each in verdicts if each.relative]
    if any(relative) and (skipped == "fail" or all(relative)):
        return BROKEN
    unsure = any(each.verdict == "inconclusive" for each in verdicts)
    return UNSURE if unsure and inconclusive == "fail" else 0


def check(
    gates: Sequence[Gate], report: Report, *, target: str | None = None, where: Callable[[Gate], str] = lambda gate: ""
) -> list[Verdict]:
    """Judge every gate; with `target`, only what that target can answer.

    The files judged are those that the run ships, one a target (`report.choice`).
    """
    judged = [gate for gate in gates if target is None or gate.target in ("", target)]
    return [_judge(gate, report, target, where(gate)) for gate in judged]


def _judge(gate: Gate, report: Report, target: str | None, where: str) -> Verdict:
    metric = METRICS[gate.metric]
    found = _latency(gate, report) if metric.per_target else _worst(gate, report, target)
    if found is None:
        missing = _missing(gate, report)
        return Verdict(gate.metric, gate.target, gate.limit, None, "unmeasured", "", f"unmeasured: {missing}", missing)
    variant, value = found
    if busy := _busy(gate, report, variant, value):
        text = f"{gate.metric} {gate.target} is {metric.show(value)}, over {metric.show(gate.limit)}, {busy}"
        hint = f"edgespec bench --target {gate.target} on an idle machine"
        return Verdict(gate.metric, gate.target, gate.limit, value, "inconclusive", variant, text, hint)
    if (low_high := _bounds(gate, report, variant)) and low_high[0] <= gate.limit < low_high[1]:
        low, high = map(metric.show, low_high)
        text = f"{gate.metric} {gate.target} is {metric.show(value)}, between {low} and {high}: too near {metric.show(gate.limit)} to tell"
        hint = f"a quieter machine, or longer: edgespec bench --target {gate.target} --seconds 30"
        return Verdict(gate.metric, gate.target, gate.limit, value, "inconclusive", variant, text, hint)
    if kept(gate, value):
        return Verdict(gate.metric, gate.target, gate.limit, value, "pass", variant, "", "")
    return Verdict(
        gate.metric, gate.target, gate.limit, value, "fail", variant, compare(gate, value, where), metric.remedy
    )


def _missing(gate: Gate, report: Report) -> str:
    """Say what would measure it."""
    if gate.metric in ON_BOARD:
        return f"targets: [{gate.target}] in the recipe and edgespec compress, where its compiler and emulator are (edgespec ls targets)"
    if METRICS[gate.metric].per_target:
        if gate.target not in report.bench:
            return f"edgespec bench --target {gate.target}"
        if report.advice[gate.target]["variant"] is None:
            return f"no file is recommended on {gate.target}, mend the promises that are broken first"
        return f"more samples: edgespec bench --target {gate.target} --seconds 30"
    if gate.metric == "instructions" and report.last():
        return report.instructions.get("why") or "edgespec gate counts them where valgrind is installed"
    if gate.metric == "gain_over_control" and report.last():
        return "there is no control: a step 'distill' with 'control: true' trains one"
    if gate.metric in ROBUST and report.last():
        return "edgespec compress again: these files, or step 1's model, were not judged on perturbed spectra"
    if gate.metric == "accepted" and report.last():
        return "a reject score: end the recipe with 'calibrate'"
    if gate.metric == "unknown_auroc" and report.last():
        return "spectra of unknown substances at hand: name them in data.unknown, and end the recipe with 'calibrate'"
    return "edgespec compress, to the end; the recipe needs 'to_onnx'"


def _worst(gate: Gate, report: Report, target: str | None) -> tuple[str, float] | None:
    """Give the worst figure among the files that the run ships."""
    rows = {row.variant: row for row in report.last()}
    values = [(name, of_row(gate.metric, rows[name], report)) for name in choice.variants(report, target)]
    known = [(name, value) for name, value in values if value is not None]
    if not known:
        return None
    return (min if METRICS[gate.metric].high else max)(known, key=lambda each: each[1])


def _latency(gate: Gate, report: Report) -> tuple[str, float] | None:
    """Give what was measured of the variant recommended on the gate's target: seconds, bytes or joules."""
    if gate.metric in ON_BOARD:
        written = report.bundles.get(gate.target, {})
        return (written["variant"], float(value)) if (value := written.get(f"{gate.metric}_bytes")) else None
    variant = report.advice.get(gate.target, {}).get("variant")
    for each in report.bench.get(gate.target, {}).get("measurements", []):
        if each["variant"] == variant and each["source"] == "measured" and (value := _measured(gate, each)) is not None:
            return variant, value
    return None


def _measured(gate: Gate, each: dict[str, Any]) -> float | None:
    if gate.metric == "memory":
        return float(each["peak_memory_bytes"])
    if gate.metric == "cold_start":
        return float(each["cold_load_ms"] + each["cold_first_ms"]) / 1e3
    key = "energy_mj" if gate.metric == "energy" else f"{gate.metric.removeprefix('latency_')}_ms"
    return None if each.get(key) is None else float(each[key]) / 1e3


def _busy(gate: Gate, report: Report, variant: str, value: float) -> str:
    """Say that other work held the cores, where that may be why a limit was not kept; memory and files are not slowed by it."""
    if not METRICS[gate.metric].per_target or gate.metric in ("memory", *ON_BOARD) or kept(gate, value):
        return ""
    for each in report.bench.get(gate.target, {}).get("measurements", []):
        if each["variant"] == variant and (cores := warnings.busy(each["host"])):
            return f"measured while other work held {cores:.1f} cores"
    return ""


def _bounds(gate: Gate, report: Report, variant: str) -> tuple[float, float] | None:
    """Give between what a latency lies, in seconds: its interval, widened by how far the reference differed from itself."""
    if not METRICS[gate.metric].per_target:
        return None
    for each in report.bench.get(gate.target, {}).get("measurements", []):
        bounds = each.get(f"{gate.metric.removeprefix('latency_')}_interval_ms")
        if each["variant"] == variant and bounds:
            return bounds[0] / 1e3 * (1 - each["noise"]), bounds[1] / 1e3 * (1 + each["noise"])
    return None
