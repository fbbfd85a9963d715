"""Another processor: every kind of file loads on an emulated ARM and answers as here; how long it takes is told nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import spectrum_files
import tiny_bundle
import tiny_job

from edgespec import models, plugins, storage
from edgespec.artifact import OnnxModel, Variant
from edgespec.bench import measure
from edgespec.compression.quantization import int8, ranges
from edgespec.compression.quantization import variants as variant_files
from edgespec.data import preprocess
from edgespec.errors import Missing, Mistake
from edgespec.graph import assembly, exporter
from edgespec.job import Silent
from edgespec.report.tables import matrix as matrix_table
from edgespec.runs import matrix, matrix_on_target
from edgespec.steps import halve
from edgespec.targets import card as cards
from edgespec.targets import runner

FETCHED = storage.home() / "arm64"  # whoever runs the tests has it in the real cache folder, which tests don't see
CARD = cards.load("arm64_emulated")
LOCAL = cards.load("local")
TOLERANCES = {"float32": 1e-5, "int8": 1e-5, "fp16": 2e-3}  # of the largest logit


@pytest.fixture(scope="module")
def arm64(home: Path) -> Path:
    """The emulated system, where it has been fetched, or may be (EDGESPEC_FETCH=1)."""
    if os.environ.get("EDGESPEC_FETCH") and not FETCHED.exists():
        script = plugins.shipped("export", "setup", "arm64_emulated.sh")
        env = {**os.environ, "EDGESPEC_HOME": str(FETCHED.parent), "PYTHON": sys.executable}
        fetched = subprocess.run(["sh", str(script)], env=env, check=False, timeout=600, capture_output=True, text=True)
        if fetched.returncode:
            pytest.skip(f"the emulated ARM cannot be fetched here: {fetched.stderr.strip().splitlines()[-1:]}")
    if not (FETCHED / "emulator").exists():
        pytest.skip("no emulated ARM here: 'edgespec setup arm64_emulated | sh' or EDGESPEC_FETCH=1 fetches it")
    if not (home / "arm64").exists():
        (home / "arm64").symlink_to(FETCHED.resolve())
    return FETCHED


@pytest.mark.usefixtures("arm64")
def test_the_runner_says_what_it_is(tmp_path: Path) -> None:
    told = runner.call(CARD, ["hello", "--runtime", "onnxruntime"], tmp_path, timeout_s=300)
    assert (told["machine"], told["runtime"]) == ("aarch64", "onnxruntime")
    assert "asimd" in told["flags"]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> OnnxModel:
    """Every kind of file of every kind of network, as one model whose variants are all of them: one process asks all."""
    folder = tmp_path_factory.mktemp("shipped")
    job = tiny_job.line("cnn").job
    front, x = preprocess.build(job.preprocess, job.spectra.axis), job.spectra.x[:64]
    variants = {}
    for call in (tiny_job.CNN, tiny_job.PACE, tiny_job.DRSN, tiny_job.EFFICIENT):
        network = tiny_job.lived_in(models.build(call, points=128, classes=3, seed=0), 128)
        exporter.export(network, folder / "whole.onnx", front=front)
        whole = onnx.load(folder / "whole.onnx")
        head, ready = assembly.front(whole), int8.ready(assembly.network(whole))
        ends = ranges.cut(ranges.observe(ready, variant_files.prepared(head, x)), "minmax")
        made = {int8.variant(flavour): int8.make(flavour, ready, ends, bits=7) for flavour in int8.FLAVOURS}
        made["fp16"] = halve.halved(assembly.network(whole))
        files = {"float32": whole, **{kind: assembly.joined(head, each) for kind, each in made.items()}}
        for kind, each in files.items():
            name = "float32" if (call, kind) == (tiny_job.CNN, "float32") else f"{call.name} {kind}"
            onnx.save(each, folder / f"{name}.onnx")
            variants[name] = Variant(f"{name}.onnx")
    return OnnxModel(folder, "all", 128, 3, variants)


@pytest.mark.usefixtures("arm64")
def test_every_file_answers_as_here(shipped: OnnxModel, tmp_path: Path) -> None:
    job = tiny_job.line("cnn").job
    rows = job.splits.test
    x, y = job.spectra.x[rows], job.spectra.y[rows]
    found = matrix_on_target.of_files(shipped, x, y, CARD, tmp_path, progress=Silent())
    assert (found.source, found.host["machine"]) == ("emulated", "aarch64")
    there = {each.variant: each for each in found.cells if each.runtime == "onnxruntime on arm64_emulated"}
    assert len(there) == len(shipped.variants) == 16
    for variant, cell in there.items():
        assert (cell.verdict, cell.agreement, cell.ratio, cell.p50_ms) == ("agrees", 1.0, None, None), cell
        here, arm = (_answers(tmp_path / place, variant) for place in ("local", CARD.name))
        assert np.array_equal(here.argmax(1), arm.argmax(1)), variant
        tolerance = TOLERANCES[next((kind for kind in TOLERANCES if variant.endswith(kind)), "float32")]
        np.testing.assert_allclose(arm, here, atol=tolerance * float(np.abs(here).max()), rtol=0, err_msg=variant)


def _answers(folder: Path, variant: str) -> Any:
    with np.load(folder / f"{variant}.npz") as arrays:
        return np.array(arrays["1"])


@pytest.mark.usefixtures("arm64")
def test_a_bundle_is_true_there_and_names_spectra(tmp_path: Path) -> None:
    made = tiny_bundle.write(tmp_path / "bundle")
    told = runner.call(CARD, ["verify", str(made)], tmp_path, timeout_s=300)
    assert told["exit_code"] == 0
    assert told["machine"] == "aarch64"
    assert all(each["ok"] for each in told["checks"])
    spectrum = spectrum_files.rruff(tmp_path / "good.txt", *tiny_bundle.known())
    here, there = (list(runner.stream(card, ["predict", str(made), str(spectrum)])) for card in (LOCAL, CARD))
    assert there[0]["file"] == str(spectrum)
    assert [each["label"] for each in there[0]["top"]] == [each["label"] for each in here[0]["top"]]


def test_no_latency_is_ever_told_of_an_emulator(tmp_path: Path) -> None:
    x = np.zeros((2, 8), np.float32)
    with pytest.raises(Mistake, match="emulated: how long a model takes there says nothing") as caught:
        measure.measure({}, x, np.zeros(2, int), CARD, tmp_path, reference="a", float_of={})
    assert "edgespec matrix --target arm64_emulated" in caught.value.hint


def test_without_the_emulator_its_script_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path / "empty"))
    with pytest.raises(Missing, match="which is not here") as caught:
        runner.call(CARD, ["hello", "--runtime", "onnxruntime"], tmp_path)
    assert "edgespec setup arm64_emulated" in caught.value.hint
    assert plugins.shipped("export", "setup", "arm64_emulated.sh").is_file()


def test_one_file_that_is_refused_does_not_hide_the_others(tmp_path: Path) -> None:
    line = tiny_job.line("cnn")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    good = line.float32.path("float32")
    models = [{"name": "broken", "file": "broken.onnx"}, {"name": "good", "file": str(good)}]
    np.save(tmp_path / "x.npy", line.job.spectra.x[:3])
    request = {"runtime": "onnxruntime", "threads": 1, "spectra": "x.npy", "models": models, "batches": [1, 2]}
    (tmp_path / "request.json").write_text(json.dumps(request))
    broken, told = runner.call(LOCAL, ["answers", "request.json"], tmp_path)["models"]
    assert "cannot be loaded" in broken["error"]
    assert (told["name"], told["answered"], told["batches"]) == ("good", True, [1, 2])


def test_a_target_that_answers_otherwise_disagrees(tmp_path: Path) -> None:
    line = tiny_job.line("cnn")
    swapped = tmp_path / "swap.py"
    swapped.write_text(SWAPS)
    card = replace(LOCAL, name="liar", python=(sys.executable, str(swapped)))
    rows = line.job.splits.test
    model = OnnxModel(line.float32.folder, "cnn", 128, 3, {"float32": line.float32.variants["float32"]})
    work = tmp_path / "work"
    work.mkdir()
    found = matrix_on_target.of_files(
        model, line.job.spectra.x[rows], line.job.spectra.y[rows], card, work, progress=Silent()
    )
    own, liar = found.cells
    assert (own.verdict, liar.verdict) == ("agrees", "disagrees")
    assert liar.disagreements > 0
    plain = {**vars(found), "cells": [vars(each) for each in found.cells]}
    assert matrix_table.table(plain)[1][1:3] == ["onnxruntime on liar", "disagrees"]
    assert "nothing was timed" in matrix_table.notes(plain)[0]
    assert "says nothing" in matrix_table.notes({**plain, "source": "emulated"})[0]
    assert matrix.MARGINS["float32"] == liar.margin


SWAPS = """
import runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition('/')[0])
from measure import answers
whole = answers._by
answers._by = lambda infer, x, size: whole(infer, x, size)[:, ::-1]
runpy.run_path(sys.argv[0], run_name='__main__')
"""
