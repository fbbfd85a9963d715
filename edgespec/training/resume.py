"""The course of one training: everything that its next step depends on, kept now and then, and taken up again to the same bytes.

Kept are weights, AdamW's moments, the place in the one-cycle schedule, both random generators, the place in the epoch and the best
weights so far. What an epoch's tensors are depends on its number alone, so they are made again.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from edgespec import storage
from edgespec.job import Fit, Unfinished

EVERY_S = (
    10.0  # between two states on disk; a state that takes long to write is written more rarely, up to half as often
)
MOMENT_S = 1.0
DAMAGED = (
    SafetensorError,
    OSError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    RuntimeError,
    MemoryError,
    OverflowError,
)
"""What reading a state that is damaged, or none, raises."""
SHARE = 20.0  # at most one part in so many of the time goes into writing


@dataclass
class Course:
    """A training as it stands, before step `step` of epoch `epoch`.

    total: sum of the losses of this epoch so far; order: the shuffling generator's state at the epoch's start
    best_weights: of the best epoch so far; history: loss and validation result of each epoch; seconds: spent before this process
    """

    model: nn.Module
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    shuffle: torch.Generator
    epoch: int = 0
    step: int = 0
    total: float = 0.0
    highest: float = -1.0
    better: int = 0
    best: int = 0
    best_weights: dict[str, Tensor] | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    done: bool = False
    order: Tensor | None = None

    def is_best(self) -> None:
        """Keep the weights as they are as the best so far."""
        self.best, self.best_weights = self.epoch, copy.deepcopy(self.model.state_dict())

    def plain(self) -> dict[str, Any]:
        """Give what is not a tensor."""
        names = ("epoch", "step", "total", "highest", "better", "best", "history", "done")
        rates = [{"lr": group["lr"], "betas": list(group["betas"])} for group in self.optimiser.param_groups]
        state = self.schedule.state_dict()
        place = {name: state[name] for name in ("last_epoch", "_step_count", "_last_lr")}
        return {**{name: getattr(self, name) for name in names}, "rates": rates, "schedule": place}

    def tensors(self) -> dict[str, Tensor]:
        """Give what is: weights, moments, random states."""
        found = {"random": torch.get_rng_state()}
        found |= {f"model/{name}": each for name, each in self.model.state_dict().items()}
        if not self.done:
            assert self.order is not None  # set at each epoch's start
            found["order"] = self.order
            for i, each in self.optimiser.state_dict()["state"].items():
                found |= {f"moment/{i}/{name}": value for name, value in each.items()}
            found |= {f"best/{name}": each for name, each in (self.best_weights or {}).items()}
        return {name: each.detach().contiguous() for name, each in found.items()}

    def restore(self, told: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Become what `plain` and `tensors` gave."""
        for name in ("epoch", "step", "total", "highest", "better", "best", "history", "done"):
            setattr(self, name, told[name])
        self.seconds = told["seconds"]
        self.model.load_state_dict(_below("model/", tensors))
        if not self.done:
            self.order = tensors["order"]
            self.shuffle.set_state(tensors["order"])
            moments: dict[int, dict[str, Tensor]] = {}
            for name, each in _below("moment/", tensors).items():
                i, _, what = name.partition("/")
                moments.setdefault(int(i), {})[what] = each
            groups = self.optimiser.state_dict()["param_groups"]
            for group, rates in zip(groups, told["rates"], strict=True):
                group |= {"lr": rates["lr"], "betas": tuple(rates["betas"])}
            self.optimiser.load_state_dict({"state": moments, "param_groups": groups})
            self.schedule.load_state_dict(told["schedule"])
            self.best_weights = _below("best/", tensors) or None
        torch.set_rng_state(tensors["random"])


class Keeper:
    """Keeps a course on disk, where the job has a place for it; without one nothing is kept."""

    def __init__(self, course: Course, unfinished: Unfinished | None, fit: Fit, what: str) -> None:
        self.course, self.unfinished, self.what = course, unfinished, what
        self.started = self.kept = time.monotonic()
        self.wait = EVERY_S
        self.place: Path | None = None
        if unfinished is not None:
            self.place = unfinished.place()
            first = [each.detach().numpy() for each in course.model.state_dict().values()]
            self.digest = storage.digest(what, vars(fit), *first)

    def seconds(self) -> float:
        """Give the seconds that were spent, those of processes that were ended included."""
        return round(self.course.seconds + time.monotonic() - self.started, 2)

    def take_up(self) -> None:
        """Bring the course to where a process that was ended had kept it."""
        if self.unfinished is None or self.place is None or not self.place.exists():
            return
        try:
            with safe_open(self.place, framework="pt") as file:
                text = file.metadata()["course"]
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no dict)
                if file.metadata()["whole"] != _seal(text, tensors):
                    raise ValueError("it has changed since it was written")
                told = json.loads(text)
        except DAMAGED as problem:
            self.unfinished.say(
                f"{self.place}: no training can be gone on with from it ({problem}); {self.what} begins anew"
            )
            return
        if told["digest"] != self.digest:
            self.unfinished.say(f"{self.place}: kept by a training of another network; {self.what} begins anew")
            return
        self.course.restore(told, tensors)
        if not self.course.done:
            self.unfinished.say(f"{self.what}: goes on in epoch {self.course.epoch + 1}")

    def now_and_then(self) -> None:
        """Keep the course if it has been long enough."""
        if self.place is not None and time.monotonic() - self.kept >= self.wait:
            self.keep()

    def keep(self) -> None:
        """Keep the course as it is."""
        if self.unfinished is None or self.place is None:
            return
        began = time.monotonic()
        told = {**self.course.plain(), "digest": self.digest, "seconds": self.seconds()}
        text, tensors = json.dumps(told), self.course.tensors()
        kept = {"course": text, "whole": _seal(text, tensors)}
        self.unfinished.keep(self.place, to_bytes(tensors, kept))
        self.kept = time.monotonic()
        self.wait = min(max(EVERY_S, SHARE * (self.kept - began)), 1.5 * EVERY_S)


def recalled(unfinished: Unfinished | None, of: Tensor, make: Callable[[], Tensor]) -> Tensor:
    """Give what a process that was ended had worked out of the same tensor at this place of the step; else work it out.

    It is kept where it took longer than a moment.
    """
    if unfinished is None:
        return make()
    place, digest = unfinished.place(), storage.digest(of.numpy())
    if place.exists():
        try:
            with safe_open(place, framework="pt") as file:
                if file.metadata()["of"] == digest:
                    found: Tensor = file.get_tensor("found")
                    if file.metadata()["whole"] != _seal(digest, {"found": found}):
                        raise ValueError("it has changed since it was written")
                    return found
        except DAMAGED as problem:
            unfinished.say(f"{place}: it can't be read ({problem}); it is worked out again")
    began = time.monotonic()
    found = make()
    if time.monotonic() - began > MOMENT_S:
        tensors = {"found": found.contiguous()}
        unfinished.keep(place, to_bytes(tensors, {"of": digest, "whole": _seal(digest, tensors)}))
    return found


def _seal(text: str, tensors: dict[str, Tensor]) -> str:
    """Digest a state: its text, and each tensor's name, kind, shape and bytes."""
    parts = [[name, str(each.dtype), list(each.shape)] for name, each in sorted(tensors.items())]
    raw = [each.contiguous().view(torch.uint8).numpy() if each.ndim else each.reshape(1).view(torch.uint8).numpy()
           for _, each in sorted(tensors.items())]  # fmt: skip
    return storage.digest(text, parts, *raw)


def _below(start: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(start): each for name, each in tensors.items() if name.startswith(start)}
