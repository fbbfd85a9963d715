"""Which file a command means: a file, a bundle's, the one that a run recommends or made last."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgespec import artifact, report, storage
from edgespec.artifact import OnnxModel, Variant
from edgespec.errors import Mismatch, Mistake
from edgespec.pipeline import run_folder
from edgespec.report import Report, Row


def run(folder: Path, *, advised: str | None = None) -> Path:
    """A run that exported, then calibrated two variants."""
    rows, sealed = [Row(1, "train", "step", "cnn")], {}
    for step, name in ((2, "to_onnx"), (3, "calibrate")):
        (folder / f"{step}-{name}").mkdir(parents=True)
        for variant, file in (("float32", "model.onnx"), ("cpu-int8", "int8.onnx")):
            (folder / f"{step}-{name}" / file).write_bytes(b"x")
            rows.append(Row(step, name, "variant", "cnn", variant=variant, file=f"{step}-{name}/{file}"))
        made = {"float32": Variant("model.onnx"), "cpu-int8": Variant("int8.onnx")}
        artifact.seal(OnnxModel(folder / f"{step}-{name}", "cnn", 8, 2, made), {})
        sealed[f"{step}-{name}"] = storage.file_digest(folder / f"{step}-{name}" / artifact.RECORD)
    advice = {"local": {"variant": advised}} if advised else {}
    report.write(Report("a", 0, {}, rows=rows, advice=advice, sealed=sealed), folder)
    return folder


def test_a_file_and_a_bundle_are_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    assert run_folder.model(tmp_path / "model.onnx") == tmp_path / "model.onnx"
    assert run_folder.model(tmp_path) == tmp_path / "model.onnx"


def test_a_run_means_the_recommended_file_else_the_first_that_may_be_shipped(tmp_path: Path) -> None:
    last = tmp_path / "plain" / "3-calibrate"
    assert run_folder.model(run(tmp_path / "plain")) == last / "model.onnx"
    assert run_folder.model(tmp_path / "plain", "cpu-int8") == last / "int8.onnx"
    assert run_folder.model(run(tmp_path / "a", advised="cpu-int8")) == tmp_path / "a" / "3-calibrate" / "int8.onnx"
    assert run_folder.model(run(tmp_path / "b", advised="lda library")) == tmp_path / "b" / "3-calibrate" / "model.onnx"


def test_nothing_named_means_the_newest_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Mistake, match="there is no run"):
        run_folder.model(None)
    for age, name in enumerate(("new", "old")):
        os.utime(run(Path("runs") / name) / "report.json", (1e9 - age, 1e9 - age))
    assert run_folder.model(None) == Path("runs/new/3-calibrate/model.onnx")


def test_what_holds_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "paper.pdf").write_bytes(b"%PDF")
    (tmp_path / "empty").mkdir()
    report.write(Report("a", 0, {}), tmp_path / "fresh")
    folder = run(tmp_path / "run")
    (tmp_path / "m.onnx").write_bytes(b"x")
    for given, variant, told in (
        (tmp_path / "nowhere", None, "there is no"),
        (tmp_path / "paper.pdf", None, "is not an ONNX file"),
        (tmp_path / "empty", None, "neither a bundle nor a run"),
        (tmp_path / "fresh", None, "has made no ONNX file yet"),
        (folder, "float23", "ships no variant 'float23'"),
        (tmp_path / "m.onnx", "float32", "has no variants"),
    ):
        with pytest.raises(Mistake, match=told) as caught:
            run_folder.model(given, variant)
        assert caught.value.hint


def test_a_file_that_is_not_as_it_was_written_is_not_used(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    made = folder / "3-calibrate"
    for name in ("model.onnx", "int8.onnx", "artifact.json"):
        raw = (made / name).read_bytes()
        for other in (raw[:-1] + bytes([raw[-1] ^ 1]), None):
            (made / name).unlink()
            if other is not None:
                (made / name).write_bytes(other)
            with pytest.raises((Mismatch, Mistake), match=f"{name} (is|has)|3-calibrate is missing") as caught:
                run_folder.model(folder)
            assert caught.value.exit_code == 4 or "3-calibrate is missing" in caught.value.message
        (made / name).write_bytes(raw)
    assert run_folder.model(folder) == made / "model.onnx"
    shutil.rmtree(made)
    shutil.copytree(folder / "2-to_onnx", made)
    report.write(dataclasses.replace(report.read(folder), sealed={}), folder)
    with pytest.raises(Mismatch, match="holds no digest"):
        run_folder.model(folder)


def test_to_choose_loads_no_torch() -> None:
    program = "import sys; from edgespec.pipeline import run_folder; sys.exit(any(name in sys.modules for name in ('torch', 'onnx')))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
