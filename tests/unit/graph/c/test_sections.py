"""The same functions for several processors in one file: named apart, chosen when the code runs, left out where that is wanted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import c_code
import numpy as np
import pytest
from onnx import helper

from edgespec.graph.c import sections, source


def network(folder: Path) -> Path:
    """Write a linear layer whose output is named as a function of the kernels is."""
    nodes = [helper.make_node("MatMul", ["spectrum", "w"], ["m"]), helper.make_node("Sigmoid", ["m"], ["dense"])]
    held = {"w": np.random.default_rng(0).normal(size=(9, 5)).astype("f")}
    return c_code.graph(folder, nodes, 9, 5, held, outputs=("dense",))


def test_what_a_section_defines_ends_with_its_processor() -> None:
    text = "INLINE float larger(float a, float b) { return a > b ? a : b; }\n#define ROWS 4\ntypedef struct { float a; } V;\n"
    assert sections.defined(text) == {"larger", "ROWS", "V"}
    found = sections.renamed(text + "int f(V v) { return ROWS + larger(1, 2) + x->V + unlarger; }\n", "avx2")
    assert "larger_avx2(1, 2) + x->V + unlarger" in found
    assert "#define ROWS_avx2 4" in found
    assert "} V_avx2;" in found


def test_the_best_processor_is_asked_for_first(tmp_path: Path) -> None:
    made = source.source(network(tmp_path)).source
    run = made[made.index("int model_run(") :]
    assert run.index("answer_it_avx512(") < run.index("answer_it_avx2(") < run.index("answer_it(")
    assert "vnni" not in made.replace("VNNI", "").split("static int answer_it(")[1], (
        "no number of 8 bits, no functions of it"
    )


@c_code.needs_compiler
@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_every_level_answers_the_same(level: int, tmp_path: Path) -> None:
    c_code.check(network(tmp_path), "-O2", f"-DMODEL_LEVEL={level}", tolerance=1e-6)


@c_code.needs_compiler
def test_other_functions_are_left_out_where_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "m.c").write_text(source.source(network(tmp_path)).whole)
    found = []
    for level in (0, 1):
        words = ["cc", "-std=c99", "-E", f"-DMODEL_LEVEL={level}", "m.c"]
        text = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        found.append(text.count("__builtin_cpu_supports"))
    assert found[0] == 0


def test_no_choice_is_left_to_processors_without_vectors() -> None:
    text = sections.opening(vectors=True, held_in_bytes=True)
    assert text.count("#elif") == 3
    assert text.rstrip().endswith("#endif")
    assert sections.opening(vectors=False, held_in_bytes=False) == ""
