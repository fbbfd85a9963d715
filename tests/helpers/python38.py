"""A real Python 3.8 with numpy and ONNX Runtime, as an old device has it, and a check by rule for where none is at hand."""

from __future__ import annotations

import ast
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edgespec import storage

PLACES = "~/.pyenv/versions/3.8*/bin/python"
NEEDS = ("numpy==1.24.4", "onnxruntime==1.19.2")  # the last that were built for 3.8
# Vermin knows of each name of the standard library since when it is there; with this it looks at `list[int]` and `int | None` too.
VERMIN = ("-t=3.8-", "--violations", "--eval-annotations", "--feature", "union-types", "--no-tips")


@functools.cache
def bare() -> Path:
    """A Python 3.8 of this machine, without any package; the test is skipped where there is none."""
    begin, _, end = os.path.expanduser(PLACES).partition("*")
    folder = Path(begin).parent
    listed = sorted(folder.glob(Path(begin).name + "*" + end)) if folder.is_dir() else []
    for found in [shutil.which("python3.8"), *map(str, listed)]:
        if found and subprocess.run([found, "-c", CHECK], capture_output=True, check=False).returncode == 0:
            return Path(found)
    pytest.skip("no Python 3.8 here: neither python3.8 in PATH nor one of pyenv's")


CHECK = "import sys, venv; sys.exit(sys.version_info[:2] != (3, 8))"


def furnished() -> Path:
    """A Python 3.8 with what a device has, made once below EDGESPEC_TOOLS; the test is skipped where pip can't."""
    python, why = _furnished(bare())
    if why:
        pytest.skip(why)
    return python


@functools.cache
def _furnished(base: Path) -> tuple[Path, str]:
    """Make it of this Python; give it, and in words why pip could not."""
    tools = os.environ.get("EDGESPEC_TOOLS", str(Path(tempfile.gettempdir()) / f"edgespec-tools-{os.getuid()}"))
    folder = Path(tools) / f"python38-{storage.digest(str(base), *NEEDS)[:12]}"
    if (folder / "bin" / "python").exists():
        return folder / "bin" / "python", ""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=tools))  # of this process: others may be at it too
    steps = [[str(base), "-m", "venv", "--copies", str(part)]]
    steps += [[str(part / "bin" / "python"), "-m", "pip", "install", "--quiet", "--retries", "1", *NEEDS]]
    for step in steps:
        ended = subprocess.run(step, capture_output=True, text=True, timeout=300, check=False)
        if ended.returncode != 0:
            shutil.rmtree(part)
            said = ended.stderr.strip().splitlines() or ["nothing said"]
            return folder, f"no Python 3.8 with {' and '.join(NEEDS)}: {said[-1][:300]}"
    try:
        part.rename(folder)
    except OSError:  # another was faster
        shutil.rmtree(part)
    return folder / "bin" / "python", ""


def complaints(folder: Path) -> str:
    """Say what in the Python files of a folder Python 3.8 does not know; "" where there is nothing.

    Ruff reads the syntax, vermin the names and types. Vermin can't tell an annotation that is never evaluated from a type that is, so
    it gets the files without the annotations that `from __future__ import annotations` makes harmless.
    """
    for name in ("ruff", "vermin"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install 'edgespec[dev]'")
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--target-version=py38", "--select=E9", "--no-cache"]
    found = _said([*ruff, "--output-format=concise", str(folder)])
    with tempfile.TemporaryDirectory(prefix="edgespec-38-") as work:
        for path in folder.rglob("*.py"):
            place = Path(work) / path.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(_evaluated(path.read_text(encoding="utf-8")), encoding="utf-8")
        return found + _said([sys.executable, "-c", "import vermin; vermin.main()", *VERMIN, work]).replace(
            work, str(folder)
        )


def _said(command: list[str]) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode in (0, 1), ended.stderr
    return ended.stdout + ended.stderr if ended.returncode else ""


def _evaluated(source: str) -> str:
    """Give the source with nothing in it but what is evaluated when it runs."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ""  # ruff has told already
    lazy = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    for node in ast.walk(tree) if lazy else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Name("object")
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.right, ast.Attribute) and node.right.attr.isupper():
            node.op = ast.Add()  # re.M | re.I: vermin takes it for a union of types
    return ast.unparse(tree)
