"""What commands print: for 80, 120 and 160 columns, with all columns, and as CSV."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from command import edgespec
from report_example import report as example
from search_example import FOUND

from edgespec.cli import tables as printed
from edgespec.errors import Mistake
from edgespec.report import html_compare, tables
from edgespec.report.tables import matrix, pruning
from edgespec.report.tables.layout import Grid, Shape, show
from edgespec.search import compare, folds_table, pareto, repeat

WIDTHS = [80, 120, 160]
CELL: dict[str, Any] = {
    "variant": "cpu-int8", "runtime": "onnxruntime", "precision": "float32", "verdict": "agrees", "agreement": 1.0,
    "agreement_float": 0.99, "accuracy": 0.95, "disagreements": 0, "probability": 0.001, "size_bytes": 25_000, "ratio": 1.1,
    "ratio_interval": (1.0, 1.2), "p50_ms": 0.04, "n": 60, "margin": 1e-5, "reason": "",
}  # fmt: skip
MATRIX: dict[str, Any] = {
    "cells": [CELL, {**CELL, "agreement": None, "verdict": "refused", "reason": "an operator that it lacks " * 20}],
    "host": {"cpu": "A CPU", "machine": "x86", "flags": ["avx2"]}, "reference": "float32", "source": "measured",
    "absent": {"tensorrt": "TensorRT is not installed"},
}  # fmt: skip
LINE: dict[str, Any] = {
    "name": "cnn-widths-16-32-64-128", "model": "cnn 16-32-64-128", "variant": "cpu-int8", "seeds": 3, "accuracy": 0.9, "low": 0.8,
    "high": 0.95, "difference": -0.01, "difference_low": -0.03, "difference_high": 0.01, "perturbed": 0.8, "ece": 0.02,
    "bytes": 25_000, "latency_ms": 0.04, "energy_mj": None,
}  # fmt: skip
COMPARED = {"data": "minerals", "source": "embedded", "test": 60, "target": "local", "seeds": 3, "lines": [LINE, LINE]}


def repeated() -> dict[str, Any]:
    names = [
        "logistic regression library",
        "1 train library",
        "2 control library+labels",
        "5 calibrate cpu-int8 site (1 per class)",
    ]
    values = {name: [0.91, 0.92, 0.93] for name in names}
    figures: dict[str, list[Any]] = {"ece": [0.1, 0.1, 0.1], "accepted": [0.9, None, 0.9]}
    return {
        "recipe": "rruff_distill", "runs": 3, "test_spectra": [60] * 3, "learnt": [200] * 3, "source": "embedded",
        "host": {"cpu": "A CPU of some name"}, "difference_of": names[-1], "accuracy": values, "bytes": dict.fromkeys(names, 25_000),
        "difference_to": {name: [0.01, 0.02, 0.0] for name in names[:-1]}, "judged": dict.fromkeys(names[1:], figures),
        "latency_ratio_to_default": {"float32": [1.0, 1.1], "cpu-int8": [0.5, 0.6]}, "recommended": ["cpu-int8"] * 3,
    }  # fmt: skip


def folded() -> dict[str, Any]:
    right = {"baseline logistic regression of all classes": 8, "2 distill trained on site, with one label a class": 9}
    folds = [
        {"repeat": 0, "fold": k, "n": 10, "learnt": 30, "right": right, "robust": dict.fromkeys(right, 0.5)}
        for k in range(4)
    ]
    return {
        "recipe": "rruff_distill", "change": ["steps.1.fit.epochs=3"], "spectra": 40, "source": "embedded", "left_out": 0,
        "samples": 9, "valid": 0.1, "notes": ["a note of the data " * 9], "folds": folds,
    }  # fmt: skip


PARTS: dict[str, list[str | Grid]] = {
    "compare": compare.parts(COMPARED),
    "matrix": [Grid(matrix.HEAD, matrix.table(MATRIX), matrix.SHAPE), *matrix.notes(MATRIX)],
    "repeat": repeat.parts(repeated()),
    "folds": folds_table.parts(folded(), folded()),
    "search": pareto.parts(FOUND),
    "several runs": [Grid(html_compare.HEAD, [html_compare.line("a", example())] * 2, html_compare.SHAPE)],
    "pruning": [Grid(pruning.HEAD, [["4 round 1", *["0.123 k"] * 7]], Shape())],
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PARTS)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    text = show(PARTS[name], width)
    assert max(map(len, text.splitlines())) <= width
    assert len(text.splitlines()) >= len(show(PARTS[name], None).splitlines())


@pytest.mark.parametrize("name", PARTS)
def test_wide_has_all_columns(name: str) -> None:
    lines = [line.split() for line in show(PARTS[name], None).splitlines()]
    heads = [part.head for part in PARTS[name] if isinstance(part, Grid)]
    assert heads
    assert all(" ".join(head).split() in lines for head in heads)


def test_compare_says_once_what_its_lines_stand_on() -> None:
    text = show(compare.parts(COMPARED), 80)
    assert text.startswith("data: embedded (minerals), 60 test spectra, 3 seeds, latency on local\n\n")
    assert text.splitlines()[2].split()[:2] == ["name", "accuracy"]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_real_run_fits_the_terminal(run_copy: Path, width: int) -> None:
    where = run_copy.parent
    for words in (["report", "run"], ["report", "run", "run"], ["gate", "run"], ["ls", "recipes"], ["ls", "targets"]):
        ended = edgespec(where, *words, COLUMNS=str(width))
        assert ended.returncode in (0, 1), ended.stderr
        lines = [
            line for line in ended.stdout.splitlines() if not line.startswith("report: ")
        ]  # a path to copy stays whole
        assert max(map(len, lines)) <= width, words
    assert "tiny   seed 0   data: embedded" in edgespec(where, "gate", "run").stdout


def test_a_real_run_with_all_columns_and_as_csv(run_copy: Path) -> None:
    wide = edgespec(run_copy.parent, "report", "run", "--wide").stdout
    assert " ".join(tables.HEAD).split() in [line.split() for line in wide.splitlines()]
    told = edgespec(run_copy.parent, "report", "run", "--csv")
    head, *rows = csv.reader(told.stdout.splitlines())
    assert head == tables.HEAD
    assert rows[-1][1].startswith("calibrate")
    assert 0 < float(rows[-1][head.index("accuracy")]) <= 1
    assert float(rows[-1][head.index("drop")]) == pytest.approx(float(rows[-1][head.index("drop")]))
    judged = edgespec(run_copy.parent, "gate", "run", "--csv")
    assert judged.stdout.splitlines()[0] == ",".join(tables.GATE_HEAD)


@pytest.mark.parametrize(
    "words", [["report", "run"], ["gate", "run"], ["bench", "run"], ["matrix", "run"], ["search", "run"]]
)
def test_two_formats_are_refused(run_copy: Path, words: list[str]) -> None:
    ended = edgespec(run_copy.parent, *words, "--csv", "--json")
    assert ended.returncode == 2
    assert "--json and --csv" in ended.stderr
    with pytest.raises(Mistake, match="one format"):
        printed.check_format(to_json=True, to_csv=True)


def test_a_plan_is_no_table(tmp_path: Path) -> None:
    ended = edgespec(tmp_path, "compress", "rruff_distill", "--dry-run", "--csv")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "a plan is no table" in ended.stderr


def test_csv_names_each_column_once_and_runs_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    names = printed.names(tables.BENCH_HEAD)
    assert len(set(names)) == len(names)
    assert {"p50 95 % interval", "ratio 95 % interval"} <= set(names)
    printed.print_csv(
        ["a", "b", "c", "d"], [["=1+1", "-0.010", "+0.1 [0, 1]", "-"], ["x,y", "1e-05", "", "two\nlines"]]
    )
    assert capsys.readouterr().out == ('a,b,c,d\n\'=1+1,-0.010,"\'+0.1 [0, 1]",\n"x,y",1e-05,,"two\nlines"\n')
