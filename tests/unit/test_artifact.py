"""What a step left is read back as it was, or refused where a byte of it has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgespec import artifact
from edgespec.artifact import Artifact, Checkpoint, OnnxModel, Variant
from edgespec.errors import Mismatch, Mistake

RECORD = {"step": "train", "digest": "d"}


def checkpoint(folder: Path) -> Checkpoint:
    for place in (folder, folder / "control"):
        place.mkdir(parents=True)
        (place / artifact.WEIGHTS).write_bytes(place.name.encode() * 50)
    control = Checkpoint(folder / "control", "cnn", {"widths": [4]}, 128, 3)
    return Checkpoint(folder, "cnn", {"widths": [8]}, 128, 3, {"control": control}, {"history": [0.5]})


def onnx(folder: Path) -> OnnxModel:
    folder.mkdir(parents=True)
    for name in ("model.onnx", "cpu-int8.onnx"):
        (folder / name).write_bytes(name.encode() * 50)
    variants = {
        "float32": Variant("model.onnx"),
        "cpu-int8": Variant("cpu-int8.onnx", "candidate", "float32", 1.5, {"parity": {"agreement": 1.0}}),
    }
    return OnnxModel(folder, "cnn", 128, 3, variants, {"opset": 18})


MADE: list[Callable[[Path], Artifact]] = [checkpoint, onnx]


@pytest.mark.parametrize("make", MADE)
def test_a_sealed_artifact_is_read_back_as_it_was(tmp_path: Path, make: Callable[[Path], Artifact]) -> None:
    made = make(tmp_path / "1-step")
    artifact.seal(made, RECORD)
    found, record = artifact.read(tmp_path / "1-step")
    assert found == made
    assert {key: record[key] for key in RECORD} == RECORD


def test_a_moved_artifact_is_found_where_it_is(tmp_path: Path) -> None:
    made = checkpoint(tmp_path / "part")
    artifact.seal(made, RECORD)
    (tmp_path / "part").rename(tmp_path / "whole")
    moved = artifact.moved(made, tmp_path / "whole")
    assert artifact.read(tmp_path / "whole")[0] == moved
    assert isinstance(moved, Checkpoint)
    assert moved.controls["control"].weights.is_file()
    assert artifact.moved(onnx(tmp_path / "x"), tmp_path / "y").folder == tmp_path / "y"


@pytest.mark.parametrize("make", MADE)
def test_every_changed_byte_of_every_file_is_found(tmp_path: Path, make: Callable[[Path], Artifact]) -> None:
    folder = tmp_path / "1-step"
    artifact.seal(make(folder), RECORD)
    for path in sorted(each for each in folder.rglob("*") if each.suffix in (".onnx", ".safetensors")):
        raw = path.read_bytes()
        for place in (0, len(raw) // 2, len(raw) - 1):
            path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
            with pytest.raises(Mismatch, match=f"{path.name} is damaged") as caught:
                artifact.read(folder)
            assert "edgespec compress again" in caught.value.hint
        path.write_bytes(raw[:-1])
        with pytest.raises(Mismatch, match=f"{path.name} is damaged"):
            artifact.read(folder)
        path.unlink()
        with pytest.raises(Mismatch, match=f"{path.name} is missing"):
            artifact.read(folder)
        path.write_bytes(raw)
    artifact.read(folder)


def test_a_folder_without_a_finished_artifact_says_so(tmp_path: Path) -> None:
    checkpoint(tmp_path / "1-train")
    for folder in (tmp_path / "1-train", tmp_path / "nowhere", tmp_path / "1-train" / artifact.WEIGHTS):
        with pytest.raises(Mistake, match="holds no finished artifact"):
            artifact.read(folder)


def changed(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda record: {**record, **changes}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda record: {}, "lacks 'schema'"),
        (lambda record: [], "is damaged"),
        (lambda record: "text", "is damaged"),
        (lambda record: None, "is damaged"),
        (changed(schema=99), "is of version 99, this edgespec reads 1"),
        (changed(files=3), "is damaged"),
        (changed(files={}), "tells of cpu-int8.onnx, of which it holds no digest"),
        (changed(artifact={}), "lacks 'model'"),
        (changed(artifact=3), "is damaged"),
        (
            lambda record: changed(artifact={**record["artifact"], "kind": "Pickle"})(record),
            "no kind of artifact 'Pickle'",
        ),
        (lambda record: changed(artifact={**record["artifact"], "variants": {"a": {"fil": 1}}})(record), "is damaged"),
        (lambda record: {"dependencies": {"left-pad": "1"}, "schema": 1}, "lacks 'files'"),
    ],
)
def test_a_foreign_or_damaged_record_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    artifact.seal(onnx(tmp_path / "1-step"), RECORD)
    path = tmp_path / "1-step" / "artifact.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(artifact.UNUSABLE) as caught:
        artifact.read(tmp_path / "1-step")
    assert caught.value.exit_code == (2 if "version" in said else 4)
    assert said in caught.value.message
    assert str(path) in caught.value.message


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe\x00", b"\x00" * 100])
def test_a_record_that_is_no_json_is_refused(tmp_path: Path, raw: bytes) -> None:
    artifact.seal(onnx(tmp_path / "1-step"), RECORD)
    (tmp_path / "1-step" / "artifact.json").write_bytes(raw)
    with pytest.raises(Mismatch, match="is damaged"):
        artifact.read(tmp_path / "1-step")
