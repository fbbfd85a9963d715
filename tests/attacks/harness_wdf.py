"""Spectrum files: Renishaw WiRE, read and checked as `edgespec predict` does."""

from __future__ import annotations

import fuzzing
import numpy as np
import vendor_files

AXIS = np.linspace(150, 1172, 64)

READER = "export/spectra/files.read: Renishaw WiRE"


def seeds() -> list[bytes]:
    return [
        fuzzing.made(lambda path: vendor_files.wdf(path, AXIS)),
        fuzzing.made(lambda path: vendor_files.wdf(path, AXIS, vendor_files.shifted(4, AXIS), shape=(2, 2))),
    ]


def feed(raw: bytes) -> None:
    fuzzing.spectra(raw, "case.wdf")
