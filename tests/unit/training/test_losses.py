"""The losses of distillation, each against its paper's equations written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from edgespec.training.losses import UNKNOWN, Decoupled, apart, kd_loss, plain, standardised, targets

OUT = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)) * 3
SOFT = torch.randn(6, 5, generator=torch.Generator().manual_seed(1)) * 3
Y = torch.tensor([0, 4, 2, 2, 1, 3])
HIDDEN = torch.tensor([0, UNKNOWN, 2, 2, UNKNOWN, UNKNOWN])


def by_hand(temperature: float, alpha: float, y: torch.Tensor) -> float:
    """Hinton, Vinyals, Dean 2015, in numpy."""
    out, soft = OUT.double().numpy(), SOFT.double().numpy()
    student, teacher = log_softmax(out / temperature, axis=1), log_softmax(soft / temperature, axis=1)
    taught = temperature**2 * (np.exp(teacher) * (teacher - student)).sum(axis=1).mean()
    known = np.flatnonzero(y.numpy() >= 0)
    hard = -log_softmax(out, axis=1)[known, y.numpy()[known]].mean() if len(known) else 0.0
    return float(alpha * taught + (1 - alpha) * hard)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_loss_is_the_formula(temperature: float, alpha: float) -> None:
    hidden = Y.clone()
    hidden[[1, 4, 5]] = UNKNOWN
    for y in (Y, hidden):
        found = float(kd_loss(OUT, SOFT, y, temperature, alpha))
        assert found == pytest.approx(by_hand(temperature, alpha, y), rel=1e-5)


def test_at_alpha_one_labels_do_not_matter_and_at_alpha_zero_the_teacher_does_not() -> None:
    assert torch.equal(kd_loss(OUT, SOFT, Y, 2.0, 1.0), kd_loss(OUT, SOFT, Y.flip(0), 2.0, 1.0))
    assert torch.equal(kd_loss(OUT, SOFT, Y, 2.0, 0.0), kd_loss(OUT, -SOFT, Y, 2.0, 0.0))
    plain = torch.nn.functional.cross_entropy(OUT, Y)
    torch.testing.assert_close(kd_loss(OUT, SOFT, Y, 2.0, 0.0), plain)


def test_a_batch_without_a_known_label_is_no_nan() -> None:
    nothing = torch.full_like(Y, UNKNOWN)
    for alpha in (0.0, 0.5, 1.0):
        found = float(kd_loss(OUT, SOFT, nothing, 2.0, alpha))
        assert found == pytest.approx(by_hand(2.0, alpha, nothing), rel=1e-5)


def test_a_student_that_answers_as_the_teacher_has_nothing_to_learn() -> None:
    assert float(kd_loss(SOFT, SOFT, Y, 3.0, 1.0)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_standardised_logits_are_z_scores_divided_by_the_temperature(temperature: float) -> None:
    """Sun et al. 2024, algorithm 1, in numpy."""
    out, soft = OUT.double().numpy(), SOFT.double().numpy()
    student, teacher = (
        log_softmax((z - z.mean(1, keepdims=True)) / np.sqrt(z.var(1, keepdims=True)) / temperature, axis=1)
        for z in (out, soft)
    )
    expected = temperature**2 * (np.exp(teacher) * (teacher - student)).sum(1).mean()
    assert float(kd_loss(OUT, SOFT, Y, temperature, 1.0, standardise=True)) == pytest.approx(expected, rel=1e-5)


def test_standardised_the_scale_and_level_of_logits_do_not_matter_and_constant_ones_are_no_nan() -> None:
    given = [kd_loss(each, SOFT, Y, 2.0, 1.0, standardise=True) for each in (OUT, OUT * 7 + 3)]
    torch.testing.assert_close(*given)
    assert not torch.allclose(plain(OUT, SOFT, 2.0), plain(OUT * 7 + 3, SOFT, 2.0))
    flat = torch.ones(2, 5, requires_grad=True)
    torch.autograd.backward(kd_loss(flat, SOFT[:2], Y[:2], 2.0, 1.0, standardise=True))
    assert flat.grad is not None
    assert flat.grad.isfinite().all()


def test_standardising_leaves_the_labels_term_as_it_is() -> None:
    kinds = [float(kd_loss(OUT, SOFT, Y, 2.0, 0.0, standardise=each)) for each in (False, True)]
    assert kinds[0] == kinds[1]


def decoupled_by_hand(target: np.ndarray, temperature: float, weights: Decoupled) -> float:
    """Zhao et al. 2022, equation 7, class by class."""
    total = 0.0
    for out, soft, t in zip(OUT.double().numpy(), SOFT.double().numpy(), target, strict=True):
        p, q = softmax(soft / temperature), softmax(out / temperature)  # teacher, student
        tckd = p[t] * np.log(p[t] / q[t]) + (1 - p[t]) * np.log((1 - p[t]) / (1 - q[t]))
        others = [i for i in range(5) if i != t]
        hat_p, hat_q = p[others] / (1 - p[t]), q[others] / (1 - q[t])
        total += weights.tckd * tckd + weights.nckd * (hat_p * np.log(hat_p / hat_q)).sum()
    return float(temperature**2 * total / len(target))


@pytest.mark.parametrize("weights", [Decoupled(), Decoupled(2.0, 0.5), Decoupled(0.0, 1.0)])
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_decoupled_loss_is_the_formula(temperature: float, weights: Decoupled) -> None:
    found = float(kd_loss(OUT, SOFT, Y, temperature, 1.0, decoupled=weights))
    assert found == pytest.approx(decoupled_by_hand(Y.numpy(), temperature, weights), rel=1e-5)


def test_weighed_by_what_the_teacher_leaves_to_the_others_the_two_parts_are_hintons_loss() -> None:
    for i in range(len(Y)):
        one = slice(i, i + 1)
        left = 1 - float(SOFT[i].div(2).softmax(0)[Y[i]])
        torch.testing.assert_close(
            apart(OUT[one], SOFT[one], 2.0, Y[one], Decoupled(1.0, left)), plain(OUT[one], SOFT[one], 2.0)
        )


def test_where_the_label_is_unknown_the_target_is_the_teachers_first_choice() -> None:
    first = SOFT.argmax(1)
    assert targets(SOFT, HIDDEN).tolist() == [0, int(first[1]), 2, 2, int(first[4]), int(first[5])]
    found = float(kd_loss(OUT, SOFT, HIDDEN, 2.0, 1.0, decoupled=Decoupled()))
    assert found == pytest.approx(decoupled_by_hand(targets(SOFT, HIDDEN).numpy(), 2.0, Decoupled()), rel=1e-5)
    assert found != pytest.approx(float(kd_loss(OUT, SOFT, Y, 2.0, 1.0, decoupled=Decoupled())), rel=1e-3)


def test_a_teacher_that_is_certain_and_two_classes_are_no_nan() -> None:
    sure = torch.tensor([[200.0, 0.0, -100.0], [0.0, 300.0, 0.0]])
    for out, soft, y in ((sure.flip(1), sure, Y[:2] % 3), (OUT[:, :2], SOFT[:, :2], Y % 2)):
        mine = out.clone().requires_grad_()
        found = kd_loss(mine, soft, y, 1.0, 1.0, decoupled=Decoupled())
        torch.autograd.backward(found)
        assert found.isfinite()
        assert mine.grad is not None
        assert mine.grad.isfinite().all()


def test_standardised_and_decoupled_go_together() -> None:
    both = kd_loss(OUT, SOFT, Y, 2.0, 1.0, standardise=True, decoupled=Decoupled())
    torch.testing.assert_close(both, apart(standardised(OUT), standardised(SOFT), 2.0, Y, Decoupled()))
