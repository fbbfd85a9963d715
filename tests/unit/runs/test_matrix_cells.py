"""Files against runtimes: what counts as a disagreement, what is a tie, and what a runtime may refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from edgespec.artifact import OnnxModel, Variant
from edgespec.cli import matrix as command
from edgespec.errors import Missing
from edgespec.job import Silent
from edgespec.report.tables import matrix as matrix_table
from edgespec.runs import matrix, matrix_cells
from edgespec.runs.matrix_cells import Cell, Matrix
from edgespec.targets import card as cards

ORT, OV = ("float32", "onnxruntime", ""), ("float32", "openvino", "float32")
Y = np.array([0, 1, 2, 1])
LOGITS = np.array([[9.0, 1, 0], [0, 9, 1], [0, 1, 9], [0, 8.99, 8.995]])


def model(tmp_path: Path, *names: str) -> OnnxModel:
    for name in names:
        (tmp_path / f"{name}.onnx").write_bytes(b"12345")
    return OnnxModel(tmp_path, "cnn", 8, 3, {name: Variant(f"{name}.onnx") for name in names})


def said(**answers: np.ndarray) -> dict[str, Any]:
    return {"runtime_version": "1", "answers": {size.removeprefix("b"): each for size, each in answers.items()}}


def one(tmp_path: Path, other: dict[str, Any]) -> Cell:
    told = {matrix_cells.title(*ORT): said(b1=LOGITS, b65=LOGITS), matrix_cells.title(*OV): other}
    own, found = matrix_cells.judge(model(tmp_path, "float32"), [ORT, OV], told, Y)
    assert (own.verdict, own.agreement, own.probability, own.accuracy) == ("agrees", 1.0, 0.0, 0.75)
    return found


def changed(row: int, *values: float) -> np.ndarray:
    found = LOGITS.copy()
    found[row] = values
    return found


def test_the_same_answers_agree(tmp_path: Path) -> None:
    found = one(tmp_path, said(b1=LOGITS + 1e-4, b65=LOGITS))
    assert (found.verdict, found.disagreements, found.agreement, found.size_bytes, found.n) == ("agrees", 0, 1.0, 5, 4)
    assert 0 <= found.probability < 1e-3  # type: ignore[operator]


def test_another_label_disagrees_and_says_how_far(tmp_path: Path) -> None:
    found = one(tmp_path, said(b1=changed(0, 1, 9, 0)))
    assert (found.verdict, found.disagreements, found.agreement, found.accuracy) == ("disagrees", 1, 0.75, 0.5)
    assert found.probability == pytest.approx(1 - 1 / (1 + np.exp(8) + np.exp(-1)), abs=1e-3)


def test_a_tie_is_no_disagreement(tmp_path: Path) -> None:
    found = one(tmp_path, said(b1=changed(3, 0, 8.995, 8.99)))
    assert (found.verdict, found.disagreements, found.agreement) == ("agrees", 0, 0.75)
    assert found.accuracy == 1.0


def test_one_batch_size_that_answers_otherwise_disagrees(tmp_path: Path) -> None:
    found = one(tmp_path, said(b1=LOGITS, b100=changed(2, 9, 1, 0)))
    assert (found.verdict, found.disagreements, found.agreement) == ("disagrees", 1, 1.0)


def test_answers_that_are_no_numbers_disagree(tmp_path: Path) -> None:
    found = one(tmp_path, said(b1=changed(0, 9, np.nan, 0)))
    assert (found.verdict, found.reason) == ("disagrees", "its answers are no numbers")


def test_a_runtime_may_refuse_or_only_build(tmp_path: Path) -> None:
    refused = one(tmp_path, {"error": "no bfloat16"})
    assert (refused.verdict, refused.reason, refused.agreement) == ("refused", "no bfloat16", None)
    assert one(tmp_path, {"runtime_version": "1", "answered": False}).verdict == "builds"


@pytest.mark.parametrize(
    ("variant", "precision", "margin"),
    [
        ("float32", "", 1e-3),
        ("default", "", 1e-3),
        ("fp16", "", 1e-2),
        ("portable-int8", "", 2e-2),
        ("cpu-int8", "bf16", 5e-2),
    ],
)
def test_the_margin_is_of_the_precision(variant: str, precision: str, margin: float, tmp_path: Path) -> None:
    pair = (variant, "openvino", precision)
    every = {matrix_cells.title(name, "onnxruntime", ""): said(b1=LOGITS) for name in ("float32", variant)}
    near, far = (LOGITS[:1] * [1, 0, 0] + [[0, 9 - 9 * margin * share, 0]] for share in (0.9, 1.1))
    for top, verdict in ((near, "agrees"), (far, "disagrees")):
        own = np.concatenate([top, LOGITS[1:]])
        other = np.concatenate([top[:, [1, 0, 2]], LOGITS[1:]])
        told = every | {
            matrix_cells.title(variant, "onnxruntime", ""): said(b1=own),
            matrix_cells.title(*pair): said(b1=other),
        }
        (found,) = matrix_cells.judge(model(tmp_path, "float32", variant), [pair], told, Y)
        assert (found.margin, found.verdict) == (margin, verdict)


CELL = Cell(
    "cpu-int8", "openvino", "float32", "2026", "agrees", n=60, margin=0.02, agreement=0.99, probability=0.01, agreement_float=0.98,
    accuracy=0.9, size_bytes=9000, ratio=0.5, ratio_interval=(0.4, 0.6), p50_ms=0.02, samples=900,
)  # fmt: skip
HOST = {"cpu": "a processor", "machine": "x86_64", "flags": ["avx2"]}


def test_the_table_tells_every_cell_and_why_some_are_empty() -> None:
    refused = Cell("cpu-int8", "tensorrt_rtx", "", "1.7", "refused", "UINT8 zero point", size_bytes=9000)
    plain = vars(Matrix((CELL, refused), "default", HOST, {"torch": "not installed"}))
    plain["cells"] = [vars(each) for each in plain["cells"]]
    assert matrix_table.table(plain) == [
        ["cpu-int8", "openvino float32", "agrees", "0", "0.990", "0.01", "0.980", "0.900", "9 kB", "20 us", "0.50", "0.40 - 0.60"],
        ["cpu-int8", "tensorrt_rtx", "refused", "-", "-", "-", "-", "-", "9 kB", "-", "-", "-"],
    ]  # fmt: skip
    notes = "\n".join(matrix_table.notes(plain))
    for part in ("spectra of 60", "0.02 of the largest", "to default", "a processor, avx2", "not here: not installed",
                 "tensorrt_rtx refuses cpu-int8: UINT8 zero point"):  # fmt: skip
        assert part in notes


@pytest.mark.parametrize(("verdict", "code"), [("agrees", 0), ("disagrees", 4)])
def test_a_disagreement_is_exit_code_4(
    verdict: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.json").write_text("{}")
    made = Matrix((replace(CELL, verdict=verdict),), "default", HOST, {})
    monkeypatch.setattr(matrix, "measure", lambda folder, **_: made)
    ended = 0
    try:
        command.command(tmp_path, 1.0)
    except typer.Exit as exit:
        ended = exit.exit_code
    assert ended == code
    assert verdict in capsys.readouterr().out


def test_a_runtime_whose_converter_is_missing_is_absent_and_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def call(card: Any, arguments: list[str], folder: Path, timeout_s: float = 0) -> dict[str, Any]:
        asked.append(arguments[-1])
        raise Missing("no converter", "edgespec setup litert | sh")

    monkeypatch.setattr(matrix.runner, "call", call)
    pairs = [(name, "litert", "") for name in ("float32", "default")]
    told = matrix._asked(pairs, cards.load("local"), tmp_path, Silent())
    assert asked == ["float32 in litert"]
    assert {each["lacks"] for each in told.values()} == {"no converter; edgespec setup litert | sh"}
