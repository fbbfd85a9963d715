"""Two versions of a run beside each other: what the later one lost against the earlier, and whether that can be told from chance.

Accuracy by McNemar's exact test on the same test spectra (McNemar 1947, Psychometrika 12, 153), named as each file's contract names
them; latency by the Mann-Whitney test and the ratio of medians; sizes and instruction counts as they are. A threshold is never below
the noise that was measured with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from scipy import stats

from edgespec.recipe.gates import METRICS, Gate
from edgespec.runs.gate.verdicts import Verdict

CHANCE, SLOWER = 0.05, 0.01
"""Below which probability a loss of accuracy, or of speed, is no chance."""
COUNTED = 0.015
"""How far two counts of the same file's instructions may lie apart (benchmarks/robustness/gates.py measures it)."""
OFFER = "edgespec gate --against REV builds both and measures them in one session"


@dataclass(frozen=True)
class File:
    """One file of a run: its size, its weight, and what it named each test spectrum (index into `Side.labels`)."""

    bytes: int
    digest: str
    params: int
    macs: int
    named: tuple[int, ...]
    instructions: float | None = None


@dataclass(frozen=True)
class Side:
    """One version of a run, as far as another can be compared with it.

    where: folder, file or revision; recipe, version: what made it; data: digest of the test spectra and their names
    labels: names that `true` and `File.named` count in; shipped: the variants that it recommends
    counted: what counted the instructions; latency: target -> measurements with `variant`, `device`, `mode`, `p50_ms`, `p50_interval_ms`, `noise`
    """

    where: str
    recipe: str
    version: str
    data: str
    labels: tuple[str, ...]
    true: tuple[int, ...]
    files: Mapping[str, File]
    shipped: tuple[str, ...]
    counted: Mapping[str, Any] = field(default_factory=dict)
    latency: Mapping[str, Any] = field(default_factory=dict)

    def same(self, variant: str) -> File:
        """Give the file of that name, else the one that is shipped."""
        return self.files[variant] if variant in self.files else self.files[self.shipped[0]]

    def plain(self) -> dict[str, Any]:
        """Values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Paired:
    """The later file's latency over the earlier one's, both measured in turns in one session."""

    variant: str
    ratio: float
    interval: tuple[float, float]
    noise: float
    p: float
    n: int


def judge(gate: Gate, base: Side, head: Side, paired: Mapping[str, Paired]) -> Verdict:
    """Judge one promise against a baseline; paired: target -> both files in one session, where that was done."""
    if base.recipe != head.recipe:
        return skipped(gate, f"the baseline {base.where} is of recipe {base.recipe!r}")
    if gate.metric == "accuracy":
        return _accuracy(gate, base, head)
    if METRICS[gate.metric].per_target:
        pair = paired.get(gate.target)
        return _paired(gate, pair) if pair else _stored(gate, base, head)
    if gate.metric == "instructions":
        return _instructions(gate, base, head)
    return _grown(gate, base, head, gate.limit)


def skipped(gate: Gate, why: str, hint: str = "") -> Verdict:
    """A promise that this baseline can't answer: told, neither kept nor broken."""
    found = unmeasured(gate, f"skipped: {why}", hint or OFFER)
    return replace(found, skipped=True)


def unmeasured(gate: Gate, why: str, hint: str) -> Verdict:
    """A promise that nothing could answer."""
    return _verdict(gate, "unmeasured", "", None, None, why, hint)


def _accuracy(gate: Gate, base: Side, head: Side) -> Verdict:
    if base.data != head.data:
        return skipped(gate, f"the baseline {base.where} was judged on other test spectra")
    found = [_lost(gate, base, head, variant) for variant in head.shipped]
    return min(found, key=lambda each: ("fail", "inconclusive", "pass").index(each.verdict))


def _lost(gate: Gate, base: Side, head: Side, variant: str) -> Verdict:
    before, after = (_right(side, side.same(variant)) for side in (base, head))
    only_before, only_after = int((before & ~after).sum()), int((after & ~before).sum())
    loss, told = (only_before - only_after) / len(before), only_before + only_after
    p = float(stats.binomtest(only_before, told, alternative="greater").pvalue) if told else 1.0
    verdict = "pass" if loss <= gate.limit + 1e-12 else "fail" if p < CHANCE else "inconclusive"
    text = (
        f"accuracy {after.mean():.3f} after {before.mean():.3f}: {only_before} spectra lost, {only_after} won of {len(before)} "
        f"(McNemar p = {p:.2g}); {gate.limit:.3g} may be lost"
    )
    hint = {"fail": METRICS["accuracy"].remedy, "inconclusive": "more test spectra would tell"}.get(verdict, "")
    return _verdict(gate, verdict, variant, float(after.mean()), float(before.mean()), text, hint)


def _right(side: Side, file: File) -> Any:
    return np.array(file.named) == np.array(side.true)


def _grown(gate: Gate, base: Side, head: Side, limit: float, key: str = "") -> Verdict:
    name = key or {"size": "bytes"}.get(gate.metric, gate.metric)
    values = {each: (getattr(base.same(each), name), getattr(head.files[each], name)) for each in head.shipped}
    variant = max(values, key=lambda each: values[each][1] / max(values[each][0], 1))
    before, after = values[variant]
    share, show = after / max(before, 1) - 1, METRICS[gate.metric].show
    text = f"{gate.metric} {show(after)} after {show(before)}: {share:+.2%}; {limit:.3g} more is allowed"
    kept = share <= limit + 1e-12
    hint = "" if kept else METRICS[gate.metric].remedy
    return _verdict(gate, "pass" if kept else "fail", variant, after, before, text, hint)


def _instructions(gate: Gate, base: Side, head: Side) -> Verdict:
    for side in (head, base):
        if any(side.same(each).instructions is None for each in head.shipped):
            why = f"nobody counted the instructions of {side.where}"
            return unmeasured(gate, why, "edgespec gate counts them where valgrind is installed (edgespec doctor)")
    if dict(base.counted) != dict(head.counted):
        return skipped(gate, f"the baseline's instructions were counted elsewhere: {_words(base.counted)}")
    return _grown(gate, base, head, max(gate.limit, COUNTED))


def _paired(gate: Gate, pair: Paired) -> Verdict:
    limit = max(gate.limit, pair.noise)
    low, high = pair.interval
    slow = low > 1 + limit and pair.p < SLOWER
    verdict = "fail" if slow else "pass" if high <= 1 + limit else "inconclusive"
    text = (
        f"{pair.ratio:.3f} [{low:.3f}, {high:.3f}] of the baseline's latency, in turns (n = {pair.n}, Mann-Whitney p = {pair.p:.2g}, "
        f"noise {pair.noise:.1%}); {limit:.1%} more is allowed"
    )
    hint = {"fail": METRICS[gate.metric].remedy, "inconclusive": "a quieter machine, or longer: --seconds 30"}
    return _verdict(gate, verdict, pair.variant, pair.ratio, 1.0, text, hint.get(verdict, ""))


def _stored(gate: Gate, base: Side, head: Side) -> Verdict:
    now = [each for each in head.latency.get(gate.target, ()) if each["variant"] in head.shipped]
    if not now:
        return unmeasured(gate, f"{head.where} was not measured there", f"edgespec bench --target {gate.target}")
    after = now[0]
    known = [each for each in base.latency.get(gate.target, ()) if each["variant"] == after["variant"]]
    same = [each for each in known if each["device"] == after["device"] and each["mode"] == after["mode"]]
    if not same:
        other = f"of another device: {_words(known[0]['device'])}" if known else "without a latency of this file"
        if known and known[0]["device"] == after["device"]:
            other = f"of mode {known[0]['mode']}, this is {after['mode']}"
        return skipped(gate, f"the baseline {base.where} is {other}")
    before = same[0]
    limit = max(gate.limit, before["noise"], after["noise"])
    low = after["p50_interval_ms"][0] / before["p50_interval_ms"][1]
    high = after["p50_interval_ms"][1] / before["p50_interval_ms"][0]
    verdict = "fail" if low > 1 + limit else "pass" if high <= 1 + limit else "inconclusive"
    ratio = after["p50_ms"] / before["p50_ms"]
    text = f"{ratio:.3f} [{low:.3f}, {high:.3f}] of the latency that the baseline kept; {limit:.1%} more is allowed"
    values = (after["p50_ms"] / 1e3, before["p50_ms"] / 1e3)
    return _verdict(gate, verdict, after["variant"], *values, text, "" if verdict == "pass" else OFFER)


def _words(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in facts.items() if value not in (None, "", []))


def _verdict(
    gate: Gate, verdict: str, variant: str, measured: float | None, baseline: float | None, text: str, hint: str
) -> Verdict:
    name = f"{gate.metric} {gate.target}".strip()
    return Verdict(
        gate.metric, gate.target, gate.limit, measured, verdict, variant, f"{name}: {text}", hint, True, baseline
    )
