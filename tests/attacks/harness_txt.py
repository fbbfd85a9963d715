"""Spectrum files: text and tables, read and checked as `edgespec predict` does."""

from __future__ import annotations

import fuzzing
import numpy as np
import spectrum_files

AXIS = np.linspace(150, 1172, 64)

READER = "export/spectra/files.read: text and tables"


def seeds() -> list[bytes]:
    return [
        fuzzing.made(lambda path: spectrum_files.table(path, AXIS)),
        fuzzing.made(lambda path: spectrum_files.rruff(path, AXIS)),
        fuzzing.made(lambda path: spectrum_files.table(path, AXIS, head="Raman shift (cm-1);counts\n", mark=";")),
        fuzzing.made(lambda path: spectrum_files.table(path, AXIS, mark="\t")).decode().encode("utf-16"),
    ]


def feed(raw: bytes) -> None:
    fuzzing.spectra(raw, "case.txt")
