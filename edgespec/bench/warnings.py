"""What speaks against a measurement, in words: a noisy or busy machine, heat, too few samples, figures that don't compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgespec.bench.measurement import FEWEST, Samples, spread
from edgespec.bench.paired import Pair

NOISY = 0.05
BUSY = 0.10
DIFFERENT = 0.05
TOLD = (0.50, 0.90, 0.99)


def of_machine(samples: Samples, host: Mapping[str, Any], *, noise: float, warm: bool) -> list[str]:
    """Word what makes these latencies less credible.

    host: `cores` and `other_cores` or `load1`, and `sensors` with the reasons (`why`) that it was throttled, as the runner tells.
    """
    found = []
    if noise > NOISY:
        found.append(f"noisy machine: the reference differs from itself by up to {noise:.0%}")
    if (rounds := spread(samples)) > NOISY:
        found.append(f"noisy machine: the rounds' medians spread by {rounds:.0%}")
    if others := busy(host):
        found.append(f"busy machine: other work kept {others:.1f} of {host['cores']} cores busy meanwhile")
    if not warm:
        found.append("the warm-up ended before two blocks agreed within 1 %")
    found += [f"throttled: {why}" for why in host.get("sensors", {}).get("why", ())]
    if host.get("clocks", {}).get("restored", True) is False:
        found.append(f"the clocks were locked and could not be put back: {host['clocks'].get('error', '')}")
    found += [
        f"no P{share * 100:.0f}: {samples.size} samples, and it needs {FEWEST[share]}"
        for share in TOLD
        if samples.size < FEWEST[share]
    ]
    return found


def busy(host: Mapping[str, Any]) -> float:
    """Give how many cores other work kept busy meanwhile, 0 where it was not worth telling."""
    others = host.get("other_cores") if host.get("other_cores") is not None else host.get("load1")
    return float(others) if others is not None and others > BUSY * host["cores"] else 0.0


def of_processes(process_cov: float | None, differing: int) -> list[str]:
    """Word that processes differ: their medians by more than chance within a process, or, worse, their answers on `differing` spectra."""
    found = []
    if process_cov is not None and process_cov > DIFFERENT:
        found.append(f"the processes' medians differ: their standard deviation is {process_cov:.0%} of their mean")
    if differing:
        found.append(f"the processes answer {differing} spectra with different labels")
    return found


def of_runtime(runtime: str, version: str) -> list[str]:
    """Word that TensorRT's figures compare only within a major version: from 11 on its defaults are others."""
    if not runtime.startswith("tensorrt"):
        return []
    major = version.partition(".")[0]
    return [
        f"TensorRT {major}: its figures don't compare with those of another major version; from 11 on transfers are left out, and "
        "CUDA graphs and spinning waits are on, unless told otherwise"
    ]


def against_float(variant: str, sibling: str, pair: Pair) -> list[str]:
    """Word that a variant made to be faster isn't, or can't be told to be; nothing where it is.

    pair: the variant's latency over its float sibling's; the recommendation rests on the very same
    """
    if pair.slower:
        return [f"{variant} answers {pair.ratio:.2f} times slower than {sibling} here"]
    if not pair.faster:
        return [f"{variant} isn't told to be faster than {sibling} here: {pair.words()} of its time"]
    return []
