"""What a student is told: the losses of distillation, all softened by a temperature T and weighed by T^2.

Plain: T^2 KL(teacher || student), Hinton, Vinyals, Dean (2015), arXiv:1503.02531.
Standardised logits: Sun et al. (2024), arXiv:2403.01427, algorithm 1: the z-score of each row, its deviation over all K classes.
Decoupled: Zhao et al. (2022), arXiv:2203.08679, equation 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor
from torch.nn import functional

UNKNOWN = -1  # the label of a spectrum whose label the student may not see
SMALLEST = 1e-7  # keeps logits that are all the same from being divided by nothing


@dataclass(frozen=True)
class Decoupled:
    """The two parts of Hinton's loss, weighed apart; his own weighs the second by what the teacher leaves to the other classes.

    tckd: weight of the target class against all others (the paper's alpha).
    nckd: weight of the other classes among themselves (the paper's beta; 8 there for most students).
    """

    tckd: Annotated[float, Ge(0)] = 1.0
    nckd: Annotated[float, Ge(0)] = 8.0


def kd_loss(
    out: Tensor,
    soft: Tensor,
    y: Tensor,
    temperature: float,
    alpha: float,
    standardise: bool = False,
    decoupled: Decoupled | None = None,
) -> Tensor:
    """Give alpha times the teacher's term and 1 - alpha times cross-entropy; spectra with an unknown label count in the first only.

    out, soft: (n, classes) logits of student and teacher; y: (n,) labels or UNKNOWN
    """
    mine, theirs = (standardised(out), standardised(soft)) if standardise else (out, soft)
    shared = (mine, theirs, temperature)
    taught = plain(*shared) if decoupled is None else apart(*shared, targets(soft, y), decoupled)
    if alpha == 1 or not (y != UNKNOWN).any():
        return alpha * taught
    return alpha * taught + (1 - alpha) * functional.cross_entropy(out, y, ignore_index=UNKNOWN)


def plain(out: Tensor, soft: Tensor, temperature: float) -> Tensor:
    """Give T^2 KL(teacher || student), both softened by T."""
    student = functional.log_softmax(out / temperature, dim=1)
    target = functional.log_softmax(soft / temperature, dim=1)
    return temperature**2 * functional.kl_div(student, target, reduction="batchmean", log_target=True)


def standardised(logits: Tensor) -> Tensor:
    """(n, classes): each row with mean 0 and standard deviation 1, so that a student need not match the teacher's scale."""
    centred = logits - logits.mean(dim=1, keepdim=True)
    return centred / (logits.std(dim=1, correction=0, keepdim=True) + SMALLEST)


def targets(soft: Tensor, y: Tensor) -> Tensor:
    """(n,): the class that a decoupled loss takes as target: the label, and the teacher's first choice where that is unknown."""
    return torch.where(y == UNKNOWN, soft.argmax(dim=1), y)


def apart(out: Tensor, soft: Tensor, temperature: float, target: Tensor, weights: Decoupled) -> Tensor:
    """Give T^2 (tckd KL(b_t || b_s) + nckd KL(q_t || q_s)).

    b: (target class, all others); q: the other classes among themselves; of teacher and student, softened by T
    """
    hit = functional.one_hot(target, out.shape[1]).bool()
    split = [_split(each / temperature, hit) for each in (out, soft)]
    (student_pair, student_rest), (pair, rest) = split
    found = [
        functional.kl_div(mine, theirs, reduction="batchmean", log_target=True)
        for mine, theirs in ((student_pair, pair), (student_rest, rest))
    ]
    return temperature**2 * (weights.tckd * found[0] + weights.nckd * found[1])


def _split(logits: Tensor, hit: Tensor) -> tuple[Tensor, Tensor]:
    """Give the logarithms of b (n, 2) and of q (n, classes - 1), from logits and never from a probability that may be 0."""
    own, others = logits[hit].unsqueeze(1), logits[~hit].reshape(len(logits), -1)
    pair = torch.cat([own, others.logsumexp(dim=1, keepdim=True)], dim=1)
    return functional.log_softmax(pair, dim=1), functional.log_softmax(others, dim=1)
