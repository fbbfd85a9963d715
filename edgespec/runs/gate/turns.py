"""Two versions of a run measured in turns on one target, so that what the machine does hits both."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from edgespec.bench import measure, measurement, session
from edgespec.bench.measurement import Measurement
from edgespec.bench.protocol import QUICK, Protocol
from edgespec.bench.session import TWIN, Session
from edgespec.graph import compatibility
from edgespec.pipeline.run import Run
from edgespec.report import choice
from edgespec.runs.gate.side import Side, Turns
from edgespec.targets import card as cards

if TYPE_CHECKING:
    from edgespec.targets.card import Target

STARTS = 5
SHORT_S = 0.05
AGAIN = ("cold_start", "memory", "energy")
Found = tuple[float, tuple[float, float], float]
Numbers = NDArray[np.float64]


def measured(run: Run, other: Run, head: Side, base: Side, name: str, seconds: float, metrics: Sequence[str]) -> Turns:
    """Measure the file that the run ships on a target and the same file of the other run, one beside the other.

    seconds: of timed calls of each; metrics: what is promised: cold start, memory and energy need several sessions
    A round of one session is one sample of a latency, as its calls share what the machine did.
    """
    card = cards.load(name)
    ships = choice.choose(run.report, run.plan.gates, card)
    variant = ships["variant"] if ships else head.shipped[0]
    earlier = variant if variant in base.files else base.shipped[0]
    files = {"base": other.model.path(earlier), "head": run.model.path(variant)}
    protocol = replace(QUICK, seconds=seconds, energy="energy" in metrics)
    sessions = [_session(run, files, card, protocol)]
    if set(metrics) & set(AGAIN):
        short = protocol if protocol.energy else replace(protocol, seconds=SHORT_S)
        sessions += [_session(run, files, card, short) for _ in range(STARTS - 1)]
    told, (_, after) = sessions[0]
    found: dict[str, Found | None] = {
        "latency_p50": (after.ratio, after.ratio_interval, _later(told, 0.5)),
        "latency_p90": _tail(told),
    }
    if len(sessions) > 1:
        pairs = [pair for _, pair in sessions]
        found |= {metric: _several(pairs, metric) for metric in AGAIN}
    return Turns(variant, found, after.noise, after.n)


def _session(run: Run, files: dict[str, Path], card: Target, protocol: Protocol) -> tuple[Session, list[Measurement]]:
    with tempfile.TemporaryDirectory(dir=run.folder, prefix=".against-") as work:
        files = compatibility.as_run(files, card, Path(work) / "sent")
        found = measure.measure(
            files, *run.test, card, Path(work), reference="base", float_of={}, protocol=protocol, progress=run.progress.say,
        )  # fmt: skip
        return session.load(Path(work) / f"{card.name}.samples.npz"), found


def _later(told: Session, share: float) -> float:
    """Give Mann and Whitney's one-sided p-value of the rounds' quantiles: that the later file is no slower."""
    before, after = (np.quantile(told.samples(name), share, axis=1) for name in ("base", "head"))
    return float(stats.mannwhitneyu(after, before, alternative="greater").pvalue)


def _tail(told: Session) -> Found | None:
    """Give the ratio of the P90s, with its interval from the same rounds of both."""
    both = {name: told.samples(name) for name in ("base", "head", TWIN.format("base"))}
    values = {name: measurement.quantile(each, 0.9) for name, each in both.items()}
    if values["base"] is None or values["head"] is None:
        return None
    draws = measurement.draw_rounds(len(both["base"]), told.facts["seed"])
    again = {name: measurement.resample(each, draws, [0.9])[:, 0] for name, each in both.items()}
    interval = measurement.interval(again["head"] / again["base"])
    return values["head"] / values["base"], interval, _later(told, 0.9)


def _several(pairs: Sequence[Sequence[Measurement]], metric: str) -> Found | None:
    """Give the ratio of medians over sessions; its interval reaches from the smallest to the largest ratio of one session, the outermost left out."""
    values = np.array([[_of(each, metric) for each in pair] for pair in pairs])
    if not np.isfinite(values).all() or (values <= 0).any():
        return None
    before, after = values.T
    ratios = np.sort(after / before)
    p = float(stats.mannwhitneyu(after, before, alternative="greater").pvalue)
    return float(np.median(after) / np.median(before)), (float(ratios[1]), float(ratios[-2])), p


def _of(each: Measurement, metric: str) -> float:
    if metric == "cold_start":
        return each.cold_load_ms + each.cold_first_ms
    if metric == "memory":
        return float(each.peak_memory_bytes)
    return float("nan") if each.energy_mj is None else each.energy_mj
