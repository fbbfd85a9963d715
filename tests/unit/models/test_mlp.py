"""The network behind principal components: the components are those of numpy, stay as they are, and too few spectra are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import plain_layers as plain
import pytest
import tiny_job
import torch

from edgespec import models
from edgespec.errors import Mistake
from edgespec.models import ensemble
from edgespec.recipe import Call
from edgespec.training import batches

KEYS = {"components": 5, "widths": [7, 6]}


def build(points: int = 40, **keys: Any) -> Any:
    return models.build(Call("mlp", KEYS | keys), points=points, classes=3, seed=0)


def spectra(n: int = 60, points: int = 40) -> torch.Tensor:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 12)) * 0.5 ** np.arange(12) @ rng.normal(size=(12, points))
    return torch.from_numpy(1000 + x).float()


def test_it_answers_as_its_layers_do() -> None:
    network = tiny_job.lived_in(build(), 40)
    known, x = plain.weights(network), np.random.default_rng(0).normal(size=(4, 40))
    y = plain.linear(x, known, "components")
    for i in range(2):
        y = plain.relu(plain.norm(plain.linear(y, known, f"dense.{i}.linear"), known, f"dense.{i}.norm"))
    with torch.no_grad():
        found = network(torch.from_numpy(x).float()).numpy()
    np.testing.assert_allclose(found, plain.linear(y, known, "head"), rtol=1e-4, atol=1e-5)


def test_without_layers_it_is_linear_in_the_components() -> None:
    network = build(widths=[])
    network.begin(spectra())
    network.eval()
    x = spectra()[:7]
    torch.testing.assert_close(network.features(x), network.components(x))
    torch.testing.assert_close(network(x), network.head(network.components(x)))
    assert network.keys()["widths"] == []


def test_its_components_are_those_of_the_training_spectra_at_unit_variance() -> None:
    network, x = build(), spectra()
    network.begin(x)
    with torch.no_grad():
        scores = network.components(x).double().numpy()
    wide = x.double().numpy()
    _, _, loadings = np.linalg.svd(wide - wide.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.cov(scores.T), np.eye(5), atol=1e-2)
    np.testing.assert_allclose(scores.mean(0), 0, atol=1e-2)
    weight = network.components.weight.double().numpy()
    along = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    np.testing.assert_allclose(np.abs(np.sum(along * loadings[:5], axis=1)), 1, atol=1e-5)
    assert (weight[np.arange(5), np.abs(weight).argmax(1)] > 0).all(), "the sign is ours, not a library's"


def test_training_leaves_the_components_as_they_are() -> None:
    network = build()
    network.begin(spectra())
    before = network.components.weight.clone()
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.1)
    network(spectra()).square().mean().backward()
    optimiser.step()
    assert torch.equal(network.components.weight, before)
    assert network.head.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("x", [spectra(4), spectra(60).mean(0).repeat(60, 1)])
def test_too_few_spectra_or_too_alike_are_told(x: torch.Tensor) -> None:
    with pytest.raises(Mistake, match=r"components 5, and these \d+ training spectra have \d"):
        build().begin(x)


def test_the_steps_show_a_network_its_training_spectra(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path)
    rows, x = job.splits.rows(None), batches.prepared(job, job.splits.rows(None))
    network: Any = batches.begun(job, build(job.front().points), rows)
    with torch.no_grad():
        scores = network.components(x)
    torch.testing.assert_close(scores.mean(0), torch.zeros(5), atol=1e-2, rtol=0)
    torch.testing.assert_close(scores.std(0), torch.ones(5), atol=1e-2, rtol=0)


def test_members_of_an_ensemble_see_them_too() -> None:
    members = [Call("mlp", KEYS), Call("cnn", {"widths": [2, 2]})]
    whole: Any = models.build(Call("ensemble", {"members": members}), points=40, classes=3, seed=0)
    whole.begin(spectra())
    alone = build()
    alone.begin(spectra())
    assert isinstance(whole, ensemble.Ensemble)
    assert torch.equal(whole.members[0].components.weight, alone.components.weight)
