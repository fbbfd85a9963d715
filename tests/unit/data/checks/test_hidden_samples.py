"""Samples that nobody named are found by the order of the data; independent spectra stay silent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgespec.data.checks import hidden_samples
from edgespec.datasets import minerals
from edgespec.spectra import Axis, Spectra

AXIS = Axis(150, 1172, 512)


def embedded(samples: int, spectra: int, seed: int) -> Spectra:
    keys = {"samples": samples, "spectra": spectra, "minerals": ["Albite", "Beryl", "Diopside"], "drift": 0.3}
    return replace(minerals.load(axis=AXIS, seed=seed, **keys), group=None)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("samples", [14, 40])
def test_independent_spectra_are_silent(samples: int, seed: int) -> None:
    found = hidden_samples.look(embedded(samples, 1, seed))
    assert found is not None
    assert not found.found, found


@pytest.mark.parametrize("seed", range(4))
def test_five_spectra_a_sample_are_found_and_shuffled_they_are_not(seed: int) -> None:
    spectra = embedded(14, 5, seed)
    found = hidden_samples.look(spectra)
    assert found is not None
    assert found.found
    assert "name the samples" in found.told()
    order = np.random.default_rng(seed).permutation(len(spectra))
    shuffled = hidden_samples.look(spectra[order])
    assert shuffled is not None
    assert not shuffled.found


def test_known_samples_and_tiny_classes_are_not_looked_at() -> None:
    assert hidden_samples.look(replace(embedded(14, 1, 0), group=np.array(["a"] * 42))) is None
    assert hidden_samples.look(embedded(14, 1, 0)[np.array([0, 1, 14, 15, 28, 29])]) is None


def test_constant_spectra_are_no_crash() -> None:
    spectra = embedded(14, 1, 0)
    assert hidden_samples.look(replace(spectra, x=np.ones_like(spectra.x))) is not None


@pytest.mark.parametrize("name", ["parkinson", "alzheimer"])
def test_the_persons_of_a_public_benchmark_are_found(real: Path, name: str) -> None:
    path = real / "ramanbench" / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"EDGESPEC_DATA lacks ramanbench/{name}.npz")
    with np.load(path) as held:
        spectra = Spectra(held["x"], held["wavenumber"], held["y"], tuple(map(str, held["labels"])))
    found = hidden_samples.look(spectra)
    assert found is not None
    assert found.found
    assert found.share > 0.65
