"""The one training loop: seeded, one cycle of the learning rate, best epoch by validation.

AdamW: Loshchilov, Hutter 2019, arXiv:1711.05101; one cycle: Smith, Topin 2018, arXiv:1708.07120.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgespec.errors import Mistake
from edgespec.job import Fit, Job
from edgespec.training import layout
from edgespec.training.batches import Judge, logits
from edgespec.training.resume import Course, Keeper

Epoch = Callable[[int], tuple[Tensor, ...]]
Loss = Callable[..., Tensor]


def fit(
    model: nn.Module,
    job: Job,
    fit: Fit,
    *,
    epoch_of: Epoch,
    loss: Loss,
    judge: Judge | None,
    judged: int | None = None,
    what: str,
) -> dict[str, Any]:
    """Train a model in place and leave it with the weights of its best epoch; without a judge, or with nothing to judge by, of its last.

    Best is the last epoch that can't be told (95 %) from the highest validation result, in the spirit of the one-standard-error
    rule of Breiman et al. 1984: a small validation part picks an early epoch by luck, which costs up to 6 points.

    judged: physical samples that the judge looks at (spectra of one are not independent); None takes its result as exact
    epoch_of: epoch number -> tensors of equal length, the input first; what follows goes to `loss` behind the logits
    Where the job has a place for what is unfinished, the training keeps itself there and goes on from there, to the same weights.
    So `epoch_of` must give the same tensors for a number whenever and in whatever order it is asked.
    Gives the history: loss and validation result of each epoch, best epoch, seconds.
    Raises Mistake where the loss is no longer a number.
    """
    judge = None if judged == 0 else judge
    first = epoch_of(0)
    steps = max(len(first[0]) // fit.batch, 1)
    course = Course(model, *_optimiser(model, fit, steps), torch.Generator().manual_seed(job.seed))
    keeper = Keeper(course, job.unfinished, fit, what)
    keeper.take_up()
    job.progress.begin(what, fit.epochs)
    with layout.planes(model):
        while not course.done:
            tensors = first if course.epoch == 0 else epoch_of(course.epoch)
            total = _one_epoch(course, keeper, tensors, loss, fit.batch, steps)
            if not (np.isfinite(total) and bool(logits(model, tensors[0][:2]).isfinite().all())):
                raise Mistake(
                    f"the loss of {what} is no longer a number in epoch {course.epoch + 1}",
                    hint=f"a smaller fit.lr than {fit.lr:g}",
                )
            score = judge(model) if judge else None
            _note(course, total, score, judged)
            _tell(job, course, fit.epochs, total, score)
            tired = judge is not None and fit.patience > 0 and course.epoch - course.better >= fit.patience
            course.epoch, course.step, course.total = course.epoch + 1, 0, 0.0
            if tired or course.epoch == fit.epochs:
                if course.best_weights is not None:
                    model.load_state_dict(course.best_weights)
                course.done = True
                keeper.keep()
    job.progress.end()
    model.eval()
    at = course.best if judge else len(course.history) - 1
    return {
        "epochs": course.history,
        "best_epoch": at + 1,
        "steps": steps * len(course.history),
        "seconds": keeper.seconds(),
    }


def _note(course: Course, total: float, score: float | None, judged: int | None) -> None:
    """Add an epoch to the history, and keep its weights where it may be the best."""
    course.history.append({"loss": round(total, 5), "valid": score})
    if score is not None and score > course.highest:
        course.highest, course.better = score, course.epoch
    if score is not None and score >= course.highest - 1.96 * _standard_error(course.highest, judged):
        course.is_best()


def _tell(job: Job, course: Course, epochs: int, total: float, score: float | None) -> None:
    """Tell who watches how an epoch ended; whoever watches a search may end the training here."""
    note = f"loss {total:.3f}" + (f", validation {score:.3f}" if score is not None else "")
    job.progress.advance(course.epoch + 1, note)
    if job.watch and score is not None:
        job.watch(course.epoch + 1, epochs, score, sum(each.numel() for each in course.model.parameters()))


def _standard_error(share: float, n: int | None) -> float:
    """Give the standard error of a share of n, with one success and one failure added so that none and all have one too."""
    if n is None:
        return 0.0
    p = (share * n + 1) / (n + 2)
    return float(np.sqrt(p * (1 - p) / n))


def _one_epoch(
    course: Course, keeper: Keeper, tensors: tuple[Tensor, ...], loss: Loss, batch: int, steps: int
) -> float:
    """Give the mean loss; what is left over after whole batches waits for the next epoch's order."""
    course.model.train()
    course.order = course.shuffle.get_state()
    order = torch.randperm(len(tensors[0]), generator=course.shuffle)
    while course.step < steps:
        keeper.now_and_then()
        rows = order[course.step * batch : (course.step + 1) * batch]
        x, *rest = (each[rows] for each in tensors)
        course.optimiser.zero_grad(set_to_none=True)
        value = loss(course.model(x), *rest)
        value.backward()  # type: ignore[no-untyped-call]
        course.optimiser.step()
        course.schedule.step()
        course.total += float(value.detach())
        course.step += 1
    return course.total / steps


def _optimiser(model: nn.Module, fit: Fit, steps: int) -> tuple[torch.optim.AdamW, torch.optim.lr_scheduler.OneCycleLR]:
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": fit.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=fit.lr)
    total = max(fit.epochs * steps, 2)
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, fit.lr, total_steps=total + 1, pct_start=0.15)
