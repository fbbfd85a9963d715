"""Whether weights were read as they were trained: known spectra are asked both ways.

Two networks that fit the same weights are compared on the same spectra: physical samples of which one of them names more
spectra rightly decide, by the sign test (exact binomial, two-sided).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import nn

from edgespec import datasets
from edgespec import recipe as recipes
from edgespec.data import preprocess
from edgespec.errors import Mistake
from edgespec.recipe.plan import plan
from edgespec.spectra import Ints, Words

SURE, BATCH = 0.01, 256
Bools = NDArray[np.bool_]


def check(path: Path, said: nn.Module, other: nn.Module, words: str, labels: list[str] | None, points: int) -> str:
    """Ask both networks about the spectra of a recipe's `data:`, prepared as it says; give what that shows.

    words: how the other network would be asked for; labels: of the networks, in the order of their logits; points: that they take
    Raises Mistake where the other one is surely right, and where the recipe's spectra are not those of the networks.
    """
    checked = plan(recipes.load(path))
    spectra = datasets.load(checked.data.load, axis=checked.data.axis, seed=checked.seed)
    front = preprocess.build(checked.data.preprocess, spectra.axis)
    if front.points != points:
        raise Mistake(
            f"{path} gives {front.points} points, but the checkpoint takes {points}",
            hint="the checkpoint's axis in the recipe: data.yaml beside an import has the lines",
        )
    places = _places(spectra.labels, labels, path)
    with torch.inference_mode():
        x = torch.cat([front(torch.from_numpy(spectra.x[i : i + BATCH])) for i in range(0, len(spectra), BATCH)])
    mine, theirs = (_right(each, x, places[spectra.y]) for each in (said, other))
    commonest = float(np.bincount(spectra.y).max() / len(spectra))
    told = f"{mine.mean():.3f} of {len(spectra)} known spectra are named rightly, {theirs.mean():.3f} {words}"
    by_sample = _differences(mine, theirs, spectra.group)
    only, others = int((by_sample > 0).sum()), int((by_sample < 0).sum())
    if only == others or stats.binomtest(only, only + others).pvalue > SURE:
        how = f"the commonest class is {commonest:.3f}: preprocessing, axis or labels may differ too"
        rest = f"; {how}" if max(mine.mean(), theirs.mean()) < commonest + 0.1 else ""
        return f"{told}: not decidable, as said is kept{rest}"
    if others > only:
        raise Mistake(f"{told}: the weights were trained so", hint=f"import it {words}")
    return f"{told}: as said is right"


def _places(theirs: tuple[str, ...], labels: list[str] | None, path: Path) -> Ints:
    """Give the logit of each of the recipe's classes."""
    if labels is None:
        raise Mistake("--known: which logit is which class is not known", hint="--labels FILE")
    absent = [name for name in theirs if name not in labels]
    if absent:
        raise Mistake(
            f"{path}: class {absent[0]!r} is none of the checkpoint's", hint=f"its classes: {', '.join(labels)}"
        )
    return np.array([labels.index(name) for name in theirs])


def _differences(mine: Bools, theirs: Bools, group: Words | None) -> Ints:
    """Give how many spectra more the first names rightly, one number a physical sample: spectra of one sample err together."""
    apart = mine.astype(np.int64) - theirs
    if group is None:
        return apart
    samples = np.unique(group, return_inverse=True)[1]
    return np.bincount(samples, apart).astype(np.int64)


def _right(network: nn.Module, x: torch.Tensor, y: Ints) -> Bools:
    with torch.inference_mode():
        logits = torch.cat([network.eval()(x[i : i + BATCH]) for i in range(0, len(x), BATCH)])
    return np.asarray(logits.argmax(1).numpy() == y)
