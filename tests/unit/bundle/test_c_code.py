"""The C code in a bundle: a program that anybody can compile, tried on the test vectors before it is sent."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import c_code as tools
import numpy as np
import pytest
import tiny_job

from edgespec.bundle import c_code
from edgespec.errors import Mismatch
from edgespec.graph import onnx_file
from edgespec.steps import calibrate
from edgespec.targets import card as cards


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, np.ndarray]:
    """A calibrated int8 file, test vectors of it, and their spectra."""
    line, folder = tiny_job.line("cnn"), tmp_path_factory.mktemp("c")
    done = calibrate.run(line.job.inside(folder), line.int8)
    path, x = done.path("cpu-int8"), line.job.spectra.x[line.job.splits.test[:9]]
    np.savez(folder / "vectors.npz", spectra=x, **onnx_file.outputs(path, x, batch=1))
    return path, folder / "vectors.npz", x


@tools.needs_compiler
def test_anybody_can_compile_the_program_and_ask_it(made: tuple[Path, Path, np.ndarray], tmp_path: Path) -> None:
    path, vectors, x = made
    files, told = c_code.write(tmp_path, path, vectors)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(files)
    assert "9 of 9 test vectors: the same label" in told[0]
    words = ["cc", *c_code.STRICT, "-O1", "main.c", "model.c", "-o", "model", "-lm"]
    subprocess.run(words, cwd=tmp_path, check=True)
    (tmp_path / "a.txt").write_text(
        "# an instrument\n" + "".join(f"{150 + i} {value:.9g}\n" for i, value in enumerate(x[0]))
    )
    ended = subprocess.run(["./model", "a.txt"], cwd=tmp_path, capture_output=True, text=True, check=False)
    label = onnx_file.run(path, x[:1]).argmax()
    assert (ended.returncode, ended.stdout.split()[0]) == (0, ("Albite", "Beryl", "Diopside")[label])
    for content, why in (("1\n2\n", "holds 2 intensities, the model takes 128"), ("nan\n" * 128, "NaN or infinity")):
        (tmp_path / "b.txt").write_text(content)
        ended = subprocess.run(["./model", "b.txt"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 2
        assert why in ended.stderr


BUILDS = {
    "sanitizers": (["cc", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"], []),
    "sanitizers, this processor": (
        ["cc", "-O2", "-march=native", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
        [],
    ),
    "64-bit Arm": (["aarch64-linux-gnu-gcc", "-O2", "-static"], ["qemu-aarch64", "-cpu", "max"]),
    "64-bit Arm, dot product": (
        ["aarch64-linux-gnu-gcc", "-O3", "-march=armv8.2-a+dotprod", "-static"],
        ["qemu-aarch64", "-cpu", "max"],
    ),
}


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("variant", ["float32", "cpu-int8"])
def test_the_program_answers_wherever_it_is_built_for(
    build: str, variant: str, made: tuple[Path, Path, np.ndarray], tmp_path: Path
) -> None:
    compiler, emulator = BUILDS[build]
    for each in (compiler[0], *emulator[:1]):
        if shutil.which(each) is None:
            pytest.skip(f"there is no {each} here")
    path = made[0].with_name("model.onnx" if variant == "float32" else made[0].name)
    np.savez(tmp_path / "vectors.npz", spectra=made[2], **onnx_file.outputs(path, made[2], batch=1))
    c_code.write(tmp_path, path, tmp_path / "vectors.npz")
    words = [*compiler, *c_code.STRICT, "main.c", "model.c", "-o", "model", "-lm"]
    subprocess.run(words, cwd=tmp_path, check=True)
    ended = subprocess.run([*emulator, "./model"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "9 of 9 test vectors: the same label" in ended.stdout


@tools.needs_compiler
def test_code_that_answers_otherwise_is_not_sent(made: tuple[Path, Path, np.ndarray], tmp_path: Path) -> None:
    path, vectors, _ = made
    with np.load(vectors) as held:
        other = {name: held[name] for name in held.files}
    other["logits"] = -other["logits"]
    np.savez(tmp_path / "other.npz", **other)
    with pytest.raises(Mismatch, match=r"answers otherwise than model\.onnx"):
        c_code.write(tmp_path, path, tmp_path / "other.npz")


def test_without_a_compiler_the_bundle_says_so(
    made: tuple[Path, Path, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGESPEC_CC", "no-such-compiler")
    _, told = c_code.write(tmp_path, *made[:2])
    assert told == ["not compiled: there is no C compiler here (apt install gcc)"]


@pytest.mark.skipif(
    any(shutil.which(each) is None for each in ("arm-none-eabi-gcc", "qemu-system-arm")),
    reason="there is no arm-none-eabi-gcc, or no qemu-system-arm, here",
)
def test_a_board_is_asked_and_tells_what_the_code_takes(made: tuple[Path, Path, np.ndarray], tmp_path: Path) -> None:
    path, vectors, _ = made
    told = c_code.on_board(cards.load("cortex_m7"), path, vectors)
    assert "cortex-m7, emulated: 9 of 9 test vectors: the same label" in told.said
    assert 1000 < told.flash_bytes < 40_000
    assert 1000 < told.ram_bytes < 20_000
    assert 64 <= told.stack_bytes < told.ram_bytes
    assert told.instructions > 10_000
    assert "instructions a spectrum" in told.said
    with np.load(vectors) as held:
        other = {name: held[name] for name in held.files}
    other["logits"] = -other["logits"]
    np.savez(tmp_path / "other.npz", **other)
    with pytest.raises(Mismatch, match="names another label for 9 of 9 test vectors"):
        c_code.on_board(cards.load("cortex_m7"), path, tmp_path / "other.npz")


def test_without_the_boards_tools_nothing_is_known(
    made: tuple[Path, Path, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    told = c_code.on_board(cards.load("cortex_m7"), *made[:2])
    assert "there is no arm-none-eabi-gcc and no qemu-system-arm here" in told.said
    assert (told.flash_bytes, told.ram_bytes, told.stack_bytes, told.instructions) == (0, 0, 0, 0)


@tools.needs_compiler
def test_code_that_somebody_sent_is_not_run(made: tuple[Path, Path, np.ndarray], tmp_path: Path) -> None:
    path, vectors, _ = made
    shutil.copyfile(path, tmp_path / "model.onnx")
    c_code.write(tmp_path, tmp_path / "model.onnx", vectors)
    mark = tmp_path / "was_run"
    planted = f'#include <stdio.h>\n__attribute__((constructor)) static void run(void) {{ fopen("{mark}", "w"); }}\n'
    (tmp_path / "model.c").write_text(planted + (tmp_path / "model.c").read_text())
    (tmp_path / "a.txt").write_text("".join(f"{i} {100 + i % 17}\n" for i in range(140, 1190)))
    words = [
        sys.executable,
        "-m",
        "edgespec",
        "predict",
        str(tmp_path / "model.onnx"),
        str(tmp_path / "a.txt"),
        "--json",
    ]
    answers = []
    for more in ([], ["--runtime", "c"]):
        ended = subprocess.run([*words, *more], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        answers.append(json.loads(ended.stdout))
    assert not mark.exists()
    assert answers[0]["results"][0]["label"] == answers[1]["results"][0]["label"]
    assert answers[1]["model"] == str(tmp_path / "model.onnx")
