"""What a device cannot make itself is made here and sent along; by a played runner, as the real one takes seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from edgespec import storage
from edgespec.errors import Missing, Mistake
from edgespec.targets import built_here
from edgespec.targets.card import Target

DEVICE = Target("pi", "litert", reach="ssh", host="pi")


def put(folder: Path) -> Path:
    for name in ("0", "1"):
        (folder / f"{name}.onnx").write_bytes(name.encode())
    return folder


def makes(card: Target, arguments: Sequence[str], folder: Path, limit: float) -> dict[str, Any]:
    """Prepare, as the runner does: what is made is kept under the name that is told."""
    assert (card.reach, card.runtime, list(arguments)) == ("local", "litert", ["prepare", "request.json"])
    raw = (folder / "model.onnx").read_bytes()
    if raw == b"1":
        raise Mistake("it is in int8")
    kept = Path(card.env["EDGESPEC_PREPARED"]) / "made.tflite"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(b"made of " + raw)
    return {"models": [{"file": kept.name}]}


def test_each_file_gets_what_the_device_loads_and_a_rounded_one_gets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path / "home"))
    built_here.place_beside(DEVICE, put(tmp_path), makes)
    assert (tmp_path / "0.tflite").read_bytes() == b"made of 0"
    assert not (tmp_path / "1.tflite").exists()


def test_what_is_there_already_is_not_made_again(tmp_path: Path) -> None:
    for name in ("0", "1"):
        (tmp_path / f"{name}.tflite").write_bytes(b"there")
    built_here.place_beside(DEVICE, put(tmp_path), fails)
    assert (tmp_path / "0.tflite").read_bytes() == b"there"


def test_other_runtimes_and_this_machine_are_left_alone_and_what_is_missing_is_told(tmp_path: Path) -> None:
    put(tmp_path)
    built_here.place_beside(Target("pi", "onnxruntime", reach="ssh", host="pi"), tmp_path, fails)
    built_here.place_beside(Target("here", "litert"), tmp_path, fails)
    with pytest.raises(Missing, match="no converter"):
        built_here.place_beside(DEVICE, tmp_path, fails)


def fails(card: Target, arguments: Sequence[str], folder: Path, limit: float) -> dict[str, Any]:
    raise Missing("no converter")


def test_the_converters_folder_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESPEC_LITERT", "/elsewhere")
    assert built_here.converter() == Path("/elsewhere")
    monkeypatch.delenv("EDGESPEC_LITERT")
    assert built_here.converter() == storage.home() / "litert"
