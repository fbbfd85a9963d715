"""A teacher's answers, checked: so many rows, a column a class, finite, summing to 1, and in the order of the questions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.compression.teachers.questions import Questions
from edgespec.data.readers import array_files
from edgespec.errors import Mistake

NAME = "probabilities"
NEAR = 1e-2  # how far from 1 a row may sum: float16, and rounding to three digits
LEAST = 1e-6  # no probability is less: its logarithm is a logit
APART = 0.5  # of the spectra that were asked about twice are named differently: the rows are not those of the questions
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """Logits of a teacher, log of its probabilities: a list of (n, classes) a view, (n, classes) of the validation and test spectra.

    notes: what the report's reader should know of them
    """

    views: list[NDArray[np.float32]]
    valid: NDArray[np.float32]
    test: NDArray[np.float32]
    notes: tuple[str, ...] = ()


def read(path: Path, asked: Questions, labels: tuple[str, ...], *, by_file: bool) -> Array:
    """Read (m, classes) probabilities from a .npz, .mat or .h5 file, columns in the order of `labels`.

    by_file: the questions were answered elsewhere, so the file must say which they were (`questions`, copied from them)
    Raises Mistake where the file lacks them or answers other questions.
    """
    there = array_files.names(path)
    if NAME not in there:
        told = f"{path.name}: holds no array {NAME!r}; there is {', '.join(there) or 'nothing'}"
        raise Mistake(told, hint=f"np.savez(path, {NAME}=p, questions=q['questions'])")
    if by_file or "questions" in there:
        said = str(np.ravel(array_files.member(path, "questions"))[0]) if "questions" in there else ""
        if said != asked.digest():
            what = "answers other questions" if said else "does not say which questions it answers"
            hint = "`edgespec data views RECIPE` writes the questions; copy their array `questions` into the answers"
            raise Mistake(f"{path.name}: {what}", hint)
    found = checked(array_files.member(path, NAME), asked, labels, path.name)
    if "classes" in there:
        found = in_order(
            found, [str(each) for each in np.ravel(array_files.member(path, "classes"))], labels, path.name
        )
    return found


def checked(found: NDArray[Any], asked: Questions, labels: tuple[str, ...], where: str) -> Array:
    """Check probabilities, (m, classes). Raises Mistake that says what is wrong with them, and in which row."""
    wanted = (len(asked.ask), len(labels))
    if found.dtype.kind not in "iuf" or found.shape != wanted:
        told = f"{where}: {found.dtype} of shape {found.shape}, {wanted} probabilities are wanted"
        raise Mistake(told, hint="a row for each row of `ask`, a column for each of `labels`, in their order")
    p = found.astype(np.float64)
    rows = {
        "holds a value that is not finite": ~np.isfinite(p).all(axis=1),
        "holds a negative probability": (p < 0).any(axis=1),
        "does not sum to 1": np.abs(p.sum(axis=1) - 1) > NEAR,
    }
    for what, wrong in rows.items():
        if wrong.any():
            row = int(wrong.argmax())
            more = f" (and {int(wrong.sum()) - 1} more rows)" if wrong.sum() > 1 else ""
            seen = ", ".join(f"{value:.3g}" for value in p[row, :4])
            hint = "probabilities, not logits: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)"
            raise Mistake(f"{where}: row {row}{more} {what}: {seen}{', ...' if p.shape[1] > 4 else ''}", hint)
    _ordered(p, asked, where)
    return p


def in_order(p: Array, classes: list[str], labels: tuple[str, ...], where: str) -> Array:
    """Bring columns to the order of `labels`. Raises Mistake where the classes are others."""
    if sorted(classes) != sorted(labels):
        odd = sorted(set(classes) ^ set(labels))
        raise Mistake(f"{where}: its classes are not the data's: {', '.join(odd[:5])}", hint=", ".join(labels[:10]))
    return p[:, [classes.index(label) for label in labels]]


def of(p: Array, asked: Questions, notes: tuple[str, ...] = ()) -> Answers:
    """Cut checked probabilities into the answers to each part of the questions."""
    logits = np.log(np.maximum(p, LEAST)).astype(np.float32)
    n, valid, test = len(asked.rows), len(asked.valid), len(asked.test)
    views = [logits[view * n : (view + 1) * n] for view in range(asked.views)]
    start = asked.views * n
    return Answers(views, logits[start : start + valid], logits[start + valid : start + valid + test], notes)


def _ordered(p: Array, asked: Questions, where: str) -> None:
    """Refuse answers that differ for spectra asked about twice: rows out of order, or a teacher that guesses."""
    again = p[len(p) - len(asked.repeated) :]
    differs = again.argmax(axis=1) != p[asked.repeated].argmax(axis=1)
    if len(differs) and differs.mean() > APART:
        told = (
            f"{where}: {int(differs.sum())} of {len(differs)} spectra that were asked about twice are named differently"
        )
        raise Mistake(told, hint="answer the rows of `ask` in their order, each by itself")
