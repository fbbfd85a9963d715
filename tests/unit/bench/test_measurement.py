"""Statistics on samples that are known beforehand; nothing here waits or times anything."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from edgespec.bench import measurement as stats
from edgespec.bench import warnings as bench_warnings
from edgespec.bench.measurement import Measurement
from edgespec.bench.paired import Pair
from edgespec.errors import Mistake

ONE = Measurement(
    target="local",
    variant="cpu-int8",
    runtime="onnxruntime",
    runtime_version="1.31.1",
    provider="CPUExecutionProvider",
    threads=1,
    digest="00ff",
    n=700,
    rounds=70,
    p50_ms=0.011,
    p50_interval_ms=(0.010, 0.012),
    p90_ms=0.013,
    p90_interval_ms=(0.012, 0.015),
    p99_ms=None,
    reference="float32",
    ratio=0.79,
    ratio_interval=(0.77, 0.81),
    noise=0.01,
    cold_load_ms=30.0,
    cold_first_ms=0.5,
    peak_memory_bytes=60_000_000,
    model_memory_bytes=5_000_000,
    size_bytes=118_000,
    scored=583,
    accuracy=0.925,
    agreement=0.997,
    warnings=("noisy machine",),
    host={"cores": 2, "flags": ["avx2"], "governor": None},
)


def lognormal(rounds: int, calls: int, *, scale: float = 1e5, drift: float = 0.0, seed: int = 0) -> Any:
    """Samples whose rounds share a factor: (rounds, calls) ns."""
    rng = np.random.default_rng(seed)
    shared = np.exp(rng.normal(0, drift, (rounds, 1)))
    return (scale * shared * np.exp(rng.normal(0, 0.05, (rounds, calls)))).astype(np.int64)


def test_a_record_survives_json() -> None:
    again = stats.from_record(json.loads(json.dumps(stats.to_record([ONE, ONE]))), "local.json")
    assert again == [ONE, ONE]


@pytest.mark.parametrize(
    "record",
    [
        [],
        {},
        {"format": 0, "measurements": []},
        {"format": stats.FORMAT, "measurements": {}},
        {"format": stats.FORMAT, "measurements": [3]},
        {"format": stats.FORMAT, "measurements": [{"variant": "float32"}]},
        {"format": stats.FORMAT, "measurements": [{**stats.to_record([ONE])["measurements"][0], "joules": 0}]},
    ],
)
def test_another_format_is_refused_with_its_file(record: Any) -> None:
    with pytest.raises(Mistake, match=r"runs/a/local\.json"):
        stats.from_record(record, "runs/a/local.json")


@pytest.mark.parametrize(("share", "fewest"), [(0.50, 11), (0.90, 64), (0.99, 662), (0.999, 6636)])
def test_no_quantile_comes_from_too_few_samples(share: float, fewest: int) -> None:
    samples = np.arange(1, fewest + 1, dtype=np.int64).reshape(1, -1)
    assert stats.quantile(samples[:, 1:], share) is None
    assert stats.quantile(samples, share) == np.ceil(share * fewest)


@pytest.mark.parametrize(("share", "fewest"), sorted(stats.FEWEST.items()))
def test_the_fewest_samples_are_those_of_early_stopping(share: float, fewest: int) -> None:
    """One over-latency query of q is allowed once P(at most one among q, each with 1 - share) <= 1 %."""

    def too_likely(q: int) -> bool:
        none, one = share**q, q * (1 - share) * share ** (q - 1)
        return none + one > 0.01

    assert too_likely(fewest - 1)
    assert not too_likely(fewest)


def test_a_quantile_is_a_sample_that_was_taken() -> None:
    samples = np.array([[1, 2, 1000]] * 30, np.int64)
    assert stats.quantile(samples, 0.50) == 2
    assert stats.quantile(samples, 0.90) == 1000
    assert stats.median(samples) == 2


def test_resampling_counts_as_a_plain_bootstrap_does() -> None:
    samples, shares = lognormal(30, 50, drift=0.1), [0.5, 0.9]
    draws = stats.draw_rounds(30, seed=3)
    plain = [
        np.quantile(np.repeat(samples, draw, axis=0), shares, method="inverted_cdf") for draw in draws.astype(int)[:50]
    ]
    np.testing.assert_array_equal(stats.resample(samples, draws, shares)[:50], plain)


def test_resampling_many_samples_is_good_to_its_bins() -> None:
    samples = lognormal(100, 400, drift=0.1)
    draws = stats.draw_rounds(100, seed=3)
    plain = [np.median(np.repeat(samples, draw, axis=0)) for draw in draws[:50]]
    np.testing.assert_allclose(stats.resample(samples, draws, [0.5])[:50, 0], plain, rtol=1e-3)


def test_the_same_seed_gives_the_same_draws_and_each_has_as_many_rounds_as_there_are() -> None:
    draws = stats.draw_rounds(40, seed=1)
    assert (draws == stats.draw_rounds(40, seed=1)).all()
    assert (draws != stats.draw_rounds(40, seed=2)).any()
    assert (draws.sum(axis=1) == 40).all()


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(100):
        samples = lognormal(60, 20, drift=0.05, seed=seed)
        low, high = stats.interval(stats.resample(samples, stats.draw_rounds(60, seed), [0.5])[:, 0])
        held += low <= 1e5 <= high
    assert 0.88 <= held / 100 <= 0.99


def test_rounds_that_drift_widen_the_interval() -> None:
    draws = stats.draw_rounds(60, 0)
    calm, drifting = (
        np.ptp(stats.interval(stats.resample(lognormal(60, 200, drift=drift), draws, [0.5])[:, 0]))
        for drift in (0.0, 0.1)
    )
    assert drifting > 5 * calm


def test_what_hits_both_models_cancels_in_their_ratio() -> None:
    one, other = (lognormal(60, 200, scale=scale, drift=0.3) for scale in (1e5, 0.8e5))
    same, twin = (stats.resample(each, stats.draw_rounds(60, 0), [0.5])[:, 0] for each in (one, other))
    elsewhere = stats.resample(other, stats.draw_rounds(60, 1), [0.5])[:, 0]
    low, high = stats.interval(twin / same)
    assert low <= 0.8 <= high
    assert (high - low) < 0.1 * np.ptp(stats.interval(elsewhere / same))


def test_spread_is_the_middle_half_of_the_rounds() -> None:
    assert stats.spread(np.full((20, 5), 100)) == 0
    half_slow = np.repeat([[100], [110]], [10, 10], axis=0) * np.ones((1, 5), np.int64)
    assert stats.spread(half_slow) == pytest.approx(10 / 105)


def test_agreement_counts_labels_not_scores() -> None:
    one = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.1, 0.9]])
    other = np.array([[5.0, 1.0], [9.0, 0.8], [0.6, 0.4], [0.4, 0.5]])
    assert stats.agreement(one, other) == 0.75


@pytest.mark.parametrize(("n", "share"), [(63, 0.9), (64, 0.9), (700, 0.9), (2000, 0.99), (200, 0.5)])
def test_the_allowed_over_latencies_are_the_most_that_chance_makes_unlikely(n: int, share: float) -> None:
    def at_most(t: int) -> float:
        return sum(math.comb(n, k) * Fraction(share).limit_denominator(100) ** (n - k) * Fraction(1 - share).limit_denominator(100) ** k
                   for k in range(t + 1))  # fmt: skip

    allowed = stats.over_latency(n, share)
    assert at_most(allowed + 1) > 0.01
    assert allowed == 0 or at_most(allowed) <= 0.01


def test_early_stopping_leaves_out_one_less_than_is_allowed_and_tells_the_slowest_of_the_rest() -> None:
    samples = np.random.default_rng(0).permutation(np.arange(1, 65)).reshape(8, 8)
    assert stats.early_stopping(samples, 0.9) == 64, "one may be slower: nothing is left out"
    assert stats.early_stopping(samples.ravel()[:63].reshape(7, 9), 0.9) is None
    many = np.arange(1, 701).reshape(70, 10)
    allowed = stats.over_latency(700, 0.9)
    assert stats.early_stopping(many, 0.9) == 700 - (allowed - 1) > 630


def test_an_early_stopping_estimate_is_hardly_ever_below_the_truth() -> None:
    below = 0
    for seed in range(300):
        samples = np.random.default_rng(seed).exponential(size=(20, 20))
        below += stats.early_stopping(samples, 0.9) < np.log(10)
    assert below <= 9, "1 % is promised"


def test_processes_are_drawn_before_their_rounds() -> None:
    draws = stats.draw_rounds([30, 10, 20], seed=1)
    assert draws.shape == (stats.RESAMPLES, 60)
    parts = np.split(draws.astype(int), [30, 40], axis=1)
    times = [part.sum(axis=1) / size for part, size in zip(parts, (30, 10, 20), strict=True)]
    assert (np.sum(times, axis=0) == 3).all(), "three processes are drawn"
    assert {0.0, 1.0, 2.0, 3.0} == {float(each) for each in np.unique(times)}


def test_processes_that_differ_widen_the_interval_as_rounds_do_not() -> None:
    medians = [1.0, 1.1, 0.95, 1.02, 0.9]
    samples = np.concatenate([lognormal(60, 20, scale=1e5 * each, seed=i) for i, each in enumerate(medians)])

    def width(draws: Any) -> float:
        return float(np.ptp(stats.interval(stats.resample(samples, draws, [0.5])[:, 0])))

    assert width(stats.draw_rounds([60] * 5, 0)) > 5 * width(stats.draw_rounds(300, 0))


def test_outliers_are_counted_and_stay() -> None:
    samples = np.array([[100, 101, 99, 100, 102, 98, 100, 101, 5000, 99]])
    deviation, far = stats.outliers(samples)
    assert (deviation, far) == (1.0, 1)
    assert samples.max() == 5000


def test_mann_whitney_asks_the_rounds_not_the_calls() -> None:
    one, same, other = (lognormal(40, 500, scale=s, drift=0.1, seed=i) for i, s in enumerate((1e5, 1e5, 0.8e5)))
    assert stats.mann_whitney(one, other) < 1e-4
    assert stats.mann_whitney(one, same) > 0.01


def test_figures_of_tensorrt_are_marked_with_their_major_version() -> None:
    (told,) = bench_warnings.of_runtime("tensorrt", "10.3.0")
    assert told.startswith("TensorRT 10: its figures don't compare with those of another major version")
    assert bench_warnings.of_runtime("onnxruntime", "1.31") == []


CALM = np.full((100, 10), 1000, np.int64)
IDLE = {"cores": 4, "load1": 0.0, "other_cores": 0.0}


@pytest.mark.parametrize(
    ("samples", "host", "noise", "warm", "told"),
    [
        (CALM, IDLE, 0.0, True, []),
        (CALM, {**IDLE, "other_cores": 0.5}, 0.0, True, ["other work kept 0.5 of 4 cores busy"]),
        (CALM, {**IDLE, "other_cores": 0.3, "load1": 3.0}, 0.0, True, []),
        (CALM, {**IDLE, "other_cores": None, "load1": 3.0}, 0.0, True, ["3.0 of 4 cores"]),
        (CALM, {**IDLE, "other_cores": None, "load1": None}, 0.0, True, []),
        (
            CALM,
            {**IDLE, "sensors": {"why": ["the cpu clock fell by 7%"]}},
            0.0,
            True,
            ["throttled: the cpu clock fell"],
        ),
        (CALM, {**IDLE, "clocks": {"restored": False, "error": "busy"}}, 0.0, True, ["could not be put back: busy"]),
        (CALM, IDLE, 0.07, True, ["differs from itself by up to 7%"]),
        (CALM, IDLE, 0.0, False, ["warm-up"]),
        (CALM[:50], IDLE, 0.0, True, ["no P99: 500 samples, and it needs 662"]),
        (CALM[:5], IDLE, 0.0, True, ["no P90: 50 samples", "no P99"]),
        (np.repeat(CALM, 2, axis=0) * np.array([[10], [11]] * 100), IDLE, 0.0, True, ["spread by 10%"]),
    ],
)
def test_warnings_name_what_makes_a_latency_less_credible(
    samples: Any, host: dict[str, Any], noise: float, warm: bool, told: list[str]
) -> None:
    warnings = bench_warnings.of_machine(samples, host, noise=noise, warm=warm)
    assert len(warnings) == len(told)
    for warning, part in zip(warnings, told, strict=True):
        assert part in warning


def test_a_variant_that_is_slower_than_its_float_sibling_is_told_unless_chance_or_too_little_tells_them_apart() -> None:
    told = bench_warnings.against_float("cpu-int8", "float32", Pair(1.31, (1.25, 1.4)))
    assert told == ["cpu-int8 answers 1.31 times slower than float32 here"]
    assert bench_warnings.against_float("cpu-int8", "float32", Pair(0.79, (0.7, 0.8))) == []
    for pair in (Pair(1.31, (0.98, 1.4)), Pair(1.02, (1.01, 1.03)), Pair(0.96, (0.95, 0.97))):
        (told,) = bench_warnings.against_float("cpu-int8", "float32", pair)
        assert told == f"cpu-int8 isn't told to be faster than float32 here: {pair.words()} of its time"


def test_samples_that_are_all_alike_have_no_outliers() -> None:
    assert stats.outliers(np.full((3, 4), 100)) == (0.0, 0)
