"""Say which of the measured variants a target should run, and what speaks against the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgespec import units
from edgespec.bench.measurement import Measurement
from edgespec.bench.paired import WORTH, Pair, Pairs

LOGITS = "{} logits only"
"""A file without its answer part: what the plain default export answers too, so that the two compare."""
CLEAN = "clean"
Worse = Mapping[str, Mapping[str, str]]


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


@dataclass(frozen=True)
class Gap:
    """A linear model beside the file that is recommended, on the same test spectra.

    condition: "clean", or how the spectra were perturbed; theirs, mine: accuracy of the linear model and of the file
    low, high: 95 % interval of theirs minus mine, by physical sample; None from a single sample
    """

    condition: str
    theirs: float
    mine: float
    low: float | None
    high: float | None

    @property
    def below(self) -> bool:
        """Is the linear model told to be less accurate here, beyond chance?"""
        return self.theirs < self.mine if self.high is None else self.high < 0

    def words(self) -> str:
        """Give it as "0.598 for 0.909 at shift 5 cm-1 (-0.311 [-0.355, -0.266])"."""
        between = "" if self.low is None else f" [{self.low:+.3f}, {self.high:+.3f}]"
        where = "on clean spectra" if self.condition == CLEAN else f"at {self.condition}"
        return f"{self.theirs:.3f} for {self.mine:.3f} {where} ({self.theirs - self.mine:+.3f}{between})"


def stands_in(gaps: Sequence[Gap]) -> bool:
    """Can a linear model stand in for the file? Not where nothing was compared, nor where it is below the file, clean or perturbed."""
    return bool(gaps) and not any(each.below for each in gaps)


def linear(title: str, file: str, ratio: Pair, gaps: Sequence[Gap]) -> str:
    """Say in one sentence whether a linear model that answers faster than the recommended file can stand in for it, or what it lacks.

    title, file: their names; ratio: the model's latency over the file's; gaps: clean first; none where answers were not kept
    """
    faster = f"answers {1 / ratio.ratio:.1f} times faster than {file}"
    if not gaps:
        return f"the linear model '{title}' {faster}; how both answer perturbed spectra was not kept: edgespec compress makes the run anew"
    clean, *perturbed = gaps
    if stands_in(gaps):
        robust = "; ".join(each.words() for each in perturbed)
        return (
            f"the linear model '{title}' can take the place of {file} where no 'unknown' is needed: it {faster}, "
            f"has {clean.words()}, and cannot be told from it when perturbed: {robust}"
        )
    lacks = [each.words() for each in sorted(perturbed, key=lambda each: each.theirs - each.mine) if each.below]
    if clean.below:
        return f"the linear model '{title}' {faster}, but has {' and '.join([clean.words(), *lacks[:1]])}"
    as_good = f"cannot be told from it on clean spectra ({clean.theirs:.3f} for {clean.mine:.3f})"
    return f"the linear model '{title}' {faster} and {as_good}, but has {lacks[0]}"


def recommend(
    measurements: Sequence[Measurement],
    keeps: Callable[[Measurement], list[str]],
    pairs: Pairs,
    worse: Worse | None = None,
) -> Advice:
    """Name the fastest variant that keeps the promises; of those as fast, the more accurate, the more robust, then the smallest file.

    measurements: of one target; keeps: the promises that a measurement breaks, in words
    pairs: the paired latencies of two variants; noise of the session counts nowhere else
    worse: variant -> another -> why it answers worse than that one, beyond chance; a variant that is not named answers as well
    """
    against = {each.variant: list(keeps(each)) for each in measurements}
    fit = [each for each in measurements if not against[each.variant]]
    if not fit:
        refused = {variant: tuple(reasons) for variant, reasons in against.items()}
        return Advice(None, "no variant keeps the promises here", refused)
    fastest = min(fit, key=lambda each: pairs(each.variant, each.reference).ratio)
    close = [each for each in fit if not pairs(each.variant, fastest.variant).slower]
    losses = worse or {}
    sound = [each for each in close if not any(other.variant in losses.get(each.variant, {}) for other in close)]
    best = min(sound or close, key=lambda each: (each.size_bytes, pairs(each.variant, each.reference).ratio))
    for each in fit:
        if each is not best:
            against[each.variant].append(_against(each, best, pairs, losses))
    return Advice(
        best.variant, _why(best, fastest, measurements, pairs), {k: tuple(v) for k, v in against.items() if v}
    )


def _against(each: Measurement, best: Measurement, pairs: Pairs, losses: Worse) -> str:
    apart = pairs(each.variant, best.variant)
    if apart.slower:
        return f"slower than {best.variant}: {apart.words()} of its time"
    if best.variant in losses.get(each.variant, {}):
        return losses[each.variant][best.variant]
    size = "larger" if each.size_bytes > best.size_bytes else "no smaller"
    return f"no faster than {best.variant}, and {size}"


def _why(best: Measurement, fastest: Measurement, measurements: Sequence[Measurement], pairs: Pairs) -> str:
    told = f"{best.variant} is recommended for target {best.target!r}"
    lines = [line for each in measurements for line in each.warnings]
    no_help = [line for line in lines if "times slower than" in line or "isn't told to be faster than" in line]
    told = "; ".join([*dict.fromkeys(no_help), told])
    if best is not fastest:
        apart = pairs(best.variant, fastest.variant)
        sizes = f"{units.show_size(best.size_bytes)} instead of {units.show_size(fastest.size_bytes)}"
        reason = f"is smaller ({sizes})" if best.size_bytes < fastest.size_bytes else "answers better"
        if apart.interval[0] > 1:
            return f"{told}: it takes {apart.ratio:.2f} of the time of {fastest.variant}, less than {WORTH:.0%} more, and it {reason}"
        return f"{told}: it can't be told to be slower than {fastest.variant}, and it {reason}"
    if best.variant == best.reference:
        return told if no_help else f"{told}: nothing faster keeps the promises"
    return f"{told}: {_beside(best, measurements, pairs)}"


def _beside(best: Measurement, measurements: Sequence[Measurement], pairs: Pairs) -> str:
    """Set a variant beside the reference: with all that it answers, and with its logits alone, where those were measured."""
    apart, reference = pairs(best.variant, best.reference), best.reference
    bare = LOGITS.format(best.variant)
    alone = pairs(bare, reference) if bare in {each.variant for each in measurements} else None
    if apart.slower and (alone is None or alone.slower):
        return f"nothing that answers as fast as {reference} keeps the promises"
    if apart.slower and alone is not None:
        slower = f"it answers {apart.ratio:.2f} times slower than {reference}"
        return f"{slower}, which gives logits only; its own logits alone take {alone.ratio:.2f} of that one's time"
    told = f"it answers {1 / apart.ratio:.2f} times faster than {reference}"
    if not apart.faster:
        told = f"it answers as fast as {reference}"
    return told if alone is None else f"{told}, its logits alone in {alone.ratio:.2f} of that one's time"
