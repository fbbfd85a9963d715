"""The faults that benchmarks/robustness/mutants.py plants: those meant, each another program, and none in what is only said."""

from __future__ import annotations

import ast
import zlib
from pathlib import Path

import pytest

from benchmarks.robustness import mutants as run
from benchmarks.tools.mutation import mutants

TOP = Path(__file__).parents[3]


def planted(source: str) -> list[str]:
    """Give the source with each of its faults."""
    found = []
    for number in range(len(mutants(ast.parse(source)))):
        tree = ast.parse(source)
        mutants(tree)[number].plant()
        found.append(ast.unparse(tree))
    return found


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("x = a < b", ["x = a <= b", "x = a > b"]),
        ("x = a == b", ["x = a != b"]),
        ("x = a + 3", ["x = a - 3", "x = a + 4", "x = a + 6"]),
        ("x = a and b", ["x = a or b"]),
        ("x = not a", ["x = a"]),
        ("x = a if b else c", ["x = a", "x = c"]),
        ("x = np.maximum(a, b)", ["x = np.minimum(a, b)"]),
        ("x = True", ["x = False"]),
        ("x += a", ["pass", "x -= a"]),
        ("x.append(a)", ["pass"]),
        ("def f():\n    return a", ["def f():\n    return None"]),
        ("if a:\n    b = c", ["if False:\n    b = c"]),
        ('"""Says 3 < 4."""\nx: Literal[3] = f"{a + 1}"', []),
        ("raise Mistake(a + 1)", []),
    ],
)
def test_each_fault_is_planted_once_and_words_stay(source: str, faults: list[str]) -> None:
    assert planted(source) == faults


@pytest.mark.parametrize("path", run.TESTS)
def test_a_module_that_decides_has_faults_and_tests_that_exist(path: str) -> None:
    source = (TOP / path).read_text(encoding="utf-8")
    assert len(mutants(ast.parse(source))) > 20
    assert all((TOP / each).exists() for each in run.TESTS[path][0])
    number = zlib.crc32(path.encode()) % len(mutants(ast.parse(source)))
    tree = ast.parse(source)
    mutants(tree)[number].plant()
    assert ast.dump(tree) != ast.dump(ast.parse(source))
    compile(tree, path, "exec")
