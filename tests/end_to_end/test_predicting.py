"""`edgespec predict`: the answers of the device's program as a table, as JSON, and for a run."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import spectrum_files as files
import tiny_bundle
import vendor_files
from command import edgespec

MINERALS = ("Albite", "Beryl", "Diopside")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A file with a spectrum that the model knows well."""
    return files.rruff(tmp_path / "good.txt", *tiny_bundle.known())


def test_a_run_answers_with_the_file_that_it_ships(undisturbed: Path, tmp_path: Path, good: Path) -> None:
    ended = edgespec(tmp_path, "predict", undisturbed, good, "--json")
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert Path(told["model"]) == undisturbed / "5-calibrate" / "model.onnx", "not measured: what the card prefers"
    assert told["results"][0]["label"] in MINERALS
    other = edgespec(tmp_path, "predict", undisturbed, good, "--json", "--variant", "cpu-int8")
    assert Path(json.loads(other.stdout)["model"]).name == "cpu-int8.onnx"


def test_edgespec_predict_prints_a_table_and_what_was_refused(tmp_path: Path, good: Path) -> None:
    (tmp_path / "bad.txt").write_text("nothing")
    ended = edgespec(tmp_path, "predict", tiny_bundle.model(), "good.txt", "bad.txt", "--wide")
    assert ended.returncode == 2
    head, row = ended.stdout.splitlines()
    assert head.split() == ["file", "label", "probability", "flag", "runner-up", "one", "of", "covered"]
    assert row.split()[0] == "good.txt"
    assert row.split()[1] in MINERALS
    assert "error: bad.txt: no lines of numbers in it" in ended.stderr
    assert "hint:  " in ended.stderr
    plain = edgespec(tmp_path, "predict", tiny_bundle.model(), "good.txt", COLUMNS="60")
    assert plain.stderr == ""
    assert all(len(line) <= 60 for line in plain.stdout.splitlines())
    assert plain.stdout.split()[:3] == ["file", "label", "probability"]


def test_instruments_own_files_of_a_folder_are_answered_and_inspected(tmp_path: Path) -> None:
    axis, x = tiny_bundle.known()
    for k, name in enumerate(MINERALS):
        (tmp_path / "own" / name).mkdir(parents=True)
        vendor_files.wdf(tmp_path / "own" / name / "a.wdf", axis[::-1], np.array([x[::-1] + k, x[::-1] * 2 + k]))
        vendor_files.opus(tmp_path / "own" / name / "b.0", vendor_files.opus_data(10, x * 3 + k, axis))
        vendor_files.perkinelmer(tmp_path / "own" / name / "c.sp", axis, x * 4 + k, label="INT")
        (tmp_path / "own" / name / "read.me.1").write_text("no spectrum")
    ended = edgespec(tmp_path, "predict", tiny_bundle.model(), "own", "--json")
    assert ended.returncode == 0, ended.stderr
    results = json.loads(ended.stdout)["results"]
    assert [Path(each["file"]).name for each in results] == ["a.wdf:1", "a.wdf:2", "b.0", "c.sp"] * 3
    assert len({each["label"] for each in results}) == 1, "the spectrum is the same in every format"
    inspected = edgespec(tmp_path, "data", "inspect", "own")
    assert inspected.returncode == 0, inspected.stderr
    assert "12 usable spectra, 3 classes" in inspected.stdout


def test_edgespec_predict_gives_json_and_reads_standard_input(tmp_path: Path, good: Path) -> None:
    (tmp_path / "bad.txt").write_text("nothing")
    command = [sys.executable, "-m", "edgespec", "predict", tiny_bundle.model(), "-", "bad.txt", "--json", "--top", "3"]
    with good.open() as given:  # the program on the target reads it
        ended = subprocess.run(command, cwd=tmp_path, stdin=given, capture_output=True, text=True, check=False)
    told = json.loads(ended.stdout)
    assert ended.returncode == 2
    assert set(told) == {"model", "contract", "results", "refused"}
    assert told["contract"]["labels"] == list(MINERALS)
    assert [each["file"] for each in told["results"]] == ["standard input"]
    assert len(told["results"][0]["top"]) == 3
    assert [each["file"] for each in told["refused"]] == ["bad.txt"]


def test_names_that_are_no_text_are_shown_all_the_same(tmp_path: Path, good: Path) -> None:
    good.rename(tmp_path / "a\x1b[2Jb\udcff.txt")
    ended = edgespec(tmp_path, "predict", tiny_bundle.model(), ".")
    assert ended.returncode == 0
    assert "\x1b" not in ended.stdout
    assert json.loads(edgespec(tmp_path, "predict", tiny_bundle.model(), ".", "--json").stdout)["results"]


@pytest.mark.parametrize(
    ("model", "told"),
    [("paper.pdf", "is not an ONNX file"), ("rubbish.onnx", "cannot be loaded"), ("nowhere", "there is no nowhere")],
)
def test_what_is_no_model_is_a_mistake(tmp_path: Path, good: Path, model: str, told: str) -> None:
    for name in ("paper.pdf", "rubbish.onnx"):
        (tmp_path / name).write_bytes(b"%PDF-1.7\n" + bytes(range(256)))
    ended = edgespec(tmp_path, "predict", model, "good.txt")
    assert ended.returncode == 2
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_csv_has_a_line_for_each_spectrum_refused_ones_too(tmp_path: Path, good: Path) -> None:
    (tmp_path / "bad.txt").write_text("nothing")
    ended = edgespec(tmp_path, "predict", tiny_bundle.model(), "good.txt", "bad.txt", "--csv")
    assert ended.returncode == 2
    answered, refused = csv.DictReader(ended.stdout.splitlines())
    told = json.loads(edgespec(tmp_path, "predict", tiny_bundle.model(), "good.txt", "--json").stdout)["results"][0]
    assert (answered["file"], answered["label"], answered["flag"]) == ("good.txt", told["label"], told["flag"])
    assert float(answered["probability"]) == told["probability"]
    assert answered["runner_up"] == told["runner_up"]["label"]
    assert answered["error"] == ""
    assert refused["file"] == "bad.txt"
    assert refused["label"] == ""
    assert "no lines of numbers" in refused["error"]


def test_an_unknown_spectrum_is_not_given_a_confident_name(tmp_path: Path) -> None:
    axis, x = tiny_bundle.known()
    files.rruff(tmp_path / "odd.txt", axis, np.random.default_rng(0).random(len(x)) + 1)
    told = json.loads(edgespec(tmp_path, "predict", tiny_bundle.model(), "odd.txt", "--json").stdout)["results"][0]
    row = edgespec(tmp_path, "predict", tiny_bundle.model(), "odd.txt").stdout.splitlines()[1]
    assert told["flag"] == "unknown"
    assert f"unknown (nearest {told['label']})" in row


def test_spectra_on_standard_input_are_answered_one_by_one(tmp_path: Path) -> None:
    axis, x = tiny_bundle.known()
    command = [sys.executable, "-m", "edgespec", "predict", tiny_bundle.model(), "--stream", "--json"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, text=True, **pipes) as program:  # type: ignore[call-overload]
        told = []
        program.stdin.write(",".join(map(repr, axis.tolist())) + "\n")
        for line in (",".join(map(repr, x.tolist())), "1,2,3", json.dumps({"x": (2 * x).tolist(), "name": "twice"})):
            program.stdin.write(line + "\n")
            program.stdin.flush()
            told.append(json.loads(program.stdout.readline()))  # it is here before the next line goes
        program.stdin.close()
        assert program.wait(60) == 2, "one was refused"
        assert program.stderr.read() == ""
    assert [each.get("label") for each in told] == [told[0]["label"], None, told[0]["label"]]
    assert told[0]["label"] in MINERALS
    assert [each["file"] for each in told] == ["standard input:2", "standard input:3", "twice"]
    assert "3 intensities, its axis has" in told[1]["error"]


def test_a_folder_is_watched_until_ctrl_c(tmp_path: Path, good: Path) -> None:
    folder = tmp_path / "measured"
    folder.mkdir()
    command = [sys.executable, "-m", "edgespec", "predict", tiny_bundle.model(), "measured", "--watch", "--csv"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    default = [sys.executable, "-c", "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
               "os.execv(sys.argv[1], sys.argv[1:])"]  # fmt: skip
    with subprocess.Popen([*default, *command], cwd=tmp_path, text=True, start_new_session=True, **pipes) as program:  # type: ignore[call-overload]
        told = [program.stdout.readline().split(",")]
        for name, content in (("1.txt", good.read_text()), ("2.txt", "nothing"), ("3.txt", good.read_text())):
            (folder / name).write_text(content)
            told.append(program.stdout.readline().split(","))
        os.killpg(program.pid, signal.SIGINT)  # as a terminal does
        assert program.wait(60) == 2, "one was refused"
        assert program.stderr.read() == ""
    assert [each[0] for each in told] == ["file", "measured/1.txt", "measured/2.txt", "measured/3.txt"]
    assert told[1][1] == told[3][1]
    assert told[1][1] in MINERALS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no FILE is named"),
        (["--stream", "a.csv"], "--stream reads standard input alone"),
        (["--stream", "--watch", "."], "--stream reads standard input alone"),
        (["--watch", "-"], "--watch watches folders, not standard input"),
        (["--watch", "none"], "none: there is no such folder to watch"),
    ],
)
def test_what_cannot_be_read_is_a_mistake(tmp_path: Path, arguments: list[str], said: str) -> None:
    ended = edgespec(tmp_path, "predict", tiny_bundle.model(), *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "hint:  " in ended.stderr


def test_a_folder_tells_what_it_left_out(tmp_path: Path, good: Path) -> None:
    folder = tmp_path / "measured"
    (folder / "below").mkdir(parents=True)
    good.rename(folder / "a.txt")
    for name in ("report.pdf", "below/photo.PNG", "below/notes.1", "README", ".hidden"):
        (folder / name).write_text("no spectrum")
    ended = edgespec(tmp_path, "predict", tiny_bundle.model(), "measured")
    assert ended.returncode == 0
    assert ended.stderr == "note:  files left out, by their ending: .1 1, .pdf 1, .png 1, without ending 1\n"
