"""Say which of the measured variants a target should run, and what speaks against the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgespec.bench.measurement import Measurement


@dataclass(frozen=True)
class Advice:
    """Which variant a target should run.

    variant: None where none keeps the promises
    why: one sentence
    refused: what speaks against each of the others
    """

    variant: str | None
    why: str
    refused: Mapping[str, tuple[str, ...]]


def recommend(measurements: Sequence[Measurement], keeps: Callable[[Measurement], list[str]]) -> Advice:
    """Name the fastest variant that keeps the promises; of those that can't be told from it, the smallest file.

    measurements: of one target; keeps: the promises that a measurement breaks, in words.
    Recommends a variant whose median is slower than the reference's only where no other keeps the promises: a size, say.
    """
    broken = {each.variant: keeps(each) for each in measurements}
    against = {each.variant: [*broken[each.variant], *_slower(each)] for each in measurements}
    fit = [each for each in measurements if not against[each.variant]]
    late = [each for each in measurements if not broken[each.variant]]
    if late and not fit:
        against |= {each.variant: [] for each in late}
    fit = fit or late
    if not fit:
        refused = {variant: tuple(reasons) for variant, reasons in against.items()}
        return Advice(None, "no variant keeps the promises here", refused)
    fastest = min(fit, key=lambda each: each.ratio)
    best = min((each for each in fit if _tied(each, fastest)), key=lambda each: (each.size_bytes, each.ratio))
    for each in fit:
        if each is not best:
            tied = _tied(each, best) and _tied(best, each)
            against[each.variant].append(
                f"no faster than {best.variant}, and larger" if tied else f"slower than {best.variant}"
            )
    return Advice(best.variant, _why(best, fastest, measurements), {k: tuple(v) for k, v in against.items() if v})


def _slower(measured: Measurement) -> list[str]:
    return [f"{measured.ratio:.2f} times slower than {measured.reference}"] if measured.ratio > 1 else []


def _tied(one: Measurement, other: Measurement) -> bool:
    """Can't `one` be told to be slower than `other`?"""
    return one.ratio_interval[0] * (1 - one.noise) <= other.ratio_interval[1] * (1 + other.noise)


def _why(best: Measurement, fastest: Measurement, measurements: Sequence[Measurement]) -> str:
    told = f"{best.variant} is recommended for target {best.target!r}"
    lines = [line for each in measurements for line in each.warnings]
    no_help = [line for line in lines if "times slower than" in line or "can't be told to be faster than" in line]
    told = "; ".join([*no_help, told])
    if best.variant == best.reference:
        return told if no_help else f"{told}: nothing faster keeps the promises"
    if best.ratio > 1:
        return f"{told}: nothing that answers as fast as {best.reference} keeps the promises"
    if best is not fastest:
        return f"{told}: it can't be told to be slower than {fastest.variant}, and it is smaller"
    return f"{told}: it answers {1 / best.ratio:.2f} times faster than {best.reference}"
