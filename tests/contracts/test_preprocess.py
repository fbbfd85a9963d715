"""What is done to a spectrum, and how it is varied: shapes, numbers, rows that do not know of one another, strengths."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from edgespec.data import augment, preprocess
from edgespec.errors import Mistake
from edgespec.recipe import Call, schema

PREPROCESS, AUGMENT = schema.names("preprocess"), schema.names("augment")
AXIS = torch.linspace(150, 1172, 257)
EVEN = AXIS.numpy().astype(np.float64)
STEP = float(AXIS[1] - AXIS[0])
PLACES = [200.0 + 2 * i + 0.5 * (i % 2) for i in range(200)]
KEYS: dict[str, dict[str, Any]] = {
    "crop": {"low": 200.0, "high": 1000.0},
    "resample": {"points": 300},
    "onto": {"places": PLACES},
}
SCALE_FREE = {"rms", "snv", "minmax", "l2", "area"}
LINEAR = {"onto", "clip", "highpass", "average", "crop", "resample", "savgol", "snip", "opening", "polynomial"}
DEGREE = dict.fromkeys(LINEAR, 1.0) | {"sqrt": 0.5, "signed_sqrt": 0.5}


def spectra(n: int = 6) -> Tensor:
    """(n, points): three bands on a slope, everything positive, maximum about 1."""
    generator = torch.Generator().manual_seed(n)
    centres = 300 + 700 * torch.rand(n, 3, 1, generator=generator)
    return torch.exp(-0.5 * ((AXIS - centres) / 8).square()).sum(1) + 0.2 * (AXIS / 1000) + 0.1


def done(name: str, x: Tensor) -> Tensor:
    return preprocess.build([Call(name, KEYS.get(name, {}))], EVEN)(x)


@pytest.mark.parametrize("name", PREPROCESS)
def test_it_keeps_the_shape_and_gives_numbers_for_whatever_an_instrument_may_send(name: str) -> None:
    for x in (spectra(), 0 * spectra(), torch.full((2, 257), 7.0), -spectra(), 1e12 * spectra(), 1e-9 * spectra()):
        out = done(name, x)
        assert out.shape == (len(x), preprocess.build([Call(name, KEYS.get(name, {}))], EVEN).points)
        assert out.dtype == torch.float32
        assert out.isfinite().all()


@pytest.mark.parametrize("name", PREPROCESS)
def test_a_spectrum_does_not_know_the_others_of_its_batch(name: str) -> None:
    x = spectra(9)
    together = done(name, x)
    for row in range(len(x)):
        torch.testing.assert_close(done(name, x[row : row + 1])[0], together[row])


@pytest.mark.parametrize("name", PREPROCESS)
def test_it_changes_a_spectrum_and_leaves_its_input_alone(name: str) -> None:
    x = spectra() - 0.5
    before = x.clone()
    out = done(name, x)
    assert out.shape != x.shape or not torch.allclose(out, x)
    assert torch.equal(x, before)


@pytest.mark.parametrize("factor", [1e-9, 1e-4, 50.0, 1e12])
@pytest.mark.parametrize("name", PREPROCESS)
def test_the_unit_of_the_intensities_acts_as_it_should(name: str, factor: float) -> None:
    assert {*SCALE_FREE, *DEGREE} >= set(PREPROCESS), "say here how a new one behaves"
    expected = done(name, spectra()) * (1.0 if name in SCALE_FREE else factor ** DEGREE[name])
    np.testing.assert_allclose(
        done(name, factor * spectra()) / expected.abs().max(), expected / expected.abs().max(), atol=2e-5
    )


def test_each_does_what_its_sentence_says() -> None:
    x = spectra() - 0.3
    assert torch.equal(done("clip", x), torch.where(x < 0, 0.0, x))
    torch.testing.assert_close(done("sqrt", x).square(), done("clip", x))
    torch.testing.assert_close(done("signed_sqrt", x) * done("signed_sqrt", x).abs(), x)
    torch.testing.assert_close(done("rms", x).square().mean(1), torch.ones(6))
    torch.testing.assert_close(done("l2", x).norm(dim=1), torch.ones(6))
    torch.testing.assert_close(done("snv", x).std(1, correction=0), torch.ones(6))
    torch.testing.assert_close(done("snv", x).mean(1), torch.zeros(6), atol=1e-5, rtol=0)
    assert torch.equal(done("minmax", x).amin(1), torch.zeros(6))
    assert torch.equal(done("minmax", x).amax(1), torch.ones(6))


@pytest.mark.parametrize("window", [1.0, 62.0, 200.0, 5000.0])
def test_highpass_takes_a_constant_away_and_subtracts_the_mean_of_its_window(window: float) -> None:
    x = spectra()
    highpass = preprocess.highpass(EVEN, window=window)
    out = highpass(x)
    torch.testing.assert_close(highpass(x + 5), out, atol=2e-5, rtol=0)
    half = max(round((window / STEP - 1) / 2), 1)
    for at in (0, 100, 256):
        inside = x[:, max(at - half, 0) : at + half + 1].mean(1)
        torch.testing.assert_close(out[:, at], x[:, at] - inside, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("window", "points"), [(62.0, 31), (60.0, 29), (61.5, 31), (64.1, 33), (1.0, 3), (9e9, 1023)])
def test_a_window_becomes_the_odd_number_of_points_nearest_to_it(window: float, points: int) -> None:
    layer = preprocess.average(np.linspace(150.0, 1172.0, 512), window=window)  # 2 cm-1 a point
    assert layer.size == points
    assert layer(torch.ones(1, 512)).sub(1).abs().max() < 1e-6


def test_calls_are_applied_in_their_order() -> None:
    calls = [Call("highpass", {"window": 100.0}), Call("signed_sqrt"), Call("snv")]
    front = preprocess.build(calls, EVEN)
    by_hand = preprocess.snv(EVEN)(preprocess.signed_sqrt(EVEN)(preprocess.highpass(EVEN, window=100.0)(spectra())))
    assert torch.equal(front(spectra()), by_hand)
    assert torch.equal(preprocess.build([], EVEN)(spectra()), spectra())


@pytest.mark.parametrize("factor", [0.0, 1e-12, 1e-9, 1.0, 1e12, 1e15])
@pytest.mark.parametrize("scale", ["rms", "l2"])
@pytest.mark.parametrize("root", ["sqrt", "signed_sqrt"])
def test_a_root_and_a_scale_side_by_side_are_one_layer_with_the_same_answer(
    root: str, scale: str, factor: float
) -> None:
    x = factor * torch.cat([spectra() - 0.3, -spectra(), torch.zeros(1, 257), torch.eye(257)[:3], 1e-7 * spectra()])
    front = preprocess.build([Call(root), Call(scale)], EVEN)
    assert len(front) == 1
    exact = x.double().clamp_min(0) if root == "sqrt" else x.double()
    exact = exact.sign() * exact.abs().sqrt()
    size = exact.square().mean(1, keepdim=True) if scale == "rms" else exact.square().sum(1, keepdim=True)
    expected = torch.where(size > 0, exact / size.sqrt(), 0.0)
    seen = size[:, 0] >= (1e-15 if factor else 0)
    torch.testing.assert_close(front(x)[seen].double(), expected[seen], atol=1e-6, rtol=1e-6)
    assert front(x).abs().max() <= 257**0.5 + 1e-3


def test_a_root_and_a_scale_with_something_between_stay_apart() -> None:
    calls = [Call("signed_sqrt"), Call("average"), Call("rms")]
    x = spectra()
    by_hand = preprocess.rms(EVEN)(preprocess.average(EVEN)(preprocess.signed_sqrt(EVEN)(x)))
    assert torch.equal(preprocess.build(calls, EVEN)(x), by_hand)


@pytest.mark.parametrize(
    ("name", "keys", "told"),
    [
        ("snip", {"half_width": 600.0}, "snip: half_width 600 cm-1 is 150 points"),
        ("savgol", {"window": 8.0, "order": 3}, "3 of 257 points, order 3"),
        ("savgol", {"order": 1, "derivative": 2}, "order 1, derivative 2"),
        ("savgol", {"window": 2000.0}, "of 257 points"),
        ("polynomial", {"degree": 257}, "degree 257"),
        ("crop", {"low": 500.0, "high": 400.0}, "crop: 500 to 400 cm-1"),
    ],
)
def test_what_cannot_be_done_on_the_axis_is_a_mistake_with_a_hint(name: str, keys: dict[str, float], told: str) -> None:
    with pytest.raises(Mistake) as found:
        preprocess.build([Call(name, keys)], EVEN)
    assert told in found.value.message
    assert found.value.hint


def strengths(name: str) -> list[str]:
    return [key.name for key in schema.keys(schema.function("augment", name))]


def varied(x: Tensor, name: str = "instrument", seed: int = 0, axis: Tensor = AXIS, **keys: float) -> Tensor:
    """Vary with the strengths given and all others off."""
    off = dict.fromkeys(strengths(name), 0.0)
    out: Tensor = getattr(augment, name)(x, axis, torch.Generator().manual_seed(seed), **{**off, **keys})
    return out


@pytest.mark.parametrize("name", AUGMENT)
def test_variation_is_seeded_keeps_the_shape_and_is_off_at_strength_zero(name: str) -> None:
    x = spectra(70)
    vary = getattr(augment, name)
    first, again, other = (vary(x, AXIS, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert first.shape == x.shape
    assert first.isfinite().all()
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    torch.testing.assert_close(varied(x, name), x)
    assert vary(0 * x, AXIS, torch.Generator()).isfinite().all()


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in AUGMENT for key in strengths(name)])
def test_each_strength_alone_varies_each_spectrum_otherwise(name: str, key: str) -> None:
    default = inspect.signature(getattr(augment, name)).parameters[key].default or 0.3  # what is off unless asked for
    x = spectra(1).expand(40, -1)
    axis = (
        torch.linspace(400, 4000, len(AXIS)) if key == "vapour" else AXIS
    )  # water's bands lie beyond the others' axis
    change = (varied(x, name, axis=axis, **{key: default}) - x).abs().amax(1)
    assert len(set(change.tolist())) > 15
    stronger = (varied(x, name, axis=axis, **{key: 2 * default}) - x).abs().amax(1)
    assert stronger.mean() > 1.2 * change.mean()


def line(centre: float, n: int = 400, sigma: float = 12.0) -> Tensor:
    return torch.exp(-0.5 * ((AXIS - centre) / sigma).square()).expand(n, -1)


def centroid(x: Tensor) -> Tensor:
    return (x * AXIS).sum(1) / x.sum(1)


def test_shift_displaces_by_at_most_its_wavenumbers() -> None:
    by = centroid(varied(line(661.0), shift=6.0)) - 661
    assert 5.5 < by.abs().max() <= 6.1
    assert abs(by.mean()) < 0.6


def test_stretch_moves_the_ends_apart_and_not_the_middle() -> None:
    assert (centroid(varied(line(661.0), stretch=0.01)) - 661).abs().max() < 0.1
    by = centroid(varied(line(1061.0), stretch=0.01)) - 1061
    assert 3.5 < by.abs().max() < 4.2  # 400 cm-1 from the middle


def test_blur_broadens_half_of_the_spectra_and_keeps_their_area() -> None:
    x = line(661.0)
    out = varied(x, blur=10.0)
    variance = (out * (AXIS - 661).square()).sum(1) / out.sum(1) - 144
    assert 0.4 < (variance > 0.5).float().mean() < 0.6
    assert 9 < math.sqrt(variance.max()) < 10.2
    torch.testing.assert_close(out.sum(1), x.sum(1), rtol=1e-3, atol=0)
    assert out.amax(1).max() <= 1.0001


def test_tilt_is_four_slow_cosines_in_the_logarithm() -> None:
    x = spectra(1).expand(2000, -1)
    place = np.linspace(0, np.pi, 257)
    waves = np.stack([np.cos(order * place) for order in range(1, 5)], axis=1)
    found, rest, *_ = np.linalg.lstsq(waves, (varied(x, tilt=0.2) / x).log().numpy().T, rcond=None)
    assert rest.max() < 1e-6
    np.testing.assert_allclose(found.std(axis=1), 0.2, rtol=0.1)
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=0.02)


def test_orientation_varies_bands_apart_and_leaves_each_its_place() -> None:
    x = 1 + line(361.0, 2000) + line(661.0, 2000)
    gain = (varied(x, orientation=0.3) / x).log()
    here, there, near = (gain[:, int((AXIS - place).abs().argmin())] for place in (361.0, 661.0, 365.0))
    assert abs(gain.mean()) < 0.01
    assert all(0.2 < each.std() < 0.31 for each in (here, there)), "half way between two knots it is 0.7 of a knot's"
    correlation = torch.corrcoef(torch.stack([here, there, near]))
    assert abs(correlation[0, 1]) < 0.1
    assert correlation[0, 2] > 0.95


def test_drift_adds_a_smooth_background_up_to_its_share_of_the_maximum() -> None:
    x = 50 * line(661.0)
    added = varied(x, drift=0.4) - x
    height = added.amax(1) / 50
    assert added.min() > -1e-4
    assert 0.38 < height.max() <= 0.401
    assert 0.18 < height.mean() < 0.22
    assert (added[:, 1:] - added[:, :-1]).abs().max() < 50 * 0.4 * 0.06, "no band is as broad as this"


def test_noise_is_white_up_to_its_share_of_the_maximum_and_mostly_less() -> None:
    x = 50 * line(661.0)
    added = (varied(x, noise=0.05) - x) / 50
    level = added.std(1)
    assert 0.045 < level.max() < 0.056
    assert level.median() < 0.5 * 0.05
    loud = added[level > 0.03]
    neighbours = (loud[:, 1:] * loud[:, :-1]).mean() / loud.square().mean()
    assert abs(neighbours) < 0.05
