"""The card's Python asks the file, and a card tells the limits of its own file only."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_bundle
import tiny_job
from report_example import report

from edgespec import contract
from edgespec.bundle import model_card
from edgespec.graph import onnx_file
from edgespec.report import Report


def made() -> Report:
    found = report()
    found.environment["versions"]["onnxruntime"] = "1.31"
    return found


def test_the_python_on_the_card_gives_the_label_of_the_file(tmp_path: Path) -> None:
    path = tiny_bundle.model()
    said, x = contract.load(path), tiny_job.spectra().x[4]
    text = model_card.text(made(), "float32", said, 40_000)
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "model.onnx").write_bytes(path.read_bytes())
    (tmp_path / "contract.json").write_text(json.dumps(said.plain()), encoding="utf-8")
    np.savetxt(tmp_path / "spectrum.csv", np.c_[said.values(), x], delimiter=",")
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    (logits,) = onnx_file.ask_all(onnx_file.session(path), x[None])["logits"]
    label, probability = ended.stdout.split()
    assert label == said.labels[logits.argmax()]
    assert abs(float(probability) - np.exp(logits - logits.max()).max() / np.exp(logits - logits.max()).sum()) < 1e-4
    assert f"`spectrum`, float32, (n, {len(said.values())})" in text


def test_the_c_on_the_card_compiles(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here")
    block = model_card.C.partition("```c\n")[2].partition("```")[0]
    (tmp_path / "card.c").write_text(block)
    names = ["#define MODEL_ALIGNMENT 64", "#define MODEL_WORKSPACE 64", "#define MODEL_OK 0", "#include <stddef.h>"]
    answer = "struct model_answer { int label; int known; };\nextern const char *const model_labels[3];"
    run = "int model_run(const float *spectrum, void *workspace, size_t bytes, struct model_answer *answer);"
    (tmp_path / "model.h").write_text("\n".join([*names, answer, run]) + "\n")
    subprocess.run(["cc", "-std=c11", "-Wall", "-Werror", "-c", "card.c", "-o", "card.o"], cwd=tmp_path, check=True)


def test_a_card_tells_the_limits_of_its_own_file() -> None:
    said, found = contract.load(tiny_bundle.model()), made()
    found.notes = ["cpu-int8: ranges by mse", "float32 is slow", "int8 is no faster here", "all of it is small"]
    limits = {name: model_card.text(found, name, said, 1).partition("## Limits")[2] for name in ("float32", "cpu-int8")}
    assert "int8" not in limits["float32"]
    assert "float32 is slow" in limits["float32"]
    assert "ranges by mse" in limits["cpu-int8"]
    assert "float32 is slow" not in limits["cpu-int8"]
    assert all("all of it is small" in each for each in limits.values())
