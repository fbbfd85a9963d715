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


@pytest.mark.parametrize(
    ("metric", "share", "verdict"),
    [
        ("memory", 1.01, "pass"),
        ("memory", 1.04, "inconclusive"),
        ("memory", 1.06, "fail"),
        ("energy", 1.2, "inconclusive"),
        ("energy", 1.3, "fail"),
        ("cold_start", 1.45, "inconclusive"),
        ("cold_start", 1.55, "fail"),
    ],
)
def test_two_single_measurements_may_lie_apart_by_so_much_and_no_more(metric: str, share: float, verdict: str) -> None:
    key = {"memory": "memory_bytes", "energy": "energy_mj", "cold_start": "cold_start_ms"}[metric]
    found = judge(metric, 0.01, side(), later(0.1, **{key: getattr(LATENCY, key) * share}))
    assert (found.verdict, found.variant) == (verdict, "float32")
    unit = 1.0 if metric == "memory" else 1e-3
    assert found.baseline == pytest.approx(getattr(LATENCY, key) * unit)
    assert found.measured == pytest.approx(getattr(LATENCY, key) * unit * share)


def test_energy_that_idle_power_drowned_is_none() -> None:
    for none in (0.0, -1.0):
        assert judge("energy", 0.1, side(), later(0.1, energy_mj=none)).verdict == "fail", "it was measured before"
        assert judge("energy", 0.1, later(0.1, energy_mj=none), side()).skipped


@pytest.mark.parametrize(("metric", "value"), [("latency_p50", 0.1), ("latency_p90", 0.12)])
def test_a_kept_latency_is_compared_with_both_intervals_and_the_larger_noise(metric: str, value: float) -> None:
    def now(share: float, noise: float = 0.0) -> Side:
        low, high = 0.99 * value * share, 1.01 * value * share
        which = metric.removeprefix("latency_")
        more = {f"{which}_ms": value * share, f"{which}_interval_ms": (low, high), "noise": noise}
        return side(latency={"local": (replace(LATENCY, **more),)})

    for share, verdict in (
        (1.0, "pass"),
        (1.02, "pass"),
        (1.04, "inconclusive"),
        (1.06, "inconclusive"),
        (1.08, "fail"),
    ):
        found = judge(metric, 0.05, now(1.0), now(share))  # the intervals make 2 % of it
        assert found.verdict == verdict, share
        assert bool(found.hint) == (verdict != "pass")
        assert (found.baseline, found.measured) == (pytest.approx(value / 1e3), pytest.approx(value / 1e3 * share))
    for one, two in ((0.2, 0.0), (0.0, 0.2)):
        assert judge(metric, 0.05, now(1.0, one), now(1.15, two)).verdict == "inconclusive"
        assert judge(metric, 0.05, now(1.0, one), now(1.3, two)).verdict == "fail"


@pytest.mark.parametrize(("p", "verdict"), [(0.009, "fail"), (0.01, "inconclusive"), (0.015, "inconclusive")])
def test_a_loss_of_speed_is_certain_below_one_in_a_hundred(p: float, verdict: str) -> None:
    told = Turns("float32", {"latency_p50": (1.1, (1.08, 1.12), p)}, 0.01, 4000)
    found = judge("latency_p50", 0.05, side(), side(), told)
    assert (found.verdict, found.measured, found.baseline) == (verdict, 1.1, 1.0)


@pytest.mark.parametrize(
    ("metric", "what", "before", "after", "limit", "verdict"),
    [
        ("macs", "macs", 0, 5, 0.5, "fail"),
        ("macs", "macs", 0, 1, 0.5, "fail"),
        ("macs", "macs", 0, 0, 0.0, "pass"),
        ("instructions", "instructions", 1e6, 1.014e6, 0.0, "inconclusive"),
        ("instructions", "instructions", 1e6, 1.016e6, 0.0, "fail"),
        ("size", "bytes", 1000, 1001, 0.0, "fail"),
        ("size", "bytes", 1000, 1010, 0.01, "pass"),
    ],
)
def test_growth_is_a_share_of_what_was(
    metric: str, what: str, before: Any, after: Any, limit: float, verdict: str
) -> None:
    found = judge(metric, limit, file(**{what: before}), file(**{what: after}))
    assert (found.verdict, found.baseline, found.measured) == (verdict, before, after)


def test_of_several_files_that_ship_the_one_that_fared_worst_is_judged() -> None:
    """float32 stays as it was; the rounded file grew, and names a tenth of the spectra otherwise."""
    whole = side().files["float32"]
    wrong = side(range(30)).files["float32"].named
    two = replace(
        side(), files={"float32": whole, "cpu-int8": replace(whole, bytes=9_000)}, shipped=("float32", "cpu-int8")
    )
    worse = replace(two, files={"float32": whole, "cpu-int8": replace(whole, bytes=12_000, named=wrong)})
    for order in (("float32", "cpu-int8"), ("cpu-int8", "float32")):
        size = judge("size", 0.1, two, replace(worse, shipped=order))
        assert (size.verdict, size.variant, size.baseline, size.measured) == ("fail", "cpu-int8", 9_000, 12_000)
        named = judge("accuracy", 0.01, two, replace(worse, shipped=order))
        assert (named.verdict, named.variant) == ("fail", "cpu-int8")


def test_what_was_never_counted_is_unmeasured() -> None:
    assert judge("instructions", 0.1, side(), side(counted={})).verdict == "unmeasured"
    assert not judge("instructions", 0.1, side(), side(counted={})).skipped
    found = judge("instructions", 0.1, file(instructions=None), file(instructions=None))
    assert (found.verdict, found.skipped) == ("unmeasured", False)


def test_a_figure_that_is_within_its_limit_passes_however_certain() -> None:
    sharp = {"ece": Score(0.04, 1e-6), "unknown_auroc": Score(0.95, 1e-6)}
    base = file(scores={"ece": Score(0.02, 1e-6), "unknown_auroc": Score(0.97, 1e-6)})
    for metric in sharp:
        assert judge(metric, 0.02, base, file(scores=sharp)).verdict == "pass"
        found = judge(metric, 0.019, base, file(scores=sharp))
        assert (found.verdict, found.measured, found.baseline) == (
            "fail",
            sharp[metric].value,
            base.files["float32"].scores[metric].value,
        )


def test_what_chance_gives_once_in_twenty_is_not_yet_a_loss() -> None:
    assert [gate_regression._verdict(0.1, 0.05, p) for p in (0.049, 0.05, 0.051)] == [
        "fail",
        "inconclusive",
        "inconclusive",
    ]
    assert gate_regression._verdict(0.05, 0.05, 0.0) == "pass"
