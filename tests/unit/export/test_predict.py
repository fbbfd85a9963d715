"""Spectrum files in, labels out, on a device that has no edgespec."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import spectrum_files as files
import tiny_bundle
import tiny_job
import vendor_files
from device_runner import RUNNER, ask, carry

from edgespec import contract
from edgespec.data.readers import rruff_text
from edgespec.graph import onnx_file
from edgespec.spectra import interpolate

MINERALS = ("Albite", "Beryl", "Diopside")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A file with a spectrum that the model knows well."""
    return files.rruff(tmp_path / "good.txt", *tiny_bundle.known())


def test_an_answer_names_label_probability_flag_runner_up_and_what_was_covered(tmp_path: Path, good: Path) -> None:
    code, (answer, summary) = ask(tmp_path, "predict", tiny_bundle.model(), "good.txt", "--top", "3")
    assert code == summary["exit_code"] == 0
    axis, x = tiny_bundle.known()
    values, _ = interpolate(axis, x, tiny_job.AXIS.values())
    outputs = onnx_file.session(tiny_bundle.model()).run(None, {"spectrum": values[None]})
    logits, probabilities, score = (each[0] for each in outputs)
    order = (-logits).argsort()
    labels = contract.load(tiny_bundle.model()).labels
    assert answer["file"] == "good.txt"
    assert [each["label"] for each in answer["top"]] == [labels[i] for i in order]
    assert answer["label"] == labels[order[0]]
    assert answer["probability"] == pytest.approx(float(probabilities[order[0]]), abs=1e-6)
    assert answer["runner_up"] == answer["top"][1]
    assert answer["score"] == pytest.approx(float(score[0]), abs=1e-6)
    assert answer["flag"] == ("known" if score[0] >= tiny_bundle.THRESHOLD else "unknown")
    assert answer["covered"] == 1
    assert (answer["number"], answer["of"]) == (1, 1)
    assert summary["answered"] == 1
    assert summary["contract"]["labels"] == list(labels)


def test_a_score_below_the_threshold_is_flagged_unknown(tmp_path: Path, good: Path) -> None:
    loaded, told = onnx.load(tiny_bundle.model()), contract.load(tiny_bundle.model())
    for threshold, flag in ((0.0, "known"), (1.1, "unknown")):
        contract.stamp(loaded, contract.of_plain({**told.plain(), "threshold": threshold}, "here"))
        onnx.save(loaded, tmp_path / "model.onnx")
        _, (answer, summary) = ask(tmp_path, "predict", "model.onnx", "good.txt")
        assert answer["flag"] == flag
        assert summary["unknown"] == (flag == "unknown")


def test_a_model_without_probabilities_and_score_answers_with_a_softmax_and_no_flag(tmp_path: Path, good: Path) -> None:
    path = tiny_job.line("cnn").float32.path("float32")
    _, (answer, _) = ask(tmp_path, "predict", path, "good.txt", "--top", "3")
    assert (answer["flag"], answer["score"]) == (None, None)
    assert sum(each["probability"] for each in answer["top"]) == pytest.approx(1)
    logits = onnx_file.run(path, interpolate(*tiny_bundle.known(), tiny_job.AXIS.values())[0][None])[0]
    assert answer["probability"] == pytest.approx(1 / np.exp(logits - logits.max()).sum(), rel=1e-5)


def test_a_batch_goes_on_past_files_that_are_no_good(tmp_path: Path, good: Path) -> None:
    (tmp_path / "bad.txt").write_text("nothing")
    code, told = ask(
        tmp_path, "predict", tiny_bundle.model(), "bad.txt", "nowhere.txt", "good.txt", "bad.txt", "good.txt"
    )
    *answers, summary = told
    assert [("label" in each, each["number"]) for each in answers] == [
        (False, 1), (False, 2), (True, 3), (False, 4), (True, 5)
    ]  # fmt: skip
    assert code == summary["exit_code"] == 2
    assert (summary["answered"], summary["refused"]) == (2, 3)
    assert all(each["error"] and each["hint"] for each in answers if "label" not in each)


def test_one_column_that_is_no_good_does_not_keep_its_neighbours_from_an_answer(tmp_path: Path) -> None:
    axis, x = tiny_bundle.known()
    rows = np.column_stack([axis, x, np.zeros_like(x), x])
    np.savetxt(tmp_path / "wide.csv", rows, delimiter=",", header="shift,a,b,c", comments="")
    code, (first, refused, last, _) = ask(tmp_path, "predict", tiny_bundle.model(), "wide.csv")
    assert code == 2
    assert (first["file"], last["file"]) == ("wide.csv:a", "wide.csv:c")
    assert refused["file"] == "wide.csv:b"
    assert first["top"] == last["top"]


def test_standard_input_is_a_file_too(tmp_path: Path, good: Path) -> None:
    code, (answer, _) = ask(tmp_path, "predict", tiny_bundle.model(), "-", given=good.read_bytes())
    assert (code, answer["file"]) == (0, "standard input")
    code, (answer, _) = ask(tmp_path, "predict", tiny_bundle.model(), "-")
    assert (code, answer["error"]) == (2, "standard input: is empty")


def test_folders_are_searched_and_an_empty_one_is_refused(tmp_path: Path, good: Path) -> None:
    deep = tmp_path / "many" / "deep"
    deep.mkdir(parents=True)
    files.jcamp(deep / "b.JDX", tiny_job.AXIS.values(), np.round(tiny_bundle.known()[1], 4))
    good.rename(tmp_path / "many" / "a.txt")
    (tmp_path / "many" / "README.md").write_text("no spectrum")
    code, (first, second, _) = ask(tmp_path, "predict", tiny_bundle.model(), "many")
    assert code == 0
    assert {Path(each["file"]).name for each in (first, second)} == {"a.txt", "b.JDX"}
    (tmp_path / "empty").mkdir()
    code, (refused, _) = ask(tmp_path, "predict", tiny_bundle.model(), "empty")
    assert code == 2
    assert "no file of spectra in this folder" in refused["error"]


def test_a_device_needs_no_library_for_any_format(tmp_path: Path) -> None:
    axis, x = tiny_bundle.known()
    (tmp_path / "without").mkdir()
    for name in ("jcamp", "spc_io", "pandas", "scipy"):
        (tmp_path / "without" / f"{name}.py").write_text("raise ImportError('not on a device')")
    files.jcamp(tmp_path / "a.jdx", axis, np.round(x, 4))
    files.spc(tmp_path / "b.spc", axis, x)
    code, told = ask(tmp_path, "predict", tiny_bundle.model(), "a.jdx", "b.spc", PYTHONPATH=str(tmp_path / "without"))
    assert code == 0
    assert [each["file"] for each in told[:-1]] == ["a.jdx", "b.spc"]
    assert len({each["label"] for each in told[:-1]}) == 1


def test_instruments_own_files_get_the_label_of_the_same_spectrum_as_text(tmp_path: Path, good: Path) -> None:
    axis, x = tiny_bundle.known()
    (tmp_path / "own").mkdir()
    vendor_files.wdf(tmp_path / "own" / "a.wdf", axis[::-1], np.array([x[::-1]] * 3))
    vendor_files.opus(tmp_path / "own" / "b.0", vendor_files.opus_data(10, x, axis), vendor_files.opus_data(2, x, of=1))
    vendor_files.perkinelmer(tmp_path / "own" / "c.sp", axis, x, label="", instrument=124)
    code, (wanted, *told, _) = ask(tmp_path, "predict", tiny_bundle.model(), "good.txt", "own")
    names = [f"own/{name}" for name in ("a.wdf:1", "a.wdf:2", "a.wdf:3", "b.0", "c.sp")]
    assert (code, [each.get("file") for each in told]) == (0, names)
    assert {each["label"] for each in told} == {wanted["label"]}
    assert told[3]["notes"] == ["its Raman is taken; left out: interferogram"]
    for name in ("a.wdf", "b.0"):
        raw = (tmp_path / "own" / name).read_bytes()
        _, (first, *_) = ask(tmp_path, "predict", tiny_bundle.model(), "-", given=raw)
        assert first["label"] == wanted["label"]
        assert first["file"].startswith("standard input")


def test_a_device_has_neither_edgespec_nor_torch(tmp_path: Path, good: Path) -> None:
    bundle = tiny_bundle.write(tmp_path / "bundle")
    (tmp_path / "without").mkdir()
    for name in ("edgespec", "torch", "onnx", "scipy", "sklearn"):
        (tmp_path / "without" / f"{name}.py").write_text("raise ImportError('not on a device')")
    code, (answer, _) = ask(
        tmp_path, "predict", bundle, "good.txt", runner=bundle / "runner.py", PYTHONPATH=str(tmp_path / "without")
    )
    assert (code, "label" in answer) == (0, True)
    assert not list(bundle.rglob("__pycache__"))


def unstamped(path: Path) -> Path:
    loaded = onnx.load(tiny_bundle.model())
    del loaded.metadata_props[:]
    onnx.save(loaded, path)
    return path


def test_an_unknown_of_a_threshold_that_few_samples_set_says_so(tmp_path: Path, good: Path) -> None:
    path = unstamped(tmp_path / "model.onnx")
    told = contract.load(tiny_bundle.model()).plain()
    for accepts, noted in (
        ({"asked": 0.95, "mean": 0.92, "low": 0.78, "samples": 12}, True),
        ({"asked": 0.95, "mean": 0.95, "low": 0.92, "samples": 400}, False),
        ({"asked": "much"}, False),
        ([], False),
    ):
        (tmp_path / "contract.json").write_text(json.dumps({**told, "threshold": 1e9, "accepts": accepts}))
        _, (answer, *_) = ask(tmp_path, "predict", path, "good.txt")
        assert answer["flag"] in ("unknown", None)
        if answer["flag"]:
            assert any("rests on 12 sample(s)" in each for each in answer["notes"]) == noted


def test_a_contract_may_lie_beside_its_model(tmp_path: Path, good: Path) -> None:
    path = unstamped(tmp_path / "model.onnx")
    code, (refused,) = ask(tmp_path, "predict", path, "good.txt")
    assert code == 2
    assert "has no contract" in refused["error"]
    assert "contract.json" in refused["hint"]
    told = contract.load(tiny_bundle.model()).plain()
    for changes, wanted in (
        ({}, 0),
        ({"labels": ["a", "b"]}, 4),
        ({"axis": {"start": 150, "step": 1, "points": 127}}, 4),
        ({"axis": {"start": 150, "step": 1}}, 4),
        ({"axis": {"values": [1, "two"]}}, 4),
        ({"labels": 7}, 4),
        ({"format": 99}, 4),
    ):
        (tmp_path / "contract.json").write_text(json.dumps({**told, **changes}))
        code, (answer, *_) = ask(tmp_path, "predict", path, "good.txt")
        assert code == wanted
        assert ("error" in answer) == bool(wanted)
    (tmp_path / "contract.json").write_text("{")
    assert ask(tmp_path, "predict", path, "good.txt")[0] == 4


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["rubbish.onnx", "good.txt"], 2, "cannot be loaded"),
        (["nowhere.onnx", "good.txt"], 2, "there is no file nowhere.onnx"),
        ([".", "good.txt"], 2, "holds no model.onnx"),
        (["MODEL", "good.txt", "--top", "0"], 2, "--top"),
        (["MODEL", "good.txt", "--laser", "0"], 2, "--laser"),
        (["MODEL", "good.txt", "--laser", "nan"], 2, "--laser"),
        (["MODEL", "good.txt", "--unit", "furlong"], 2, "furlong"),
        (["MODEL", "good.txt", "--runtime", "toaster"], 2, "toaster"),
        (["MODEL"], 2, "FILE"),
    ],
)
def test_what_cannot_be_asked_is_told_once(
    tmp_path: Path, good: Path, arguments: list[str], code: int, told: str
) -> None:
    (tmp_path / "rubbish.onnx").write_bytes(b"%PDF-1.7 rubbish")
    given = [str(tiny_bundle.model()) if each == "MODEL" else each for each in arguments]
    ended, answers = ask(tmp_path, "predict", *given)
    assert ended == code
    assert len(answers) == 1
    assert told in answers[0]["error"]
    assert answers[0]["hint"]


def test_a_device_with_one_runtime_takes_that(tmp_path: Path, good: Path) -> None:
    runner = carry(tmp_path / "device", "onnxruntime")
    (tmp_path / "device" / "runtimes" / "onnxruntime.py").rename(tmp_path / "device" / "runtimes" / "only.py")
    assert ask(tmp_path, "predict", tiny_bundle.model(), "good.txt", runner=runner)[0] == 0


def test_whoever_reads_no_further_is_no_error(tmp_path: Path, good: Path) -> None:
    many = " ".join(["good.txt"] * 500)
    command = f"'{sys.executable}' '{RUNNER}' predict '{tiny_bundle.model()}' {many} | head -n 1"
    ended = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert json.loads(ended.stdout)["label"]
    assert "Traceback" not in ended.stderr
    assert "Exception" not in ended.stderr


@pytest.mark.parametrize("mineral", MINERALS)
def test_real_files_get_the_label_that_the_pipeline_gives_them(real: Path, tmp_path: Path, mineral: str) -> None:
    wanted = {}
    told = contract.load(tiny_bundle.model())
    with zipfile.ZipFile(real / "rruff" / "excellent_unoriented_subset.zip") as held:
        for name in held.namelist():
            if Path(name).name.startswith(f"{mineral}__"):
                raw = held.read(name)
                scan = rruff_text.parse(raw, name)
                values, _ = interpolate(scan.axis, scan.x, tiny_job.AXIS.values())
                wanted[Path(name).name] = told.labels[int(onnx_file.run(tiny_bundle.model(), values[None]).argmax())]
                (tmp_path / Path(name).name).write_bytes(raw)
    code, told_lines = ask(tmp_path, "predict", tiny_bundle.model(), ".")
    assert code == 0
    assert {Path(each["file"]).name: each["label"] for each in told_lines[:-1]} == wanted
    assert len(wanted) > 10
