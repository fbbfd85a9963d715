"""Whom a student learns from, as a recipe says it; all that are named are asked about the same spectra, and their mean counts."""

from __future__ import annotations

import io
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Gt
from numpy.typing import NDArray

from edgespec import storage
from edgespec.compression.teachers import answers, files, program, questions
from edgespec.compression.teachers.answers import Answers
from edgespec.compression.teachers.questions import Kind, Questions
from edgespec.data.readers import locate
from edgespec.errors import Mistake
from edgespec.job import Job
from edgespec.training.teacher import Asked

Array = NDArray[np.float64]
ASKED = "asked"  # folder of the cache in which programs' answers are kept


@dataclass(frozen=True)
class Teacher:
    """A teacher that stands outside the recipe; of several, the mean of their probabilities teaches.

    command: a program and its arguments; it is given a file of questions and writes a file of answers.
    answers: a file of answers to the questions that `edgespec data views RECIPE` writes: .npz, .mat or .h5.
    onnx: ONNX classifiers of these classes: a file, or a list of files.
    checkpoint: steps of other runs, such as runs/NAME/1-train: a folder, or a list of folders.
    spectra: what a program or an ONNX file without a contract is asked about: prepared as the network sees them, or raw.
    questions: the kind of file that a program is given.
    limit_s: how long a program may take.
    """

    command: list[str] | None = None
    answers: str | None = None
    onnx: str | list[str] | None = None
    checkpoint: str | list[str] | None = None
    spectra: Kind = "prepared"
    questions: Annotated[str, "npz or mat"] = "npz"
    limit_s: Annotated[float, Gt(0)] = 3600.0

    def __post_init__(self) -> None:
        if self.command is not None and not self.command:
            raise Mistake("command: names no program", hint="[python, ask.py]")
        if self.questions not in ("npz", "mat"):
            raise Mistake(f"questions: {self.questions!r} is neither npz nor mat", hint="npz")
        if not self.named():
            raise Mistake("no teacher is named", hint="command, answers, onnx or checkpoint")

    def named(self) -> list[str]:
        """Name all teachers, for the report."""
        said = [f"program {' '.join(self.command)}"] if self.command else []
        said += [f"answers {self.answers}"] if self.answers else []
        return [
            *said,
            *(f"onnx {each}" for each in _all(self.onnx)),
            *(f"checkpoint {each}" for each in _all(self.checkpoint)),
        ]


def ask(job: Job, teacher: Teacher, on: str | None, views: int) -> Answers:
    """Ask all teachers about the student's spectra; give the mean of their probabilities, as logits.

    Raises Mistake that says which teacher's answers are no good, and why; Missing where a file or a program is not there.
    """
    asked = questions.make(job, on, views, teacher.spectra)
    found: list[Array] = []
    if teacher.command:
        found.append(_of_program(job, teacher, asked, on))
    if teacher.answers:
        place = locate.find(teacher.answers, None) if not Path(teacher.answers).is_file() else Path(teacher.answers)
        found.append(answers.read(place, asked, job.spectra.labels, by_file=True))
    if teacher.onnx or teacher.checkpoint:
        raw = asked.ask if asked.kind == "raw" else questions.make(job, on, views, "raw").ask
        found += [files.of_onnx(job, Path(each), asked, raw) for each in _all(teacher.onnx)]
        found += [files.of_checkpoint(job, Path(each), raw) for each in _all(teacher.checkpoint)]
    mean = np.mean(found, axis=0)
    told = [f"the teacher is the mean of {len(found)}: {'; '.join(teacher.named())}"] if len(found) > 1 else []
    return answers.of(mean, asked, tuple(told))


def _of_program(job: Job, teacher: Teacher, asked: Questions, on: str | None) -> Array:
    """Run the program, or take what it answered to these very questions before."""
    command, labels = list(teacher.command or []), job.spectra.labels
    scripts = [storage.file_digest(Path(each)) for each in command[1:] if Path(each).is_file()]
    kept = storage.home() / ASKED / f"{storage.digest(command, scripts, asked.digest(), list(labels))}.npz"
    if kept.is_file():
        try:
            found = answers.read(kept, asked, labels, by_file=True)
        except Mistake:
            kept.unlink()  # damaged: the program is asked again
        else:
            job.progress.say("the teacher's answers to these questions are kept: the program is not asked again")
            return found
    with tempfile.TemporaryDirectory() as work:
        file, answered = Path(work) / f"questions.{teacher.questions}", Path(work) / "answers.npz"
        questions.write(file, questions.arrays(job, asked, on))
        log = Path(work) / "log.txt"
        try:
            program.run(command, file, answered, log, teacher.limit_s, job.progress)
        finally:
            if log.is_file():
                shutil.copyfile(log, job.folder / "teacher.log.txt")
        found = answers.read(answered, asked, labels, by_file=False)
    _keep(kept, found, asked)
    return found


def _keep(path: Path, found: Array, asked: Questions) -> None:
    held = io.BytesIO()
    arrays: dict[str, Any] = {answers.NAME: found, "questions": np.array(asked.digest())}
    np.savez(held, **arrays)
    storage.write(path, held.getvalue())


def as_teacher(job: Job, found: Answers) -> Asked:
    """Give the answers as a student's training takes them."""
    views = [torch.from_numpy(each) for each in found.views]
    return Asked(views, torch.from_numpy(found.valid), len(job.spectra.labels), job.front().points)


def _all(named: str | list[str] | None) -> list[str]:
    return [named] if isinstance(named, str) else list(named or [])
