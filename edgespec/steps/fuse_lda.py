"""Put shrinkage linear discriminant analysis of a network's features into its head, after an earlier stage where that does.

What leaves is an ordinary network with one linear head: no weight and no operator more. Fitted on clean spectra alone such a head
breaks under a fluorescence background (60 points), so varied copies of each spectrum take part. Early exit and the idea of the
head: RamanCMP; shrinkage: Ledoit, Wolf 2004.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Interval
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.compression.pruning import early_exit
from edgespec.errors import Mistake
from edgespec.evaluation import difference
from edgespec.evaluation.difference import Z
from edgespec.job import Job, Labels, Part, few
from edgespec.recipe import Call, schema
from edgespec.spectra import Ints, Words
from edgespec.training import batches, lda

Share = Annotated[float, Interval(gt=0, le=1)]
Shrinkage = Literal["auto"] | Share
Stage = Annotated[int, Gt(0)]
ENOUGH = "more spectra a class, or leave the step 'fuse_lda' out"


def run(
    job: Job,
    checkpoint: Checkpoint,
    *,
    on: Part = None,
    labels: Labels = "all",
    after: Stage | list[Stage] | None = None,
    positions: Annotated[int, Gt(0)] | None = None,
    shrinkage: Shrinkage | list[Shrinkage] = "auto",
    blend: Share | list[Share] = 1.0,
    copies: Annotated[int, Ge(0)] = 2,
    strength: Annotated[float, Gt(0)] = 1.0,
    max_drop: Annotated[float, Interval(ge=0, le=1)] = 0.005,
) -> Checkpoint:
    """Fit shrinkage LDA on the features of clean and varied training spectra and write it into the network's head.

    on: the training part that it is fitted on; all of them if not said.
    labels: how many labels it may see, "all" or "N per class".
    after: the stage after which the network ends; of several the first that costs no more than max_drop; all stages stay if not said.
    positions: places along the axis that the head tells apart; as many as the network has if not said.
    shrinkage: share of the covariance that is replaced by its mean variance, or "auto" (Ledoit-Wolf); of several the best.
    blend: LDA's share of the new head, the rest is the head that the whole network had, at equal spread of the logits; of several the best.
    copies: variations of each spectrum that are fitted on, and judged by, beside the spectrum itself.
    strength: how strongly the copies that are fitted on are varied, as a multiple of the recipe's `augment`. A network has seen its
        training spectra, so its features scatter less on them than on others: 1.5 gave 0.1 to 2 points where it knew them by heart.
    max_drop: validation accuracy that an earlier stage may cost against the best of those named.
    """
    network: Any = models.load(checkpoint)
    if not isinstance(getattr(network, "head", None), nn.Linear):
        raise Mistake(
            f"a network of the model {checkpoint.model!r} has no single linear head to write LDA into",
            hint="distill it into a model that has one, or leave the step 'fuse_lda' out",
        )
    taught = _views(_stronger(job, strength), batches.labelled(job, job.splits.rows(on), few(labels)), copies, 700)
    _check(job, taught)
    rows = job.splits.rows(on, valid=True)
    judged = _views(job, rows, copies, 800)
    exits = _exits(network, checkpoint.model, taught.x, after, positions)
    found: list[_Candidate] = []
    job.progress.begin("LDA of the features", len(exits))
    for done, (stage, short) in enumerate(exits, start=1):
        found += _candidates(
            job, short, stage, taught, judged, _several(shrinkage), _several(blend), softmax=short is network
        )
        best = max(each.score for each in found if each.stage == stage)
        job.progress.advance(done, f"{_where(stage)}: validation {best:.3f}")
    job.progress.end()
    group = job.spectra.group
    chosen = _choose(found, max_drop, None if group is None else group[rows])
    _tell(job, chosen, found)
    with torch.no_grad():
        chosen.network.head.weight.copy_(chosen.weight)
        chosen.network.head.bias.copy_(chosen.bias)
    facts = {**checkpoint.facts, "fuse_lda": _facts(job, chosen, found, judged, rows)}
    facts |= {"labels_used": taught.spectra, "spectra_used": taught.spectra}
    if chosen.head == "lda":
        facts.pop("temperature", None)
    shape = {"points": checkpoint.points, "classes": checkpoint.classes}
    return models.save(chosen.network, checkpoint.model, job.folder, **shape, facts=facts)


def _several(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


@dataclass(frozen=True)
class _Views:
    """Spectra, as the network sees them, and varied copies of them behind: x (views * spectra, points), y likewise."""

    x: Tensor
    y: NDArray[np.int64]
    spectra: int


@dataclass(frozen=True)
class _Candidate:
    """A network that ends after `stage` (None: the whole) with one head.

    right: (views, spectra) which validation spectra it names rightly, clean ones first; still: features that never vary
    """

    stage: int | None
    network: Any
    head: str
    shrinkage: str | float | None
    blend: float
    weight: Tensor
    bias: Tensor
    right: NDArray[np.bool_]
    still: int

    @property
    def each(self) -> NDArray[np.float64]:
        """(spectra,): how right it is on each, half of it on the clean one, half on its copies."""
        clean = self.right[0].astype(np.float64)
        return clean if len(self.right) == 1 else np.asarray((clean + self.right[1:].mean(0)) / 2)

    @property
    def score(self) -> float:
        """What it is chosen by."""
        return float(self.each.mean())


def _views(job: Job, rows: NDArray[np.int64], copies: int, seed: int) -> _Views:
    times = copies if job.augment is not None else 0
    x = [batches.prepared(job, rows)]
    x += [batches.varied(job, rows, seed=job.seed * 1000 + seed + i) for i in range(times)]
    return _Views(torch.cat(x), np.tile(job.spectra.y[rows], 1 + times), len(rows))


def _stronger(job: Job, strength: float) -> Job:
    """Give the same job with every strength of its augmentation multiplied, those that are not said by their default."""
    if job.augment is None or strength == 1:
        return job
    known = schema.keys(schema.function("augment", job.augment.name))
    keys = {key.name: strength * job.augment.keys.get(key.name, key.default) for key in known}
    return replace(job, augment=Call(job.augment.name, keys))


def _check(job: Job, taught: _Views) -> None:
    known, classes = len(np.unique(taught.y)), len(job.spectra.labels)
    if known < 2:
        raise Mistake("LDA needs two classes at least, its training spectra have one", hint=ENOUGH)
    if taught.spectra < classes:
        raise Mistake(f"LDA of {classes} classes can't be fitted on {taught.spectra} training spectra", hint=ENOUGH)
    if len(taught.y) <= known:
        hint = "copies: 2 and an 'augment' in the data give each class a scatter of its own; or more spectra a class"
        raise Mistake("one spectrum a class has no scatter within classes, which LDA needs", hint=hint)


def _exits(
    network: Any, name: str, x: Tensor, after: int | list[int] | None, positions: int | None
) -> list[tuple[int | None, Any]]:
    """Give the networks to choose among, shallow ones first; the whole one is the very network that was handed in."""
    if after is None and positions is None:
        return [(None, network)]
    last, own = early_exit.stages(network, name), network.keys()["positions"]
    stages = [last] if after is None else sorted(set(after if isinstance(after, list) else [after]))
    if not stages:
        raise Mistake("'after' names no stage", hint=f"this {name} has stages 1 to {last}")
    wanted = own if positions is None else positions
    return [
        (
            stage,
            network
            if (stage, wanted) == (last, own)
            else early_exit.cut(network, name, x, stage=stage, positions=wanted),
        )
        for stage in stages
    ]


def _candidates(
    job: Job,
    network: Any,
    stage: int | None,
    taught: _Views,
    judged: _Views,
    wanted: list[Shrinkage],
    shares: list[float],
    *,
    softmax: bool,
) -> list[_Candidate]:
    """Fit LDA with each shrinkage; where the network is whole, blended with the head that it has, which is compared with them."""
    features = partial(batches.features, network)
    x, seen = batches.remembered(job, features, taught.x).numpy(), batches.remembered(job, features, judged.x)
    use = lda.varying(x)
    if not use.any():
        raise Mistake(f"{_where(stage)}, no feature differs between any two training spectra", hint="train for longer")
    inner = x[:, use].astype(np.float64)
    if not lda.scatters(inner, taught.y):
        raise Mistake(f"{_where(stage)}, no feature differs within any class, and LDA needs a scatter", hint=ENOUGH)
    own = copy.deepcopy(network.head).requires_grad_(False) if softmax else None
    heads: list[tuple[str, Any, float, Tensor, Tensor]] = []
    for each in wanted:
        weight = np.zeros((network.head.out_features, x.shape[1]))
        weight[:, use], bias = lda.fit(inner, taught.y, each, len(weight))
        for share in shares if own else [1.0]:
            mixed = weight, bias
            if own and share < 1:
                mixed = lda.blended((own.weight.numpy(), own.bias.numpy()), mixed, share, x)
            weights, biases = (torch.from_numpy(part).float() for part in mixed)
            heads.append(("lda", each, share, weights, biases))
    if own:
        heads.append(("softmax", None, 0.0, own.weight, own.bias))
    shape, y, still = (-1, judged.spectra), torch.from_numpy(judged.y), int((~use).sum())
    return [
        _Candidate(
            stage, network, *head, (functional.linear(seen, *head[3:]).argmax(1) == y).numpy().reshape(shape), still
        )
        for head in heads
    ]


def _choose(found: list[_Candidate], max_drop: float, sample: Words | None = None) -> _Candidate:
    """Give the best LDA of the first exit whose best is not below the best of all by more than max_drop.

    The limit is what the recipe allows, not a standard error: with the hundred spectra that a validation part often has, any
    exit would lie within one. For the same reason the head that was there stays only where it is surely better (95 %, paired, by sample):
    on 192 minerals it was level with LDA on 129 validation spectra and 3 points below it on 1,304 others.
    """
    fitted = [each for each in found if each.head == "lda"]
    limit = max(each.score for each in fitted) - max_drop - 1e-9
    stage = next(each.stage for each in fitted if each.score >= limit)
    chosen = max((each for each in fitted if each.stage == stage), key=lambda each: each.score)
    for each in found:
        apart = each.each - chosen.each
        if each.head == "softmax" and apart.mean() - max(max_drop, Z * difference.error(apart, sample)) > 0:
            return each
    return chosen


def _tell(job: Job, chosen: _Candidate, found: list[_Candidate]) -> None:
    width = chosen.weight.shape[1]
    if chosen.still:
        job.progress.say(f"{chosen.still} of {width} features never vary and count for nothing")
    if chosen.head == "softmax":
        job.progress.say(
            f"the head that was there stays: it is surely better than any LDA on the validation part ({chosen.score:.3f})"
        )
    elif len(found) > 1:
        best = max(each.score for each in found)
        text = f"chosen: {_where(chosen.stage)}, shrinkage {chosen.shrinkage}, blend {chosen.blend:g}"
        job.progress.say(f"{text}: validation {chosen.score:.3f}, the best of {len(found)} has {best:.3f}")


def _facts(job: Job, chosen: _Candidate, found: list[_Candidate], judged: _Views, rows: Ints) -> dict[str, Any]:
    """Give every candidate and what was chosen, with the paired standard error of its distance from the best."""
    apart = chosen.each - max(found, key=lambda each: each.score).each
    group = job.spectra.group
    return {
        "chosen": _plain(chosen),
        "candidates": [_plain(each) for each in found],
        "validation_spectra": judged.spectra,
        "validation_samples": batches.samples(job, rows),
        "copies": len(chosen.right) - 1,
        "below_best": round(-float(apart.mean()), 5),
        "below_best_error": round(difference.error(apart, None if group is None else group[rows]), 5),
    }


def _plain(each: _Candidate) -> dict[str, Any]:
    return {
        "after": each.stage,
        "head": each.head,
        "shrinkage": each.shrinkage,
        "blend": each.blend,
        "features": each.weight.shape[1],
        "constant_features": each.still,
        "valid_clean": round(float(each.right[0].mean()), 5),
        "valid_varied": round(float(each.right[1:].mean()), 5) if len(each.right) > 1 else None,
        "valid": round(each.score, 5),
    }


def _where(stage: int | None) -> str:
    return "the whole network" if stage is None else f"after stage {stage}"
