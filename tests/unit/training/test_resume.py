"""A step that is ended anywhere in its trainings and begun again leaves the same bytes as one that nothing disturbed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_job
import torch

from edgespec import models
from edgespec.artifact import Checkpoint, OnnxModel
from edgespec.compression.pruning import budget
from edgespec.compression.pruning.budget import Latency
from edgespec.job import ENDING, Fit, Job, Unfinished
from edgespec.recipe import Call
from edgespec.steps import convert_channels, distill, fuse_lda, prune, qat, train
from edgespec.training import batches, loop, resume

FIT = Fit(epochs=4, batch=16, lr=1e-2)
DROPOUT = tiny_job.EFFICIENT  # it draws from torch's own generator
Run = Callable[[Job], Checkpoint | OnnxModel]


class Ended(Exception):
    """The process was ended here."""


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a training before each of its steps, and an answer however fast it came."""
    monkeypatch.setattr(resume, "EVERY_S", 0.0)
    monkeypatch.setattr(resume, "MOMENT_S", 0.0)


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Let the process be ended before the n-th training step from now; None never again."""
    left: list[int | None] = [None]
    plain = resume.Keeper.now_and_then

    def now_and_then(keeper: resume.Keeper) -> None:
        plain(keeper)
        if left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                raise Ended

    def when(n: int | None) -> None:
        left[0] = n

    monkeypatch.setattr(resume.Keeper, "now_and_then", now_and_then)
    return when


STEPS: dict[str, tuple[str | None, Run]] = {
    "train with dropout and mixup": (None, lambda job: train.run(job, model=DROPOUT, mixup=0.3, fit=FIT)),
    "train two": (None, lambda job: train.run(job, model=[tiny_job.CNN, DROPOUT], fit=FIT)),
    "train with patience": (None, lambda job: train.run(job, model=tiny_job.CNN, fit=replace(FIT, epochs=12, patience=2))),
    "distill with controls": (
        "cnn",
        lambda job: distill.run(
            job, tiny_job.line("cnn").checkpoint, student=Call("cnn", {"widths": [4]}), on="site", labels="2 per class", fit=FIT
        ),
    ),
    "convert_channels": (
        "drsn",
        lambda job: convert_channels.run(job, tiny_job.line("drsn").checkpoint, how="narrow", share=0.5, fit=FIT),
    ),
    "fuse_lda": ("cnn", lambda job: fuse_lda.run(job, tiny_job.line("cnn").checkpoint, on="library")),
}  # fmt: skip


def attempt(run: Run, folder: Path, said: list[str], digest: str = "one") -> Checkpoint | OnnxModel:
    """Do what a run's step does, in a folder of its own beside the state."""
    own = folder / "1-step.part"
    job = tiny_job.job(own)
    return run(replace(job, unfinished=Unfinished(folder / f"1-step{ENDING}", digest, said.append)))


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.safetensors"))}


def without_seconds(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: without_seconds(value) for key, value in found.items() if key != "seconds"}
    return [without_seconds(each) for each in found] if isinstance(found, list) else found


@pytest.mark.parametrize("name", list(STEPS))
def test_ended_anywhere_and_begun_again_it_leaves_the_same_bytes(
    name: str, tmp_path: Path, often: None, ends: Callable[[int | None], None]
) -> None:
    run, chance, said = STEPS[name][1], random.Random(name), []
    whole = run(tiny_job.job(tmp_path / "whole"))
    for _ in range(4):
        ends(chance.randrange(1, 9))
        try:
            attempt(run, tmp_path, said)
        except Ended:
            continue
    ends(None)
    torch.manual_seed(chance.randrange(1000))  # another process begins with other random numbers
    again = attempt(run, tmp_path, said)
    assert files(tmp_path / "1-step.part") == files(tmp_path / "whole")
    assert without_seconds(again.facts) == without_seconds(whole.facts)
    assert name == "fuse_lda" or any("goes on in epoch" in line for line in said)


def test_the_best_epoch_before_the_end_stays_the_best(
    tmp_path: Path, often: None, ends: Callable[[int | None], None]
) -> None:
    """The judge hears each epoch once, in whichever process it was."""

    def trained(job: Job, scores: list[float]) -> torch.nn.Module:
        network = models.build(tiny_job.CNN, points=job.front().points, classes=3, seed=0)
        rows = job.splits.rows("library")
        tensors = batches.prepared(job, rows), batches.labels(job, rows)
        loss = torch.nn.functional.cross_entropy
        told = loop.fit(
            network, job, FIT, epoch_of=lambda epoch: tensors, loss=loss, judge=lambda model: scores.pop(0), what="it"
        )
        assert told["best_epoch"] == 1
        return network

    falling = [0.9, 0.4, 0.3, 0.2]
    whole = trained(tiny_job.job(tmp_path / "whole"), list(falling))
    job = tiny_job.job(tmp_path / "ended")
    steps = len(job.splits.rows("library")) // FIT.batch
    ends(2 * steps)
    with pytest.raises(Ended):
        trained(replace(job, unfinished=Unfinished(tmp_path / "s", "one", print)), falling)
    ends(None)
    assert falling == [0.3, 0.2]
    again = trained(replace(job, unfinished=Unfinished(tmp_path / "s", "one", print)), falling)
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True))


def test_training_with_rounding_goes_on_too(tmp_path: Path, often: None, ends: Callable[[int | None], None]) -> None:
    made = tiny_job.line("cnn")

    def run(job: Job) -> OnnxModel:
        return qat.run(job, made.float32, spectra=64, fit=FIT)

    run(tiny_job.inside(made.job, "whole-qat"))
    state = Unfinished(tmp_path / "state", "one", lambda line: None)
    job = replace(tiny_job.inside(made.job, "ended-qat"), unfinished=state)
    ends(5)
    with pytest.raises(Ended):
        run(job)
    ends(None)
    said: list[str] = []
    run(replace(job, unfinished=Unfinished(tmp_path / "state", "one", said.append)))
    assert said == ["qat: goes on in epoch 2"] or "goes on" in said[0]
    one, other = (made.job.folder.parent / f"{each}-qat" / "cpu-int8.onnx" for each in ("whole", "ended"))
    assert one.read_bytes() == other.read_bytes()


def test_pruning_in_rounds_goes_on_too(
    tmp_path: Path, often: None, ends: Callable[[int | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = Latency("local", 0.1, 0.05, 0.5, (0.49, 0.51), 0.01, 100)
    monkeypatch.setattr(budget, "comparing", lambda *asked: lambda candidate: alike)  # a clock is no part of this

    def run(job: Job) -> Checkpoint:
        to = prune.Budget(macs="60 %")
        return prune.run(job, tiny_job.line("cnn").checkpoint, to=to, rounds=2, max_drop=1.0, fit=FIT)

    run(tiny_job.job(tmp_path / "whole"))
    said: list[str] = []
    for n in (6, 14, 5):
        ends(n)
        with pytest.raises(Ended):
            attempt(run, tmp_path, said)
    ends(None)
    attempt(run, tmp_path, said)
    assert files(tmp_path / "1-step.part") == files(tmp_path / "whole")


@pytest.mark.parametrize("spoil", ["other code", "rubbish", "another network"])
def test_what_does_not_belong_to_the_step_is_begun_anew_and_said(
    spoil: str, tmp_path: Path, often: None, ends: Callable[[int | None], None]
) -> None:
    run, said = STEPS["train with dropout and mixup"][1], []
    ends(5)
    with pytest.raises(Ended):
        attempt(run, tmp_path, said)
    ends(None)
    (place,) = (tmp_path / f"1-step{ENDING}").glob("*.safetensors")
    if spoil == "rubbish":
        place.write_bytes(place.read_bytes()[:1000])
    if spoil == "another network":
        other = attempt(lambda job: train.run(job, model=tiny_job.CNN, fit=FIT), tmp_path, said)
        assert "another network" in said[-1]
        assert files(other.folder) == files(train.run(tiny_job.job(tmp_path / "w"), model=tiny_job.CNN, fit=FIT).folder)
        return
    attempt(run, tmp_path, said, digest="two" if spoil == "other code" else "one")
    told = {"other code": "other code, data or keys; begun anew", "rubbish": "no training can be gone on with"}
    assert told[spoil] in said[-1]
    assert not any("goes on in epoch" in line for line in said)
    whole = run(tiny_job.job(tmp_path / "whole"))
    assert files(tmp_path / "1-step.part") == files(whole.folder)


def test_a_network_is_not_asked_again_what_it_was_asked_before(tmp_path: Path, often: None) -> None:
    asked: list[int] = []

    def answers(x: torch.Tensor) -> torch.Tensor:
        asked.append(len(x))
        return 2 * x

    x = torch.arange(5 * batches.CHUNK * 3, dtype=torch.float32).reshape(-1, 3)
    said: list[str] = []
    for _ in range(2):
        job = replace(tiny_job.job(tmp_path / "a"), unfinished=Unfinished(tmp_path / "s", "one", said.append))
        assert torch.equal(batches.remembered(job, answers, x), 2 * x)
    assert asked == [4 * batches.CHUNK, batches.CHUNK], "the second process asked nothing"
    job = replace(tiny_job.job(tmp_path / "a"), unfinished=Unfinished(tmp_path / "s", "one", said.append))
    assert torch.equal(batches.remembered(job, answers, -x), -2 * x), "other spectra have other answers"


def test_states_are_kept_seldom_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """At most 20 s of work may be lost, and a slow disk must not slow the training down."""
    now = [0.0]
    monkeypatch.setattr(resume.time, "monotonic", lambda: now[0])
    network = torch.nn.Linear(2, 2)
    optimiser, schedule = loop._optimiser(network, FIT, 4)
    made = resume.Course(network, optimiser, schedule, torch.Generator(), order=torch.Generator().get_state())
    state = Unfinished(tmp_path / "s", "one", print)
    keeper = resume.Keeper(made, state, FIT, "it")
    kept: list[float] = []

    def keep(path: Path, content: bytes) -> None:
        kept.append(now[0])
        now[0] += 0.7  # so long takes the disk

    monkeypatch.setattr(state, "keep", keep)
    for _ in range(600):
        now[0] += 0.1
        keeper.now_and_then()
    gaps = [b - a for a, b in itertools.pairwise(kept)]
    assert len(kept) >= 4
    assert max(gaps) < 20
    assert min(gaps) > 10
