"""The digest of sources holds every module that it names, or says that it can't."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgespec import own_code, plugins
from edgespec.errors import Missing
from edgespec.pipeline import provenance
from edgespec.recipe import Call


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package's sources, free to be changed, from which digests are taken."""
    copy = tmp_path / "edgespec"
    shutil.copytree(plugins.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "_shipped"))
    monkeypatch.setattr(plugins, "PACKAGE", copy)
    provenance._sources_digest.cache_clear()
    yield copy
    provenance._sources_digest.cache_clear()


@pytest.mark.parametrize("lost", ["pipeline/report_rows", "evaluation/scoring", "steps/train", "spectra"])
def test_a_module_that_is_not_there_is_an_error(package: Path, lost: str) -> None:
    assert provenance.code_digest(Call("train"))
    provenance._sources_digest.cache_clear()
    (package / f"{lost}.py").rename(package / f"{lost}_moved.py")
    with pytest.raises(Missing, match=f"edgespec.{lost.replace('/', '.')}, which is not a module of edgespec"):
        provenance.code_digest(Call("train"))


def test_what_is_imported_from_a_module_need_not_be_one(package: Path) -> None:
    (package / "steps" / "train.py").write_text(
        '"""A step."""\nfrom edgespec.errors import Mistake\n', encoding="utf-8"
    )
    (package / "pipeline" / "report_rows.py").write_text(
        '"""A judge."""\nimport edgespec.report.tables\n', encoding="utf-8"
    )
    before = provenance.code_digest(Call("train"))
    for name in ("errors.py", "report/tables/__init__.py", "report/__init__.py"):
        provenance._sources_digest.cache_clear()
        path = package / name
        path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
        after = provenance.code_digest(Call("train"))
        assert after != before, name
        before = after


def test_a_teachers_files_are_what_a_step_depends_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "step").mkdir()
    for name in ("ask.py", "a.onnx", "x.npz", "step/model.safetensors"):
        (tmp_path / name).write_text("one")
    keys = {"command": ["python", "ask.py"], "onnx": ["a.onnx", "none.onnx"], "checkpoint": "step", "answers": "x.npz"}
    step = Call("distill", {"teacher": keys, "student": Call("cnn", {})})
    seen = {provenance.outside(step)}
    for name in ("ask.py", "a.onnx", "x.npz", "step/model.safetensors"):
        (tmp_path / name).write_text("two")
        seen.add(provenance.outside(step))
    assert len(seen) == 5, "each of them counts"


def test_a_recipes_own_network_is_in_the_digest_wherever_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("one")
    steps = [{"train": {"model": [{"./net.py": {"width": 3}}, "cnn"]}}, {"distill": {"student": "./net.py"}}]
    with own_code.of(tmp_path / "r.yaml"):
        assert provenance.own_networks(steps) == [b"one"]
        before = provenance.code_digest(Call("train", {"model": Call("./net.py", {})}))
        (tmp_path / "net.py").write_text("two")
        assert provenance.code_digest(Call("train", {"model": Call("./net.py", {})})) != before
    assert provenance.own_networks([{"train": {"model": "cnn"}}]) == []
