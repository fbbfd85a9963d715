"""edgespec as a library: what the documentation shows runs, and answers and refuses as the commands do."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import edgespec
from edgespec import plugins
from edgespec.errors import Mistake, Mistakes

PAGE = plugins.PACKAGE.parent / "docs" / "python-api.md"


def test_what_the_documentation_shows_runs(
    tmp_path: Path, undisturbed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) >= 5
    (tmp_path / "recipes").mkdir()
    tiny = (undisturbed.parent / "tiny.yaml").read_text()
    (tmp_path / "recipes" / "rruff10.yaml").write_text(tiny)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    told = capsys.readouterr().out
    assert names["run"].report.seed == 1
    assert "False 1\n" in told
    assert [each["metric"] for each in names["run"].report.gates if each["verdict"] == "fail"] == ["macs"]
    assert (names["found"].probabilities.shape, len(names["found"])) == ((3, 3), 3)
    assert "True spectrum 2: all intensities are zero; was the detector on? measure it again" in told
    assert "x has 900 points, the axis has 1000 - one place on the axis for each intensity" in told


def test_it_is_reached_without_loading_anything() -> None:
    code = (
        "import sys, edgespec; dir(edgespec); print(sorted({n.partition('.')[0] for n in sys.modules} & set(sys.argv)))"
    )
    heavy = ("torch", "onnx", "onnxruntime", "numpy", "sklearn", "pydantic")
    ended = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
    assert set(edgespec.__all__) <= set(dir(edgespec))
    with pytest.raises(AttributeError, match="no attribute 'comprss'"):
        _ = edgespec.comprss


def test_types_are_told_to_checkers() -> None:
    """mypy, which the checks run, holds the stub against the code."""
    assert (plugins.PACKAGE / "py.typed").is_file()
    stub = ast.parse((plugins.PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    names = {each.asname for node in stub.body if isinstance(node, ast.ImportFrom) for each in node.names}
    assert names == set(edgespec.__all__)


def test_wrong_calls_of_a_run_are_mistakes(undisturbed: Path, run_copy: Path, tmp_path: Path) -> None:
    run = edgespec.open_run(run_copy)
    assert repr(run) == f"edgespec.Run({str(run_copy)!r})"
    with pytest.raises(Mistake, match="a list of names is wanted, not 'local'"):
        run.bench("local")
    with pytest.raises(Mistake, match="none is named"):
        run.bench([])
    with pytest.raises(Mistake, match="unknown target 'nowhere'"):
        run.bench(["nowhere"])
    with pytest.raises(Mistake, match="require_engine needs a target"):
        run.export(require_engine=True)
    with pytest.raises(Mistake, match="is not a run folder"):
        edgespec.open_run(tmp_path / "nowhere")
    with pytest.raises(Mistakes, match="unknown key"):
        edgespec.compress(undisturbed.parent / "tiny.yaml", set={"sede": 1}, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_of_before_is_kept_and_a_change_makes_another(undisturbed: Path, run_copy: Path, tmp_path: Path) -> None:
    told: list[str] = []

    class Heard:
        def begin(self, what: str, total: int) -> None: ...
        def advance(self, done: int, note: str) -> None: ...
        def end(self) -> None: ...
        def say(self, text: str) -> None:
            told.append(text)

    run = edgespec.compress(tmp_path / "tiny.yaml", out=run_copy, progress=Heard())
    assert "nothing has changed since the last run: kept" in told
    assert run.report.bundles["local"]["status"] == "ready"
    assert (run_copy / "report.html").is_file()
    assert run.load_model("float32").labels == ("Albite", "Beryl", "Diopside")
