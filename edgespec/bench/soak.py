"""One model for minutes, back to back: how its latency goes with time and temperature. Handheld instruments have no fan."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgespec import storage, units
from edgespec.errors import Mistake
from edgespec.spectra import Floats
from edgespec.targets.card import Target
from edgespec.targets.runner import call, held

FORMAT = 1
MINUTE = 60.0


def measure(
    name: str,
    path: Path,
    x: Floats,
    target: Target,
    folder: Path,
    *,
    seconds: float,
    lock_clocks: bool = False,
    seed: int = 0,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Call one model for so long, at batch 1; give what `summary` does and leave all, second by second, in `<target>.soak.json`.

    x: (n, points) spectra as the graph takes them. Raises what `device.call` does.
    """
    progress(f"{target.name}: {name} for {units.show_time(seconds)}, back to back")
    with held(target), tempfile.TemporaryDirectory(dir=folder, prefix=".soak-") as work:
        shutil.copyfile(path, Path(work) / f"0{path.suffix}")
        np.save(Path(work) / "spectra.npy", np.ascontiguousarray(x, np.float32))
        request = {
            "runtime": target.runtime,
            "threads": target.threads,
            "spectra": "spectra.npy",
            "models": [{"name": name, "file": f"0{path.suffix}"}],
            "soak_seconds": seconds,
            "lock_clocks": int(lock_clocks),
            "seed": seed,
        }
        (Path(work) / "request.json").write_text(json.dumps(request), encoding="utf-8")
        told = call(target, ["soak", "request.json", "--model", name], Path(work), timeout_s=seconds + 300)
    record = {"format": FORMAT, "target": target.name, "variant": name, "seconds": seconds, **told}
    storage.write_json(folder / f"{target.name}.soak.json", record)
    return summary(record)


def summary(record: dict[str, Any]) -> dict[str, Any]:
    """Set the first minute beside the last (halves of less than two): medians in ms, their ratio, and what the sensors said."""
    series, sensors = record["series"], record["sensors"]
    part = min(MINUTE, record["seconds"] / 2)
    first = [each["p50_ns"] for each in series if each["t"] < part]
    last = [each["p50_ns"] for each in series if each["t"] >= record["seconds"] - part]
    if not first or not last:
        raise Mistake(f"{record['seconds']:g} s are too short to compare their ends", hint="--soak 10m")
    begin, end = float(np.median(first)) / 1e6, float(np.median(last)) / 1e6
    facts = {key: sensors[key] for key in ("celsius", "mhz", "throttled", "why")}
    found = {
        "variant": record["variant"],
        "seconds": record["seconds"],
        "first_ms": begin,
        "last_ms": end,
        "ratio": end / begin,
        "slowest_ms": max(each["p50_ns"] for each in series) / 1e6,
        **facts,
    }
    return {**found, "told": _worded(found)}


def _worded(found: dict[str, Any]) -> str:
    """Say it in one sentence."""
    times = " and ".join(units.show_time(found[key] / 1e3) for key in ("first_ms", "last_ms"))
    told = (
        f"{found['variant']} for {units.show_time(found['seconds'])}: the last minute takes {found['ratio']:.2f} of the first ({times}), "
        f"the slowest second {units.show_time(found['slowest_ms'] / 1e3)}"
    )
    hottest = _hottest(found["celsius"])
    if hottest:
        told += f"; {hottest[0]} {hottest[1][0]:.0f} to {hottest[1][2]:.0f} degrees, at most {hottest[1][1]:.0f}"
    return told + "".join(f"; throttled: {why}" for why in found["why"])


def _hottest(celsius: dict[str, Sequence[float]]) -> tuple[str, Sequence[float]] | None:
    """Give the zone that became hottest: its temperature at first, at most, and last."""
    return max(celsius.items(), key=lambda each: each[1][1]) if celsius else None
