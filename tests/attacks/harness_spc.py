"""Spectrum files: SPC, read and checked as `edgespec predict` does."""

from __future__ import annotations

import fuzzing
import numpy as np
import spectrum_files

AXIS = np.linspace(150, 1172, 64)

READER = "export/spectra/files.read: SPC"


def seeds() -> list[bytes]:
    return [
        fuzzing.made(lambda path: spectrum_files.spc(path, AXIS)),
        fuzzing.made(lambda path: spectrum_files.spc(path, AXIS, own_axis=True)),
        fuzzing.made(lambda path: spectrum_files.spc(path, AXIS, integers=True, subfiles=2)),
    ]


def feed(raw: bytes) -> None:
    fuzzing.spectra(raw, "case.spc")
