"""Ask the device's own modules to read a file, in this process: the spectrum on the model's axis, or the refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from device_runner import module

from edgespec.spectra import Axis

WINDOW = Axis(150, 1172, 128)


def contract(**changes: Any) -> Any:
    plain = {
        "axis": WINDOW.values(),
        "window": WINDOW.values(),
        "labels": ["a", "b"],
        "min_coverage": 0.8,
        "threshold": None,
    }
    return module("contract").Contract(**{**plain, "technique": "Raman", "plain": {}, **changes})


def read(path: Path | str, *, unit: str | None = None, laser: float | None = None, **changes: Any) -> Any:
    """Read a file that holds one spectrum onto the model's axis."""
    (track,) = tracks(path, unit=unit, laser=laser, **changes)
    told = contract(**changes)
    return module("spectra.checks").ready(track, told, module("spectra.axes").Wanted(unit, laser, told.technique))


def tracks(path: Path | str, *, unit: str | None = None, laser: float | None = None, **changes: Any) -> list[Any]:
    found: list[Any] = module("spectra.files").read(
        str(path), module("spectra.axes").Wanted(unit, laser, contract(**changes).technique)
    )
    return found


def refusal(path: Path, **more: Any) -> tuple[int, str, str]:
    """Give the code, the error and the hint of a file that must be refused."""
    with pytest.raises(module("refusal").RefusalError) as caught:
        read(path, **more)
    answer = caught.value.answer
    assert answer["hint"]
    return caught.value.code, answer["error"], answer["hint"]
