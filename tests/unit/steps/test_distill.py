"""Distillation: labels that may not be seen are not seen, the controls stand beside it, and a teacher of something else is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job
import torch
from torch import Tensor
from torch.nn import functional

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.errors import Mistake
from edgespec.job import Fit, Job
from edgespec.recipe import Call
from edgespec.steps import distill, train
from edgespec.training import batches, loop
from edgespec.training import teacher as teachers
from edgespec.training.losses import Decoupled
from edgespec.training.teacher import Lesson, Round

STUDENT = Call("cnn", {"widths": [4], "kernel": 5, "positions": 8})
LONG = Fit(epochs=20, batch=16, lr=1e-2)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    job = tiny_job.job(tmp_path_factory.mktemp("teacher"))
    return train.run(job, model=tiny_job.CNN, on="library", fit=Fit(epochs=10, batch=32, lr=1e-2))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return tiny_job.job(tmp_path)


def taught(job: Job, teacher: Checkpoint, **keys: Any) -> Checkpoint:
    given: dict[str, Any] = {"student": STUDENT, "views": 2, "fit": Fit(epochs=6, batch=16, lr=1e-2), **keys}
    return distill.run(job, teacher, **given)


def test_the_student_learns_from_the_teacher_alone(job: Job, teacher: Checkpoint) -> None:
    made = taught(job, teacher, on="site", alpha=1.0, labels="1 per class", control=False, fit=LONG)
    x = batches.prepared(job, job.splits.test)
    named = batches.logits(models.load(teacher), x).argmax(1)
    same = (batches.logits(models.load(made), x).argmax(1) == named).float().mean()
    assert same > 0.7
    assert made.facts["labels_used"] == 0
    assert made.facts["spectra_used"] == len(job.splits.rows("site"))
    assert made.controls == {}


@pytest.mark.parametrize(
    ("on", "names"),
    [(None, ["control"]), ("site", ["control", "control-library", "control-library+labels"])],
)
def test_controls_stand_beside_it(job: Job, teacher: Checkpoint, on: str | None, names: list[str]) -> None:
    made = taught(job, teacher, on=on, labels="2 per class", fit=Fit(epochs=2, batch=16))
    assert list(made.controls) == names
    steps = {each.facts["history"]["steps"] for each in (made, *made.controls.values())}
    assert len(steps) == 1, "a control trains for as many steps"
    assert made.facts["labels_used"] == made.controls["control"].facts["labels_used"] == 6
    for name, control in made.controls.items():
        assert control.folder == job.folder / name
        assert control.keys == made.keys
        assert control.weights.read_bytes() != made.weights.read_bytes()
        assert batches.logits(models.load(control), torch.zeros(1, 128)).shape == (1, 3)
    if on:
        library = len(job.splits.rows("library"))
        used = [made.controls[name].facts["labels_used"] for name in names[1:]]
        assert used == [library, library + 6]


def test_the_control_never_sees_the_teacher(job: Job, teacher: Checkpoint, tmp_path: Path) -> None:
    other = models.save(
        models.build(tiny_job.CNN, points=128, classes=3, seed=9), "cnn", tmp_path / "other", points=128, classes=3
    )
    first, second = (taught(tiny_job.job(tmp_path / name), by) for name, by in (("a", teacher), ("b", other)))
    assert first.weights.read_bytes() != second.weights.read_bytes()
    assert first.controls["control"].weights.read_bytes() == second.controls["control"].weights.read_bytes()


def test_hidden_labels_change_nothing(job: Job, teacher: Checkpoint, tmp_path: Path) -> None:
    known = batches.labelled(job, job.splits.rows("site"), 1)
    hidden = np.setdiff1d(job.splits.rows("site"), known)
    wrong = job.spectra.y.copy()
    wrong[hidden] = np.roll(wrong[hidden], 1)
    lied = replace(job, spectra=replace(job.spectra, y=wrong), folder=tmp_path / "lied")
    bank, lies = (teachers.bank(each, teacher, job.splits.rows("site"), known, 1) for each in (job, lied))
    assert torch.equal(bank[0][2], lies[0][2])
    assert int((bank[0][2] >= 0).sum()) == 3


def known(job: Job, folder: Path, **facts: Any) -> Checkpoint:
    """An untrained teacher that carries these facts."""
    network = models.build(tiny_job.CNN, points=128, classes=3, seed=0)
    return models.save(network, "cnn", folder, points=128, classes=3, facts=facts)


def test_every_saved_model_says_what_classes_and_axis_it_knows(job: Job, teacher: Checkpoint) -> None:
    made = taught(job, teacher, on="site")
    for each in (teacher, made, *made.controls.values()):
        assert each.facts["labels"] == ["Albite", "Beryl", "Diopside"]
        assert each.facts["axis"] == {"low": 150.0, "high": 1172.0, "points": 128}


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"labels": ["Beryl", "Albite", "Diopside"]}, "the teacher's class 1 is 'Beryl', the data's is 'Albite'"),
        ({"labels": ["Albite", "Beryl", "Quartz"]}, "the teacher's class 3 is 'Quartz', the data's is 'Diopside'"),
        ({"axis": {"low": 150, "high": 1200, "points": 128}}, "150 to 1200 cm-1 in 128 points, the data's is 150 to 1172"),
        ({"axis": {"low": 151, "high": 1172, "points": 128}}, "151 to 1172 cm-1"),
        ({"axis": {"low": 150, "high": 1172, "points": 256}}, "in 256 points"),
    ],
)  # fmt: skip
def test_a_teacher_of_other_labels_or_another_axis_is_a_mistake(
    job: Job, tmp_path: Path, facts: dict[str, Any], said: str
) -> None:
    with pytest.raises(Mistake) as caught:
        taught(job, known(job, tmp_path / "other", **facts))
    assert said in caught.value.message
    assert caught.value.hint


def test_a_teacher_that_carries_nothing_is_judged_by_its_numbers_alone(job: Job, tmp_path: Path) -> None:
    assert taught(job, known(job, tmp_path / "bare"), control=False, fit=Fit(epochs=1, batch=16)).classes == 3


def test_as_it_comes_it_is_hintons_distillation_and_nothing_more(job: Job, teacher: Checkpoint, tmp_path: Path) -> None:
    def hinton(out: Tensor, soft: Tensor, y: Tensor) -> Tensor:
        student, target = (functional.log_softmax(each / 2.0, dim=1) for each in (out, soft))
        soften = 4.0 * functional.kl_div(student, target, reduction="batchmean", log_target=True)
        return 0.7 * soften + (1 - 0.7) * functional.cross_entropy(out, y, ignore_index=-1)

    made = taught(job, teacher, on="site", control=False)
    rows = job.splits.rows("site")
    bank = teachers.bank(job, teacher, rows, rows, 2)
    network = models.build(STUDENT, points=128, classes=3, seed=0)
    loop.fit(
        network,
        job,
        Fit(epochs=6, batch=16, lr=1e-2),
        epoch_of=lambda epoch: bank[epoch % 2],
        loss=hinton,
        judge=batches.accuracy(job, job.splits.rows("site", valid=True)),
        judged=batches.samples(job, job.splits.rows("site", valid=True)),
        what="by hand",
    )
    found = models.load(made).state_dict()
    assert all(torch.equal(each, found[key]) for key, each in network.state_dict().items())


def test_a_recovery_in_rounds_trains_one_network_on_and_its_control_for_as_long_as_all_of_them(
    job: Job, teacher: Checkpoint
) -> None:
    network, told = models.build(STUDENT, points=128, classes=3, seed=0), dict[str, Any]()

    def rounds() -> Iterator[Round]:
        for number in (1, 2, 3):
            before = [each.clone() for each in network.parameters()]
            this = Round(f"round {number}", network)
            yield this
            assert not all(torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True))
            assert len(this.history["epochs"]) == 2
            told[this.what] = this.history["epochs"][-1]["loss"]

    lesson = Lesson(1.0, 1.0, "site", 2, True, Fit(epochs=2, batch=16, lr=1e-2), labels="2 per class")
    made = teachers.recover(job, teacher, "cnn", rounds(), lesson, facts={"told": told})
    assert list(made.facts["told"]) == ["round 1", "round 2", "round 3"], "facts are taken when all is trained"
    assert made.facts["told"]["round 3"] < made.facts["told"]["round 1"]
    assert made.facts["labels_used"] == 0
    assert made.facts["spectra_used"] == len(job.splits.rows("site"))
    control = made.controls["control"]
    assert control.facts["labels_used"] == 6
    assert control.facts["history"]["steps"] == 3 * made.facts["history"]["steps"]
    found = models.load(made).state_dict()
    assert all(torch.equal(each, found[key]) for key, each in network.state_dict().items())


@pytest.mark.parametrize("keys", [{"standardise": True}, {"decoupled": Decoupled(1.0, 2.0)}])
def test_each_other_loss_teaches_too_and_teaches_otherwise(
    job: Job, teacher: Checkpoint, tmp_path: Path, keys: dict[str, Any]
) -> None:
    given = {"on": "site", "alpha": 1.0, "labels": "1 per class", "control": False, "fit": LONG}
    made, usual = (
        taught(tiny_job.job(tmp_path / name), teacher, **given, **more) for name, more in (("a", keys), ("b", {}))
    )
    assert made.weights.read_bytes() != usual.weights.read_bytes()
    x = batches.prepared(job, job.splits.test)
    named = batches.logits(models.load(teacher), x).argmax(1)
    assert (batches.logits(models.load(made), x).argmax(1) == named).float().mean() > 0.7
    assert made.facts["labels_used"] == (3 if "decoupled" in keys else 0), "a decoupled loss wants the label"


@pytest.mark.parametrize("student", [tiny_job.EFFICIENT, Call("ensemble", {"members": [STUDENT, STUDENT]})])
def test_any_model_teaches_any_other(job: Job, student: Call, tmp_path: Path) -> None:
    model = [tiny_job.EFFICIENT, tiny_job.CNN]
    teacher = train.run(tiny_job.job(tmp_path / "teacher"), model=model, on="library", fit=Fit(epochs=1, batch=32))
    made = taught(job, teacher, student=student, control=False, fit=Fit(epochs=1, batch=16))
    assert (teacher.model, made.model) == ("ensemble", student.name)
    assert batches.logits(models.load(made), torch.zeros(1, 128)).shape == (1, 3)


def test_a_teacher_of_other_classes_or_another_axis_is_a_mistake(job: Job, tmp_path: Path) -> None:
    for points, classes in ((128, 2), (128, 5), (64, 3)):
        network = models.build(tiny_job.CNN, points=points, classes=classes, seed=0)
        other = models.save(network, "cnn", tmp_path / f"{points}-{classes}", points=points, classes=classes)
        with pytest.raises(Mistake, match=f"the teacher names {classes} classes on {points} points") as caught:
            taught(job, other)
        assert caught.value.hint
