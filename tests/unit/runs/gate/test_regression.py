"""Planted regressions are caught, chance is not mistaken for one, and a baseline of another key answers nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgespec.recipe.gates import Gate
from edgespec.runs.gate import regression as gate_regression
from edgespec.runs.gate.side import File, Latency, Score, Side, Turns
from edgespec.runs.gate.verdicts import Verdict

N, LABELS = 300, ("a", "b", "c")
DEVICE: dict[str, str | int | float] = {"cpu": "A", "threads": 1}
LATENCY = Latency("float32", DEVICE, "standard", 0.1, (0.099, 0.101), 0.12, (0.118, 0.122), 400.0, 60e6, 2.0, 0.01)


def side(wrong: Any = range(0), **more: Any) -> Side:
    """A run that names all spectra rightly but these; one spectrum a sample."""
    true = tuple(i % 3 for i in range(N))
    named = tuple((each + 1) % 3 if i in wrong else each for i, each in enumerate(true))
    scores = {"ece": Score(0.02, 0.005), "unknown_auroc": Score(0.97, 0.005), "accepted": Score(0.95, 0.01)}
    said = {"axis": "150 to 1172", "labels": "a, b, c", "preprocess": "snv", "outputs": "logits, probabilities"}
    robust = tuple(0.5 if i in wrong else 0.9 for i in range(N))
    files = {"float32": File(40_000, "d", 9_000, 1_000_000, named, 900_000.0, robust, scores, said)}
    made = Side(
        "here",
        "r",
        "0",
        "d1",
        LABELS,
        true,
        tuple(range(N)),
        files,
        ("float32",),
        {"valgrind": "3"},
        {"local": (LATENCY,)},
    )
    return replace(made, **more)


def file(**more: Any) -> Side:
    made = side()
    return replace(made, files={"float32": replace(made.files["float32"], **more)})


def grown(share: float, what: str) -> Side:
    value = getattr(side().files["float32"], what) * share
    return file(**{what: value if what == "instructions" else round(value)})


def judge(metric: str, limit: float, base: Side, head: Side, found: Turns | None = None) -> Verdict:
    per_target = metric.startswith("latency") or metric in ("cold_start", "memory", "energy")
    gate = Gate(metric, limit, "local" if per_target else "", True)
    verdict = gate_regression.judge(gate, base, head, {"local": found} if found else {})
    assert verdict is not None
    return verdict


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


def test_a_sample_with_many_spectra_is_one_chance() -> None:
    twelve = tuple(i // 25 for i in range(N))
    base, head = replace(side(), sample=twelve), replace(side(range(50)), sample=twelve)  # two samples are lost
    assert judge("accuracy", 0.01, base, head).verdict == "inconclusive"
    assert judge("accuracy", 0.01, side(), side(range(50))).verdict == "fail"


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
    ("metric", "after", "limit", "verdict"),
    [
        ("ece", {"ece": Score(0.10, 0.01)}, 0.02, "fail"),
        ("ece", {"ece": Score(0.06, 0.03)}, 0.02, "inconclusive"),
        ("ece", {"ece": Score(0.03, 0.01)}, 0.02, "pass"),
        ("ece", {"ece": Score(0.0, 0.01)}, 0.0, "pass"),
        ("unknown_auroc", {"unknown_auroc": Score(0.90, 0.01)}, 0.02, "fail"),
        ("unknown_auroc", {"unknown_auroc": Score(0.99, 0.01)}, 0.0, "pass"),
        ("unknown_auroc", {}, 0.5, "fail"),  # the reject score is gone
    ],
)
def test_a_figure_with_a_standard_error_is_judged_by_it(
    metric: str, after: dict[str, Score], limit: float, verdict: str
) -> None:
    found = judge(metric, limit, side(), file(scores=after))
    assert found.verdict == verdict
    assert bool(found.hint) == (verdict != "pass")


def test_robust_accuracy_is_judged_spectrum_by_spectrum() -> None:
    assert judge("robust_accuracy", 0.02, side(), side(range(60))).verdict == "fail"
    assert judge("robust_accuracy", 0.1, side(), side(range(60))).verdict == "pass"
    assert judge("robust_accuracy", 0.02, side(), file(robust=())).verdict == "fail"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("axis", "151 to 1172", "axis was 150 to 1172, is 151 to 1172"),
        ("labels", "b, a, c", "labels was a, b, c"),
        ("preprocess", "rms", "preprocess was snv"),
        ("outputs", "logits", "outputs was logits, probabilities, is logits"),
    ],
)
def test_another_contract_is_a_loss(key: str, value: str, said: str) -> None:
    contract = {**side().files["float32"].contract, key: value}
    found = judge("contract", 0, side(), file(contract=contract))
    assert found.verdict == "fail"
    assert said in found.message
    assert "contract: any" in found.hint
    assert judge("contract", 0, side(), side()).verdict == "pass"


def test_other_names_of_the_same_spectra_are_a_loss() -> None:
    renamed = replace(side(), true=tuple({0: 1, 1: 0}.get(i, i) for i in side().true))
    found = judge("contract", 0, side(), renamed)
    assert found.verdict == "fail"
    assert "200 of 300 test spectra have another name in the data" in found.message


def test_a_variant_that_is_gone_is_a_loss() -> None:
    base = side()
    base = replace(base, files={**base.files, "cpu-int8": base.files["float32"]})
    found = judge("variants", 0, base, side())
    assert (found.verdict, "cpu-int8 existed before and does not now" in found.message) == ("fail", True)
    assert judge("variants", 0, side(), base).verdict == "pass"


def test_a_default_limit_of_what_neither_side_has_says_nothing_and_a_stated_one_is_unmeasured() -> None:
    bare = file(scores={})
    stated, default = (Gate("ece", 0.02, "", True, stated=each) for each in (True, False))
    assert gate_regression.judge(default, bare, bare, {}) is None
    found = gate_regression.judge(stated, bare, bare, {})
    assert found is not None
    assert (found.verdict, found.skipped) == ("unmeasured", False)
    lost = gate_regression.judge(default, side(), bare, {})
    assert lost is not None
    assert lost.verdict == "fail"


@pytest.mark.parametrize(
    ("metric", "what", "share", "limit", "verdict"),
    [
        ("size", "bytes", 1.03, 0.01, "fail"),
        ("size", "bytes", 1.01, 0.01, "pass"),
        ("size", "bytes", 0.5, 0.0, "pass"),
        ("params", "params", 1.1, 0.05, "fail"),
        ("macs", "macs", 1.1, 0.05, "fail"),
        ("instructions", "instructions", 1.1, 0.03, "fail"),
        ("instructions", "instructions", 1.012, 0.0, "inconclusive"),  # counts differ by as much
        ("instructions", "instructions", 1.012, 0.02, "pass"),
    ],
)
def test_what_grew_beyond_its_limit_is_caught(metric: str, what: str, share: float, limit: float, verdict: str) -> None:
    found = judge(metric, limit, side(), grown(share, what))
    assert found.verdict == verdict
    assert f"{share - 1:+.2%}" in found.message
    assert bool(found.hint) == (verdict != "pass")


@pytest.mark.parametrize(
    ("interval", "noise", "p", "verdict"),
    [
        ((1.08, 1.12), 0.01, 1e-5, "fail"),
        ((1.08, 1.12), 0.20, 1e-5, "inconclusive"),  # the machine differs from itself by more: no permission
        ((1.80, 2.00), 2.00, 1e-9, "inconclusive"),
        ((1.80, 2.00), 0.30, 1e-9, "fail"),
        ((1.08, 1.12), 0.01, 0.3, "inconclusive"),
        ((0.97, 1.12), 0.01, 1e-5, "inconclusive"),
        ((0.97, 1.02), 0.01, 0.4, "pass"),
        ((0.97, 1.02), 0.50, 0.4, "pass"),
    ],
)
@pytest.mark.parametrize("metric", ["latency_p50", "latency_p90", "cold_start", "memory", "energy"])
def test_what_was_measured_in_turns_is_judged_beyond_limit_and_noise(
    metric: str, interval: tuple[float, float], noise: float, p: float, verdict: str
) -> None:
    told = Turns("float32", {metric: (sum(interval) / 2, interval, p)}, noise, 4000)
    found = judge(metric, 0.05, side(), side(), told)
    assert found.verdict == verdict
    assert "5.0% more is allowed" in found.message  # the limit is the recipe's, whatever the noise
    assert judge(metric, 0.05, side(), side(), replace(told, found={metric: None})).verdict == "unmeasured"


def later(ms: float, **more: Any) -> Side:
    each = replace(LATENCY, p50_ms=ms, p50_interval_ms=(ms * 0.99, ms * 1.01), **more)
    return side(latency={"local": (each,)})


@pytest.mark.parametrize(
    ("ms", "noise", "verdict"),
    [
        (0.1, 0.01, "pass"),
        (0.106, 0.01, "inconclusive"),
        (0.12, 0.01, "fail"),
        (0.05, 0.01, "pass"),
        (0.127, 0.3, "inconclusive"),
    ],
)
def test_a_latency_that_was_kept_is_compared_on_the_same_device(ms: float, noise: float, verdict: str) -> None:
    assert judge("latency_p50", 0.05, side(), later(ms, noise=noise)).verdict == verdict


def test_other_work_on_the_cores_leaves_open_what_it_may_have_caused() -> None:
    assert judge("latency_p50", 0.05, later(0.1, busy=1.3), later(0.1)).verdict == "inconclusive"  # a slow baseline
    assert judge("latency_p50", 0.05, later(0.1, busy=1.3), later(0.2)).verdict == "fail"
    assert judge("latency_p50", 0.05, later(0.1), later(0.2, busy=1.3)).verdict == "inconclusive"  # a slow measurement
    assert judge("latency_p50", 0.05, later(0.1), later(0.1, busy=1.3)).verdict == "pass"
    assert "held 1.3 cores" in judge("latency_p50", 0.05, later(0.1), later(0.2, busy=1.3)).message


@pytest.mark.parametrize(
    ("metric", "more", "verdict"),
    [
        ("memory", {"memory_bytes": 80e6}, "fail"),
        ("memory", {"memory_bytes": 62e6}, "pass"),
        ("cold_start", {"cold_start_ms": 500.0}, "inconclusive"),  # one start each
        ("cold_start", {"cold_start_ms": 900.0}, "fail"),
        ("energy", {"energy_mj": 4.0}, "fail"),
        ("energy", {"energy_mj": None}, "fail"),  # it was measured before
        ("latency_p90", {"p90_ms": 0.2, "p90_interval_ms": (0.19, 0.21)}, "fail"),
        ("latency_p90", {"p90_ms": None, "p90_interval_ms": None}, "fail"),
    ],
)
def test_what_else_was_kept_of_a_target(metric: str, more: dict[str, Any], verdict: str) -> None:
    assert judge(metric, 0.1, side(), later(0.1, **more)).verdict == verdict


@pytest.mark.parametrize(
    ("metric", "base", "said"),
    [
        ("latency_p50", later(0.1, device={"cpu": "B", "threads": 1}), "another device: cpu B"),
        ("latency_p50", later(0.1, mode="quick"), "of mode quick"),
        ("latency_p50", side(latency={}), "without a latency"),
        ("energy", later(0.1, energy_mj=None), "has none"),
        ("accuracy", side(data="d2"), "other test spectra"),
        ("ece", side(data="d2"), "other test spectra"),
        ("ece", file(scores={}), "has no ece"),
        ("instructions", side(counted={"valgrind": "2"}), "counted elsewhere: valgrind 2"),
    ],
)
def test_another_key_is_told_and_skipped_never_passed(metric: str, base: Side, said: str) -> None:
    found = judge(metric, 0.5, base, side())
    assert (found.verdict, found.skipped) == ("unmeasured", True)
    assert said in found.message
    assert "edgespec gate" in found.hint


def test_what_was_not_measured_now_is_unmeasured_and_not_skipped() -> None:
    found = judge("latency_p50", 0.5, side(), side(latency={}))
    assert (found.verdict, found.skipped) == ("unmeasured", False)
