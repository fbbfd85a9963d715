"""Measure the band table of the embedded data set `minerals` from real RRUFF spectra.

    EDGESPEC_DATA=<folder> python -m benchmarks.datasets.bands     # writes edgespec/datasets/minerals.csv

Needs excellent_unoriented_subset.zip, manifest.csv and the two task lists in EDGESPEC_DATA/rruff. Every second physical
sample of a mineral (at least two) makes the table; the rest is never looked at. Of that rest, every second sample served
to choose the generator's defaults ("tuning"), the others only to judge ("held away"): benchmarks/accuracy/embedded.py does.

Spectra: B. Lafuente, R. T. Downs, H. Yang, N. Stone (2015), "The power of databases: the RRUFF project", in Highlights
in Mineralogical Crystallography, pp. 1-30.
"""

from __future__ import annotations

import csv
import io
import os
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, minimum_filter1d
from scipy.optimize import least_squares
from scipy.signal import find_peaks

from edgespec import storage
from edgespec.datasets import minerals
from edgespec.errors import EdgespecError, Missing

ARCHIVE = "excellent_unoriented_subset.zip"
TASKS = ("rruff10.csv", "rruff_hard13.csv")  # the 20 minerals are those of these two tasks
GRID = np.arange(100.0, 1201.0)
WEAKEST = 0.01  # of the strongest band: what is fainter stays out of the table
LORENTZIAN = 0.6  # share of the fitted profiles

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Real:
    """One RRUFF spectrum: shift (m,) in cm-1, intensity (m,) in counts."""

    mineral: str
    group: str
    shift: Array
    intensity: Array


def read() -> list[Real]:
    """Read the 20 minerals' Processed spectra with their physical samples, as the manifest groups them."""
    place = folder()
    wanted = {row["mineral"] for task in TASKS for row in rows(place / task)}
    found = []
    with zipfile.ZipFile(place / ARCHIVE) as archive:
        members = {Path(name).name: name for name in archive.namelist()}
        for row in rows(place / "manifest.csv"):
            new = row["kind"] == "Processed" and not row["identical_to"]
            if row["archive"] == ARCHIVE and row["mineral"] in wanted and new:
                shift, intensity = parse(archive.read(members[row["file"]]).decode("utf-8", "replace"))
                found.append(Real(row["mineral"], row["group"], shift, intensity))
    return found


def folder() -> Path:
    """Give the folder of RRUFF's spectra; Missing where it is not there."""
    found = Path(os.environ.get("EDGESPEC_DATA", "")) / "rruff"
    if not (found / ARCHIVE).exists():
        raise Missing(f"{found / ARCHIVE} is not there", hint="set EDGESPEC_DATA to the folder that holds rruff/")
    return found


def rows(path: Path) -> list[dict[str, str]]:
    """Read a table with a header line."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def parse(text: str) -> tuple[Array, Array]:
    """Give shift and intensity of one RRUFF text: header lines start with ##."""
    lines = "\n".join(line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    table = np.loadtxt(io.StringIO(lines), delimiter=",")
    return table[:, 0], table[:, 1]


def samples(real: list[Real]) -> tuple[set[str], set[str], set[str]]:
    """Divide the physical samples into those of the table, for tuning and held away; the same every time."""
    table: set[str] = set()
    rest: dict[str, list[str]] = {}
    for name in sorted({each.mineral for each in real}):
        groups = sorted({each.group for each in real if each.mineral == name})
        chosen = groups[::2] if len(groups) > 2 else groups[:2]
        table.update(chosen)
        rest[name] = [group for group in groups if group not in chosen]
    held = {group for groups in rest.values() for group in groups[::2]} - table
    return table, {group for groups in rest.values() for group in groups} - table - held, held


# --- measure: fit the bands of every sample ---------------------------------------------------------------------------


def measure(real: list[Real]) -> None:
    """Write the band table, one mineral after another, and tell what the generator's strengths should be near."""
    table, _, _ = samples(real)
    lines = ["mineral,shift_cm1,fwhm_cm1,intensity,spread_cm1,source"]
    for name in sorted({each.mineral for each in real}):
        groups = sorted({each.group for each in real if each.mineral == name and each.group in table})
        means = [sample_mean([each for each in real if each.mineral == name and each.group == g]) for g in groups]
        fits = fit_samples(np.array(means))
        shift, width = np.nanmedian(fits[:, :, 0], axis=0), np.nanmedian(fits[:, :, 1], axis=0)
        height = np.exp(np.nanmean(np.log(fits[:, :, 2]), axis=0))
        spread = np.nan_to_num(np.nanstd(fits[:, :, 0], axis=0, ddof=1))
        scatter = np.nanstd(np.log(fits[:, :, 2]), axis=0, ddof=1)
        kept = np.flatnonzero(height > WEAKEST * np.nanmax(height))
        bands = sorted(kept, key=lambda band: shift[band])
        for b in bands:
            share = 100 * height[b] / height[bands].max()
            lines.append(f"{name},{shift[b]:.1f},{width[b]:.1f},{share:.1f},{spread[b]:.2f},RRUFF {' '.join(groups)}")
        strong = " ".join(f"{shift[b]:.0f}" for b in sorted(bands, key=lambda band: -height[band])[:5])
        print(f"{name:13s} {len(groups)} samples {len(bands):2d} bands  strongest {strong:24s}", end="  ")
        print(f"spread {np.median(spread[bands]):.1f} cm-1  log-intensity {np.nanmedian(scatter[bands]):.2f}")
    storage.write(Path(minerals.__file__).with_name("minerals.csv"), "\n".join(lines) + "\n")


def sample_mean(spectra: list[Real]) -> Array:
    """Average one sample's spectra on GRID, background taken off and each at maximum 1; NaN where none has data."""
    found = []
    for each in spectra:
        values = np.interp(GRID, each.shift, each.intensity, left=np.nan, right=np.nan)
        inside = np.isfinite(values)
        smooth = gaussian_filter1d(values[inside], 1.0)
        floor = maximum_filter1d(minimum_filter1d(smooth, 161), 161)
        values[inside] = smooth - np.minimum(gaussian_filter1d(floor, 40), smooth)
        found.append(values / np.nanmax(values))
    seen = np.isfinite(found).any(axis=0)
    mean = np.full(len(GRID), np.nan)
    mean[seen] = np.nanmean(np.array(found)[:, seen], axis=0)
    return mean


def fit_samples(means: Array) -> Array:
    """Fit the same bands to every sample.

    means: (samples, grid). Gives (samples, bands, 3): position and FWHM in cm-1, height; NaN where a sample lacks a
    band. Bands that most samples lack are left out.
    """
    whole = np.nan_to_num(np.nanmean(means[:, np.isfinite(means).any(axis=0)], axis=0))
    grid = GRID[np.isfinite(means).any(axis=0)]
    peaks, found = find_peaks(whole, prominence=0.01, width=2, distance=8)
    best = np.argsort(found["prominences"])[::-1][:20]
    start = np.stack([grid[peaks[best]], np.clip(found["widths"][best], 6, 40), whole[peaks[best]]], axis=1)
    centre = fit(grid, whole, start, reach=6)
    fits = np.array([fit(GRID[np.isfinite(m)], m[np.isfinite(m)], centre, reach=10) for m in means])
    faint = fits[:, :, 2] < 0.1 * np.median(fits[:, :, 2], axis=0)
    outside = np.array([(centre[:, 0] < GRID[np.isfinite(m)][0] + 5) for m in means])
    astray = np.abs(fits[:, :, 0] - centre[:, 0]) > 9.5
    fits[faint | outside | astray] = np.nan
    return fits[:, np.isfinite(fits[:, :, 0]).sum(axis=0) >= max(2, len(means) / 2)]


def fit(grid: Array, values: Array, start: Array, reach: float) -> Array:
    """Fit pseudo-Voigt bands by least squares, each within `reach` cm-1 of its start; both are (bands, 3)."""
    low = np.stack([start[:, 0] - reach, np.clip(0.5 * start[:, 1], 3, None), np.full(len(start), 1e-5)], axis=1)
    high = np.stack([start[:, 0] + reach, np.clip(2 * start[:, 1], 8, 60), np.full(len(start), 1.5)], axis=1)

    def error(flat: Array) -> Array:
        shift, width, height = flat.reshape(-1, 3).T[:, :, None]
        u = ((grid - shift) / width) ** 2
        profile = LORENTZIAN / (1 + 4 * u) + (1 - LORENTZIAN) * np.exp(-4 * np.log(2) * u)
        return np.asarray((height * profile).sum(axis=0) - values)

    inside = np.clip(start, low + 1e-6, high - 1e-6)
    return np.asarray(
        least_squares(error, inside.ravel(), bounds=(low.ravel(), high.ravel()), max_nfev=30).x.reshape(-1, 3)
    )


if __name__ == "__main__":
    try:
        measure(read())
    except EdgespecError as error:
        sys.exit(f"error: {error.message}\nhint:  {error.hint}")
