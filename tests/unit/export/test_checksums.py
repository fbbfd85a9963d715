"""SHA256SUMS of a bundle: what it lists is compared, what it can't list is told, and nothing is opened that is not a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from device_runner import module

checksums = module("checksums")
RefusalError = module("refusal").RefusalError


def folder(tmp_path: Path, **files: str) -> Path:
    lines = []
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        lines.append(f"{checksums.digest(tmp_path / name)}  {name}\n")
    (tmp_path / "SHA256SUMS").write_text("".join(lines))
    return tmp_path


def failed(place: Path) -> dict[str, str]:
    return {each.check: each.found for each in checksums.compare(place) if not each.ok}


def test_every_file_is_compared_and_every_odd_thing_told(tmp_path: Path) -> None:
    place = folder(tmp_path, a="1", b="2", c="3")
    assert failed(place) == {}
    (place / "a").write_text("changed")
    (place / "b").unlink()
    os.mkfifo(place / "b")
    (place / "deep").mkdir()
    (place / "deep" / "d").write_text("too many")
    (place / "deep" / "e").symlink_to(place)
    assert failed(place) == {
        "checksum a": "has changed since it was sent",
        "file b": "is a FIFO: a bundle holds files and folders alone",
        "file deep/e": "is a symbolic link: a bundle holds files and folders alone",
        "checksum deep/d": "is not listed in SHA256SUMS: remove it",
    }


def test_lines_that_tell_of_no_file_in_the_bundle_are_told(tmp_path: Path) -> None:
    place = folder(tmp_path, a="1")
    sums = place / "SHA256SUMS"
    good = sums.read_text()
    for line, told in (
        (f"{'0' * 64}  ../a", "is not a checksum"),
        (f"{'0' * 64}  /etc/passwd", "is not a checksum"),
        ("nothing", "is not a checksum"),
        (f"{'0' * 64}  a", "is listed twice"),
    ):
        sums.write_text(f"{good}{line}\n")
        assert told in failed(place)["SHA256SUMS:2"]
    sums.write_bytes(b"x" * (checksums.LARGEST + 1))
    assert "longer than" in failed(place)["SHA256SUMS"]


def test_what_answers_depend_on_is_compared_before_it_is_used(tmp_path: Path) -> None:
    place = folder(tmp_path, **{"model.onnx": "1", "contract.json": "2", "runner.py": "3"})
    (place / "runner.py").write_text("a program is not what an answer is made of")
    checksums.unchanged(place)
    (place / "contract.json").write_text("4")
    with pytest.raises(RefusalError, match=r"contract\.json has changed") as caught:
        checksums.unchanged(place)
    assert caught.value.code == 4
    (place / "SHA256SUMS").unlink()
    checksums.unchanged(place)
