"""Perturbations: each does what its sentence says, by as much as its name says, in the same way for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgespec.data import fluorescence, perturbations, preprocess
from edgespec.data.perturbations import INFRARED, PERTURBATIONS, perturbed
from edgespec.spectra import Floats

Axis = NDArray[np.float64]
EVEN = np.linspace(150, 1172, 512)
UNEVEN = 150 + 1022 * np.linspace(0, 1, 512) ** 1.3
AXES = pytest.mark.parametrize("axis", [EVEN, UNEVEN], ids=["even", "uneven"])
NAMES = pytest.mark.parametrize("name", {**PERTURBATIONS, **INFRARED})
DRAWN = {
    "drift 0.5",
    "drift 1",
    "drift 5",
    "SNR 20 dB",
    "SNR 10 dB",
    "shot SNR 20",
    "spikes",
    "baseline 0.5",
    "CO2 0.3",
}


def band(centre: float, axis: Axis = EVEN, n: int = 1, sigma: float = 12.0) -> Floats:
    return np.tile(np.exp(-0.5 * ((axis - centre) / sigma) ** 2), (n, 1)).astype(np.float32)


def spectra(n: int = 200, axis: Axis = EVEN) -> Floats:
    """(n, points): five bands of different heights and a background, maximum about 40."""
    rng = np.random.default_rng(n)
    bands = [rng.uniform(5, 40, (n, 1)) * band(at, axis) for at in (220, 410, 530, 800, 1010)]
    return (np.sum(bands, axis=0) + 2).astype(np.float32)


def moments(x: Floats, axis: Axis) -> tuple[float, float, float]:
    """Area, centroid and variance of one spectrum, by the trapezoid rule."""
    area = np.trapezoid(x[0], axis)
    middle = np.trapezoid(x[0] * axis, axis) / area
    return float(area), float(middle), float(np.trapezoid(x[0] * (axis - middle) ** 2, axis) / area)


def test_the_table_is_the_one_that_the_report_shows() -> None:
    assert list(PERTURBATIONS) == [
        "shift +1", "shift -1", "shift +3", "shift -3", "shift +5", "shift -5", "stretch +0.3 %", "stretch -0.3 %", "blur 4",
        "drift 0.5", "drift 1", "drift 5", "SNR 20 dB", "SNR 10 dB", "shot SNR 20", "spikes", "scale x1000", "scale /1000",
        "laser 532 to 785",
    ]  # fmt: skip


def test_infrared_spectra_are_judged_under_what_their_instruments_differ_by() -> None:
    assert list(INFRARED)[:9] == list(PERTURBATIONS)[:9]
    assert list(INFRARED)[9:] == [
        "SNR 20 dB", "SNR 10 dB", "scale x1000", "scale /1000", "scatter 0.5", "baseline 0.5", "vapour 0.1", "CO2 0.3"]  # fmt: skip
    for technique in ("infrared", "ATR infrared", "FTIR", "ir"):
        assert perturbations.of(technique) is INFRARED
    for technique in ("", "Raman", "near", "ultraviolet"):
        assert perturbations.of(technique) is PERTURBATIONS


@pytest.mark.parametrize(
    ("name", "most"), [("scatter 0.5", 0.5), ("baseline 0.5", 0.5), ("vapour 0.1", 0.3), ("CO2 0.3", 0.4)]
)
def test_what_air_and_sample_add_is_as_large_as_its_name_says(name: str, most: float) -> None:
    wide = np.linspace(400, 4000, 901)
    x = 2 * band(1000, wide, 60)
    added = (perturbed(name, x, wide, 0) - x) / 2
    assert 0.05 < np.abs(added).max() <= most
    if name != "scatter 0.5":
        assert (added.min(1) < -0.01).any()
        assert (added.max(1) > 0.01).any()
    np.testing.assert_array_equal(perturbed(name, x, wide, 0), perturbed(name, x, wide, 0))


@AXES
@NAMES
def test_it_gives_numbers_for_whatever_an_instrument_may_send_and_leaves_that_alone(name: str, axis: Axis) -> None:
    x = spectra(4, axis)
    for given in (x, 0 * x, np.full_like(x, 7), -x, x - 20, 1e12 * x, 1e-9 * x, x[:0]):
        before = given.copy()
        out = perturbed(name, given, axis, 0)
        assert out.shape == given.shape
        assert out.dtype == np.float32
        assert np.isfinite(out).all()
        assert not np.shares_memory(out, given)
        np.testing.assert_array_equal(given, before)
    assert not perturbed(name, 0 * x, axis, 0).any(), "where there is no light, none is made up"
    assert name == "vapour 0.1" or np.abs(perturbed(name, x, axis, 0) - x).max() > 1e-3, (
        "no line of water lies on this axis"
    )


@NAMES
def test_the_same_seed_draws_the_same_and_another_seed_other_spectra(name: str) -> None:
    x = spectra(perturbations.CHUNK + 70)  # more than are changed at a time
    first, again, other = (perturbed(name, x, EVEN, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) == (name not in DRAWN)
    added = perturbed(name, np.tile(x[:1], (len(x), 1)), EVEN, 0) - x[:1]
    assert len(np.unique(added.round(4), axis=0)) >= (0.98 * len(x) if name in DRAWN else 1) or name == "CO2 0.3", (
        "each spectrum its own draw"
    )


@NAMES
def test_another_unit_of_the_intensities_changes_nothing_else(name: str) -> None:
    x = spectra(50)
    np.testing.assert_allclose(perturbed(name, 64 * x, EVEN, 0), 64 * perturbed(name, x, EVEN, 0), rtol=1e-5, atol=1e-3)


@AXES
@pytest.mark.parametrize("by", [1, -1, 3, -3, 5, -5])
def test_shift_displaces_a_band_by_its_wavenumbers_and_holds_the_ends(by: int, axis: Axis) -> None:
    area, centre, _ = moments(band(661, axis), axis)
    out = perturbed(f"shift {by:+d}", band(661, axis), axis, 0)
    assert moments(out, axis)[0] == pytest.approx(area, rel=1e-3)
    assert moments(out, axis)[1] - centre == pytest.approx(by, abs=0.01)
    ramp = axis[None].astype(np.float32)
    np.testing.assert_allclose(
        perturbed(f"shift {by:+d}", ramp, axis, 0)[0], (axis - by).clip(axis[0], axis[-1]), rtol=1e-6
    )


@AXES
@pytest.mark.parametrize("share", [0.003, -0.003])
def test_stretch_moves_bands_away_from_the_middle_in_proportion(share: float, axis: Axis) -> None:
    for centre in (261.0, 661.0, 1061.0):
        before, after = (
            moments(x, axis)[1] for x in (band(centre, axis), perturbed(f"stretch {share:+.1%}".replace("%", " %"), band(centre, axis), axis, 0))
        )  # fmt: skip
        assert after - before == pytest.approx(share * (centre - 661), abs=0.02)


@AXES
def test_blur_adds_its_variance_and_keeps_the_area(axis: Axis) -> None:
    before, after = moments(band(661, axis), axis), moments(perturbed("blur 4", band(661, axis), axis, 0), axis)
    assert after[0] == pytest.approx(before[0], rel=1e-3)
    assert after[1] == pytest.approx(before[1], abs=0.01)
    assert after[2] - before[2] == pytest.approx(16, rel=0.03)
    flat = np.full((1, len(axis)), 5, dtype=np.float32)
    np.testing.assert_allclose(perturbed("blur 4", flat, axis, 0), flat, rtol=1e-6)


@AXES
@pytest.mark.parametrize("share", [0.5, 1, 5])
def test_drift_adds_a_smooth_background_of_its_share_of_the_maximum(share: float, axis: Axis) -> None:
    x = spectra(axis=axis)
    added = perturbed(f"drift {share:g}", x, axis, 0) - x
    np.testing.assert_allclose(added.max(1) / x.max(1), share, rtol=1e-4)
    assert added.min() > -1e-4
    slope = np.abs(np.diff(added)) / np.diff(axis) / added.max(1, keepdims=True)
    assert slope.max() < 0.02, "nothing in it is as narrow as a band"


def test_fluorescence_has_its_humps_wherever_the_axis_is() -> None:
    def humps(axis: Axis) -> NDArray[np.int64]:
        drawn = fluorescence.backgrounds(2000, torch.from_numpy(axis).float(), torch.Generator().manual_seed(0)).numpy()
        assert drawn.max() == pytest.approx(1)
        assert drawn.min() >= 0
        return np.histogram(axis[drawn.argmax(1)], bins=4, range=(axis[0], axis[-1]))[0]

    assert humps(EVEN).min() > 150
    assert humps(np.linspace(400, 4000, 900)).min() > 150


@pytest.mark.parametrize("snr_db", [20, 10])
def test_read_noise_is_white_and_has_the_stated_power(snr_db: int) -> None:
    x = spectra()
    added = perturbed(f"SNR {snr_db} dB", x, EVEN, 0) - x
    measured = 10 * np.log10((x**2).mean(1) / (added**2).mean(1))
    assert measured.mean() == pytest.approx(snr_db, abs=0.1)
    assert np.abs(measured - snr_db).max() < 1.5
    assert abs((added[:, 1:] * added[:, :-1]).mean() / (added**2).mean()) < 0.02
    assert abs((added**2 * x).mean() / (added**2).mean() / x.mean() - 1) < 0.1, "as much in the dark as in the light"


def test_shot_noise_counts_photons_and_has_the_stated_power() -> None:
    x = spectra()
    out = perturbed("shot SNR 20", x, EVEN, 0)
    added = out - x
    measured = 10 * np.log10((x**2).mean(1) / (added**2).mean(1))
    assert measured.mean() == pytest.approx(20, abs=0.1)
    gain = 100 * x.mean(1, keepdims=True) / (x**2).mean(1, keepdims=True)
    np.testing.assert_allclose(gain * out, (gain * out).round(), atol=1e-2)
    dark, light = x < 3, x > 20
    for where in (dark, light):
        assert ((gain * added**2)[where]).mean() == pytest.approx(x[where].mean(), rel=0.05)
    np.testing.assert_array_equal(perturbed("shot SNR 20", -x, EVEN, 0), -x)


def test_spikes_are_one_to_three_narrow_and_at_most_as_high_as_the_maximum() -> None:
    x = 10 * band(661, n=600)
    added = perturbed("spikes", x, EVEN, 0) - x
    assert added.min() >= 0
    runs = [np.split(hit, np.flatnonzero(np.diff(hit) > 1) + 1) for hit in map(np.flatnonzero, added > 1e-5)]
    counts = np.bincount([len(run) for run in runs])
    assert len(counts) == 4
    assert counts[0] < 5, "all but one so low that it can't be told"
    assert counts[1:].min() > 150
    widths = np.bincount([len(part) for run in runs for part in run])
    assert widths[1:3].min() > 0.4 * widths.sum()
    assert widths[3:].sum() < 0.02 * widths.sum(), "two that happen to touch"
    single = np.array([added[row].max() for row, run in enumerate(runs) if len(run) == 1])
    assert 9 < single.max() <= 10.001
    places = np.array([part[0] for run in runs for part in run])
    assert np.histogram(places, bins=4, range=(0, 512))[0].min() > 0.2 * len(places)


@pytest.mark.parametrize(("name", "factor"), [("scale x1000", 1000), ("scale /1000", 0.001)])
def test_scale_multiplies_and_what_is_divided_by_its_rms_does_not_see_it(name: str, factor: float) -> None:
    x = spectra()
    out = perturbed(name, x, EVEN, 0)
    np.testing.assert_allclose(out, factor * x, rtol=1e-6)
    rms = preprocess.rms(EVEN)
    torch.testing.assert_close(rms(torch.from_numpy(out)), rms(torch.from_numpy(x)))


def test_another_laser_weighs_by_the_fourth_power_of_the_scattered_wavenumber() -> None:
    x = spectra()
    ratio = perturbed("laser 532 to 785", x, EVEN, 0) / x
    law = ((1e7 / 785 - EVEN) / (1e7 / 532 - EVEN)) ** 4
    np.testing.assert_allclose(ratio, np.tile(law / law.mean(), (len(x), 1)), rtol=1e-5)
    assert ratio[0, 0] > ratio[0, -1], "the red laser's light fades faster towards large shifts"
    far = perturbed("laser 532 to 785", np.ones((1, 512), dtype=np.float32), np.linspace(4000, 20_000, 512), 0)
    assert np.isfinite(far).all()
    assert far.min() >= 0
