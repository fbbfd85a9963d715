"""C on a microcontroller, as the runner loads it: built for the board, run in its emulator, the file's own answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job
from device_runner import ask

from edgespec.graph import onnx_file
from edgespec.graph.c import source

MACS = 64 * 5 * 8 + 32 * 5 * 8 * 16 + 128 * 3  # of two convolutions and the head of tiny_job.CNN
TOOLS = ("arm-none-eabi-gcc", "qemu-system-arm")
needs_tools = pytest.mark.skipif(
    any(shutil.which(each) is None for each in TOOLS), reason=f"there is no {' and '.join(TOOLS)} here"
)


def answers(folder: Path, **environment: str) -> tuple[int, dict[str, Any]]:
    request = {
        "runtime": "cortex_m",
        "threads": 1,
        "spectra": "x.npy",
        "models": [{"name": "m", "file": "m.c"}],
        "batches": [1],
    }
    (folder / "request.json").write_text(json.dumps(request))
    environment = {"EDGESPEC_PREPARED": str(folder / "kept"), **environment}
    code, (told,) = ask(folder, "answers", "request.json", "--model", "m", **environment)
    return code, told


@needs_tools
@pytest.mark.parametrize("board", ["cortex-m4", "cortex-m7"])
@pytest.mark.parametrize("variant", ["float32", "cpu-int8"])
def test_a_board_gives_the_files_own_answers(board: str, variant: str, tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    path, x = made.int8.path(variant), made.job.spectra.x[made.job.splits.test[:6]]
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "m.c").write_text(source.source(path).whole)
    code, told = answers(tmp_path, EDGESPEC_BOARD=board)
    assert (code, told["answered"], told["providers"]) == (0, True, [f"{board}, emulated"]), told
    wanted = onnx_file.run(path, x, batch=1)
    with np.load(tmp_path / "m.npz") as found:
        assert np.abs(found["1"] - wanted).max() <= 1e-3 * np.abs(wanted).max()
    assert 1000 < told["flash_bytes"] < 40_000
    assert source.source(path).workspace < told["ram_bytes"] < 20_000
    assert 64 <= told["stack_bytes"] < 4000
    assert MACS / 4 < told["instructions"] < 40 * MACS
    _, again = answers(tmp_path, EDGESPEC_BOARD=board)
    assert again["instructions"] == pytest.approx(told["instructions"], abs=100), "counted, not timed"


@needs_tools
def test_what_is_no_code_of_ours_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 4), np.float32))
    (tmp_path / "m.c").write_text("int model_run(void) { return 0; }\n")
    code, told = answers(tmp_path)
    assert code == 2
    assert "it is no C code that edgespec wrote" in told["error"]


def test_a_board_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 4), np.float32))
    (tmp_path / "m.c").write_text("")
    code, told = answers(tmp_path, EDGESPEC_BOARD="cortex-m99")
    assert (code, told["error"]) == (2, "there is no board 'cortex-m99' here")
