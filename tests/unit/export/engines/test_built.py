"""An engine beside a bundle is taken only with a record that fits."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import device_runner
import pytest


@pytest.fixture
def built() -> Any:
    device_runner.module("engines.cache")
    return device_runner.module("engines.built")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "build_engine.sh").write_text("")
    (folder / "model.onnx").write_bytes(b"model")
    (tmp_path / "bundle.engine").write_bytes(b"engine")
    record(tmp_path, "100300", b"model", b"engine")
    return folder / "model.onnx"


def record(folder: Path, number: str, model: bytes, engine: bytes) -> None:
    sums = " ".join(hashlib.sha256(each).hexdigest() for each in (model, engine))
    (folder / "bundle.engine.txt").write_text(f"tensorrt {number} {sums}\n")


def test_it_is_taken_and_only_beside_a_bundle(
    built: Any, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert built.find(str(model), (10, 3, 0)) == str(tmp_path / "bundle.engine")
    (tmp_path / "bundle.engine").rename(tmp_path / "other")
    assert built.find(str(model), (10, 3, 0)) == ""
    (tmp_path / "bundle.engine.txt").rename(tmp_path / "other.txt")
    monkeypatch.setenv("EDGESPEC_ENGINE", str(tmp_path / "other"))
    assert built.find(str(model), (10, 3, 0)) == str(tmp_path / "other")
    (model.parent / "build_engine.sh").unlink()
    assert built.find(str(model), (10, 3, 0)) == ""


@pytest.mark.parametrize(
    ("told", "said"),
    [(None, "no record"), ("", "no record"), ("tensorrt 100300", "no record"), ("\0\xff" * 100, "no record"),
     (("100300", b"other", b"engine"), "another model"), (("100300", b"model", b"other"), "has changed"),
     (("8602", b"model", b"engine"), r"by TensorRT 8\.6\.2, here is 10\.3\.0"), (("x", b"model", b"engine"), r"by TensorRT 0\.0\.0")],
)  # fmt: skip
def test_what_does_not_fit_is_never_loaded(built: Any, model: Path, tmp_path: Path, told: Any, said: str) -> None:
    path = tmp_path / "bundle.engine.txt"
    if told is None:
        path.unlink()
    elif isinstance(told, str):
        path.write_text(told)
    else:
        record(tmp_path, *told)
    with pytest.raises(ValueError, match=said):
        built.find(str(model), (10, 3, 0))


def test_numbers_of_banners(built: Any) -> None:
    found = [built.number(each) for each in ("8602", "100300", "101303", "110100", "", "x", "9" * 30)]
    assert found == [(8, 6, 2), (10, 3, 0), (10, 13, 3), (11, 1, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0)]
