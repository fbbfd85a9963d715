"""What one model on one target said, and the statistics that turn its samples into numbers with intervals.

Samples come in rounds: an array (rounds, samples) of nanoseconds a call, where all models of a session ran in every round.
Samples of one round share what the machine did at that moment, so the intervals resample rounds, never single samples; and a
ratio of two models resamples the same rounds of both, so that what hit both cancels. Where several processes measured, they
are resampled first, and then the rounds of each: two processes of one file may differ for as long as they live.

A sample is one call, or a block of very short ones told as nanoseconds a call: percentiles are then those of blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.errors import Mistake

FORMAT = 2
FEWEST = {0.50: 11, 0.90: 64, 0.99: 662, 0.999: 6636}
"""Queries without which MLPerf's early stopping (d = 0, c = 0.99) gives no estimate of a quantile."""
RESAMPLES = 500
BINS = 4096
CONFIDENCE = 0.99
OUTLYING = 14.826
"""Median absolute deviations from the median, as hyperfine has it; outliers are counted, never left out."""

Samples = NDArray[Any]
Floats = NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Measurement:
    """One variant on one target. Latencies are of one call at batch 1, intervals hold with 95 % confidence.

    provider: what really ran it
    n: latency samples, in `rounds` rounds
    p90_ms, p99_ms, p999_ms: None where `n` is too small for it (64, 662 and 6636); in mode mlperf P90 is `early_stopping`'s
    reference: the variant that `ratio` (of medians) and `agreement` (share of equal labels) compare with
    noise: how far the reference's ratio to itself was from 1 in the same session; less than that is no difference
    cold_load_ms, cold_first_ms: a fresh process, seen once: import and load; the first answer
    peak_memory_bytes: of the whole process; model_memory_bytes: what loading and the first answer added
    accuracy: share of `scored` spectra whose largest output of this very run is the right label
    host: the machine's facts
    source: "measured", "emulated", "estimated" or "deferred"
    mode: "quick", "standard" or "mlperf" (see `protocol`); processes: how many measured; seconds: of timed calls in each
    calls_per_sample: more than 1 where calls are so short that blocks of them were timed: percentiles are of blocks
    process_cov: standard deviation of the processes' medians over their mean; None from one process
    max_ms, mad_ms: slowest sample; median absolute deviation. outliers: samples more than OUTLYING of these from the median
    p_value: Mann-Whitney's, two-sided, of the rounds' medians against the reference's; None for the reference
    energy_mj: of one call, above idle, in mJ; None where nothing measured it. energy_note: rail and rate, or the reason
    throttled: was the machine slowed down meanwhile? None where nothing tells
    """

    target: str
    variant: str
    runtime: str
    runtime_version: str
    provider: str
    threads: int
    digest: str
    n: int
    rounds: int
    p50_ms: float
    p50_interval_ms: Interval
    p90_ms: float | None
    p90_interval_ms: Interval | None
    p99_ms: float | None
    reference: str
    ratio: float
    ratio_interval: Interval
    noise: float
    cold_load_ms: float
    cold_first_ms: float
    peak_memory_bytes: int
    model_memory_bytes: int
    size_bytes: int
    scored: int
    accuracy: float
    agreement: float
    source: str = "measured"
    warnings: tuple[str, ...] = ()
    host: Mapping[str, Any] = field(default_factory=dict)
    mode: str = ""
    processes: int = 0
    seconds: float = 0.0
    calls_per_sample: int = 1
    process_cov: float | None = None
    p999_ms: float | None = None
    max_ms: float | None = None
    mad_ms: float | None = None
    outliers: int | None = None
    p_value: float | None = None
    energy_mj: float | None = None
    energy_note: str = ""
    throttled: bool | None = None


def to_record(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Give what JSON can hold, with the version of its format."""
    return {"format": FORMAT, "measurements": [asdict(each) for each in measurements]}


def from_record(record: Any, where: str) -> list[Measurement]:
    """Read what `to_record` gave; `where` names the file in messages. Raises Mistake for another format."""
    if (
        not isinstance(record, dict)
        or record.get("format") != FORMAT
        or not isinstance(record.get("measurements"), list)
    ):
        raise Mistake(f"{where}: not measurements of format {FORMAT}", hint="measure again: edgespec bench")
    known = {each.name for each in fields(Measurement)}
    found = []
    for each in record["measurements"]:
        if not isinstance(each, dict) or set(each) != known:
            wrong = ", ".join(sorted(set(each) ^ known)) if isinstance(each, dict) else repr(each)
            raise Mistake(f"{where}: a measurement lacks, or should not have: {wrong}", hint="edgespec bench")
        values: dict[str, Any] = {key: tuple(kept) if isinstance(kept, list) else kept for key, kept in each.items()}
        found.append(Measurement(**values))
    return found


def quantile(samples: Samples, share: float) -> float | None:
    """Give the sample (ns) below or at which this share of all lies; None from fewer samples than FEWEST allows."""
    if samples.size < FEWEST[share]:
        return None
    return float(np.quantile(samples, share, method="inverted_cdf"))


def over_latency(n: int, share: float) -> int:
    """Give how many of n queries may take longer than the latency that this share of all keeps, with CONFIDENCE (tolerance d = 0).

    The largest t with P(at most t of n are longer) <= 1 - CONFIDENCE if that share were the truth; 0 allows no estimate. MLPerf
    Inference rules, "Early Stopping Criterion" (Reddi et al. 2020, arXiv:1911.02549; loadgen's `early_stopping.cc`).
    """
    from scipy.special import bdtr

    low, high = (
        -1,
        int(n * (1 - share)) + 1,
    )  # at `low` it holds, at `high`, the expected number and one more, it does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bdtr(middle, n, 1 - share) <= 1 - CONFIDENCE else (low, middle)
    return max(low, 0)


def early_stopping(samples: Samples, share: float) -> float | None:
    """Give MLPerf's estimate (ns): of the samples without the t - 1 slowest, the slowest; None where `over_latency` allows none."""
    allowed = over_latency(samples.size, share)
    return None if allowed < 1 else float(np.partition(samples, -allowed, axis=None)[-allowed])


def draw_rounds(rounds: int | Sequence[int], seed: int) -> NDArray[np.int64]:
    """Draw rounds with replacement: how often each was drawn, (RESAMPLES, rounds). The same seed draws the same.

    rounds: how many; of several processes, of each: then processes are drawn first, and rounds of those drawn.
    """
    rng, counts = np.random.default_rng(seed), [rounds] if isinstance(rounds, int) else list(rounds)
    times = np.ones((RESAMPLES, 1), int)
    if len(counts) > 1:
        drawn = rng.integers(len(counts), size=(RESAMPLES, len(counts)))
        times = np.stack([np.bincount(each, minlength=len(counts)) for each in drawn])
    parts = [
        np.stack([np.bincount(rng.integers(count, size=count * again), minlength=count) for again in times[:, i]])
        for i, count in enumerate(counts)
    ]
    return np.concatenate(parts, axis=1)


def resample(samples: Samples, draws: NDArray[np.int64], shares: Sequence[float]) -> Floats:
    """Give quantiles (ns) of the resampled rounds: (RESAMPLES, len(shares)).

    Sorted samples are counted in at most BINS bins of equal size, so a quantile's rank is good to 1 / BINS.
    """
    order = np.argsort(samples, axis=None, kind="stable")
    bins = min(BINS, order.size)
    rank = np.arange(order.size) * bins // order.size
    counts = np.bincount(order // samples.shape[1] * bins + rank, minlength=len(samples) * bins)
    highest = samples.ravel()[order][np.searchsorted(rank, np.arange(bins), side="right") - 1]
    below = np.cumsum(draws.astype(float) @ counts.reshape(len(samples), bins).astype(float), axis=1)
    found = [(below < share * below[:, -1:]).sum(axis=1) for share in shares]
    return np.stack([highest[each] for each in found], axis=1).astype(np.float64)


def interval(estimates: Floats) -> Interval:
    """Give the middle 95 % of resampled estimates."""
    low, high = np.quantile(estimates, [0.025, 0.975])
    return float(low), float(high)


def spread(samples: Samples) -> float:
    """Give how far rounds differ: the middle half of their medians, relative to the median of all."""
    low, mid, high = np.quantile(np.median(samples, axis=1), [0.25, 0.5, 0.75])
    return float((high - low) / mid)


def agreement(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Give the share of spectra on whose label two models' outputs (n, classes) agree."""
    return float((one.argmax(axis=1) == other.argmax(axis=1)).mean())


def median(samples: Samples) -> float:
    """Give the sample (ns) in the middle; whoever asks sees to it that there are enough."""
    return float(np.quantile(samples, 0.5, method="inverted_cdf"))


def outliers(samples: Samples) -> tuple[float, int]:
    """Give the median absolute deviation (ns), and how many samples are more than OUTLYING of these from the median."""
    away = np.abs(samples - median(samples))
    deviation = float(np.median(away))
    return deviation, int((away > OUTLYING * deviation).sum())


def mann_whitney(one: Samples, other: Samples) -> float:
    """Give the two-sided p-value of Mann and Whitney's test on the rounds' medians: calls of one round are no independent samples."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(np.median(one, axis=1), np.median(other, axis=1)).pvalue)
