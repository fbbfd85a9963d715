"""What a bundle holds for C without a runtime: the code, its test vectors, a program that answers a file, and whether it was tried here."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgespec import device_program, storage, units, unpacking
from edgespec.errors import Mismatch, Missing, Unreachable
from edgespec.graph.c import source
from edgespec.graph.c.values import numbers
from edgespec.targets import runner
from edgespec.targets.card import Target

FLAGS = ("-O3", "-fno-math-errno", "-fno-trapping-math")
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
LIMIT_S = 300.0
MAIN = "main.c"
FILES = ("model.h", "model.c", "test_vectors.h", MAIN)


def write(part: Path, model: Path, vectors: Path) -> tuple[list[str], list[str]]:
    """Write `model.h`, `model.c`, `test_vectors.h` and `main.c` into a bundle, and try them where there is a compiler.

    model: the bundle's ONNX file; vectors: its test vectors
    Gives the names of the files, and what was checked. Raises Mistake for an operator that has no C, Mismatch where the code does not compile
    or answers otherwise than the file.
    """
    made = source.source(model)
    storage.write(part / "model.h", made.header.encode())
    storage.write(part / "model.c", made.source.encode())
    storage.write(part / "test_vectors.h", _vectors(vectors).encode())
    shutil.copyfile(source.KERNELS / MAIN, part / MAIN)
    return list(FILES), _tried(part)


@contextmanager
def made_anew(model: Path) -> Iterator[Path]:
    """Lend a copy of an ONNX file beside C code that is made of it here: code that somebody sent is never run.

    Raises Mistake for an operator that has no C, Mismatch where the bundle's files are not as its checksums say.
    """
    with device_program.refusals():
        device_program.module("checksums").unchanged(model.parent)
    with tempfile.TemporaryDirectory() as name:
        copied, beside = Path(name) / "model.onnx", model.parent / "contract.json"
        shutil.copyfile(model, copied)
        if beside.is_file():
            shutil.copyfile(beside, copied.parent / beside.name)
        storage.write(copied.with_suffix(".c"), source.source(copied).whole.encode())
        yield copied


@dataclass(frozen=True)
class Board:
    """What the code takes on a microcontroller; all 0 where that is not known. said: in words, or why it is not known

    ram_bytes: of spectrum, workspace, answer and stack; stack_bytes: of the stack alone; instructions: of one answer
    """

    said: str
    flash_bytes: int = 0
    ram_bytes: int = 0
    stack_bytes: int = 0
    instructions: int = 0


def on_board(card: Target, model: Path, vectors: Path) -> Board:
    """Ask the code on a microcontroller that is emulated, and say what it answers and takes there.

    All is 0 where the tools are missing. Raises Mismatch where it names another label than the file.
    """
    with tempfile.TemporaryDirectory() as name, np.load(vectors, allow_pickle=False) as held:
        work = Path(name)
        np.save(work / "spectra.npy", np.ascontiguousarray(held["spectra"], np.float32))
        (work / "model.c").write_text(source.source(model).whole, encoding="utf-8")
        request = {"runtime": card.runtime, "threads": 1, "spectra": "spectra.npy", "batches": [1]}
        request["models"] = [{"name": "model", "file": "model.c"}]
        (work / "request.json").write_text(json.dumps(request), encoding="utf-8")
        own = replace(card, env={**card.env, "EDGESPEC_PREPARED": str(work / "kept")})
        try:
            told = runner.call(own, ["answers", "request.json", "--model", "model"], work, timeout_s=LIMIT_S)
        except (Missing, Unreachable) as problem:
            return Board(f"not built for the board: {problem.message}; {problem.hint}")
        said, wanted = unpacking.arrays(work / "model.npz", "1")["1"].argmax(1), held["logits"].argmax(1)
    if (said != wanted).any():
        told_ = (
            f"on {card.name} the code names another label for {int((said != wanted).sum())} of {len(said)} test vectors"
        )
        raise Mismatch(told_, hint="please report it, with the ONNX file")
    flash, ram, stack, count = (int(told[key]) for key in ("flash_bytes", "ram_bytes", "stack_bytes", "instructions"))
    sizes = f"{units.show_size(flash)} of flash, {units.show_size(ram)} of RAM with {units.show_size(stack)} of stack"
    answers = f"{len(said)} of {len(said)} test vectors: the same label"
    whole = f"{told['providers'][0]}: {answers}; {sizes}; {units.show_count(count)} instructions a spectrum"
    return Board(whole, flash, ram, stack, count)


def _vectors(path: Path) -> str:
    """Write the test vectors as tables."""
    with np.load(path, allow_pickle=False) as held:  # which this process has just written
        x, logits = (np.asarray(held[name], np.float32) for name in ("spectra", "logits"))
    rows = ",\n".join(f"{{{numbers(row)}}}" for row in x)
    answers = ",\n".join(f"{{{numbers(row)}}}" for row in logits)
    labels = ",".join(str(int(each)) for each in logits.argmax(1))
    return (
        "/* Spectra of the test part, and what the ONNX file answers to them. */\n"
        f"#define TEST_VECTORS {len(x)}\n"
        f"static const float test_spectra[TEST_VECTORS][MODEL_POINTS] = {{\n{rows}}};\n"
        f"static const float test_logits[TEST_VECTORS][MODEL_CLASSES] = {{\n{answers}}};\n"
        f"static const int test_labels[TEST_VECTORS] = {{{labels}}};\n"
    )


def _tried(part: Path) -> list[str]:
    """Compile the program with this machine's compiler and ask it for the test vectors; say what came of it."""
    compiler = shlex.split(os.environ.get("EDGESPEC_CC", "")) or [
        next(iter(filter(shutil.which, ("cc", "gcc", "clang"))), "")
    ]
    if not compiler[0] or shutil.which(compiler[0]) is None:
        return ["not compiled: there is no C compiler here (apt install gcc)"]
    with tempfile.TemporaryDirectory() as name:
        for file in FILES:
            shutil.copyfile(part / file, Path(name) / file)
        words = [*compiler, *STRICT, *FLAGS, MAIN, "model.c", "-o", "model", "-lm"]
        _ended(words, name, "does not compile")
        return [f"{compiler[0]}: {_ended([str(Path(name) / 'model')], name, 'answers otherwise than model.onnx')}"]


def _ended(words: list[str], folder: str, what: str) -> str:
    ended = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, errors="replace", check=False, timeout=LIMIT_S
    )
    if ended.returncode:
        raise Mismatch(
            f"model.c {what}: {(ended.stderr or ended.stdout).strip()[:300]}",
            hint="please report it, with the ONNX file",
        )
    return ended.stdout.strip()
