"""C without a runtime, as the runner loads it: compiled where it runs, the file's own answers, a refusal that says why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import c_code
import numpy as np
import pytest
import tiny_job
from device_runner import ask

from edgespec.graph import onnx_file
from edgespec.graph.c import source


@pytest.fixture
def sent(tmp_path: Path) -> tuple[Path, Path]:
    """A model's code in a folder, the spectra that it is asked about, and the file that it was made of."""
    made = tiny_job.line("cnn")
    path = made.int8.path("cpu-int8")
    np.save(tmp_path / "x.npy", made.job.spectra.x[made.job.splits.test[:20]])
    (tmp_path / "m.c").write_text(source.source(path).whole)
    return tmp_path, path


def answers(folder: Path, file: str = "m.c", **environment: str) -> tuple[int, dict[str, Any]]:
    request = {
        "runtime": "c",
        "threads": 1,
        "spectra": "x.npy",
        "models": [{"name": "m", "file": file}],
        "batches": [1, 2],
    }
    (folder / "request.json").write_text(json.dumps(request))
    environment = {"EDGESPEC_PREPARED": str(folder / "kept"), **environment}
    code, (told,) = ask(folder, "answers", "request.json", "--model", "m", **environment)
    return code, told


@c_code.needs_compiler
def test_the_code_gives_the_files_own_answers(sent: tuple[Path, Path]) -> None:
    folder, path = sent
    code, told = answers(folder)
    assert (code, told["answered"]) == (0, True), told
    wanted = onnx_file.run(path, np.load(folder / "x.npy"), batch=1)
    with np.load(folder / "m.npz") as found:
        for size in ("1", "2"):
            assert np.abs(found[size] - wanted).max() <= 1e-3 * np.abs(wanted).max()
    kept = list((folder / "kept").glob("*.so"))
    answers(folder)
    assert list((folder / "kept").glob("*.so")) == kept, "compiled once"


@c_code.needs_compiler
def test_an_onnx_file_is_run_by_the_code_that_was_made_of_it(sent: tuple[Path, Path]) -> None:
    folder, path = sent
    shutil.copyfile(path, folder / "m.onnx")
    code, _ = answers(folder, "m.onnx")
    assert code == 0
    (folder / "m.onnx").write_bytes(path.read_bytes() + b"\0\0")
    code, told = answers(folder, "m.onnx")
    assert "was not made of this m.onnx" in json.dumps(told)
    (folder / "m.c").unlink()
    code, told = answers(folder, "m.onnx")
    assert "there is no m.c beside" in json.dumps(told)


@c_code.needs_compiler
def test_what_does_not_compile_says_where(sent: tuple[Path, Path]) -> None:
    folder, _ = sent
    (folder / "m.c").write_text("int model_run(void) { return x; }\n")
    _, told = answers(folder)
    assert "does not compile m.c" in json.dumps(told)
    (folder / "m.c").write_text("int nothing = 1;\n")
    _, told = answers(folder)
    assert "not code that edgespec wrote" in json.dumps(told)


def test_without_a_compiler_the_remedy_is_told(sent: tuple[Path, Path]) -> None:
    code, told = answers(sent[0], EDGESPEC_CC="no-such-compiler")
    assert code == 3
    assert "there is no C compiler here: no-such-compiler" in told["error"]
    assert "apt install gcc" in told["hint"]
