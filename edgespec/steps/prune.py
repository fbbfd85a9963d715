"""The model so far without the channels that matter least, down to a budget; what that costs is learnt again from the unpruned model.

Which channels go together: `channel_groups`; what they are worth: `importance`; how narrow each group becomes: `schedule`; the limits:
`budget`; what is left where it fails: `fallback`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Gt, Interval, Len
from torch import Tensor, nn
from torch.nn import functional

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.compression.pruning import budget, channel_groups, remove_blocks, schedule
from edgespec.compression.pruning import importance as worth
from edgespec.compression.pruning.budget import Budget
from edgespec.compression.pruning.channel_groups import Group
from edgespec.compression.pruning.fallback import Fallback
from edgespec.compression.pruning.schedule import Ledger, Widths
from edgespec.data import splits
from edgespec.errors import Mistake
from edgespec.evaluation import difference
from edgespec.job import Fit, Job, Part
from edgespec.spectra import Ints
from edgespec.training import batches
from edgespec.training import teacher as teachers
from edgespec.training.teacher import Lesson, Round

Depth = Annotated[int, Gt(0)]
SEEN = 1024  # training spectra whose loss says what matters


def run(
    job: Job,
    original: Checkpoint,
    *,
    to: Budget,
    importance: Literal["magnitude", "taylor", "bn_scale"] = "magnitude",
    round_to: Annotated[int, Gt(0)] = 16,
    depths: Annotated[list[Depth], Len(1)] | None = None,
    rounds: Annotated[int, Gt(0)] = 2,
    max_drop: Annotated[float, Interval(ge=0, le=1)] = 0.02,
    temperature: Annotated[float, Gt(0)] = 1.0,
    alpha: Annotated[float, Interval(ge=0, le=1)] = 0.5,
    on: Part = None,
    views: Annotated[int, Gt(0)] = 8,
    control: bool = True,
    fit: Fit = Fit(),
) -> Checkpoint:
    """Take out the channels that matter least until the model meets a budget, and learn again from the unpruned model.

    to: the budget, one limit or several: macs, params, size, latency.
    importance: what a channel is judged by: "magnitude" of all weights that write or read it, its "taylor" part in the loss, or the
        scale of its normalisation, "bn_scale".
    round_to: what every number of channels is a multiple of, or half of one; 16 and 8 are what kernels are fast at, 1 takes any.
    depths: blocks of each stage that stay; those go without which the loss is least; all stay if not said. Latency follows them most.
    rounds: goes in which the channels are taken out, the model fitted after each.
    max_drop: accuracy on the validation part that may be lost against the unpruned model; judged by the paired 95 % interval.
    temperature: how far the answers of both models are softened; above 2 it harms.
    alpha: the unpruned model's share of the loss; the labels have the rest.
    on: the training part that it learns from; all of them if not said.
    views: variations of each spectrum that the unpruned model is asked about, once.
    control: train the same small network for as long from scratch, to show whether pruning is worth anything.
    fit: how long and how fast to learn again after each round.
    """
    teachers.check(job, original)
    lesson = Lesson(temperature, alpha, on, views, control, fit)
    work = _Pruning(job, original, to, importance, max_drop, on)
    work.take_blocks(depths)
    goes = work.goes(round_to, rounds)
    return teachers.recover(job, original, original.model, work.rounds(goes), lesson, facts={"pruning": work.told})


class _Pruning:
    """A model on its way down: what it is by now, and the account of what went.

    whole: the unpruned network; found: the network as it is now; told: the account, complete when all rounds are over
    """

    def __init__(
        self, job: Job, original: Checkpoint, to: Budget, importance: str, max_drop: float, on: str | None
    ) -> None:
        rows, self.valid = job.splits.rows(on), job.splits.rows(on, valid=True)
        self.job, self.name, self.points = job, original.model, original.points
        self.to, self.importance, self.max_drop = to, importance, max_drop
        self.whole = self.found = _sound(original, models.load(original), len(self.valid))
        self.compare = budget.comparing(job, self.whole, to.target, self.valid)
        self.judge = batches.accuracy(job, self.valid)
        self.x, self.y = _seen(job, rows)
        self.before = Ledger(self.whole, self.points, []).cost({})
        self.told: dict[str, Any] = {"before": asdict(self.before), "unpruned": self.judge(self.whole)}
        self.blocks: list[list[int]] | None = None

    def take_blocks(self, depths: list[int] | None) -> None:
        """Take out the blocks that are missed least, until each stage has as many as wanted; None leaves all."""
        if depths is not None:
            self.found, self.blocks = remove_blocks.shallower(
                self.name, self.whole, self.points, depths, lambda each: _loss(each, self.x, self.y)
            )

    def goes(self, round_to: int, rounds: int) -> Sequence[Widths]:
        """Give the widths after each round, the last of which keep the budget. Raises what `budget.reached` does, Mistake where nothing goes."""
        groups, scores = self._scored()
        ledger = Ledger(self.found, self.points, groups)
        build, say = partial(self._narrower, groups, scores), self.job.progress.say
        path = budget.reached(self.to, self.before, ledger, scores, round_to, self.compare, build, say)
        if len(path) == 1 and self.found is self.whole:
            raise Mistake("pruning changes nothing: the model keeps the budget as it is", hint="leave the step out")
        self.told |= {
            "channels": path[0],
            "blocks": self.blocks,
            "sensitivity": schedule.sensitivity(self.found, groups, scores, self.judge),
            "kept": {title: list(range(width)) for title, width in path[0].items()},
            "rounds": [],
        }
        return schedule.stages(path, ledger, rounds)

    def rounds(self, goes: Sequence[Widths]) -> Iterator[Round]:
        """Give the network of each round to be trained, and judge it once it is. Raises BrokenPromise where it lost too much."""
        last = Fallback(self.job, self.name)  # an older one goes only now, when this pruning surely begins
        for number, widths in enumerate(goes, start=1):
            groups, scores = self._scored()
            gone = _gone(groups, scores, widths)
            self.found = channel_groups.without(self.name, self.found, self.points, gone)
            each = Round(f"prune {self.name}, round {number} of {len(goes)}", self.found)
            yield each  # whoever asks for the next round has trained this one
            cost = Ledger(self.found, self.points, []).cost({})
            share = cost.macs / self.before.macs
            lost = _lost(self.job, self.whole, self.found, self.valid)
            made = {"widths": widths, **asdict(cost), **lost, "history": each.history}
            self.told["rounds"].append(made)
            self.told["kept"] = {title: _left(left, gone[title]) for title, left in self.told["kept"].items()}
            what = f"round {number} of {len(goes)} ({share:.0%} of the MACs)"
            last.hold(self.found, made, self.max_drop, what)
        latency = last.hold_latency(self.to, self.compare(self.found), share)
        self.told |= {"after": asdict(cost), "latency": latency}
        last.forget()

    def _scored(self) -> tuple[list[Group], dict[str, Tensor]]:
        """Give what the network as it is may lose, and what each channel of it is worth."""
        groups = channel_groups.groups(self.name, self.found, self.points)
        return groups, _scores(self.importance, self.found, groups, self.x, self.y)

    def _narrower(self, groups: list[Group], scores: dict[str, Tensor], widths: Widths) -> nn.Module:
        return channel_groups.without(self.name, self.found, self.points, _gone(groups, scores, widths))


def _gone(groups: list[Group], scores: dict[str, Tensor], widths: Widths) -> dict[str, list[int]]:
    """Name the channels that go for some widths: each group's weakest."""
    return {each.title: schedule.weakest(scores[each.title], each.width - widths[each.title]) for each in groups}


def _left(channels: list[int], gone: list[int]) -> list[int]:
    """Give the original's channels that are left when some of those still there go."""
    lost = set(gone)
    return [each for i, each in enumerate(channels) if i not in lost]


def _sound(original: Checkpoint, network: nn.Module, judged: int) -> nn.Module:
    """Raise Mistake where there is nothing to go by: weights that are no numbers, no spectra to judge by, a network of fixed widths."""
    models.needs(network, original.model, "prune", "head")
    if getattr(network, "fixed", False):
        told = f"{original.model} does not say its widths, so no narrower one can be built"
        raise Mistake(
            told, hint="keys(self): the keys of build, read from the live layers; or leave the step 'prune' out"
        )
    broken = [key for key, each in network.state_dict().items() if not bool(each.isfinite().all())]
    if broken:
        raise Mistake(
            f"{original.weights}: {broken[0]} holds values that are no numbers; nothing can be pruned by them",
            hint="train it again, with a smaller fit.lr",
        )
    if not judged:
        raise Mistake("there are no validation spectra to judge by what pruning costs", hint="data.split.valid: 0.15")
    return network


def _seen(job: Job, rows: Ints) -> tuple[Tensor, Tensor]:
    """Draw the training spectra whose loss says what matters, varied as in training, evenly over the classes."""
    order = np.random.default_rng([job.seed, 19]).permutation(rows)
    drawn = order[np.argsort(splits.occurrence(job.spectra.y[order]), kind="stable")][:SEEN]
    return batches.varied(job, drawn, seed=job.seed * 1000 + 700), batches.labels(job, drawn)


def _loss(network: nn.Module, x: Tensor, y: Tensor) -> float:
    return float(functional.cross_entropy(batches.logits(network, x), y))


def _scores(kind: str, network: nn.Module, groups: list[Group], x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Ask what each channel is worth in the network as it is now."""
    if kind == "taylor":
        worth.differentiated(network, x, y)
    found = {group.title: worth.KINDS[kind](network, group) for group in groups}
    network.zero_grad(set_to_none=True)
    return found


def _lost(job: Job, whole: nn.Module, found: nn.Module, valid: Ints) -> dict[str, float]:
    """Compare both on the validation part, spectrum by spectrum."""
    x, y = batches.prepared(job, valid), batches.labels(job, valid)
    before, after = (batches.logits(each, x).argmax(1) == y for each in (whole, found))
    lost = before.double() - after.double()
    group = job.spectra.group
    error = difference.error(lost.numpy(), None if group is None else group[valid])
    return {"valid": round(float(after.double().mean()), 5), "drop": float(lost.mean()), "drop_error": error}
