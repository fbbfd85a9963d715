"""Files as RRUFF gives them, in folders and archives: names, headers, one peak each."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from edgespec.datasets import rruff
from edgespec.spectra import Axis, Spectra

OLD = "##NAMES={mineral}\n##RRUFFID={sample}\n##IDEAL CHEMISTRY=SiO_2_\n##MEASURED CHEMISTRY=Si_1.00_O_2_\n"


NEW = (
    "##NAMES={mineral}\n##RRUFFID={sample}\n##PIN_ID=M00405\n##ORIENTATION=Laser parallel to a [1 0 0].\n"
    "Fiducial mark perpendicular to laser, parallel to b*\n##FILETYPE=Raman Processed\n##RAMAN WAVELENGTH=514\n\n"
)


def name(mineral: str = "Quartz", sample: str = "R040031", number: int = 1, laser: str = "532", kind: str = "") -> str:
    return f"{mineral}__{sample}__Raman__{laser}__0__unoriented__Raman_Data_{kind or 'Processed'}__{number}.txt"


def lines(peak: float = 465, low: float = 150, high: float = 1100, step: float = 2) -> str:
    shift = np.arange(low, high + step, step)
    x = 1000 * np.exp(-(((shift - peak) / 12) ** 2)) + 1
    return "".join(f"{a:.4f}, {b:.5E}\r\n" for a, b in zip(shift, x, strict=True))


def text(data: str | None = None, mineral: str = "Quartz", sample: str = "R040031", header: str = OLD) -> str:
    return header.format(mineral=mineral, sample=sample) + (lines() if data is None else data) + "##END=\n\n\n"


def folder(at: Path, files: dict[str, str | bytes]) -> str:
    for file, content in files.items():
        path = at / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(at)


def archive(at: Path, files: dict[str, str]) -> str:
    with zipfile.ZipFile(at, "w", zipfile.ZIP_DEFLATED) as file:
        for member, content in files.items():
            file.writestr(member, content)
    return str(at)


AXIS = Axis(200, 1000, 81)


def load(**keys: Any) -> Spectra:
    return rruff.load(axis=AXIS, seed=0, **keys)


def three() -> dict[str, str | bytes]:
    return {
        name(): text(),
        name("Beryl", "R050065-2"): text(lines(685), "Beryl", "R050065"),
        name("Albite", "R050402_a"): text(lines(507), "Albite", "R050402", header=NEW),
    }


def odd() -> dict[str, str | bytes]:
    """Quartz three times in two samples, once a repeat; one sample under two names; one short, one cut, one of no name, one RAW."""
    return {
        name("Quartz", "R040031", 1): text(),
        name("Quartz", "R040031", 2, laser="780"): text(lines(466, step=1)),
        name("Quartz", "R050000", 3): text(sample="R050000"),
        name("Calcite", "R060000", 4): text(lines(1086), "Calcite", "R060000"),
        name("Aragonite", "R060000", 5): text(lines(1086), "Calcite", "R060000"),
        name("Beryl", "R070000", 6): text(lines(685, high=400), "Beryl", "R070000"),
        name("Beryl", "R070001", 7): text(lines(685), "Beryl", "R070001").replace("##END=", ""),
        name("Albite", "R080000", 8, kind="RAW"): text(lines(507), "Albite", "R080000"),
        "notes.txt": "to be measured again",
    }
