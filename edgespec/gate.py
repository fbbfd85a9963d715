"""Promises kept or broken: one metric, one limit, one verdict; unmeasured is not passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgespec import plugins, recipe, report, storage, target
from edgespec.errors import Mistake, Mistakes
from edgespec.metrics import METRICS
from edgespec.recipe import Recipe
from edgespec.report import Report, Row
from edgespec.yaml12 import Place

ROBUST = {"robust_accuracy": "mean", "robust_accuracy_drop": "drop"}  # metric -> where a row's `robustness` has it


@dataclass(frozen=True)
class Gate:
    """A promise of the recipe; `where` is its file and line."""

    metric: str
    limit: float
    target: str = ""
    where: str = ""


@dataclass(frozen=True)
class Verdict:
    """What became of a gate: "pass", "fail" or "unmeasured", with the figure and, where it failed, what to do."""

    metric: str
    target: str
    limit: float
    measured: float | None
    verdict: str
    variant: str
    message: str
    hint: str

    def plain(self) -> dict[str, Any]:
        """For report.json."""
        return asdict(self)


def read_gates(tree: Any, wrong: Callable[[Place, str, str], None]) -> list[Gate]:
    """Read the `gates:` of a recipe; mistakes are told to `wrong` with their place."""
    if tree is None:
        return []
    if not isinstance(tree, dict):
        wrong((), "'gates' holds 'metric: limit' entries", "gates: {accuracy: 0.9}")
        return []
    found: list[Gate] = []
    for name, limit in tree.items():
        if name not in METRICS:
            wrong((name,), f"unknown metric {name!r}", plugins.did_you_mean(name, list(METRICS)))
            continue
        metric = METRICS[name]
        if metric.per_target != isinstance(limit, dict):
            if metric.per_target:
                wrong((name,), f"'{name}' wants a limit for each target", f"write {name}: {{local: 1 ms}}")
            else:
                wrong((name,), f"'{name}' is the same on all targets: it wants one limit", f"write {name}: LIMIT")
            continue
        if limit == {}:
            wrong((name,), f"'{name}' promises nothing: no target is named", f"write {name}: {{local: 1 ms}}")
        for there, each in limit.items() if isinstance(limit, dict) else [("", limit)]:
            place = (name, there) if there else (name,)
            if there and there not in target.names():
                wrong(place, f"unknown target {there!r}", plugins.did_you_mean(there, target.names()))
                continue
            try:
                found.append(Gate(name, _limit(name, each), there))
            except Mistake as problem:
                wrong(place, f"'{name}': {problem.message}", problem.hint)
    return found


def _limit(name: str, written: Any) -> float:
    limit = METRICS[name].read(written)
    if limit < 0 and not METRICS[name].signed:
        raise Mistake(f"{written!r} is negative: every model would keep that")
    return limit


def judge(folder: Path, name: str | None) -> tuple[Report, bool]:
    """Judge the promises of a run's recipe; give its report, verdicts included, and whether all were kept.

    name: a target, to judge only what it can answer
    Raises Mistake for a target that does not exist, or a recipe that promises nothing.
    """
    if name is not None:
        target.load(name)
    with storage.lock(folder):
        result = report.read(folder)
        written = recipe.load(folder / "recipe.yaml")
        found: list[Mistake] = []

        def wrong(place: Place, text: str, hint: str) -> None:
            found.append(Mistake(f"{written.at(('gates', *place))}: {text}", hint))

        gates = read_gates(written.tree.get("gates"), wrong)
        if found:
            raise Mistakes(found)
        if not gates:
            raise Mistake(f"the recipe of {folder} makes no promises", hint="gates: {accuracy: 0.9, size: 64 kB}")
        verdicts = check(gates, result, target=name, where=lambda gate: _line(written, gate))
        result.gates = [each.plain() for each in verdicts]
        report.write(result, folder)
    return result, all(each.verdict == "pass" for each in verdicts)


def check(
    gates: Sequence[Gate], report: Report, *, target: str | None = None, where: Callable[[Gate], str] = lambda gate: ""
) -> list[Verdict]:
    """Judge every gate; with `target`, only what that target can answer.

    The files judged are those that the run recommends: per target after `bench`, else what the last step made.
    """
    judged = [gate for gate in gates if target is None or gate.target in ("", target)]
    return [_judge(gate, report, target, where(gate)) for gate in judged]


def broken(gates: Sequence[Gate], report: Report, variant: str) -> list[str]:
    """Say which promises a variant would break, latency left aside; the recommendation asks this."""
    row = next((row for row in report.last() if row.variant == variant), None)
    if row is None:
        return ["it is only here to be compared with"]
    values = [(gate, _of_row(gate.metric, row, report)) for gate in gates if not METRICS[gate.metric].per_target]
    return [_compare(gate, value) for gate, value in values if value is not None and not _kept(gate, value)]


def _judge(gate: Gate, report: Report, target: str | None, where: str) -> Verdict:
    metric = METRICS[gate.metric]
    found = _latency(gate, report) if metric.per_target else _worst(gate, report, target)
    if found is None:
        missing = _missing(gate, report)
        return Verdict(gate.metric, gate.target, gate.limit, None, "unmeasured", "", f"unmeasured: {missing}", missing)
    variant, value = found
    if _kept(gate, value):
        return Verdict(gate.metric, gate.target, gate.limit, value, "pass", variant, "", "")
    return Verdict(
        gate.metric, gate.target, gate.limit, value, "fail", variant, _compare(gate, value, where), metric.remedy
    )


def _missing(gate: Gate, report: Report) -> str:
    """Say what would measure it."""
    if METRICS[gate.metric].per_target:
        if gate.target not in report.bench:
            return f"edgespec bench --target {gate.target}"
        if report.advice[gate.target]["variant"] is None:
            return f"no file is recommended on {gate.target}, mend the promises that are broken first"
        return f"more samples: edgespec bench --target {gate.target} --seconds 30"
    if gate.metric == "gain_over_control" and report.last():
        return "there is no control: a step 'distill' with 'control: true' trains one"
    if gate.metric in ROBUST and report.last():
        return "edgespec compress again: these files, or step 1's model, were not judged on perturbed spectra"
    if gate.metric == "unknown_auroc" and report.last():
        return "spectra of unknown substances at hand: name them in data.unknown, and end the recipe with 'calibrate'"
    return "edgespec compress, to the end; the recipe needs 'to_onnx'"


def _worst(gate: Gate, report: Report, target: str | None) -> tuple[str, float] | None:
    """Give the worst figure among the files that the run ships."""
    rows = {row.variant: row for row in report.last()}
    advised = [each["variant"] for name, each in report.advice.items() if target in (None, name)]
    shipped = [name for name in advised if name in rows] or list(rows)[-1:]
    values = [(name, _of_row(gate.metric, rows[name], report)) for name in shipped]
    known = [(name, value) for name, value in values if value is not None]
    if not known:
        return None
    return (min if METRICS[gate.metric].high else max)(known, key=lambda each: each[1])


def _of_row(metric: str, row: Row, report: Report) -> float | None:
    teacher = report.reference()
    if metric == "teacher_accuracy":
        return teacher.accuracy if teacher else None
    if metric == "gain_over_control":
        control = next((each for each in report.rows if each.kind == "control" and each.name == "control"), None)
        return row.accuracy - control.accuracy if control else None
    if metric == "unknown_auroc":
        return row.reject.get("auroc_unknown")
    if metric in ROBUST:
        return row.robustness.get(ROBUST[metric])
    if metric in ("agreement", "drop", "params", "macs"):
        found: float | None = getattr(row, metric)
        return found
    return row.bytes if metric == "size" else row.scores.get(metric)


def _latency(gate: Gate, report: Report) -> tuple[str, float] | None:
    """Give the latency in seconds of the variant recommended on the gate's target."""
    variant = report.advice.get(gate.target, {}).get("variant")
    for each in report.bench.get(gate.target, {}).get("measurements", []):
        value = each[f"{gate.metric.removeprefix('latency_')}_ms"]
        if each["variant"] == variant and each["source"] == "measured" and value is not None:
            return variant, value / 1000
    return None


def _kept(gate: Gate, value: float) -> bool:
    return value >= gate.limit if METRICS[gate.metric].high else value <= gate.limit


def _compare(gate: Gate, value: float, where: str = "") -> str:
    metric = METRICS[gate.metric]
    name = f"{gate.metric} {gate.target}".strip()
    side = "under" if metric.high else "over"
    gap, limit = metric.show(abs(value - gate.limit)), metric.show(gate.limit)
    return f"{name} is {metric.show(value)}, {gap} {side} the {limit}{f' of {where}' if where else ''}"


def _line(written: Recipe, gate: Gate) -> str:
    return written.at(("gates", gate.metric, gate.target) if gate.target else ("gates", gate.metric))
