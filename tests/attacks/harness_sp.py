"""Spectrum files: PerkinElmer, read and checked as `edgespec predict` does."""

from __future__ import annotations

import fuzzing
import numpy as np
import vendor_files
from spectrum_files import peaks

AXIS = np.linspace(150, 1172, 64)

READER = "export/spectra/files.read: PerkinElmer"


def seeds() -> list[bytes]:
    return [
        fuzzing.made(lambda path: vendor_files.perkinelmer(path, AXIS)),
        fuzzing.made(lambda path: vendor_files.perkinelmer(path, AXIS, peaks(AXIS), 2 * peaks(AXIS))),
    ]


def feed(raw: bytes) -> None:
    fuzzing.spectra(raw, "case.sp")
