"""How long a candidate takes beside the network that it is to replace: exported, and timed in turns on the target itself."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from edgespec import units
from edgespec.bench import measure
from edgespec.graph import exporter
from edgespec.job import Job
from edgespec.spectra import Ints
from edgespec.targets import card as cards
from edgespec.targets import runner
from edgespec.training import loop

SPECTRA, SECONDS = 64, 1.0


@dataclass(frozen=True)
class Latency:
    """What the target said of both files, interleaved: medians in ms, their ratio with its 95 % interval, and its noise."""

    target: str
    unpruned_ms: float
    pruned_ms: float
    ratio: float
    interval: tuple[float, float]
    noise: float
    n: int

    def plain(self) -> dict[str, Any]:
        """Values for JSON."""
        return asdict(self)

    def falls(self) -> bool:
        """Can the pruned file be told to be faster?"""
        return self.interval[1] * (1 + self.noise) < 1

    def meets(self, longest: tuple[float, bool], sure: bool = False) -> bool:
        """Does the pruned file keep the limit? sure: only what surely exceeds it does not."""
        limit, relative = longest
        if relative:
            return (self.interval[0] if sure else self.ratio) <= limit
        return self.pruned_ms / 1e3 * (1 - self.noise if sure else 1) <= limit

    def told(self) -> str:
        """Word it."""
        time = units.show_time(self.pruned_ms / 1e3)
        return f"{self.ratio:.2f}x [{self.interval[0]:.2f}, {self.interval[1]:.2f}] ({time}) on {self.target}"


Compare = Callable[[nn.Module], Latency]


def comparing(job: Job, unpruned: nn.Module, name: str, rows: Ints) -> Compare:
    """Give what exports a candidate and times it beside the unpruned network's file, in turns, on a target.

    rows: spectra to answer. Raises Missing or Unreachable at once where the target can't be asked.
    """
    card, front = cards.load(name), loop.front(job)
    with tempfile.TemporaryDirectory(dir=job.folder, prefix=".hello-") as work:
        runner.call(card, ["hello", "--runtime", card.runtime], Path(work))
    x, y = job.spectra.x[rows[:SPECTRA]], job.spectra.y[rows[:SPECTRA]]
    whole: list[bytes] = []

    def compare(candidate: nn.Module) -> Latency:
        with tempfile.TemporaryDirectory(dir=job.folder, prefix=".bench-") as work:
            files = {each: Path(work) / f"{each}.onnx" for each in ("unpruned", "pruned")}
            if not whole:
                exporter.export(unpruned, files["unpruned"], front=front)
                whole.append(files["unpruned"].read_bytes())
            files["unpruned"].write_bytes(whole[0])
            exporter.export(candidate, files["pruned"], front=front)
            found = measure.measure(
                files, x, y, card, Path(work) / "bench", reference="unpruned", float_of={}, seconds=SECONDS
            )
        large, small = found
        return Latency(name, large.p50_ms, small.p50_ms, small.ratio, small.ratio_interval, small.noise, small.n)

    return compare
