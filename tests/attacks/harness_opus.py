"""Spectrum files: Bruker OPUS, read and checked as `edgespec predict` does."""

from __future__ import annotations

import fuzzing
import numpy as np
import vendor_files
from spectrum_files import peaks

AXIS = np.linspace(150, 1172, 64)

READER = "export/spectra/files.read: Bruker OPUS"


def seeds() -> list[bytes]:
    return [
        fuzzing.made(lambda path: vendor_files.opus(path, vendor_files.opus_data(10, peaks(AXIS), AXIS), laser=785.0)),
        fuzzing.made(
            lambda path: vendor_files.opus(path, vendor_files.opus_data(4, peaks(AXIS), AXIS, whole=True, scale=0.01))
        ),
        fuzzing.made(
            lambda path: vendor_files.opus(path, vendor_files.opus_series(4, vendor_files.shifted(2, AXIS), AXIS))
        ),
    ]


def feed(raw: bytes) -> None:
    fuzzing.spectra(raw, "case.opus")
