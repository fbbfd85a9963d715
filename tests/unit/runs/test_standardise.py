"""Corrections find what was planted: a shifted and stretched axis, another resolution, another response; else they do nothing."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from edgespec import datasets
from edgespec.recipe import Call
from edgespec.runs import standardise
from edgespec.spectra import Axis, Floats, Ints, Spectra

AXIS = Axis(150, 1172, 512)
V = AXIS.values()


@functools.cache
def spectra() -> Spectra:
    """120 spectra of twenty minerals."""
    return datasets.load(Call("minerals", {"samples": 3, "spectra": 2, "spikes": 0.0}), axis=AXIS, seed=0)


def read_by(a: float, b: float) -> Floats:
    """What an instrument records whose reading v truly is a + b v."""
    return np.stack([np.interp(a + b * V, V, row) for row in spectra().x]).astype(np.float32)


def far(x: Floats, rows: Ints) -> float:
    """Root mean square distance of some spectra's bands to the true ones'."""
    return float(np.sqrt(np.mean((standardise.bands(x[rows]) - standardise.bands(spectra().x[rows])) ** 2)))


def named(x: Floats) -> float:
    """Share that the nearest class mean (cosine) of the true spectra names rightly."""
    true, y = standardise.bands(spectra().x), spectra().y
    means = np.stack([true[y == label].mean(0) for label in range(len(spectra().labels))])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return float(((standardise.bands(x) @ means.T).argmax(1) == y).mean())


def test_a_planted_shift_and_stretch_are_found_and_the_accuracy_comes_back() -> None:
    moved = read_by(4, 1.002)
    some = np.arange(0, 120, 24)
    found = standardise.affine(V, standardise.bands(moved[some]), standardise.bands(spectra().x[some]))
    assert found.facts["fitted"] == "shift and stretch"
    assert found.facts["shift_cm1"] == pytest.approx(4, abs=0.4)
    assert found.facts["stretch"] == pytest.approx(1.002, abs=0.0005)
    assert found.facts["similarity"][1] > 0.98 > found.facts["similarity"][0]
    assert not found.facts["at_limit"]
    back = found.apply(moved)
    assert back.dtype == np.float32
    assert back.shape == moved.shape
    others = np.setdiff1d(np.arange(120), some)
    inner = slice(10, -10)  # what left the axis at its ends can't come back
    assert np.abs(back - spectra().x)[others, inner].mean() < 0.2 * np.abs(moved - spectra().x)[others, inner].mean()
    assert named(back) > named(moved) + 0.02
    assert named(back) >= named(spectra().x) - 0.01


def test_one_reference_gives_a_shift_and_no_more() -> None:
    moved = read_by(-6, 1.0)
    found = standardise.affine(V, standardise.bands(moved[:1]), standardise.bands(spectra().x[:1]))
    assert found.facts["fitted"] == "shift"
    assert found.facts["stretch"] == 1
    assert found.facts["shift_cm1"] == pytest.approx(-6, abs=0.5)


def test_a_shift_beyond_what_is_looked_for_is_told() -> None:
    one = np.exp(-0.5 * ((V[None] - np.array([400, 500, 600, 700, 800])[:, None]) / 6) ** 2)
    moved = np.exp(-0.5 * ((V[None] - np.array([400, 500, 600, 700, 800])[:, None] + 26) / 6) ** 2)
    found = standardise.affine(V, standardise.bands(moved), standardise.bands(one))
    assert found.facts["at_limit"]


def test_noise_is_no_reason_to_move_the_axis() -> None:
    rng = np.random.default_rng(0)
    own, wanted = (standardise.bands(rng.standard_normal((5, 512))) for _ in range(2))
    same = standardise.affine(V, wanted + 0.2 * own, wanted)
    assert same.facts["fitted"] == "nothing"
    assert same.apply(spectra().x) == pytest.approx(spectra().x, abs=1e-5)


CORRECT = {"direct": standardise.direct, "piecewise": functools.partial(standardise.piecewise, V)}
CHANGES = {
    "resolution": lambda x: gaussian_filter1d(x, 2.5, axis=1),
    "response": lambda x: x * np.exp(0.9 * np.cos(np.linspace(0, np.pi, 512))),
    "both": lambda x: gaussian_filter1d(x, 2.0, axis=1) * np.exp(0.6 * np.cos(np.linspace(0, np.pi, 512))),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("how", CORRECT)
def test_a_planted_resolution_or_response_is_mended_on_spectra_that_were_not_paired(how: str, change: str) -> None:
    other = CHANGES[change](spectra().x).astype(np.float32)
    some = np.arange(0, 120, 2)  # each sample once; its second spectrum is the test
    found = CORRECT[how](standardise.bands(other[some]), standardise.bands(spectra().x[some]))
    assert found.facts["pairs"] == 60
    assert found.facts["penalty"] is not None
    before, after = found.facts["left_out_error"]
    assert after < 0.96 * before
    back = found.apply(other)
    assert back.dtype == np.float32
    rest = np.arange(1, 120, 2)
    assert far(back, rest) < 0.92 * far(other, rest)  # 0.53 to 0.91


@pytest.mark.parametrize("how", CORRECT)
def test_where_the_pairs_tell_nothing_the_spectra_stay_as_they_are(how: str) -> None:
    rng = np.random.default_rng(1)
    own = standardise.bands(spectra().x[:100:20])
    found = CORRECT[how](own, own + 0.5 * rng.standard_normal(own.shape))
    assert found.facts["penalty"] is None
    assert found.apply(spectra().x) is spectra().x


def test_direct_standardisation_leaves_alone_what_is_unlike_every_reference() -> None:
    place = np.array([300.0, 500, 700])
    own = standardise.bands(np.exp(-0.5 * ((V - place[:, None]) / 5) ** 2))
    wanted = standardise.bands(np.exp(-0.5 * ((V - place[:, None] - 1) / 5) ** 2))
    found = standardise.direct(np.tile(own, (2, 1)), np.tile(wanted, (2, 1)))
    assert found.facts["penalty"] is not None
    far_off = np.exp(-0.5 * ((V[None] - 1000) / 5) ** 2).astype(np.float32)
    alike = np.exp(-0.5 * ((V[None] - 500) / 5) ** 2).astype(np.float32)
    assert np.abs(found.apply(far_off) - far_off).max() < 0.1 * np.abs(found.apply(alike) - alike).max()


def test_a_slow_background_and_the_scale_of_a_spectrum_do_not_count() -> None:
    x = spectra().x
    slope = 50 * np.linspace(0, 1, 512)
    assert standardise.bands(x * 1000 + slope) == pytest.approx(standardise.bands(x), abs=0.02)
    assert (standardise.bands(np.zeros((2, 512))) == 0).all()
