"""The model so far with its channels arranged otherwise, and what that costs learnt again from what it answered before.

Two conversions under one name: "channel conversion" is what a paper calls its way to make a one-dimensional DRSN faster, and does not
define in what can be read of it (Gong et al. 2023, Anal. Chim. Acta 1278, 341758). These are ours, not theirs.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Gt, Interval, Len
from torch import nn

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.compression.pruning import narrow, remove_blocks
from edgespec.errors import Mistake
from edgespec.evaluation import scoring
from edgespec.job import Fit, Job, Part
from edgespec.recipe import Call
from edgespec.training import teacher as teachers
from edgespec.training.teacher import Lesson, Round

FOLDS = ("drsn",)
Depth = Annotated[int, Gt(0)]


def run(
    job: Job,
    original: Checkpoint,
    *,
    how: Literal["fold", "narrow"],
    factor: Annotated[int, Gt(1)] = 8,
    stride: Annotated[int, Gt(0)] | None = None,
    share: Annotated[float, Interval(gt=0, le=1)] = 0.5,
    multiple: Annotated[int, Gt(0)] = 4,
    depths: Annotated[list[Depth], Len(1)] | None = None,
    temperature: Annotated[float, Gt(0)] = 1.0,
    alpha: Annotated[float, Interval(ge=0, le=1)] = 0.5,
    on: Part = None,
    views: Annotated[int, Gt(0)] = 8,
    control: bool = True,
    fit: Fit = Fit(),
) -> Checkpoint:
    """Fold length into channels, or narrow them to the strongest, and learn again from the original by distillation.

    how: "fold" points into channels in front of the first convolution (1 x L -> C x L/C), "narrow" every layer to its strongest channels.
    factor: fold: the C above.
    stride: fold: columns from one place where the first convolution looks to the next; the original's if enough places are left for the head, else 1.
    share: narrow: of each layer's channels, how many stay; 1 changes nothing.
    multiple: narrow: what every number of channels is a multiple of; 4 suits int8 kernels, 8 or 16 the fast float layout.
    depths: blocks of each stage that stay, the first ones; all if not said. Latency follows them more than it follows the channels.
    temperature: how far the original's answers and the new ones are softened.
    alpha: the original's share of the loss; the labels have the rest.
    on: the training part that it learns from; all of them if not said.
    views: variations of each spectrum that the original is asked about, once.
    control: train the same small network for as long from scratch and without the original, to show whether the conversion is worth anything.
    fit: how long and how fast to learn again.
    """
    teachers.check(job, original)
    before = models.load(original)
    models.needs(before, original.model, "convert_channels", "head")
    if depths is not None:
        stay = [range(wanted) for wanted in _checked(original.model, before, depths)]
        before = remove_blocks.only(original.model, before, original.points, stay)
    if how == "fold":
        network, told = _folded(original, before, factor, stride, job.seed)
    else:
        network, told = _narrowed(original, before, share, multiple)
    macs = {
        "before": scoring.macs(models.load(original), original.points),
        "after": scoring.macs(network, original.points),
    }
    job.progress.say(
        f"{how}: {macs['after'] / macs['before']:.1%} of the multiplications are left; latency falls less, see bench"
    )
    learn = [Round(f"{how} {original.model}", network)]
    lesson = Lesson(temperature, alpha, on, views, control, fit)
    facts = {"how": how, "macs": macs, **told}
    return teachers.recover(job, original, original.model, learn, lesson, facts=facts)


def _checked(name: str, network: Any, depths: list[int]) -> list[int]:
    """Raise Mistake where the network has no such stages, or fewer blocks in one."""
    there = network.keys().get("depths")
    if there is None or len(there) != len(depths) or any(wanted > d for wanted, d in zip(depths, there, strict=True)):
        found = f"{name} has stages of {there} blocks" if there else f"{name} has no stages of blocks"
        raise Mistake(
            f"'depths' {depths}: {found}", hint="one number a stage, no larger than it is; or leave 'depths' out"
        )
    return depths


def _folded(
    original: Checkpoint, network: Any, factor: int, stride: int | None, seed: int
) -> tuple[nn.Module, dict[str, Any]]:
    """Put `factor` points side by side as channels; every weight that still fits is taken over, the first convolution begins anew."""
    if original.model not in FOLDS:
        raise Mistake(f"{original.model} can't be folded, only {', '.join(FOLDS)} can", hint="how: narrow")
    keys, points = network.keys(), original.points
    fold = keys["fold"] * factor
    if fold >= points:
        raise Mistake(f"'factor' {factor}: {points} points folded by {fold} leave nothing", hint="a smaller factor")
    left = -(-points // (fold * keys["stride"] * 2 ** len(keys["depths"])))
    looks = stride or (keys["stride"] if left >= keys["positions"] else 1)
    call = Call(original.model, {**keys, "fold": fold, "stride": looks})
    found, taken = _taking_over(network, call, points, seed)
    return found, {"fold": fold, "stride": looks, "taken_over": taken}


def _taking_over(network: nn.Module, call: Call, points: int, seed: int) -> tuple[nn.Module, float]:
    """Build a network with the weights of another wherever name and shape are the same; tell the share of them that are."""
    found = models.build(call, points=points, classes=network.head.out_features, seed=seed)  # type: ignore[arg-type,union-attr]
    own, given = found.state_dict(), network.state_dict()
    same = {key: each for key, each in given.items() if key in own and own[key].shape == each.shape}
    found.load_state_dict({**own, **same})
    taken = sum(each.numel() for each in same.values()) / sum(each.numel() for each in own.values())
    return found.eval(), round(taken, 4)


def _narrowed(
    original: Checkpoint, network: nn.Module, share: float, multiple: int
) -> tuple[nn.Module, dict[str, Any]]:
    if original.model not in narrow.KINDS:
        known = ", ".join(sorted(narrow.KINDS))
        raise Mistake(f"{original.model} can't be narrowed, only {known} can", hint="put one of these in front")
    found, kept = narrow.narrowed(original.model, network, original.points, share, multiple)
    return found, {"kept": kept}
