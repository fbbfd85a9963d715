"""Which spectra a model names rightly, kept spectrum by spectrum, and how far two models are apart: both intervals are of `evaluation.difference`."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.evaluation import difference, scoring
from edgespec.evaluation.difference import Mean
from edgespec.job import Job


@dataclass(frozen=True)
class Pair:
    """Two models on the same test spectra: mine, other (n,) share named rightly, 0 or 1 for one answer; sample (n,); spectra learnt from."""

    mine: NDArray[np.float64]
    other: NDArray[np.float64]
    sample: NDArray[Any]
    learnt: int


def by_sample(pairs: Sequence[Pair]) -> Mean:
    """Give the mean difference over all spectra of several runs, its interval by physical sample; a sample in several runs counts once."""
    gaps = np.concatenate([each.mine - each.other for each in pairs])
    return difference.of_samples(gaps, np.concatenate([each.sample for each in pairs]))


def by_run(pairs: Sequence[Pair]) -> Mean:
    """Give the mean over runs of the difference, with the interval of `difference.of`."""
    gaps = [float((each.mine - each.other).mean()) for each in pairs]
    return difference.of(gaps, [len(each.mine) for each in pairs], [each.learnt for each in pairs])


def packed(right: NDArray[Any]) -> str:
    """Pack which of n spectra are named rightly, (n,) 0 or 1, as text for JSON: one bit a spectrum, base64."""
    return base64.b64encode(np.packbits(np.asarray(right, bool)).tobytes()).decode("ascii")


def unpacked(text: str, n: int) -> NDArray[np.float64]:
    """Give (n,): what `packed` packed."""
    bits = np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=n)
    return bits.astype(np.float64)


def right(job: Job, model: Any) -> NDArray[np.bool_]:
    """Give (n,): which test spectra a checkpoint or an ONNX file names rightly."""
    test = job.splits.test
    named: NDArray[np.bool_] = scoring.answers(job, model, test).argmax(1) == job.spectra.y[test]
    return named
