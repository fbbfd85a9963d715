"""Which test spectra each model of a report names rightly: packed to a bit a spectrum, so that any two rows can be compared in pairs.

A report keeps them for every row as the spectra are ("none"), and for every row that was perturbed under each perturbation; with 582 test
spectra and 19 perturbations that is 2 kB a row.
"""

from __future__ import annotations

import base64
import binascii

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgespec.errors import Mismatch
from edgespec.report import Report, Row

CLEAN = "none"
HINT = "edgespec compress RECIPE writes it anew"


def pack(right: ArrayLike) -> str:
    """Give (n,) of true and false as base64 of bits, eight a byte, the first spectrum in the highest bit."""
    return base64.b64encode(np.packbits(np.asarray(right, bool)).tobytes()).decode("ascii")


def unpack(packed: str, n: int) -> NDArray[np.float64]:
    """Give (n,): 1 where a spectrum is named rightly, else 0. Raises Mismatch where the text does not hold so many."""
    try:
        held = np.frombuffer(base64.b64decode(packed, validate=True), np.uint8)
    except (binascii.Error, ValueError, TypeError):
        raise Mismatch("the report's right answers are damaged: no base64", HINT) from None
    if len(held) != (n + 7) // 8:
        raise Mismatch(f"the report's right answers are damaged: {len(held)} bytes for {n} test spectra", HINT)
    return np.unpackbits(held)[:n].astype(np.float64)


def of(report: Report, row: Row, names: tuple[str, ...] = (CLEAN,)) -> NDArray[np.float64] | None:
    """Give (n,): the share of some perturbations under which a row names each test spectrum rightly; None where it was not kept for all."""
    if not names or not all(name in row.right for name in names):
        return None
    kept = [unpack(row.right[name], int(report.data["test"])) for name in names]
    found: NDArray[np.float64] = np.mean(kept, axis=0)
    return found


def perturbations(row: Row) -> tuple[str, ...]:
    """Name all perturbations whose right answers a row keeps."""
    return tuple(name for name in row.right if name != CLEAN)


def numbered(group: ArrayLike | None) -> str | None:
    """Number physical samples (n,) from 0, as a report keeps them: "0 0 1"; None where they are not known."""
    if group is None:
        return None
    return " ".join(map(str, np.unique(np.asarray(group), return_inverse=True)[1].tolist()))


def samples(report: Report) -> NDArray[np.int64] | None:
    """Give (n,): the physical sample of each test spectrum; None where they are not known. Raises Mismatch where they are damaged."""
    held = report.data.get("test_samples")
    if held is None:
        return None
    try:
        found = np.array([int(each) for each in held.split()], np.int64)
    except (AttributeError, ValueError, OverflowError):
        raise Mismatch("the report's physical samples are damaged: no numbers", HINT) from None
    if len(found) != report.data["test"]:
        raise Mismatch(f"the report numbers {len(found)} physical samples for {report.data['test']} test spectra", HINT)
    return found
