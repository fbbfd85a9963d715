"""What may grow by a share: bytes, weights, counted instructions; latency, cold start, memory and energy on a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgespec.recipe.gates import Gate
from edgespec.recipe.metrics import METRICS
from edgespec.runs.gate.side import File, Latency, Side, Turns
from edgespec.runs.gate.verdicts import Verdict

SLOWER = 0.01
"""Below which probability a loss of speed is no chance."""
COUNTED = 0.015
"""How far two counts of the same file's instructions may lie apart (benchmarks/robustness/gates.py measures it)."""
ONCE = {"cold_start": 0.5, "memory": 0.05, "energy": 0.25}
"""How far two single measurements of the same file may lie apart: between sessions there are no rounds to tell."""
QUIETER = "a quieter machine, or longer: --seconds 30"
KEPT = "edgespec gate --against REV builds both and measures them in one session"


def weighed(gate: Gate, base: Side, head: Side) -> Verdict:
    """Judge bytes, params, macs or instructions of the shipped files; the one that grew most."""
    name = {"size": "bytes"}.get(gate.metric, gate.metric)
    if gate.metric == "instructions":
        if not head.counted:
            return unmeasured(gate, "nothing counted instructions here", "install valgrind")
        if dict(base.counted) != dict(head.counted):
            where = _words(base.counted) or "nowhere"
            return skipped(gate, f"the baseline's instructions were counted elsewhere: {where}", KEPT)
    noise = COUNTED if gate.metric == "instructions" else 0.0
    pairs = [(variant, base.same(variant), head.files[variant]) for variant in head.shipped]
    known = [(variant, *_both(name, one, two)) for variant, one, two in pairs]
    found = [(variant, before, after) for variant, before, after in known if before is not None and after is not None]
    if not found:
        return unmeasured(gate, f"neither side has {gate.metric}", "edgespec gate --update-baseline")
    variant, before, after = max(found, key=lambda each: each[2] / max(each[1], 1e-12))
    share = after / before - 1 if before else float(after > 0)
    result = "pass" if share <= gate.limit + 1e-9 else "fail" if share > noise else "inconclusive"
    show = METRICS[gate.metric].show
    text = f"{show(after)} after {show(before)}, {share:+.2%}; {gate.limit:.1%} more is allowed"
    hint = {"fail": METRICS[gate.metric].remedy, "inconclusive": f"counts of one file differ by up to {COUNTED:.1%}"}
    return verdict(gate, result, variant, float(after), float(before), text, hint.get(result, ""))


def timed(gate: Gate, base: Side, head: Side, turns: Turns | None) -> Verdict:
    """Judge what was measured on a target: in turns where that was done, else beside what the baseline kept."""
    return _in_turns(gate, turns) if turns is not None else _kept(gate, base, head)


def _in_turns(gate: Gate, turns: Turns) -> Verdict:
    found = turns.found.get(gate.metric)
    if found is None:
        return unmeasured(gate, f"nothing measured it on {gate.target}", METRICS[gate.metric].remedy)
    ratio, (low, high), p = found
    result = beyond(gate.limit, turns.noise, low, high, certain=p < SLOWER)
    text = (
        f"{ratio:.3f} [{low:.3f}, {high:.3f}] of the baseline's, in turns (n = {turns.n}, p = {p:.2g}, noise {turns.noise:.1%}); "
        f"{gate.limit:.1%} more is allowed"
    )
    hint = {"fail": METRICS[gate.metric].remedy, "inconclusive": QUIETER}
    return verdict(gate, result, turns.variant, ratio, 1.0, text, hint.get(result, ""))


def beyond(limit: float, noise: float, low: float, high: float, *, certain: bool) -> str:
    """Judge a ratio by its interval: a pass is below the limit, a failure above limit and noise, and certain; the rest can't be told."""
    if high <= 1 + limit:
        return "pass"
    return "fail" if low > 1 + max(limit, noise) and certain else "inconclusive"


def _kept(gate: Gate, base: Side, head: Side) -> Verdict:
    now = next((each for each in head.latency.get(gate.target, ()) if each.variant in head.shipped), None)
    if now is None:
        return unmeasured(gate, f"{head.where} was not measured there", f"edgespec bench --target {gate.target}")
    known = [each for each in base.latency.get(gate.target, ()) if each.variant == now.variant]
    before = next((each for each in known if each.device == now.device and each.mode == now.mode), None)
    if before is None:
        other = f"of another device: {_words(known[0].device)}" if known else "without a latency of this file"
        if known and known[0].device == now.device:
            other = f"of mode {known[0].mode}, this is {now.mode}"
        return skipped(gate, f"the baseline {base.where} is {other}", KEPT)
    one, two = _interval(gate.metric, before), _interval(gate.metric, now)
    if one is None or two is None:
        return _one_side(gate, one is not None, base, head)
    noise = max(before.noise, now.noise) if gate.metric.startswith("latency") else ONCE[gate.metric]
    low, high = two[0] / one[2], two[2] / one[0]
    result = beyond(gate.limit, noise, low, high, certain=True)
    doubt = _doubt(result, before, now)
    result = "inconclusive" if doubt else result
    show = METRICS[gate.metric].show
    text = (
        f"{show(two[1])} after {show(one[1])}, {two[1] / one[1]:.3f} [{low:.3f}, {high:.3f}] (noise {noise:.1%}){doubt}; "
        f"{gate.limit:.1%} more is allowed"
    )
    return verdict(gate, result, now.variant, two[1], one[1], text, "" if result == "pass" else KEPT)


def _doubt(result: str, before: Latency, now: Latency) -> str:
    """Say why other work on the cores leaves a verdict open: a slow baseline lets all pass, a slow measurement lets all fail."""
    if result == "pass" and before.busy:
        return f", the baseline was measured while other work held {before.busy:.1f} cores"
    if result == "fail" and now.busy:
        return f", measured while other work held {now.busy:.1f} cores"
    return ""


def _interval(metric: str, each: Latency) -> tuple[float, float, float] | None:
    """Give low, value and high of a metric, in its unit."""
    if metric == "latency_p50":
        low, high = each.p50_interval_ms
        return low / 1e3, each.p50_ms / 1e3, high / 1e3
    if metric == "latency_p90":
        if each.p90_ms is None or each.p90_interval_ms is None:
            return None
        low, high = each.p90_interval_ms
        return low / 1e3, each.p90_ms / 1e3, high / 1e3
    one = {"cold_start": each.cold_start_ms / 1e3, "memory": each.memory_bytes}.get(metric)
    if metric == "energy":
        one = None if each.energy_mj is None or each.energy_mj <= 0 else each.energy_mj / 1e3
    return None if one is None else (one, one, one)


def _one_side(gate: Gate, had: bool, base: Side, head: Side) -> Verdict:
    if had:
        return replace(unmeasured(gate, f"{base.where} has it, {head.where} has not", KEPT), verdict="fail")
    return skipped(gate, f"the baseline {base.where} has none", KEPT)


def skipped(gate: Gate, why: str, hint: str) -> Verdict:
    """A promise that this baseline can't answer."""
    return replace(unmeasured(gate, f"skipped: {why}", hint), skipped=True)


def unmeasured(gate: Gate, why: str, hint: str) -> Verdict:
    """A promise that nothing could answer."""
    return verdict(gate, "unmeasured", "", None, None, why, hint)


def verdict(
    gate: Gate, result: str, variant: str, measured: float | None, baseline: float | None, text: str, hint: str
) -> Verdict:
    """Give a verdict against a baseline."""
    name = f"{gate.metric} {gate.target}".strip()
    said = f"{name}: {text}"
    return Verdict(gate.metric, gate.target, gate.limit, measured, result, variant, said, hint, True, baseline)


def _both(name: str, one: File, two: File) -> tuple[float | None, float | None]:
    return getattr(one, name), getattr(two, name)


def _words(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in facts.items() if value not in (None, "", []))
