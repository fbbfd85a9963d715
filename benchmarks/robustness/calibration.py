"""Do the intervals of the calibration error and the threshold for "unknown" hold what they say? Simulated, where the truth is known.

    python -m benchmarks.robustness.calibration [--repeats 300]

Four designs: 100 spectra; 600 spectra; 60 samples of 5 spectra whose answers go together; 85 samples of 1 to 21 spectra whose answers go together
strongly. In each the stated probabilities are right, or off by an expected calibration error of 0.03, 0.08 and 0.14, once as a shift and once
as a temperature would. Then thresholds are set on validation parts of 6 to 200 samples. Prints Markdown and writes
benchmarks/results/local/calibration.json.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr

from benchmarks.tools.results import LOCAL
from edgespec import storage
from edgespec.evaluation import calibration, conformal

FILE = LOCAL / "calibration.json"
Array = NDArray[np.float64]
DESIGNS = ("100 spectra", "600 spectra", "60 samples of 5", "85 samples of 1 to 21")
ERRORS, WAYS = (0.0, 0.03, 0.08, 0.14), ("shift", "temperature")
SAMPLES, ASKED = (6, 12, 20, 40, 85, 200), 0.95


def drawn(design: str, rng: np.random.Generator) -> tuple[Array, NDArray[np.int64] | None, float]:
    """Draw stated probabilities (n,), physical samples (n,) or None, and how alike answers of one sample are."""
    if design == "100 spectra":
        return rng.beta(6, 1, 100), None, 0.0
    if design == "600 spectra":
        return rng.beta(5, 0.7, 600), None, 0.0
    if design == "60 samples of 5":
        group = np.repeat(np.arange(60), 5)
        sure = rng.beta(5, 1, 60)[group] + 0.05 * rng.standard_normal(300)
        return np.clip(sure, 0.2, 0.999), group, 0.6
    group = np.repeat(np.arange(85), rng.integers(1, 22, 85))
    return rng.beta(8, 0.8, len(group)), group, 0.8


def off(sure: Array, error: float, way: str) -> Array:
    """Give true probabilities that are off the stated ones by this error."""
    low, high = 0.0, 3.0
    found = sure
    for _ in range(50 if error else 0):
        by = (low + high) / 2
        stated = np.clip(sure, 1e-9, 1 - 1e-9)
        found = np.clip(sure - by, 0, 1) if way == "shift" else expit(logit(stated) / (1 + 4 * by))
        low, high = (by, high) if np.abs(found - sure).mean() < error else (low, by)
    return found


def covered(design: str, error: float, way: str, repeats: int) -> dict[str, float]:
    """Count how often the truth lies in the interval, below and above it, and how wide that is."""
    rng = np.random.default_rng([DESIGNS.index(design), round(100 * error), WAYS.index(way)])
    inside, below, width, point = 0, 0, [], []
    for _ in range(repeats):
        sure, group, alike = drawn(design, rng)
        p = off(sure, error, way)
        own = rng.standard_normal(len(p))
        luck = own if group is None else np.sqrt(alike) * rng.standard_normal(85)[group] + np.sqrt(1 - alike) * own
        right = (ndtr(luck) < p).astype(float)
        names = None if group is None else group.astype(str)
        found, low, high = calibration.of_probabilities(sure, right, names)
        truth = float(np.abs(p - sure).mean())
        inside += low <= truth <= high
        below += truth < low
        width.append(high - low)
        point.append(found)
    return {
        "coverage": inside / repeats,
        "below": below / repeats,
        "above": 1 - (inside + below) / repeats,
        "width": float(np.mean(width)),
        "estimate": float(np.mean(point)),
    }


def accepted(samples: int, repeats: int) -> dict[str, float]:
    """Set thresholds on validation parts of so many samples, and give what share of all spectra each accepts; spectra of a sample are alike."""
    rng, found, promised = np.random.default_rng(samples), [], None
    for _ in range(repeats):
        group = np.repeat(np.arange(samples), rng.integers(1, 9, samples))
        score = np.sqrt(0.7) * rng.standard_normal(samples)[group] + np.sqrt(0.3) * rng.standard_normal(len(group))
        at, promised = conformal.threshold(score, group, ASKED)
        found.append(float(1 - ndtr(at)))
    assert promised is not None
    low, middle = np.quantile(found, [0.05, 0.5])
    return {
        "mean": float(np.mean(found)),
        "low": float(low),
        "median": float(middle),
        "promised": promised.mean,
        "promised_low": promised.low,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=300)
    repeats = parser.parse_args().repeats
    found: dict[str, Any] = {"repeats": repeats, "ece": {}, "accepted": {}}
    for design in DESIGNS:
        for error in ERRORS:
            for way in WAYS if error else WAYS[:1]:
                found["ece"][f"{design}, {error:g}, {way}"] = covered(design, error, way, repeats)
    for samples in SAMPLES:
        found["accepted"][str(samples)] = accepted(samples, 20 * repeats)
    storage.write_json(FILE, found)
    print(table(found))


def table(found: dict[str, Any]) -> str:
    lines = ["| design | true error | coverage: shift | temperature | mean width |", "| --- " * 5 + "|"]
    for design in DESIGNS:
        for error in ERRORS:
            cells = [found["ece"].get(f"{design}, {error:g}, {way}") for way in WAYS]
            told = [f"{each['coverage']:.3f}" if each else "" for each in cells]
            lines.append(f"| {design} | {error:g} | {told[0]} | {told[1]} | {cells[0]['width']:.3f} |")
    lines += [
        "",
        "| validation samples | accepts on average | promised | in 19 of 20 at least | promised |",
        "| --- " * 5 + "|",
    ]
    for samples, each in found["accepted"].items():
        lines.append(
            f"| {samples} | {each['mean']:.3f} | {each['promised']:.3f} | {each['low']:.3f} | {each['promised_low']:.3f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
