"""A report by hand that holds something for every section of the page, and a real browser to open it with."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from report_example import measured, report

from edgespec.report import Report, histogram, html
from edgespec.report.figures import thumbnail

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FORGED = "<script>alert(1)</script>"

PRUNING = {
    "before": {"macs": 2_000_000, "params": 9000, "bytes": 36_000}, "after": {"macs": 900_000, "params": 5000, "bytes": 20_000},
    "unpruned": 0.95, "channels": {"stem": 16, "head": 32},
    "rounds": [{"widths": {"stem": 10, "head": 20}, "macs": 900_000, "params": 5000, "bytes": 20_000, "valid": 0.94, "drop": 0.01,
                "drop_error": 0.004}],
    "blocks": [], "sensitivity": {"before": 0.95, "shares": [0.25, 0.5], "groups": {"stem": [0.9, 0.4], "head": [0.95, 0.93]}},
    "latency": {"target": "local", "ratio": 0.6, "interval": [0.58, 0.62], "noise": 0.01, "n": 1000, "before_ms": 0.1, "after_ms": 0.06,
                "falls": True},
}  # fmt: skip


def whole(labels: tuple[str, str, str] = ("a", "b", "c"), recipe: str = "hand") -> Report:
    """The report of `report_example.py` with answers counted, spectra explained, samples and sensors kept, something pruned."""
    found = report("measured")
    found.recipe = recipe
    found.data["labels"] = list(labels)
    rows = {(row.step, row.variant or row.name): row for row in found.rows}
    rows[1, "train"].confusion = [[0, 0, 20], [1, 1, 18], [1, 2, 2], [2, 2, 20]]
    rows[4, "float32"].confusion = [[0, 0, 20], [1, 1, 17], [1, 2, 3], [2, 2, 20]]
    rows[4, "cpu-int8"].confusion = [[0, 0, 19], [0, 2, 1], [1, 1, 16], [1, 2, 4], [2, 2, 20]]
    rows[2, "distill"].pruning = PRUNING
    accuracy = {"clean": 0.9, "shift 5 cm-1": 0.85}
    baseline = {
        "name": "shrinkage LDA",
        "role": "linear",
        "accuracy": accuracy,
        "apart": {"clean": [0.0, -0.05, 0.05], "shift 5 cm-1": [0.1, None, None]},
    }
    file = {"name": "cpu-int8", "role": "file", "accuracy": accuracy}
    asked = {"clean": ["none"], "shift 5 cm-1": ["shift +5", "shift -5"]}
    found.comparison = {"file": "cpu-int8", "conditions": asked, "models": [file, baseline]}
    rng = np.random.default_rng(0)
    record = found.bench["local"]
    names = [each["variant"] for each in record["measurements"]]
    samples = {
        name: (rng.lognormal(3 + i / 9, 0.2, (10, 100)) * 1e3).astype(np.int64)
        for i, name in enumerate([*names, "default again"])
    }
    record["distributions"] = {name: histogram.describe(each) for name, each in samples.items()}
    heat = [{"t": float(t), "mhz": {"cpu0": 2000 - t}, "celsius": {"soc": 40 + t}} for t in range(5)]
    record["readings"] = [heat, heat]
    answers = [{"named": named, "probability": 0.9, "evidence": [0.1, 2.0, -0.7, 0.0]} for named in (1, 2)]
    spectrum = {"why": "surest mistake", "class": 1, "intensity": [0.0, 1.0, 0.3, 0.2] * 32, "answers": answers}
    found.examples = {
        "method": "occlusion", "width_cm1": 30.0, "centres_cm1": [200.0, 500.0, 800.0, 1100.0], "models": ["1 train", "4 cpu-int8"],
        "spectra": [spectrum],
    }  # fmt: skip
    found.mistakes = mistakes()
    found.ships = {
        "local": {"variant": "cpu-int8", "why": "cpu-int8 is recommended for target 'local'", "measured": True}
    }
    found.bundles = {"jetson": {"runtime": "tensorrt", "variant": "cpu-int8", "size": 25_000, "status": "deferred",
                                "checked": ["every operator is known there"], "message": ""}}  # fmt: skip
    gate = {"metric": "size", "target": "", "limit": 20_000, "measured": 25_000, "verdict": "fail", "variant": "cpu-int8",
            "message": "size is 25 kB, 5 kB over", "hint": "a narrower student"}  # fmt: skip
    unmeasured = {
        **gate,
        "metric": "latency_p90",
        "target": "jetson",
        "limit": 1e-3,
        "measured": None,
        "verdict": "unmeasured",
    }
    found.gates = [gate, {**gate, "metric": "accuracy", "limit": 0.5, "measured": 0.9, "verdict": "pass"}, unmeasured]
    return found


def mistakes() -> dict[str, Any]:
    """Eight wrong answers of the int8 file, two of the float file; the mean of class 0 was not kept."""
    bands = [np.exp(-((np.arange(128) - centre) ** 2) / 20) for centre in (30, 60, 90)]
    spectra = [
        {"where": f"b{i}.txt", "sample": f"b-{i}" if i else "", "class": 1, "curve": thumbnail.pack(bands[1] + bands[2] * i / 8)}
        for i in range(8)
    ]  # fmt: skip
    answers = [{"spectrum": i, "named": 2, "probability": 0.9 - i / 20} for i in range(8)]
    answers[7]["named"] = 0
    files = {"cpu-int8": {"wrong": 9, "answers": answers}, "float32": {"wrong": 2, "answers": answers[:2]}}
    return {"files": files, "spectra": spectra, "means": {"1": thumbnail.pack(bands[1]), "2": thumbnail.pack(bands[2])}}


@functools.cache
def shown() -> str:
    """Its page."""
    return html.show({"hand": whole()})


@functools.cache
def shown_forged() -> str:
    """The page of a report full of scripts, beside another."""
    return html.show({FORGED: forged(), f"{FORGED}2": report()})


def forged() -> Report:
    """A report whose every name, of whatever kind, is a script."""
    found = whole((FORGED, f"b{FORGED}", 'c" onload="alert(1)'), FORGED)
    found.data["name"] = found.data["digest"] = FORGED
    found.notes = [FORGED]
    found.data["notes"] = [f"{FORGED}.csv was read"]
    for row in found.rows:
        row.model = row.name = FORGED
        row.variant = f"{FORGED}{row.variant}" if row.variant else ""
    found.bench = {
        FORGED: {
            **found.bench["local"],
            "measurements": [measured(FORGED, 0.02, target=FORGED, runtime=FORGED, warnings=[FORGED])],
        }
    }
    found.bench[FORGED]["distributions"] = {FORGED: found.bench[FORGED]["distributions"]["default"]}
    found.advice = {FORGED: {"variant": FORGED, "why": FORGED, "refused": {}}}
    found.examples["models"] = [FORGED, FORGED + "2"]
    found.examples["spectra"][0]["why"] = FORGED
    for spectrum in found.mistakes["spectra"]:
        spectrum["where"] = spectrum["sample"] = FORGED
    found.mistakes["files"] = {f"{FORGED}{name}": each for name, each in found.mistakes["files"].items()}
    found.ships = {FORGED: {"variant": f"{FORGED}cpu-int8", "why": FORGED, "measured": True}}
    found.gates[0] |= {"message": FORGED, "hint": FORGED}
    return found


@contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium; the test is skipped, with the reason, where there is none."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: no browser to look with"
    )
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    with playwright.sync_playwright() as started:
        own = started.chromium.executable_path
        if path is None and not os.path.exists(own):
            pytest.skip("no Chromium here: apt-get install chromium, or playwright install chromium")
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = started.chromium.launch(executable_path=path, args=options)
        yield opened
        opened.close()
