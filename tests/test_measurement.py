"""Statistics on samples that are known beforehand; nothing here waits or times anything."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from edgespec import doubts
from edgespec import measurement as stats
from edgespec.errors import Mistake
from edgespec.measurement import Measurement

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
    warnings = doubts.of_machine(samples, host, noise=noise, warm=warm)
    assert len(warnings) == len(told)
    for warning, part in zip(warnings, told, strict=True):
        assert part in warning


def test_a_variant_that_is_slower_than_its_float_sibling_is_told_unless_it_may_be_noise() -> None:
    told = doubts.against_float("cpu-int8", "float32", 1.31, (1.25, 1.4), 0.02)
    assert told == ["cpu-int8 answers 1.31 times slower than float32 here"]
    assert doubts.against_float("cpu-int8", "float32", 0.79, (0.7, 0.8), 0.0) == []
    for ratio, bounds, noise in ((1.31, (0.98, 1.4), 0.02), (1.02, (1.01, 1.03), 0.05), (0.9, (0.85, 0.96), 0.05)):
        (told,) = doubts.against_float("cpu-int8", "float32", ratio, bounds, noise)
        assert told.startswith(
            f"cpu-int8 can't be told to be faster than float32 here: {ratio:.2f} of its time, {bounds[0]:.2f} to"
        )
