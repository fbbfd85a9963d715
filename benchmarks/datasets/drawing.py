"""Draw spectra of `minerals` from the stream: how many a second, and in what memory.

    python -m benchmarks.datasets.drawing 1000000

Prints a line of JSON for each number asked for, one after the other in one process: seconds by the clock and of the one core that
it had (less, where others had it too), spectra a second by both, and the most memory that the process ever had (VmHWM; null where
/proc does not tell). Nothing else is imported, so that the figure is the stream's.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from edgespec.datasets import minerals
from edgespec.spectra import Axis

AXIS = Axis(150, 1172, 512)
EACH = 5  # spectra of a physical sample


def drawn(count: int) -> dict[str, Any]:
    """Draw at least so many spectra and drop them."""
    samples = max(-(-count // (EACH * len(minerals.table()))), 3)
    begin, used, seen = time.perf_counter(), time.process_time(), 0
    for piece in minerals.stream(axis=AXIS, seed=0, samples=samples, spectra=EACH):
        seen += len(piece)
    seconds, core = time.perf_counter() - begin, time.process_time() - used
    told = {"spectra": seen, "points": AXIS.points, "seconds": round(seconds, 2), "per_second": round(seen / seconds)}
    return {**told, "core_seconds": round(core, 2), "per_core_second": round(seen / core), "peak_mb": peak()}


def peak() -> float | None:
    """Give the largest resident memory of this process so far in MB."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) * 1024 / 1e6, 1)


if __name__ == "__main__":
    for word in sys.argv[1:]:
        print(json.dumps(drawn(int(word))), flush=True)
