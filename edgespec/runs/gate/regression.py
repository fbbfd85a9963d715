"""Two versions of a run beside each other: what the later one lost against the earlier, and whether that can be told from chance.

A verdict has one limit, the recipe's. Beyond the limit a loss is told from chance or noise and fails, or it is inconclusive: noise never
widens a limit. What could not be compared is told, and is never a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.evaluation import difference
from edgespec.recipe.gates import Gate
from edgespec.recipe.metrics import METRICS, POINTS, SAME
from edgespec.runs.gate import chance, growth
from edgespec.runs.gate.side import Side, Turns
from edgespec.runs.gate.verdicts import Verdict

OFFER = "edgespec gate --against REV builds both and measures them in one session"
CHANGED = "if that is meant: edgespec gate --update-baseline, or gates: {regression: {KEY: any}}"
ORDER = ("fail", "inconclusive", "pass")
Right = NDArray[np.float64]


def judge(gate: Gate, base: Side, head: Side, turns: Mapping[str, Turns]) -> Verdict | None:
    """Judge one promise against a baseline; None where a default limit is of something that neither side has.

    turns: target -> both files measured in one session, where that was done
    """
    if gate.metric in SAME:
        return (_contract if gate.metric == "contract" else _variants)(gate, base, head)
    if METRICS[gate.metric].per_target:
        found = growth.timed(gate, base, head, turns.get(gate.target))
    elif gate.metric in POINTS:
        found = _points(gate, base, head)
    else:
        found = growth.weighed(gate, base, head)
    nowhere = found.verdict == "unmeasured" and not found.skipped
    return None if nowhere and not gate.stated else found


def skipped(gate: Gate, why: str, hint: str = "") -> Verdict:
    """A promise that this baseline can't answer: told, neither kept nor broken."""
    return growth.skipped(gate, why, hint or OFFER)


def unmeasured(gate: Gate, why: str, hint: str) -> Verdict:
    """A promise that nothing could answer."""
    return growth.unmeasured(gate, why, hint)


def _contract(gate: Gate, base: Side, head: Side) -> Verdict:
    """Compare what each file expects and answers, and the names of the test spectra themselves."""
    apart = []
    for name in (each for each in base.files if each in head.files):
        before, after = base.files[name].contract, head.files[name].contract
        keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        apart += [f"{name}: {key} was {_short(before.get(key))}, is {_short(after.get(key))}" for key in keys]
    if base.data == head.data and len(base.true) == len(head.true):
        other = sum(one != two for one, two in zip(base.names(), head.names(), strict=True))
        apart += [f"{other} of {len(head.true)} test spectra have another name in the data"] if other else []
    text = "; ".join(apart[:4]) + (f"; and {len(apart) - 4} more" if len(apart) > 4 else "")
    verdict = "fail" if apart else "pass"
    hint = CHANGED.replace("KEY", gate.metric) if apart else ""
    return growth.verdict(
        gate, verdict, "", float(len(apart)), 0.0, text or "axis, labels, preprocessing, outputs as before", hint
    )


def _variants(gate: Gate, base: Side, head: Side) -> Verdict:
    gone = [name for name in base.files if name not in head.files]
    kept = float(len(base.files) - len(gone))
    if not gone:
        return growth.verdict(gate, "pass", "", kept, float(len(base.files)), "all files of the baseline are made", "")
    text = f"{', '.join(gone)} existed before and {'does' if len(gone) == 1 else 'do'} not now"
    return growth.verdict(gate, "fail", "", kept, float(len(base.files)), text, CHANGED.replace("KEY", gate.metric))


def _points(gate: Gate, base: Side, head: Side) -> Verdict:
    """Judge what is lost in points; of several shipped files, the one that fared worst."""
    if base.data != head.data or len(base.true) != len(head.true):
        return skipped(gate, f"the baseline {base.where} was judged on other test spectra")
    how: Callable[[Gate, Side, Side, str], Verdict] = _named if gate.metric in NAMED else _scored
    found = [how(gate, base, head, variant) for variant in head.shipped]
    return min(found, key=lambda each: (*ORDER, "unmeasured").index(each.verdict))


def _named(gate: Gate, base: Side, head: Side, variant: str) -> Verdict:
    """Judge accuracy, clean or perturbed, spectrum by spectrum."""
    before, after = (NAMED[gate.metric](side, variant) for side in (base, head))
    if before is None or after is None:
        return _one_side(gate, before is not None, after is not None, base, head)
    loss, p = float(before.mean() - after.mean()), chance.lost(before, after, np.array(head.sample))
    verdict = _verdict(loss, gate.limit, p)
    moved = f"{int((before > after).sum())} spectra lost, {int((after > before).sum())} won of {len(before)} (p = {p:.2g}, by samples)"
    apart = difference.of_samples(after - before, head.sample).worded()
    text = (
        f"{_title(gate)} {after.mean():.3f} after {before.mean():.3f}: {apart}, {moved}; {gate.limit:.3g} may be lost"
    )
    hint = {
        "fail": METRICS[gate.metric].remedy,
        "inconclusive": "more test samples, or more seeds: edgespec repeat",
    }.get(verdict, "")
    return growth.verdict(gate, verdict, variant, float(after.mean()), float(before.mean()), text, hint)


def _scored(gate: Gate, base: Side, head: Side, variant: str) -> Verdict:
    """Judge a figure of the report that has a standard error."""
    before, after = (side.same(variant).scores.get(gate.metric) for side in (base, head))
    if before is None or after is None:
        return _one_side(gate, before is not None, after is not None, base, head)
    sign = -1.0 if METRICS[gate.metric].high else 1.0
    loss = sign * (after.value - before.value)
    p = chance.worse(0.0, loss, (before.error, after.error))
    verdict = _verdict(loss, gate.limit, p)
    text = f"{_title(gate)} {after.value:.3f} after {before.value:.3f} (p = {p:.2g}); {gate.limit:.3g} may be lost"
    hint = {
        "fail": METRICS[gate.metric].remedy,
        "inconclusive": "more test samples, or more seeds: edgespec repeat",
    }.get(verdict, "")
    return growth.verdict(gate, verdict, variant, after.value, before.value, text, hint)


def _verdict(loss: float, limit: float, p: float) -> str:
    """Beyond the limit a loss fails, unless chance explains it."""
    if loss <= limit + 1e-9:
        return "pass"
    return "fail" if p < chance.CHANCE else "inconclusive"


def _one_side(gate: Gate, had: bool, has: bool, base: Side, head: Side) -> Verdict:
    """Judge a figure that one side lacks: what was promised once and is not there now is lost."""
    if had and not has:
        found = unmeasured(
            gate, f"{base.where} has a {_title(gate)}, {head.where} has none", METRICS[gate.metric].remedy
        )
        return replace(found, verdict="fail")
    if has:
        return skipped(gate, f"the baseline {base.where} has no {_title(gate)}", "edgespec gate --update-baseline")
    return unmeasured(gate, f"neither side has a {_title(gate)}", METRICS[gate.metric].remedy)


def _right(side: Side, variant: str) -> Right:
    named: Right = np.equal(side.same(variant).named, side.true).astype(np.float64)
    return named


def _robust(side: Side, variant: str) -> Right | None:
    found = side.same(variant).robust
    return np.array(found) if found else None


NAMED: dict[str, Callable[[Side, str], Right | None]] = {"accuracy": _right, "robust_accuracy": _robust}


def _title(gate: Gate) -> str:
    return gate.metric.replace("_", " ")


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
