"""`instrument` varies infrared spectra by what an infrared spectrometer differs by, each key alone and no more than it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgespec.data import augment, infrared

AXIS = torch.linspace(400, 4000, 901)
AT = AXIS.double().numpy()
NONE = dict.fromkeys(("shift", "stretch", "blur", "tilt", "drift", "noise"), 0.0)


def varied(x: torch.Tensor, **keys: float) -> torch.Tensor:
    return augment.instrument(x, AXIS, torch.Generator().manual_seed(3), **{**NONE, **keys})


def flat(n: int = 200) -> torch.Tensor:
    """(n, points): one band of height 2 at 1000 cm-1, far from vapour and carbon dioxide."""
    return (2 * torch.exp(-0.5 * ((AXIS - 1000) / 15).square())).repeat(n, 1)


@pytest.mark.parametrize("key", ["slope", "baseline", "vapour", "co2"])
def test_each_key_adds_its_shape_up_and_down_and_no_more_than_it_says(key: str) -> None:
    x = flat()
    added = (varied(x, **{key: 0.3}) - x).numpy() / 2
    shapes = {
        "slope": infrared.scatter(AT)[None], "baseline": infrared.slow(AT), "vapour": infrared.water(AT), "co2": infrared.carbon_dioxide(AT)[None]
    }  # fmt: skip
    assert np.abs(added).max() <= 0.3 * max(np.abs(shapes[key].sum(0)).max(), 1) + 1e-5
    assert (added.max(1) > 0.05).any()
    assert (added.min(1) < -0.05).any(), "more in the background than in the sample: bands are taken away"
    weights = np.linalg.lstsq(shapes[key].T, added.T, rcond=None)[0]
    np.testing.assert_allclose(shapes[key].T @ weights, added.T, atol=1e-4)


def test_a_spectrum_without_signal_gets_none() -> None:
    assert not varied(torch.zeros(5, len(AXIS)), slope=1, baseline=1, vapour=1, co2=1).any()


def test_keys_that_are_0_leave_what_raman_recipes_draw() -> None:
    """The noise that follows is the same to the bit: recipes from before these keys train the same weights."""
    x = flat(3)
    named = varied(x, noise=0.1, slope=0.0, baseline=0.0, vapour=0.0, co2=0.0)
    assert torch.equal(named, varied(x, noise=0.1))
    assert not torch.equal(named, varied(x, noise=0.1, slope=0.1))
