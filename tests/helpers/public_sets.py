"""Sets of raman-data in the package's own cache, in the form in which the package keeps them: files of a server, below HOME."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

needs_package = pytest.mark.skipif(
    importlib.util.find_spec("raman_data") is None,
    reason='the package raman-data is not installed: pip install "edgespec[public]"',
)
SHIFT = np.arange(300.0, 1700, 10)
PEAKS = {"C": 1003.0, "I": 1520.0}  # crowded and isolated locusts, as the file writes them
CACHE = Path(".cache", "raman-data")


def spectrum(peak: float, number: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """One band on a slope, with noise that tells spectra apart; rounded as in a file."""
    noise = np.random.default_rng(number).random(len(SHIFT))
    return np.round(900 * np.exp(-(((SHIFT - peak) / 15) ** 2)) + SHIFT / 100 + noise, 3)


def locusts(home: Path, animals: int = 16, each: int = 3) -> Path:
    """Zenodo 19653302: a csv of spectra with the animal that each is of, columns out of the order of the axis's use."""
    lines = [",".join(["Sample", "Env", *(f"{shift:g}" for shift in SHIFT)])]
    for animal in range(animals):
        env = "CI"[animal % 2]
        for i in range(each):
            values = spectrum(PEAKS[env], 100 * animal + i)
            lines.append(",".join([f"L{animal:03}", env, *map(str, values)]))
    return _put(home / CACHE / "zenodo" / "19653302" / "CvI_Raw.csv", lines)


def chlorinated(home: Path, *, damaged: bool = False) -> Path:
    """A csv of GitHub: the axis as names of columns, a class of 0 or 1 at the end; damaged: a cell is not a number."""
    lines = [",".join([*(f"{shift:g}" for shift in SHIFT), "classAttChloroform"])]
    for row in range(24):
        values = [str(each) for each in spectrum(PEAKS["CI"[row % 2]], row)]
        lines.append(",".join([*values[:-1], "?" if damaged else values[-1], str(row % 2)]))
    return _put(home / CACHE / "github" / "chlorinated_samples" / "original_chlorinated.csv", lines)


def _put(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


ABOUT = {
    "id": "odd_set", "name": "Odd Set", "task": "Classification", "source": "https://zenodo.org/odd", "licence": "CC BY 4.0", "cite": "A. Author",
    "about": "", "samples": None, "processed": None, "cache": "", "version": "1.7.0", "spectra": 6,
}  # fmt: skip


def kept(folder: Path, name: str = "odd_set", about: dict[str, Any] | str | None = None, **changes: Any) -> Path:
    """Write the arrays of a set as edgespec keeps them; a change to None leaves an array out."""
    usual: dict[str, Any] = {
        "spectra": np.stack([spectrum(PEAKS["CI"[row % 2]], row) for row in range(6)]),
        "axis": SHIFT,
        "targets": np.array([0, 1] * 3),
        "names": np.array(["crowded", "isolated"]),
        "about": json.dumps(ABOUT | about) if isinstance(about, dict) else about or json.dumps(ABOUT),
    }
    path = folder / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    held: dict[str, Any] = {key: np.asarray(value) for key, value in (usual | changes).items() if value is not None}
    np.savez(path, **held)
    return path
