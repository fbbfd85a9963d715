"""Spectrum files: JCAMP-DX, read and checked as `edgespec predict` does."""

from __future__ import annotations

import fuzzing
import numpy as np
import spectrum_files

AXIS = np.linspace(150, 1172, 64)
ROWS = "\n".join(f"{150 + 5 * i} {i * 7 % 90 + 3} {i % 40 + 2}" for i in range(0, 40, 2))
NTUPLES = f"""##TITLE=two pages
##JCAMP-DX=5.00
##DATA TYPE=RAMAN SPECTRUM
##DATA CLASS=NTUPLES
##NTUPLES=RAMAN SPECTRUM
##SYMBOL=X,Y,N
##VAR_TYPE=INDEPENDENT,DEPENDENT,PAGE
##VAR_FORM=AFFN,AFFN,AFFN
##VAR_DIM=40,40,1
##UNITS=1/CM,COUNTS,
##FIRST=150,3,1
##LAST=345,50,1
##FACTOR=1,1,1
##PAGE=N=1
##DATA TABLE=(X++(Y..Y)),XYDATA
{ROWS}
##END NTUPLES=RAMAN SPECTRUM
##END=
"""

READER = "export/spectra/files.read: JCAMP-DX"


def seeds() -> list[bytes]:
    return [
        fuzzing.made(lambda path: spectrum_files.jcamp(path, AXIS)),
        fuzzing.made(lambda path: spectrum_files.jcamp(path, AXIS, XYDATA="(XY..XY)")),
        fuzzing.made(lambda path: spectrum_files.jcamp(path, AXIS, XUNITS="NANOMETERS", YUNITS="TRANSMITTANCE")),
        NTUPLES.encode(),
    ]


def feed(raw: bytes) -> None:
    fuzzing.spectra(raw, "case.jdx")
