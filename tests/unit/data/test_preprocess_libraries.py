"""On real, raw spectra each preprocessing answers as the field's library does, to the tolerance that its docstring states."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import signal

from edgespec import datasets
from edgespec.data import preprocess
from edgespec.recipe import Call, schema
from edgespec.spectra import Axis, Spectra

pybaselines = pytest.importorskip("pybaselines", reason="pybaselines is not installed: pip install 'edgespec[dev]'")

Array = NDArray[np.float64]
Reference = Callable[[Array, Array], Array]
STATED = re.compile(r"\bto\s+(\de-\d)\s+of\s+the\s+largest\s+answer")
ARCHIVE = "rruff/native_oriented_2026_subset.zip"


@pytest.fixture(scope="module")
def raw(real: Path) -> Spectra:
    """150 spectra with their fluorescence, in counts up to 7e4, zero where they were not measured."""
    keys = {"path": str(real / ARCHIVE), "kind": "RAW"}
    return datasets.load(Call("rruff", keys), axis=Axis(150, 1172, 512), seed=0)


def windowed_mean(width_cm1: float) -> Reference:
    def mean(x: Array, axis: Array) -> Array:
        half = max(round((width_cm1 / float(axis[1] - axis[0]) - 1) / 2), 1)
        windows = [x[:, max(at - half, 0) : at + half + 1] for at in range(x.shape[1])]
        return np.stack([each.mean(axis=1) for each in windows], axis=1)

    return mean


def background(name: str, **keys: Any) -> Reference:
    """Subtract what pybaselines finds."""

    def subtracted(x: Array, axis: Array) -> Array:
        fitter = pybaselines.Baseline(axis)
        return np.stack([row - getattr(fitter, name)(row, **keys)[0] for row in x])

    return subtracted


def averaged_opening(half: int) -> Reference:
    def subtracted(x: Array, axis: Array) -> Array:
        opened = x - background("tophat", half_window=half)(x, axis)
        return x - windowed_mean((2 * half + 1) * float(axis[1] - axis[0]))(opened, axis)

    return subtracted


def savitzky_golay(size: int, order: int, derivative: int) -> Reference:
    def filtered(x: Array, axis: Array) -> Array:
        step = float(axis[1] - axis[0])
        done: Array = signal.savgol_filter(x, size, order, deriv=derivative, delta=step, axis=1, mode="interp")
        return done

    return filtered


def norm(x: Array, axis: Array) -> Array:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def by_rms(x: Array, axis: Array) -> Array:
    return x / np.sqrt((x**2).mean(axis=1, keepdims=True))


def standard(x: Array, axis: Array) -> Array:
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


def unit_range(x: Array, axis: Array) -> Array:
    return (x - x.min(axis=1, keepdims=True)) / np.ptp(x, axis=1, keepdims=True)


def resampled(x: Array, axis: Array) -> Array:
    return np.stack([np.interp(np.linspace(axis[0], axis[-1], 300), axis, row) for row in x])


PLACES = [200.0 + 2 * i + 0.5 * (i % 2) for i in range(200)]
SAME: list[tuple[str, dict[str, Any], Reference]] = [
    ("crop", {"low": 300.0, "high": 900.0}, lambda x, axis: x[:, (axis >= 300) & (axis <= 900)]),
    ("resample", {"points": 300}, resampled),
    ("onto", {"places": PLACES}, lambda x, axis: np.stack([np.interp(PLACES, axis, row) for row in x])),
    ("highpass", {"window": 62.0}, lambda x, axis: x - windowed_mean(62.0)(x, axis)),
    ("highpass", {"window": 10.0}, lambda x, axis: x - windowed_mean(10.0)(x, axis)),
    ("average", {"window": 10.0}, windowed_mean(10.0)),
    ("average", {"window": 300.0}, windowed_mean(300.0)),
    ("average", {"window": 700.0}, windowed_mean(700.0)),
    ("savgol", {"window": 18.0}, savitzky_golay(9, 2, 0)),
    ("savgol", {"window": 18.0, "derivative": 1}, savitzky_golay(9, 2, 1)),
    ("savgol", {"window": 32.0, "order": 3, "derivative": 2}, savitzky_golay(17, 3, 2)),
    ("savgol", {"window": 62.0, "order": 5, "derivative": 1}, savitzky_golay(31, 5, 1)),
    ("snip", {"half_width": 40.0}, background("snip", max_half_window=20, decreasing=True)),
    ("snip", {"half_width": 2.0}, background("snip", max_half_window=1, decreasing=True)),
    ("snip", {"half_width": 90.0}, background("snip", max_half_window=45, decreasing=True)),
    ("opening", {"window": 42.0}, averaged_opening(10)),
    ("opening", {"window": 162.0}, averaged_opening(40)),
    ("polynomial", {"degree": 0}, lambda x, axis: x - x.mean(axis=1, keepdims=True)),
    ("polynomial", {"degree": 5}, background("poly", poly_order=5)),
    ("polynomial", {"degree": 12}, background("poly", poly_order=12)),
    ("clip", {}, lambda x, axis: np.maximum(x, 0)),
    ("sqrt", {}, lambda x, axis: np.sqrt(np.maximum(x, 0))),
    ("signed_sqrt", {}, lambda x, axis: np.sign(x) * np.sqrt(np.abs(x))),
    ("rms", {}, by_rms),
    ("snv", {}, standard),
    ("minmax", {}, unit_range),
    ("l2", {}, norm),
    ("area", {}, lambda x, axis: x / np.abs(x).sum(axis=1, keepdims=True)),
]


def test_every_preprocessing_is_compared_with_a_library() -> None:
    assert {name for name, _, _ in SAME} == set(schema.names("preprocess"))


@pytest.mark.parametrize(
    ("name", "keys", "reference"), SAME, ids=[f"{name}{list(keys.values())}" for name, keys, _ in SAME]
)
def test_it_answers_as_the_library_does(name: str, keys: dict[str, Any], reference: Reference, raw: Spectra) -> None:
    stated = STATED.search(schema.function("preprocess", name).__doc__ or "")
    assert stated, f"{name} states no tolerance"
    for given in (raw.x, raw.x - np.median(raw.x, axis=1, keepdims=True)):  # the second has negative intensities
        out = preprocess.build([Call(name, keys)], raw.axis)(torch.from_numpy(given)).double().numpy()
        expected = reference(given.astype(np.float64), raw.axis)
        apart = np.abs(out - expected).max(axis=1) / np.abs(expected).max(axis=1)
        assert apart.max() <= float(stated[1]), f"{apart.max():.1e} apart"


@pytest.mark.parametrize(("half", "smooth"), [(20, 2), (30, 5), (10, 4)])
def test_snip_with_smoothing_decides_nearly_every_point_as_pybaselines_does(
    half: int, smooth: int, raw: Spectra
) -> None:
    step = float(raw.axis[1] - raw.axis[0])
    keys = {"half_width": half * step, "smooth": smooth * step}
    out = preprocess.build([Call("snip", keys)], raw.axis)(torch.from_numpy(raw.x)).double().numpy()
    find = background("snip", max_half_window=half, decreasing=True, smooth_half_window=smooth)
    expected = find(raw.x.astype(np.float64), raw.axis)
    apart = np.abs(out - expected) / np.abs(expected).max(axis=1, keepdims=True)
    assert apart.max() < 1e-3
    assert (apart > 1e-5).mean() < 0.005
    plain = preprocess.build([Call("snip", {"half_width": half * step})], raw.axis)(torch.from_numpy(raw.x))
    assert np.abs(plain.double().numpy() - out).max() > 1e-3 * np.abs(out).max(), "smoothing does something"
