"""What int8 ranges are taken from: training spectra of every class and sample, refused where they are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_job

from edgespec.compression.quantization import calibration_data
from edgespec.data.splits import Splits, divide
from edgespec.errors import Mistake
from edgespec.job import Job
from edgespec.recipe import Split


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return tiny_job.job(tmp_path)


def divided(job: Job, train: np.ndarray, valid: np.ndarray | None = None, test: np.ndarray | None = None) -> Job:
    """The same job with other parts."""
    splits = job.splits
    valid = splits.rows(None, valid=True) if valid is None else valid
    return replace(job, splits=Splits({"all": train}, {"all": valid}, splits.test if test is None else test))


def test_calibration_sees_training_spectra_only_half_of_them_varied_every_class(job: Job) -> None:
    x = calibration_data.drawn(job, None, 64)
    assert x.shape == (64, 128)
    rows, others = job.splits.rows(None), np.concatenate([job.splits.rows(None, valid=True), job.splits.test])
    seen, unseen = (job.spectra.x[each] for each in (rows, others))
    assert [(seen == row).all(1).any() for row in x] == [True] * 32 + [False] * 32
    assert not any((unseen == row).all(1).any() for row in x)
    cosine = x[32:] @ seen.T / np.linalg.norm(x[32:], axis=1)[:, None] / np.linalg.norm(seen, axis=1)
    assert np.median(cosine.max(1)) > 0.5, "varied, but still spectra"
    assert np.array_equal(x, calibration_data.drawn(job, None, 64))
    assert not np.array_equal(x, calibration_data.drawn(replace(job, seed=1), None, 64))


def test_classes_take_turns_and_samples_within_each(job: Job) -> None:
    rows = job.splits.rows(None)
    rows = np.concatenate(
        [rows[job.spectra.y[rows] == 0], rows[job.spectra.y[rows] == 1][:9], rows[job.spectra.y[rows] == 2][:9]]
    )
    order = calibration_data.in_turn(job, rows)
    assert sorted(order) == sorted(rows)
    assert np.bincount(job.spectra.y[order[:27]]).tolist() == [9, 9, 9], "a large class has no more than a small one"
    groups = job.spectra.group
    assert groups is not None
    for label in range(3):
        members = groups[order[job.spectra.y[order] == label]]
        assert len(set(members[: len(set(members))])) == len(set(members)), "each sample once before any comes twice"


def test_few_validation_spectra_are_judged_in_several_variations(job: Job) -> None:
    valid = job.splits.rows(None, valid=True)
    found = calibration_data.judged(job, None)
    assert len(found.y) == len(valid)
    assert len(found.x) == 5 * len(valid)
    own = {row.tobytes() for row in job.spectra.x[valid]}
    assert {row.tobytes() for row in found.x[: len(valid)]} == own
    assert not own & {row.tobytes() for row in found.x[len(valid) :]}


def test_a_calibration_set_that_is_none_is_refused(job: Job) -> None:
    rows = job.splits.rows(None)
    alone = replace(job.spectra, y=np.where(np.isin(np.arange(len(job.spectra)), rows), 1, job.spectra.y))
    with pytest.raises(Mistake, match=r"all \d+ calibration spectra are of one class \(Beryl\)"):
        calibration_data.drawn(replace(job, spectra=alone), None, 256)
    for name, part in (("validation", {"valid": rows[:4]}), ("test", {"test": rows[:4]})):
        with pytest.raises(Mistake, match=f"overlaps the {name} part: 4 spectra are in both") as caught:
            calibration_data.drawn(divided(job, rows, **part), None, 256)
        assert caught.value.hint


def test_two_spectra_of_one_sample_in_two_parts_are_an_overlap(job: Job) -> None:
    rows, groups = job.splits.rows(None), job.spectra.group
    assert groups is not None
    sample = groups[rows[0]]
    held = rows[groups[rows] == sample]
    with pytest.raises(Mistake, match=f"sample '{sample}' is in both"):
        calibration_data.drawn(divided(job, np.setdiff1d(rows, held[:1]), test=held[:1]), None, 256)


def test_random_numbers_are_refused(job: Job) -> None:
    random = np.random.default_rng(0)
    for noise in (random.normal(size=job.spectra.x.shape), random.random(job.spectra.x.shape)):
        spectra = replace(job.spectra, x=noise.astype(np.float32))
        with pytest.raises(Mistake, match=r"are noise: neighbouring points correlate by -?0\.0"):
            calibration_data.drawn(replace(job, spectra=spectra), None, 256)


def test_a_division_by_spectrum_shares_samples_as_was_asked_for(job: Job) -> None:
    asked = divide(job.spectra, Split(by="spectrum", valid=0.3), 0)
    assert asked.by_spectrum
    drawn = calibration_data.drawn(replace(job, splits=asked), None, 32)
    assert len(drawn) == 64


def test_undersampled_and_constant_spectra_are_called_that(job: Job) -> None:
    random = np.random.default_rng(1)
    points = job.spectra.x.shape[1]
    bands = random.random((len(job.spectra.labels), points)) < 0.1  # one point wide, each class its own
    coarse = bands[job.spectra.y] * 100 + random.random(job.spectra.x.shape)
    for x, said in (
        (coarse, "are undersampled: spectra of a class are alike"),
        (np.full_like(coarse, 7), "are constant"),
    ):
        spectra = replace(job.spectra, x=x.astype(np.float32))
        with pytest.raises(Mistake, match=said) as caught:
            calibration_data.drawn(replace(job, spectra=spectra), None, 256)
        assert caught.value.hint


def test_the_noisiest_spectra_that_a_model_is_judged_on_are_no_noise(job: Job) -> None:
    from edgespec.data.perturbations import perturbed

    noisy = perturbed("SNR 10 dB", job.spectra.x, job.spectra.axis, 0)
    assert calibration_data._neighbours(noisy) > calibration_data.NOISE + 0.2


@pytest.mark.parametrize("n", [20, 63])
def test_few_spectra_calibrate_as_they_are_and_varied(job: Job, n: int) -> None:
    few = divided(job, calibration_data.in_turn(job, job.splits.rows(None))[:n])
    found = calibration_data.drawn(few, None, 256)
    assert len(found) == calibration_data.FEWEST
    own = {row.tobytes() for row in job.spectra.x[few.splits.rows(None)]}
    assert {row.tobytes() for row in found[:n]} == own
    assert not own & {row.tobytes() for row in found[n:]}
