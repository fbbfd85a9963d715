"""Planted regressions are caught, chance is not mistaken for one, and a baseline of another key answers nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgespec.recipe.gates import Gate
from edgespec.runs.gate import regression as gate_regression
from edgespec.runs.gate.regression import File, Paired, Side
from edgespec.runs.gate.verdicts import Verdict

N, LABELS = 300, ("a", "b", "c")
DEVICE = {"cpu": "A", "threads": 1}


def side(wrong: range = range(0), **more: Any) -> Side:
    """A run that names all spectra rightly but these."""
    true = tuple(i % 3 for i in range(N))
    named = tuple((each + 1) % 3 if i in wrong else each for i, each in enumerate(true))
    files = {"float32": File(40_000, "d", 9_000, 1_000_000, named, 900_000.0)}
    latency = {"local": [{"variant": "float32", "device": DEVICE, "mode": "standard", "p50_ms": 0.1, "noise": 0.01,
                          "p50_interval_ms": [0.099, 0.101]}]}  # fmt: skip
    made = Side("here", "r", "0", "d1", LABELS, true, files, ("float32",), {"valgrind": "3"}, latency)
    return replace(made, **more)


def grown(share: float, what: str) -> Side:
    made = side()
    file = made.files["float32"]
    value = getattr(file, what) * share
    return replace(made, files={"float32": replace(file, **{what: value if what == "instructions" else round(value)})})


def judge(metric: str, limit: float, base: Side, head: Side, pair: Paired | None = None) -> Verdict:
    target = "local" if metric.startswith("latency") else ""
    return gate_regression.judge(Gate(metric, limit, target, True), base, head, {"local": pair} if pair else {})


@pytest.mark.parametrize(
    ("before", "after", "limit", "verdict"),
    [
        (range(0), range(6), 0.01, "fail"),  # two points
        (range(0), range(3), 0.01, "pass"),  # within what may be lost
        (range(8), range(6, 18), 0.01, "inconclusive"),  # 10 lost and 6 won: chance does that
        (range(12), range(0), 0.0, "pass"),  # better
        (range(5), range(5), 0.0, "pass"),
    ],
)
def test_accuracy_is_lost_where_chance_does_not_explain_it(
    before: range, after: range, limit: float, verdict: str
) -> None:
    found = judge("accuracy", limit, side(before), side(after))
    assert found.verdict == verdict
    assert found.relative
    assert (found.baseline, found.measured) == (pytest.approx(1 - len(before) / N), pytest.approx(1 - len(after) / N))


def test_no_change_gives_no_alarm_however_often() -> None:
    rng = np.random.default_rng(0)
    verdicts = []
    for _ in range(300):
        lost = [set(rng.choice(N, 30, replace=False).tolist()) for _ in range(2)]  # equally good, other mistakes
        base, head = (side(wrong) for wrong in lost)  # type: ignore[arg-type]
        verdicts.append(judge("accuracy", 0.01, base, head).verdict)
    assert verdicts.count("fail") <= 0.07 * len(verdicts), "no more than chance allows"


def test_labels_in_another_order_are_the_same_labels_and_swapped_ones_are_a_loss() -> None:
    head = side()
    turned = {0: 2, 1: 0, 2: 1}  # c a b -> the same names, counted otherwise
    file = head.files["float32"]
    same = replace(head, labels=("b", "c", "a"), true=tuple(turned[i] for i in head.true),
                   files={"float32": replace(file, named=tuple(turned[i] for i in file.named))})  # fmt: skip
    assert judge("accuracy", 0, side(), same).verdict == "pass"
    swapped = replace(head, files={"float32": replace(file, named=tuple({0: 1, 1: 0}.get(i, i) for i in file.named))})
    assert judge("accuracy", 0.5, side(), swapped).verdict == "fail"


@pytest.mark.parametrize(
    ("metric", "what", "share", "limit", "verdict"),
    [
        ("size", "bytes", 1.03, 0.01, "fail"),
        ("size", "bytes", 1.01, 0.01, "pass"),
        ("size", "bytes", 0.5, 0.0, "pass"),
        ("params", "params", 1.1, 0.05, "fail"),
        ("macs", "macs", 1.1, 0.05, "fail"),
        ("instructions", "instructions", 1.1, 0.03, "fail"),
        ("instructions", "instructions", 1.012, 0.0, "pass"),  # counts differ by as much
    ],
)
def test_what_grew_beyond_its_limit_is_caught(metric: str, what: str, share: float, limit: float, verdict: str) -> None:
    found = judge(metric, limit, side(), grown(share, what))
    assert found.verdict == verdict
    assert f"{share - 1:+.2%}" in found.message
    assert bool(found.hint) == (verdict == "fail")


@pytest.mark.parametrize(
    ("interval", "noise", "p", "verdict"),
    [
        ((1.08, 1.12), 0.01, 1e-5, "fail"),
        ((1.08, 1.12), 0.20, 1e-5, "pass"),  # the machine differs from itself by more
        ((1.08, 1.12), 0.01, 0.3, "inconclusive"),
        ((0.97, 1.12), 0.01, 1e-5, "inconclusive"),
        ((0.97, 1.02), 0.01, 0.4, "pass"),
    ],
)
def test_a_latency_in_turns_is_judged_beyond_the_noise(
    interval: tuple[float, float], noise: float, p: float, verdict: str
) -> None:
    pair = Paired("float32", sum(interval) / 2, interval, noise, p, 4000)
    assert judge("latency_p50", 0.05, side(), side(), pair).verdict == verdict


def later(ms: float, **more: Any) -> Side:
    made = side()
    each = made.latency["local"][0] | {"p50_ms": ms, "p50_interval_ms": [ms * 0.99, ms * 1.01]} | more
    return replace(made, latency={"local": [each]})


@pytest.mark.parametrize(("ms", "verdict"), [(0.1, "pass"), (0.106, "inconclusive"), (0.12, "fail"), (0.05, "pass")])
def test_a_latency_that_was_kept_is_compared_on_the_same_device(ms: float, verdict: str) -> None:
    assert judge("latency_p50", 0.05, side(), later(ms)).verdict == verdict


@pytest.mark.parametrize(
    ("metric", "base", "said"),
    [
        ("latency_p50", later(0.1, device={"cpu": "B", "threads": 1}), "another device: cpu B"),
        ("latency_p50", later(0.1, mode="quick"), "of mode quick"),
        ("latency_p50", side(latency={}), "without a latency"),
        ("accuracy", side(data="d2"), "other test spectra"),
        ("instructions", side(counted={"valgrind": "2"}), "counted elsewhere: valgrind 2"),
        ("size", side(recipe="other"), "of recipe 'other'"),
    ],
)
def test_another_key_is_told_and_skipped_never_passed(metric: str, base: Side, said: str) -> None:
    found = judge(metric, 0.5, base, side())
    assert (found.verdict, found.skipped) == ("unmeasured", True)
    assert said in found.message
    assert "--against" in found.hint


def test_what_was_not_measured_now_is_unmeasured_and_not_skipped() -> None:
    found = judge("latency_p50", 0.5, side(), side(latency={}))
    assert (found.verdict, found.skipped) == ("unmeasured", False)
    assert "edgespec bench --target local" in found.hint
    bare = side()
    bare = replace(bare, files={"float32": replace(bare.files["float32"], instructions=None)})
    found = judge("instructions", 0.5, side(), bare)
    assert (found.verdict, found.skipped) == ("unmeasured", False)
    assert "valgrind" in found.hint


def test_the_worst_of_several_files_counts_and_a_new_one_is_compared_with_the_one_before() -> None:
    head = grown(1.5, "bytes")
    two = replace(head, files={**head.files, "cpu-int8": side().files["float32"]}, shipped=("cpu-int8", "float32"))
    found = judge("size", 0.1, side(), two)
    assert (found.verdict, found.variant) == ("fail", "float32")
    only = replace(two, shipped=("cpu-int8",))
    assert judge("size", 0.1, side(), only).verdict == "pass"
