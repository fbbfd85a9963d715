"""The model so far without the channels that matter least, down to a budget; what that costs is learnt again from the unpruned model.

Which channels go together: `coupling`; what they are worth: `importance`; how narrow each group becomes: `pruning`; the limits: `budget`.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Gt, Interval, Len
from torch import Tensor, nn
from torch.nn import functional

from edgespec import artifact, models
from edgespec.artifact import Checkpoint
from edgespec.compression.pruning import budget, channel_groups, remove_blocks, schedule
from edgespec.compression.pruning import importance as worth
from edgespec.compression.pruning.budget import Budget, Latency
from edgespec.compression.pruning.channel_groups import Group
from edgespec.compression.pruning.schedule import Ledger
from edgespec.data import splits
from edgespec.errors import BrokenPromise, Mistake
from edgespec.job import Fit, Job, Part
from edgespec.recipe import Call
from edgespec.spectra import Ints
from edgespec.training import batches, loop
from edgespec.training import teacher as teachers
from edgespec.training.losses import kd_loss

Depth = Annotated[int, Gt(0)]
SEEN = 1024  # training spectra whose loss says what matters
SURE = 1.96  # standard errors of a loss of accuracy that is no chance


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
    rows, valid = job.splits.rows(on), job.splits.rows(on, valid=True)
    name, points = original.model, original.points
    whole = _sound(original, models.load(original), len(valid))
    compare = budget.comparing(job, whole, to.target, valid)
    x, y = _seen(job, rows)
    found, blocks = whole, None
    if depths is not None:
        found, blocks = remove_blocks.shallower(name, whole, points, depths, lambda each: _loss(each, x, y))
    groups = channel_groups.groups(name, found, points)
    before, ledger = Ledger(whole, points, []).cost({}), Ledger(found, points, groups)
    scores = _scores(importance, found, groups, x, y)
    path = budget.reached(
        to,
        before,
        ledger,
        scores,
        round_to,
        compare,
        lambda widths: channel_groups.without(name, found, points, _gone(groups, scores, widths)),
        job.progress.say,
    )
    if len(path) == 1 and found is whole:
        raise Mistake("pruning changes nothing: the model keeps the budget as it is", hint="leave the step out")
    judge = batches.accuracy(job, valid)
    told: dict[str, Any] = {
        "before": asdict(before),
        "unpruned": judge(whole),
        "channels": path[0],
        "blocks": blocks,
        "sensitivity": schedule.sensitivity(found, groups, scores, judge),
        "kept": {title: list(range(width)) for title, width in path[0].items()},
        "rounds": [],
    }
    bank = teachers.bank(job, original, rows, rows, views)
    goes, last = schedule.stages(path, ledger, rounds), _Last(job, original)
    for number, widths in enumerate(goes, start=1):
        groups = channel_groups.groups(name, found, points)
        gone = _gone(groups, _scores(importance, found, groups, x, y), widths)
        found = channel_groups.without(name, found, points, gone)
        history = loop.fit(
            found,
            job,
            fit,
            epoch_of=lambda epoch: bank[epoch % views],
            loss=lambda out, soft, y: kd_loss(out, soft, y, temperature, alpha),
            judge=judge,
            judged=batches.samples(job, valid),
            what=f"prune {name}, round {number} of {len(goes)}",
        )
        cost = Ledger(found, points, []).cost({})
        made = {"widths": widths, **asdict(cost), **_lost(job, whole, found, valid), "history": history}
        told["rounds"].append(made)
        told["kept"] = {title: _left(each, gone[title]) for title, each in told["kept"].items()}
        last.hold(found, made, max_drop, f"round {number} of {len(goes)} ({cost.macs / before.macs:.0%} of the MACs)")
    told |= {"after": asdict(cost), "latency": _kept_latency(job, to, compare(found), cost.macs / before.macs, last)}
    last.forget()
    facts = {"history": history, "labels_used": len(rows) if alpha < 1 else 0, "spectra_used": len(rows)}
    call, long = Call(name, found.keys()), replace(fit, epochs=fit.epochs * len(goes))  # type: ignore[operator]
    controls = {"control": teachers.untaught(job, call, "control", rows, len(rows), long, True)} if control else {}
    return batches.save(found, name, job, controls=controls, facts={**facts, "pruning": told})


def _gone(groups: list[Group], scores: dict[str, Tensor], widths: schedule.Widths) -> dict[str, list[int]]:
    """Name the channels that go for some widths: each group's weakest."""
    return {each.title: schedule.weakest(scores[each.title], each.width - widths[each.title]) for each in groups}


def _left(channels: list[int], gone: list[int]) -> list[int]:
    """Give the original's channels that are left when some of those still there go."""
    lost = set(gone)
    return [each for i, each in enumerate(channels) if i not in lost]


def _sound(original: Checkpoint, network: nn.Module, judged: int) -> nn.Module:
    """Raise Mistake where there is nothing to go by: weights that are no numbers, or no spectra to judge by."""
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
    error = float(lost.std(correction=0)) / len(lost) ** 0.5
    return {"valid": round(float(after.double().mean()), 5), "drop": float(lost.mean()), "drop_error": error}


class _Last:
    """The last model that kept `max_drop`, on disk beside the step's folder for as long as the step may fail."""

    def __init__(self, job: Job, original: Checkpoint) -> None:
        self.job, self.model, self.told = job, original.model, ""
        self.folder = job.folder.parent / f"{job.folder.name.removesuffix('.part')}-kept"
        self.forget()

    def hold(self, network: nn.Module, cost: dict[str, Any], max_drop: float, what: str) -> None:
        """Keep the network; raise BrokenPromise where it surely lost more than it may."""
        drop, error = cost["drop"], cost["drop_error"]
        if drop - SURE * error > max_drop:
            raise self.broken(
                f"{what} loses {drop:.3f} (at least {drop - SURE * error:.3f}) of the validation accuracy, more than max_drop {max_drop:g}",
                "a larger budget or max_drop, or more epochs",
            )
        self.told = f"{what}, validation {cost['valid']:.3f}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        made = batches.save(network, self.model, self.job, folder=self.folder, facts={"kept": self.told})
        artifact.seal(made, {"step": "prune", "digest": ""})

    def broken(self, message: str, hint: str) -> BrokenPromise:
        """Word a promise that was broken, with what is kept all the same."""
        if not self.told:
            return BrokenPromise(f"{message}; no round before it kept it", hint)
        kept = f"the last model within max_drop is in {self.folder}: {self.told}"
        return BrokenPromise(
            f"{message}; {kept}", f"{hint}; or go on with what is kept: adopt: {{checkpoint: {self.folder}}}"
        )

    def forget(self) -> None:
        """Remove what was kept."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _kept_latency(job: Job, to: Budget, found: Latency, share: float, last: _Last) -> dict[str, Any]:
    """Hold the fitted model to the latency asked for, and say where fewer products brought no less time."""
    longest = to.longest()
    if longest is not None and not found.meets(longest, sure=True):
        raise last.broken(
            f"the pruned model answers in {found.told()}, more than 'to.latency' {to.latency}",
            "a quieter machine, or fewer blocks (depths)",
        )
    if not found.falls():
        job.progress.say(f"{share:.0%} of the MACs are left, but latency did not fall: {found.told()}; see depths")
    return {**found.plain(), "falls": found.falls()}
