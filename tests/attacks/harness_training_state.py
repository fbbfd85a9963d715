"""What an interrupted training left: taken up as a whole, or begun anew."""

from __future__ import annotations

import fuzzing
import torch
from torch import nn

from edgespec.job import Fit
from edgespec.training import resume

READER = "edgespec/training/resume.Keeper.take_up"


class Unfinished:
    """A place for one state; what is said is kept."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def place(self) -> fuzzing.Path:
        return fuzzing.scratch() / "course.safetensors"

    def keep(self, path: fuzzing.Path, raw: bytes) -> None:
        path.write_bytes(raw)

    def say(self, text: str) -> None:
        self.told.append(text)


def course() -> resume.Course:
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, total_steps=10)
    model(torch.ones(3, 4)).sum().backward()
    optimiser.step()
    schedule.step()
    made = resume.Course(model, optimiser, schedule, torch.Generator().manual_seed(0))
    made.order = made.shuffle.get_state()
    made.is_best()
    return made


def keeper(made: resume.Course) -> resume.Keeper:
    first = course()
    found = resume.Keeper(first, Unfinished(), Fit(), "train")
    found.course = made
    return found


def seeds() -> list[bytes]:
    one = keeper(course())
    one.keep()
    return [one.unfinished.place().read_bytes()]


def feed(raw: bytes) -> None:
    fuzzing.written("course.safetensors", raw)
    made, kept = course(), seeds_once()
    fuzzing.written("course.safetensors", raw)
    made.epoch = -1
    keeper(made).take_up()
    assert made.epoch == -1 or raw == kept, "a state that is not whole was used"


def seeds_once() -> bytes:
    return fuzzing.seeds("training_state")[0]
