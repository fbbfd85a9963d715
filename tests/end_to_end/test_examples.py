"""The programs of examples/, each run as its head says: a service, a C program, a watched folder, a device reached by ssh."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import downloads
import pytest
import tiny_job
import tiny_run
from command import edgespec

TOP = Path(__file__).parents[2]
EXAMPLES = TOP / "examples"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run, its bundle, its C code and a spectrum that the model knows."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(tiny_run.undisturbed(), folder / "runs" / "tiny")
    for more in ((), ("--target", "c_x86")):
        ended = edgespec(folder, "export", "runs/tiny", *more)
        assert ended.returncode == 0, ended.stderr
    spectra = tiny_job.spectra()
    lines = [f"{place},{value}" for place, value in zip(spectra.axis, spectra.x[0], strict=True)]
    (folder / "spectrum.csv").write_text("Raman shift (cm-1),intensity\n" + "\n".join(lines) + "\n")
    (folder / "label.txt").write_text(spectra.labels[spectra.y[0]])
    return folder


def test_the_service_answers_a_posted_file_and_refuses_rubbish(lab: Path) -> None:
    program = [sys.executable, str(EXAMPLES / "service" / "service.py"), str(lab / "runs" / "tiny" / "bundle"), "0"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as service:
        try:
            assert service.stdout is not None
            address = service.stdout.readline().strip()
            body = (lab / "spectrum.csv").read_bytes()
            with urllib.request.urlopen(urllib.request.Request(address, data=body), timeout=60) as answer:
                told = answer.read().decode()
            assert (lab / "label.txt").read_text() in told
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(urllib.request.Request(address, data=b"\x00\x01 rubbish"), timeout=60)
            assert refused.value.code == 422
            assert json.loads(refused.value.read())
            refused.value.close()
        finally:
            service.terminate()


def test_the_c_program_names_a_spectrum_and_refuses_what_does_not_cover_the_axis(lab: Path, tmp_path: Path) -> None:
    if shutil.which("cc") is None or shutil.which("make") is None:
        pytest.skip("no C compiler or no make here")
    shutil.copytree(EXAMPLES / "c_program", tmp_path / "c")
    code = lab / "runs" / "tiny" / "bundles" / "c_x86"
    subprocess.run(["make", "-C", str(tmp_path / "c"), f"CODE={code}"], check=True, capture_output=True, text=True)
    program = str(tmp_path / "c" / "classify")
    said = subprocess.run([program, str(lab / "spectrum.csv")], check=True, capture_output=True, text=True).stdout
    assert re.fullmatch(rf"{(lab / 'label.txt').read_text()} [01]\.[0-9]{{3}} (known|unknown)\n", said)
    short = tmp_path / "short.csv"
    short.write_text("\n".join((lab / "spectrum.csv").read_text().splitlines()[:20]))
    for argument in (str(short), str(tmp_path / "absent.csv")):
        assert subprocess.run([program, argument], check=False, capture_output=True).returncode == 2


def test_a_watched_folder_gets_an_answer_for_each_new_file(lab: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    answers = tmp_path / "answers.jsonl"
    shell = [
        "sh",
        str(EXAMPLES / "watch_folder" / "watch.sh"),
        str(lab / "runs" / "tiny"),
        str(tmp_path / "in"),
        str(answers),
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    with subprocess.Popen(shell, env=environment, stderr=subprocess.DEVNULL, preexec_fn=downloads.heard) as watching:
        try:
            shutil.copy(lab / "spectrum.csv", tmp_path / "in" / "new.csv")
            until = time.monotonic() + 60
            while time.monotonic() < until and not (answers.exists() and answers.read_text()):
                time.sleep(0.2)
            watching.send_signal(signal.SIGINT)
            watching.wait(timeout=30)
        finally:
            watching.kill()
    assert (lab / "label.txt").read_text() in answers.read_text()


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.sh")), ids=lambda path: path.name)
def test_a_shell_linter_finds_nothing(path: Path) -> None:
    program = Path(sys.executable).parent / "shellcheck"
    if not program.is_file():
        pytest.skip("shellcheck has no build for this machine")
    ended = subprocess.run([str(program), str(path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
