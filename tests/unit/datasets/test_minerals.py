"""The embedded data set: the band table, the physics key by key, and how hard and how real the task is."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tiny_job
import torch

from edgespec import plugins
from edgespec.data import preprocess
from edgespec.datasets import minerals
from edgespec.errors import Mistake
from edgespec.evaluation import baselines
from edgespec.spectra import Axis, Spectra
from edgespec.training import batches

AXIS = Axis(low=150, high=1172, points=512)
CALM: dict[str, float] = dict.fromkeys(
    ["drift", "noise", "composition", "orientation", "broadening", "spikes", "axis_error"], 0.0
)
TABLE = Path(minerals.__file__).with_name("minerals.csv")
TEXTBOOK = {  # cm-1: strong bands as reference works give them
    "Albite": (507, 479, 291),
    "Almandine": (916, 343, 556),
    "Beryl": (685, 1067, 396),
    "Diopside": (666, 1013, 392, 325),
    "Fluorapatite": (965,),
    "Forsterite": (824, 856),
    "Grossular": (880, 373, 827),
}


ALIKE = (
    {"Almandine", "Andradite", "Grossular", "Pyrope", "Spessartine"},  # garnets
    {"Albite", "Anorthite", "Microcline", "Orthoclase"},  # feldspars
    {"Actinolite", "Tremolite"},
    {"Dravite", "Elbaite"},
    {"Diopside", "Enstatite"},
)


def calm(axis: Axis = AXIS, **keys: Any) -> Spectra:
    return minerals.load(axis=axis, seed=keys.pop("seed", 1), **{**CALM, **keys})


@pytest.fixture(scope="module")
def bands() -> ModuleType:
    from benchmarks.datasets import bands as module

    return module


# --- the table --------------------------------------------------------------------------------------------------------


def test_every_mineral_has_6_to_20_bands_each_with_its_source() -> None:
    with open(TABLE, newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["mineral"] for row in rows}) == 20
    for name in {row["mineral"] for row in rows}:
        mine = [row for row in rows if row["mineral"] == name]
        assert 6 <= len(mine) <= 20, name
        assert max(float(row["intensity"]) for row in mine) == 100
        assert all(100 <= float(row["shift_cm1"]) <= 1200 and 3 <= float(row["fwhm_cm1"]) <= 60 for row in mine)
        assert all(re.fullmatch(r"RRUFF( [RX]\d{6}){2,}", row["source"]) for row in mine), name


@pytest.mark.parametrize("name", TEXTBOOK)
def test_the_strong_bands_are_where_reference_works_have_them(name: str) -> None:
    table = minerals.table()[name]
    strong = table.shift[table.height > 0.1]
    for position in TEXTBOOK[name]:
        assert np.abs(strong - position).min() < 7, f"{name} {position}: {strong}"


# --- what comes out ---------------------------------------------------------------------------------------------------


def test_samples_are_divided_between_the_parts_and_spectra_between_the_samples() -> None:
    made = minerals.load(axis=AXIS, seed=0)
    assert made.x.shape == (20 * 12 * 5, 512)
    assert made.x.dtype == np.float32
    assert np.isfinite(made.x).all()
    assert made.group is not None
    assert made.part is not None
    assert made.source == "embedded"
    assert "generated" in made.notes[0]
    assert list(made.labels) == sorted(made.labels)
    assert made.group[0] == "Actinolite-01"
    for k, label in enumerate(made.labels):
        rows = made.y == k
        parts = {g: set(made.part[made.group == g]) for g in set(made.group[rows])}
        assert all(g.startswith(f"{label}-") and len(p) == 1 for g, p in parts.items())
        counts = [sum(p == {part} for p in parts.values()) for part in ("library", "site", "test")]
        assert counts == [5, 4, 3]


@pytest.mark.parametrize("samples", [3, 4, 5, 7, 20])
def test_every_part_has_a_sample_of_every_mineral(samples: int) -> None:
    made = minerals.load(axis=AXIS, seed=0, samples=samples, spectra=2, minerals=["Beryl", "Albite"])
    assert made.part is not None
    assert made.labels == ("Albite", "Beryl")
    for k in range(2):
        assert set(made.part[made.y == k]) == {"library", "site", "test"}


def test_one_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, again, other = (minerals.load(axis=AXIS, seed=s, samples=3) for s in (5, 5, 6))
    assert first.x.tobytes() == again.x.tobytes()
    assert not np.isclose(first.x, other.x).all(axis=1).any()


def test_a_mineral_does_not_depend_on_the_company_it_is_asked_in() -> None:
    all_of_them, alone = minerals.load(axis=AXIS, seed=5), minerals.load(axis=AXIS, seed=5, minerals=["Grossular"])
    assert np.array_equal(all_of_them.x[all_of_them.y == all_of_them.labels.index("Grossular")], alone.x)


def test_the_stream_gives_the_spectra_of_load_some_of_each_mineral_at_a_time() -> None:
    keys: dict[str, Any] = {"axis": AXIS, "seed": 4, "samples": 70, "spectra": 3, "minerals": ["Beryl", "Albite"]}
    whole, pieces = minerals.load(**keys, noise=0.1), list(minerals.stream(**keys, physics=minerals.Physics(noise=0.1)))
    assert [len(piece) for piece in pieces] == [128, 128, 128, 36]
    for k in range(2):
        for name in ("x", "group", "part"):
            streamed = np.concatenate([getattr(piece, name)[piece.y == k] for piece in pieces])
            assert np.array_equal(streamed, getattr(whole, name)[whole.y == k])
    with pytest.raises(Mistake, match="seed"):
        minerals.stream(axis=AXIS, seed=-1, samples=3)


def test_no_two_spectra_are_the_same() -> None:
    made = minerals.load(axis=AXIS, seed=0, samples=30, minerals=["Albite"])  # over several chunks
    assert len(np.unique(made.x, axis=0)) == len(made) == 150


# --- the physics, one key at a time -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", minerals.table())
def test_without_physics_a_spectrum_is_its_bands(name: str) -> None:
    made = calm(minerals=[name], samples=3, spectra=2)
    assert np.ptp(made.x, axis=0).max() < 1e-5  # all alike
    table = minerals.table()[name]
    seen = (table.shift > 150) & (table.shift < 1172)
    strongest = table.shift[seen][table.height[seen].argmax()]
    step = made.axis[1] - made.axis[0]
    assert abs(made.axis[made.x[0].argmax()] - strongest) <= step + 1  # neighbours may pull the maximum a little
    assert 0.9 < made.x[0].max() < 1.3


def test_drift_adds_a_smooth_positive_background_up_to_its_share() -> None:
    background = calm(drift=0.4, samples=20).x - calm(samples=20).x
    heights = background.max(axis=1)
    assert background.min() > -1e-5
    assert 0.38 < heights.max() < 0.4 + 1e-5
    assert 0.15 < heights.mean() < 0.25
    assert np.abs(np.diff(background, axis=1)).max() < 0.02  # no Gaussian narrower than 200 cm-1, 2 cm-1 a point


def test_noise_is_shot_and_read() -> None:
    axis = Axis(low=700, high=1172, points=2048)
    keys: dict[str, Any] = {"axis": axis, "minerals": ["Fluorapatite"], "samples": 10}
    clean = calm(**keys).x
    error = calm(**keys, noise=0.1).x - clean
    assert error[clean > 0.97].std() == pytest.approx(0.1, rel=0.1)
    assert error[clean < 0.01].std() == pytest.approx(0.1 * np.sqrt(0.25 + 0.75 * 0.005), rel=0.05)


def test_composition_moves_bands_from_sample_to_sample_only() -> None:
    positions = strongest_positions(calm(composition=1.0, samples=200, spectra=2, minerals=["Forsterite"]), 840, 870)
    by_sample = positions.reshape(200, 2)
    assert np.abs(by_sample[:, 0] - by_sample[:, 1]).max() < 0.3
    table = minerals.table()["Forsterite"]
    spread = table.spread[np.abs(table.shift - 854).argmin()]
    assert by_sample[:, 0].std() == pytest.approx(spread, rel=0.35)


def test_orientation_changes_relative_intensities_within_a_sample() -> None:
    made = calm(orientation=0.5, samples=3, spectra=200, minerals=["Forsterite"])
    left = made.x[:, (made.axis > 815) & (made.axis < 828)].max(axis=1)
    right = made.x[:, (made.axis > 848) & (made.axis < 861)].max(axis=1)
    assert 0.4 < np.log(left / right).std() < 0.75  # two bands: 0.5 * sqrt(2), less where one stands on the other


def test_broadening_widens_bands_and_keeps_their_area() -> None:
    keys: dict[str, Any] = {"minerals": ["Fluorapatite"], "samples": 40, "axis": Axis(low=900, high=1030, points=512)}
    sharp, blurred = calm(**keys).x, calm(**keys, broadening=12).x
    height = blurred.max(axis=1) / sharp.max(axis=1)
    assert height.min() < 0.65
    assert height.max() > 0.95
    assert (blurred.sum(axis=1) / sharp.sum(axis=1)).min() > 0.9


def test_spikes_come_as_often_as_asked() -> None:
    keys: dict[str, Any] = {"samples": 10, "spectra": 10}
    added = calm(**keys, spikes=2.0).x - calm(**keys).x
    assert added.sum() / len(added) == pytest.approx(2.0 * 1.3 * 0.55, rel=0.08)
    assert (added > 0.05).any(axis=1).mean() == pytest.approx(1 - np.exp(-2), abs=0.03)


def test_axis_error_shifts_every_spectrum() -> None:
    middle = Axis(low=800, high=1128, points=512)  # its middle is where Fluorapatite has its band: no stretch there
    keys: dict[str, Any] = {"axis": middle, "samples": 100, "spectra": 5, "minerals": ["Fluorapatite"]}
    positions = strongest_positions(calm(**keys, axis_error=3.0), 940, 990)
    assert positions.std() == pytest.approx(3.0, rel=0.15)


def strongest_positions(made: Spectra, low: float, high: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Give the position in cm-1 of each spectrum's maximum between low and high, refined by a parabola."""
    start = int(np.searchsorted(made.axis, low))
    window = made.x[:, start : int(np.searchsorted(made.axis, high))]
    top = np.clip(window.argmax(axis=1), 1, window.shape[1] - 2)
    rows = np.arange(len(window))
    before, at, after = (window[rows, top + k].astype(np.float64) for k in (-1, 0, 1))
    step = made.axis[1] - made.axis[0]
    return np.asarray(made.axis[start + top] + 0.5 * step * (before - after) / (before - 2 * at + after))


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "message", "hint"),
    [
        ({"samples": 0}, "samples is 0", "library, site and test"),
        ({"samples": 2}, "samples is 2", "library, site and test"),
        ({"spectra": 0}, "spectra is 0", "at least one"),
        ({"seed": -1}, "seed is -1", "whole number"),
        ({"minerals": ["Albit"]}, "unknown mineral 'Albit'", "'Albite'"),
        ({"minerals": ["Quartz"]}, "unknown mineral 'Quartz'", "Tremolite"),
        ({"minerals": []}, "empty", "Actinolite"),
        ({"noise": float("nan")}, "noise is nan", "positive"),
        ({"drift": float("inf")}, "drift is inf", "positive"),
        ({"axis": Axis(low=2500, high=3500, points=100)}, "between 2500 and 3500", "axis"),
        *(({key: -0.1}, f"{key} is -0.1", "positive") for key in CALM),
    ],
)
def test_a_key_that_makes_no_sense_is_told_with_its_remedy(keys: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(Mistake) as caught:
        minerals.load(**{"axis": AXIS, "seed": 0, **keys})
    assert message in caught.value.message
    assert caught.value.message.startswith("minerals: ")
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


# --- speed and memory -------------------------------------------------------------------------------------------------


def test_drawing_is_fast_enough_to_be_a_default() -> None:
    speeds = []
    for _ in range(3):
        begin = time.process_time()
        n = len(minerals.load(axis=AXIS, seed=0, samples=10, spectra=10))
        speeds.append(n / (time.process_time() - begin))
    assert max(speeds) > 5000, speeds


def test_the_stream_takes_the_same_memory_for_four_times_as_many() -> None:
    command = [sys.executable, "-m", "benchmarks.datasets.drawing", "5000", "20000"]
    said = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=plugins.PACKAGE.parent,
    ).stdout
    few, many = (json.loads(line) for line in said.splitlines())
    if few["peak_mb"] is None:
        pytest.skip("no /proc/self/status here")
    assert [few["spectra"], many["spectra"]] == [5000, 20000]
    assert many["peak_mb"] < few["peak_mb"] + 10  # all of them would be 41 MB


def test_memory_beyond_the_result_does_not_grow_with_it() -> None:
    beyond = []
    for spectra in (10, 100):
        tracemalloc.start()
        made = minerals.load(axis=AXIS, seed=0, samples=10, spectra=spectra, minerals=["Albite", "Beryl"])
        beyond.append(tracemalloc.get_traced_memory()[1] - made.x.nbytes)
        tracemalloc.stop()
    assert beyond[1] < beyond[0] + 1_000_000, beyond


# --- the task, and how real it is -------------------------------------------------------------------------------------


def test_the_task_is_neither_trivial_nor_hopeless() -> None:
    scores, nearest, wrong = [], [], []
    for seed in range(3):
        made = minerals.load(axis=AXIS, seed=seed)
        x = prepared(made.x)
        known, test = np.flatnonzero(made.part != "test"), np.flatnonzero(made.part == "test")
        said = baselines.MAKE["lda"](x[known], made.y[known]).predict(x[test])
        scores.append(float((said == made.y[test]).mean()))
        nearest.append(one_label(made))
        wrong += [{made.labels[a], made.labels[b]} for a, b in zip(made.y[test], said, strict=True) if a != b]
    assert 0.90 <= np.mean(scores) <= 0.97, scores
    assert 0.60 <= np.mean(nearest) <= 0.80, nearest
    assert np.mean([any(pair <= family for family in ALIKE) for pair in wrong]) > 0.6, wrong


def prepared(x: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    front = preprocess.build(tiny_job.PREPROCESS, AXIS.values())
    return np.asarray(batches.through(front, torch.from_numpy(x)).numpy())


def one_label(made: Spectra) -> float:
    """Give the accuracy of 1-NN (cosine) from one raw site spectrum a mineral, mean over 20 draws of that spectrum."""
    rng, test = np.random.default_rng(0), np.flatnonzero(made.part == "test")
    unit = made.x / np.linalg.norm(made.x, axis=1, keepdims=True)
    scores = []
    for _ in range(20):
        one = [rng.choice(np.flatnonzero((made.part == "site") & (made.y == k))) for k in range(len(made.labels))]
        scores.append(float(((unit[test] @ unit[one].T).argmax(axis=1) == made.y[test]).mean()))
    return float(np.mean(scores))


def test_the_table_is_measured_from_rruff_texts_as_they_are(bands: ModuleType) -> None:
    text = "##NAMES=Quartz\r\n##RRUFFID=R040031\r\n113.1730, 0.0000000E+00\r\n113.6551, 0.5374450\r\n##END=\n\n"
    shift, intensity = bands.parse(text)
    assert shift.tolist() == [113.173, 113.6551]
    assert intensity.tolist() == [0.0, 0.537445]


def test_bands_are_fitted_where_they_were_put(bands: ModuleType) -> None:
    rng = np.random.default_rng(0)
    put = np.array([[350.0, 14.0, 0.4], [620.0, 10.0, 1.0], [655.0, 20.0, 0.5], [900.0, 16.0, 0.2]])
    real = []
    for sample, moved in enumerate((-2.0, 0.0, 2.0)):
        u = ((bands.GRID - (put[:, :1] + moved)) / put[:, 1:2]) ** 2
        y = (put[:, 2:] * (0.6 / (1 + 4 * u) + 0.4 * np.exp(-4 * np.log(2) * u))).sum(axis=0)
        y += 0.2 + 1e-4 * bands.GRID + 0.001 * rng.standard_normal(len(y))
        real.append(bands.Real("Any", f"S{sample}", bands.GRID, 5000 * y))
    fits = bands.fit_samples(np.array([bands.sample_mean([each]) for each in real]))
    fits = fits[:, np.nanmean(fits[:, :, 2], axis=0) > 0.05]
    fits = fits[:, fits[0, :, 0].argsort()]
    assert fits.shape[1] == 4
    np.testing.assert_allclose(fits[:, :, 0], put[:, 0] + np.array([[-2.0], [0.0], [2.0]]), atol=0.5)
    np.testing.assert_allclose(np.median(fits[:, :, 1], axis=0), put[:, 1], rtol=0.25)
    np.testing.assert_allclose(np.median(fits[:, :, 2], axis=0), put[:, 2], atol=0.06)
