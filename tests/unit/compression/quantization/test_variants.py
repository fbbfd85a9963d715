"""Which layers stay in float is settled by the validation part, and by the calibration spectra where those are too few to tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny_job

from edgespec.artifact import OnnxModel
from edgespec.compression.quantization import sensitivity, variants
from edgespec.compression.quantization.sensitivity import Promises
from edgespec.graph import onnx_file
from edgespec.job import Fit, Job
from edgespec.recipe import Call
from edgespec.steps import to_onnx, train

PROMISES = Promises(max_drop=0.01, min_agreement=0.99, max_float=0.7, bits=7)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, OnnxModel]:
    """Components of spectra on a background that is far stronger than their bands: few bits of the spectrum do not tell the bands."""
    folder = tmp_path_factory.mktemp("mlp")
    job = tiny_job.job(folder, preprocess=(), augment=None)
    background = 30 * np.random.default_rng(0).normal(size=(len(job.spectra), 1)).astype(np.float32)
    job = replace(job, spectra=replace(job.spectra, x=job.spectra.x + background))
    network = Call("mlp", {"components": 12, "widths": [16]})
    trained = train.run(tiny_job.inside(job, "train"), model=network, fit=Fit(epochs=20, batch=16))
    return job, to_onnx.run(tiny_job.inside(job, "onnx"), trained)


def agreement(given: variants.Source, settled: sensitivity.Settled) -> float:
    """Share of the calibration spectra on which the rounded network names what the float one names."""
    inner = variants.prepared(given.front, given.x)
    before, after = (
        onnx_file.ask(onnx_file.session(each.SerializeToString()), inner) for each in (given.network, settled.network)
    )
    return float(onnx_file.same(before, after, onnx_file.TIE).mean())


def test_layers_stay_in_float_until_the_calibration_spectra_agree(made: tuple[Job, OnnxModel]) -> None:
    job, model = made
    given = variants.source(job, model, None, 128)
    judge = given.judge
    given = replace(given, judge=replace(judge, x=judge.x[:6], y=judge.y[:6], logits=judge.logits[:6]))
    ends, _ = variants.cut(given, "minmax", "cpu", PROMISES.bits)
    table = sensitivity.scan(given.network, ends, given.judge, PROMISES.bits)
    alone = sensitivity.settle("cpu", given.network, ends, given.judge, table, PROMISES)
    assert agreement(given, alone) < variants.least_agreement(PROMISES), "six spectra cannot tell"
    found = variants.settled("cpu", given, ends, table, PROMISES)
    assert agreement(given, found) >= variants.least_agreement(PROMISES)
    assert set(alone.floats) < set(found.floats)
    assert len(found.floats) <= PROMISES.max_float * len(table)
