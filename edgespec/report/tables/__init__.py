"""The rows of a report as cells of text, for whoever draws the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgespec import units
from edgespec.recipe.metrics import METRICS, POINTS, SAME
from edgespec.report import Report, Row

Table = list[list[str]]
HEAD = [
    "#",
    "step",
    "model",
    "params",
    "MACs",
    "FLOPs",
    "size",
    "accuracy",
    "95 % interval",
    "sens.",
    "spec.",
    "F1",
    "ECE",
    "agree",
    "drop",
    "time",
]
SCORED = (
    "Accuracy on the test part; its 95 % interval counts each physical sample, not each spectrum. `sens.`, `spec.` and `F1` (macro-F1) are "
    "means over the classes that the test part holds: a class without a test spectrum counts neither as 0 nor as 1; a spectrum that is given "
    "its name is missed all the same."
)
COST_HEAD = ["step", "time", "accuracy", "change", "size", "change"]
BENCH_HEAD = [
    "target",
    "variant",
    "mode",
    "p50",
    "95 % interval",
    "p90",
    "p99",
    "ratio",
    "95 % interval",
    "accuracy",
    "agree",
    "size",
    "cold start",
    "memory",
    "energy",
    "advice",
]
TRANSFER_HEAD = [
    "file",
    "correction",
    "unseen n",
    "accuracy",
    "95 % interval",
    "over draws",
    "all n",
    "accuracy",
    "gain",
    "over draws",
    "found",
]
BUNDLE_HEAD = ["target", "runtime", "file", "size", "state", "checked"]
GATE_HEAD = ["gate", "file", "limit", "measured", "verdict"]


def scores(report: Report) -> Table:
    """One line a model: what it is, what it weighs, how right it is."""
    return [_score(row) for row in report.rows]


def costs(report: Report) -> Table:
    """One line a step: what it took, and what it did to accuracy and size against the step before."""
    found, before = [], None
    for step in report.steps:
        made = [row for row in report.rows if row.step == step["number"] and row.kind in ("step", "variant")]
        if not made:
            continue
        row = made[-1]
        accuracy = f"{row.accuracy - before.accuracy:+.3f}" if before else ""
        size = f"x {(row.bytes or 0) / before.bytes:.2f}" if before and before.bytes else ""
        name = f"{step['number']} {step['name']}"
        found.append(
            [name, f"{step['seconds']:.1f} s", f"{row.accuracy:.3f}", accuracy, _or(row.bytes, units.show_size), size]
        )
        before = row
    return found


def bench(report: Report) -> Table:
    """One line a measured file: latency with its interval, ratio to the default export, accuracy of the same outputs."""
    found = []
    for target, record in report.bench.items():
        advised = report.advice.get(target, {}).get("variant")
        found += [_bench(target, each, each["variant"] == advised) for each in record["measurements"]]
    return found


def conditions(record: dict[str, Any]) -> list[str]:
    """Say how a target's figures were taken, and what its sensors told meanwhile."""
    first, *_ = measured = record["measurements"]
    blocks = max(each.get("calls_per_sample", 1) for each in measured)
    compared = "the plain default export" if first["reference"] == "default" else first["reference"]
    told = [
        f"n = {min(each['n'] for each in measured)} and more for each file, ratio to {compared}, {first['threads']} thread"
        + ("" if first["threads"] == 1 else "s")
    ]
    if first.get("processes"):
        processes = "1 process" if first["processes"] == 1 else f"{first['processes']} processes"
        told.insert(0, f"mode {first['mode']}, {processes} of {first['seconds']:g} s a file")
    if blocks > 1:
        told.append(f"calls shorter than 50 us are timed up to {blocks} at once: their percentiles are of such blocks")
    sensors = first["host"].get("sensors", {})
    told += [
        f"{name} {v[0]:.0f} to {v[2]:.0f} degrees, at most {v[1]:.0f}" for name, v in sensors.get("celsius", {}).items()
    ]
    told += [f"{name} clock {v[1]:.0f} to {v[0]:.0f} MHz" for name, v in sensors.get("mhz", {}).items() if v[1] < v[0]]
    notes = {each.get("energy_note", "") for each in measured if each.get("mode") != "quick"} - {""}
    told += [f"energy: {note}" for note in sorted(notes)[:1]]
    return told


def transfer(record: dict[str, Any]) -> Table:
    """One line a file and correction on another instrument: samples that the model has not seen, then all."""
    home = [
        [name, "its own instrument", str(each["n"]), f"{each['accuracy']:.3f}", _between([each["low"], each["high"]], "{:.3f}"),
         "", "", "", "", "", ""]
        for name, each in record["home"].items()
    ]  # fmt: skip
    return home + [_transferred(row, record["draws"]) for row in record["rows"]]


def transferred(record: dict[str, Any]) -> str:
    """One line: what was judged, how much of it the model has seen, and on how many references it was corrected."""
    data, seen = record["data"], record["seen_samples"]
    lasers = f" at {', '.join(map(str, data['lasers']))} nm" if data["lasers"] else ""
    met = "samples seen in training: not known" if seen is None else f"{seen} of them seen in training"
    return (
        f"{record['name']}: data {data['source']}{lasers}, {data['spectra']} spectra of {data['samples']} physical samples, {met}; "
        f"{record['references']} references, {len(record['draws'])} draws (seed {record['seed']})"
    )


def bundles(report: Report) -> Table:
    """One line a target: what was written for it, and how it was seen that the target will take it."""
    return [
        [name, each["runtime"], each["variant"], _or(each["size"] or None, units.show_size), each["status"],
         "; ".join(each["checked"]) or each["message"]]
        for name, each in report.bundles.items()
    ]  # fmt: skip


def gates(report: Report) -> Table:
    """One line a promise, with the file that was judged."""
    found = []
    for each in report.gates:
        limit, measured = (_relative if each.get("relative") else _absolute)(each)
        loud = {"fail": "FAIL: ", "inconclusive": "INCONCLUSIVE: "}.get(each["verdict"], "")
        hint = "" if not each["hint"] or each["verdict"] == "unmeasured" else f"; {each['hint']}"
        said = each["verdict"] if each["verdict"] == "pass" else f"{loud}{each['message']}{hint}"
        found.append([promise(each), each["variant"] or "-", limit, measured, said])
    return found


def promise(each: Mapping[str, Any]) -> str:
    """Name a promise."""
    name = f"{each['metric']} {each['target']}".strip()
    return f"{name} against the baseline" if each.get("relative") else name


def _absolute(each: Mapping[str, Any]) -> tuple[str, str]:
    metric = METRICS[each["metric"]]
    measured = "-" if each["measured"] is None else metric.show(each["measured"])
    return f"{'>=' if metric.high else '<='} {metric.show(each['limit'])}", measured


def _relative(each: Mapping[str, Any]) -> tuple[str, str]:
    now, before, metric = each["measured"], each["baseline"], each["metric"]
    if metric in SAME:
        return "as before", "-" if now is None else "changed" if each["verdict"] == "fail" else "as before"
    if metric in POINTS:
        high = METRICS[metric].high
        limit = f">= {-each['limit']:+.3f}" if high else f"<= {each['limit']:+.3f}"
        return limit, "-" if now is None else f"{now - before:+.3f}"
    change = "-" if now is None else f"{now / before - 1 if before else 0:+.1%}"
    return f"<= {each['limit']:+.1%}", change


def headline(report: Report) -> str:
    """Name, seed, data with its stamp, and version: what stands above every table."""
    data = report.data
    counts = " + ".join(str(n) for n in data["train"].values())
    version = report.environment["versions"]["edgespec"]
    return (
        f"{report.recipe}   seed {report.seed}   data: {data['source']} ({data['name']}, {counts} training, {data['test']} test spectra, "
        f"{data['classes']} classes)   edgespec {version}"
    )


def learnt_from(row: Row) -> str:
    """Name the training part and the labels that a model learnt from; "" where all models of a run learnt from the same."""
    return ", ".join(each for each in (row.on, row.labels if row.labels not in ("", "all") else "") if each)


def _score(row: Row) -> list[str]:
    found = row.scores
    name = " ".join(each for each in (row.name, row.variant if row.kind == "variant" else "") if each)
    learnt = learnt_from(row)
    return [
        str(row.step) if row.step else "",
        name,
        f"{row.model} ({learnt})" if learnt else row.model,
        _or(row.params, units.show_count),
        _or(row.macs, units.show_count),
        _or(row.flops, units.show_count),
        _or(row.bytes, units.show_size),
        f"{found['accuracy']:.3f}",
        f"{found['low']:.3f} - {found['high']:.3f}",
        f"{found['sensitivity']:.3f}",
        f"{found['specificity']:.3f}",
        f"{found['macro_f1']:.3f}",
        _or(found["ece"], "{:.3f}".format),
        _or(row.agreement, "{:.3f}".format),
        _or(row.drop, "{:+.3f}".format),
        _or(row.seconds, "{:.1f} s".format),
    ]


def _bench(target: str, each: dict[str, Any], advised: bool) -> list[str]:
    return [
        target,
        each["variant"],
        each.get("mode") or "-",
        units.show_time(each["p50_ms"] / 1e3),
        _between([value * 1e3 for value in each["p50_interval_ms"]], "{:.3g}") + " us",
        _or(each["p90_ms"], lambda ms: units.show_time(ms / 1e3)),
        _or(each["p99_ms"], lambda ms: units.show_time(ms / 1e3)),
        f"{each['ratio']:.2f}",
        _between(each["ratio_interval"], "{:.2f}"),
        _or(each["accuracy"], "{:.3f}".format),
        f"{each['agreement']:.3f}",
        units.show_size(each["size_bytes"]),
        f"{each['cold_load_ms'] + each['cold_first_ms']:.0f} ms",
        units.show_size(each["peak_memory_bytes"]),
        _or(each.get("energy_mj"), "{:.3g} mJ".format),
        "recommended" if advised else "",
    ]


def _transferred(row: dict[str, Any], draws: list[dict[str, Any]]) -> list[str]:
    start = [row["variant"], row["correction"]]
    if row["unmeasured"]:
        return [*start, *[""] * 8, f"unmeasured: {row['unmeasured']}"]
    unseen, every, plainly = row["unseen"], row["all"], row["correction"] == "none"
    cells = ["-"] * 4
    if unseen:
        interval = _between([unseen["low"], unseen["high"]], "{:.3f}")
        cells = [str(unseen["n"]), f"{unseen['accuracy']:.3f}", interval, _between(unseen["range"], "{:.3f}")]
    judged = unseen or every
    gain = ["", ""] if plainly else [f"{judged['gain']:+.3f}", _between(judged["gain_range"], "{:+.3f}")]
    facts = [] if plainly else [draw["corrections"][row["correction"]] for draw in draws]
    return [*start, *cells, str(every["n"]), f"{every['accuracy']:.3f}", *gain, _found(facts)]


def _found(facts: list[dict[str, Any]]) -> str:
    """Say what a correction came to, from its least to its greatest over the draws."""
    if not facts:
        return ""
    if "stretch" in facts[0]:
        shift, stretch = ([each[key] for each in facts] for key in ("shift_cm1", "stretch"))
        told = [f"a {min(shift):+.2f} to {max(shift):+.2f} cm-1, b {min(stretch):.4f} to {max(stretch):.4f}"]
        untouched = sum(each["fitted"] == "nothing" for each in facts)
    else:
        penalties = sorted({each["penalty"] for each in facts if each["penalty"] is not None})
        told = [f"{facts[0]['pairs']} pairs"]
        told += [f"penalty {', '.join(f'{each:g}' for each in penalties)}"] if penalties else []
        untouched = sum(each["penalty"] is None for each in facts)
    return "; ".join(told + ([f"nothing to correct in {untouched} of {len(facts)} draws"] if untouched else []))


def _between(pair: Any, form: str) -> str:
    return f"{form.format(pair[0])} - {form.format(pair[1])}"


def _or(value: Any, show: Any) -> str:
    return "-" if value is None else show(value)
