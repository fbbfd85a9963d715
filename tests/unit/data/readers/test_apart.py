"""A library that crashes, loops or eats memory on a file ends in one line, and this process goes on."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from edgespec.data.readers import apart
from edgespec.errors import Missing, Mistake


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "a.mat").write_bytes(b"x")
    return tmp_path / "a.mat"


def test_what_is_read_comes_back(path: Path) -> None:
    assert apart.run(lambda: ["a", "b"], path, "a.mat") == ["a", "b"]
    for array in (np.arange(6.0).reshape(2, 3), np.array(["Albite", "Beryl"]), np.asfortranarray(np.ones((2, 3)))):
        found = apart.run(lambda array=array: array, path, "a.mat")
        assert found.dtype == array.dtype
        assert (found == array).all()


def test_errors_of_the_house_come_back_as_they_are(path: Path) -> None:
    def read() -> None:
        raise Missing("a.mat: no library", hint="pip install it")

    with pytest.raises(Missing, match=r"a\.mat: no library") as caught:
        apart.run(read, path, "a.mat")
    assert caught.value.hint == "pip install it"


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda: ctypes.string_at(0), "crashed"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "crashed"),
        (lambda: np.ones(2**33)[0], "crashed"),
        (lambda: time.sleep(60), "takes longer than 0 s"),
        (lambda: np.array([object()]), "crashed"),
    ],
    ids=["segmentation fault", "killed", "too much memory", "too long", "no plain array"],
)
def test_what_goes_wrong_there_is_one_line_here(
    read: object, said: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "SECONDS", 0.3 if "longer" in said else 20.0)
    with pytest.raises(Mistake, match=said) as caught:
        apart.run(read, path, "a.mat")  # type: ignore[arg-type]
    assert caught.value.message.startswith("a.mat: ")
    assert caught.value.hint
