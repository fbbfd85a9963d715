"""What one model on one target said, and the statistics that turn its samples into numbers with intervals.

Samples come in rounds: an array (rounds, calls) of nanoseconds, where all models of a session ran in every round. Calls
of one round share what the machine did at that moment, so the intervals resample rounds, never single calls; and a
ratio of two models resamples the same rounds of both, so that what hit both cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.errors import Mistake

FORMAT = 1
FEWEST = {0.50: 11, 0.90: 64, 0.99: 662}
"""Queries without which MLPerf's early stopping (d = 0, c = 0.99) gives no estimate of a quantile."""
RESAMPLES = 500
BINS = 4096
NOISY = 0.05
BUSY = 0.10

Samples = NDArray[np.int64]
Floats = NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Measurement:
    """One variant on one target. Latencies are of one call at batch 1, intervals hold with 95 % confidence.

    provider: what really ran it
    n: latency samples, in `rounds` rounds
    p90_ms, p99_ms: None where `n` is too small for it (64 and 662)
    reference: the variant that `ratio` (of medians) and `agreement` (share of equal labels) compare with
    noise: how far the reference's ratio to itself was from 1 in the same session; less than that is no difference
    cold_load_ms, cold_first_ms: a fresh process, seen once: import and load; the first answer
    peak_memory_bytes: of the whole process; model_memory_bytes: what loading and the first answer added
    accuracy: share of `scored` spectra whose largest output of this very run is the right label
    host: the machine's facts
    source: "measured", "emulated", "estimated" or "deferred"
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


def draw_rounds(rounds: int, seed: int) -> NDArray[np.int64]:
    """Draw rounds with replacement: how often each was drawn, (RESAMPLES, rounds). The same seed draws the same."""
    drawn = np.random.default_rng(seed).integers(rounds, size=(RESAMPLES, rounds))
    return np.stack([np.bincount(each, minlength=rounds) for each in drawn])


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


def machine_warnings(samples: Samples, host: Mapping[str, Any], *, noise: float, warm: bool) -> list[str]:
    """Word what makes these latencies less credible. host: `other_cores`, `load1`, `cores`, as the runner tells."""
    found = []
    if noise > NOISY:
        found.append(f"noisy machine: the reference differs from itself by up to {noise:.0%}")
    if (rounds := spread(samples)) > NOISY:
        found.append(f"noisy machine: the rounds' medians spread by {rounds:.0%}")
    others = host.get("other_cores") if host.get("other_cores") is not None else host.get("load1")
    if others is not None and others > BUSY * host["cores"]:
        found.append(f"busy machine: other work kept {others:.1f} of {host['cores']} cores busy meanwhile")
    if not warm:
        found.append("the warm-up ended before two blocks agreed within 1 %")
    for share, fewest in FEWEST.items():
        if samples.size < fewest:
            found.append(f"no P{share * 100:.0f}: {samples.size} samples, and it needs {fewest}")
    return found


def against_float(variant: str, sibling: str, ratio: float, bounds: Interval, noise: float) -> list[str]:
    """Word that a variant made to be faster isn't, or can't be told to be; nothing where it is."""
    if bounds[0] > 1 + noise:
        return [f"{variant} answers {ratio:.2f} times slower than {sibling} here"]
    if bounds[1] >= 1 - noise:
        return [
            f"{variant} can't be told to be faster than {sibling} here: {ratio:.2f} of its time, {bounds[0]:.2f} to {bounds[1]:.2f}"
        ]
    return []
