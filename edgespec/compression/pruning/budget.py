"""A budget: what a pruned network may cost, and the widths that keep it; a latency is asked of the target itself."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import WithJsonSchema
from torch import nn

from edgespec import plugins, units
from edgespec.bench import measure
from edgespec.compression.pruning import schedule
from edgespec.compression.pruning.schedule import Cost, Ledger, Scores, Widths
from edgespec.errors import BrokenPromise, Mistake
from edgespec.graph import compatibility, exporter
from edgespec.job import Job
from edgespec.spectra import Ints
from edgespec.targets import card as cards
from edgespec.targets import runner

Limit = str | float | None
Number = Annotated[Limit, WithJsonSchema({"anyOf": [units.form(units.count, percent=True), {"type": "null"}]})]
Bytes = Annotated[Limit, WithJsonSchema({"anyOf": [units.form(units.size, percent=True), {"type": "null"}]})]
RATIO = {"type": "string", "pattern": r"^\s*[0-9]*[.]?[0-9]+\s*x\s*$"}
Time = Annotated[Limit, WithJsonSchema({"anyOf": [units.form(units.time), RATIO, {"type": "null"}]})]
COUNTED = {"macs": units.count, "params": units.count, "size": units.size}
SHOWN = {"macs": units.show_count, "params": units.show_count, "size": units.show_size}
FIELDS = {"macs": "macs", "params": "params", "size": "bytes"}
WEIGHT = 4  # bytes of a parameter
APART = 2.0  # limits of one thing in two words that are further apart than this contradict each other
SPECTRA, SECONDS = 64, 1.0


@dataclass(frozen=True)
class Budget:
    """How small the network has to become: one limit or several, of which all hold at the end.

    macs: multiply-accumulates of one spectrum, as a share of the unpruned network's ("25 %" of them stay) or a number ("1.2 M").
    params: parameters, as a share or a number.
    size: bytes of the float32 weights, as a share or a size ("100 kB").
    latency: of the float32 file on the target, over the unpruned network's there ("0.4x") or as a time ("200 us").
    target: where the latency is measured.
    """

    macs: Number = None
    params: Number = None
    size: Bytes = None
    latency: Time = None
    target: str = "local"

    def __post_init__(self) -> None:
        if all(getattr(self, key) is None for key in (*COUNTED, "latency")):
            raise Mistake("no limit is named", hint=f"one or several of {', '.join(COUNTED)}, latency")
        for key in COUNTED:
            _absolute(key, getattr(self, key), Cost(1, 1, 1))
        self.longest()
        if self.target not in cards.names():
            known = plugins.did_you_mean(self.target, cards.names())
            raise Mistake(f"unknown target {self.target!r}", hint=known)

    def longest(self) -> tuple[float, bool] | None:
        """Give the latency's limit and whether it is a ratio (else seconds); None where none is named."""
        if self.latency is None:
            return None
        text = str(self.latency).strip()
        if not text.endswith(("x", "s")):
            raise Mistake(f"latency: {text!r} is neither a ratio nor a time", hint="such as 0.4x or '200 us'")
        value = units.time(text) if text.endswith("s") else _ratio(text)
        if value <= 0:
            raise Mistake(f"latency: {text!r} is no time at all", hint="such as 0.4x or '200 us'")
        return value, text.endswith("x")

    def limits(self, whole: Cost) -> dict[str, float]:
        """Give the limits that can be counted, in numbers.

        Raises Mistake where the model meets one already, or where two of them contradict each other.
        """
        named = {key: getattr(self, key) for key in COUNTED if getattr(self, key) is not None}
        found = {key: _absolute(key, value, whole) for key, value in named.items()}
        for key, limit in found.items():
            has = getattr(whole, FIELDS[key])
            if has <= limit:
                raise Mistake(
                    f"'to.{key}' {named[key]}: the model meets it already, with {SHOWN[key](has)}",
                    hint="a lower limit, or leave it out",
                )
        if {"params", "size"} <= set(found):
            implied = (found["size"] - (whole.bytes - WEIGHT * whole.params)) / WEIGHT
            if not 1 / APART <= implied / found["params"] <= APART:
                raise Mistake(
                    f"'to.params' {named['params']} and 'to.size' {named['size']} contradict each other: "
                    f"{units.show_size(found['size'])} hold {units.show_count(max(implied, 0))} parameters",
                    hint="keep the one that you mean",
                )
        return found


def reached(
    to: Budget,
    whole: Cost,
    ledger: Ledger,
    scores: Scores,
    round_to: int,
    compare: Compare,
    build: Callable[[Widths], nn.Module],
    say: Callable[[str], None],
) -> list[dict[str, int]]:
    """Give the widths on the way down, the last of them the first that keep all limits.

    whole: what the unpruned network costs; build: the network of some widths, which need know nothing yet
    Raises Mistake where the model meets a limit already or no width keeps those that can be counted, BrokenPromise where the
    target says that none keeps the latency.
    """
    limits, longest = to.limits(whole), to.longest()

    def over(cost: Cost) -> float:
        return sum(max(math.log(getattr(cost, FIELDS[key]) / limit), 0.0) for key, limit in limits.items())

    path = schedule.path(ledger, scores, round_to, over)
    left = ledger.cost(path[-1])
    for key, limit in limits.items():
        if getattr(left, FIELDS[key]) > limit:
            raise Mistake(
                f"'to.{key}' {getattr(to, key)} leaves no channel somewhere: with every group at its narrowest, "
                f"{SHOWN[key](getattr(left, FIELDS[key]))} are left ({getattr(left, FIELDS[key]) / getattr(whole, FIELDS[key]):.0%})",
                hint=f"a higher limit, a smaller round_to than {round_to}, or a smaller model",
            )
    if longest is None:
        return path
    down = schedule.path(ledger, scores, round_to, lambda cost: over(cost) + math.log(cost.macs))
    first = next(i for i, each in enumerate(down) if over(ledger.cost(each)) == 0)
    return down[: _fast_enough(to, longest, down, first, compare, build, say, ledger, whole) + 1]


def _fast_enough(
    to: Budget,
    longest: tuple[float, bool],
    down: list[dict[str, int]],
    first: int,
    compare: Compare,
    build: Callable[[Widths], nn.Module],
    say: Callable[[str], None],
    ledger: Ledger,
    whole: Cost,
) -> int:
    """Find the first place on the way down that is fast enough on the target, by halving; first: where the other limits are kept."""

    def asked(place: int) -> Latency:
        found = compare(build(down[place]))
        say(f"{ledger.cost(down[place]).macs / whole.macs:.0%} of the MACs: {found.told()}")
        return found

    fastest = asked(len(down) - 1)
    if not longest[1] and fastest.unpruned_ms / 1e3 <= longest[0]:
        has = units.show_time(fastest.unpruned_ms / 1e3)
        raise Mistake(f"'to.latency' {to.latency}: the model meets it already, with {has}", hint="a lower limit")
    if not fastest.meets(longest):
        raise BrokenPromise(
            f"'to.latency' {to.latency} can't be met: with every group at its narrowest it answers in {fastest.told()}",
            hint="fewer blocks (depths) where the model has some, a smaller round_to, or a longer latency",
        )
    unchanged = ledger.cost(down[0]) == whole  # the network itself is no candidate, whatever a noisy machine says
    low, high = max(first, int(unchanged)) - 1, len(down) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if asked(middle).meets(longest) else (middle, high)
    return high


def _absolute(key: str, value: Limit, whole: Cost) -> float:
    """Give a limit as a number; a share is a number up to 1 or one with a percent sign."""
    if value is None:
        return 0.0
    share = str(value).strip().endswith("%") or (isinstance(value, float) and value <= 1)
    number = units.share(value) if share else COUNTED[key](value)
    if number <= 0:
        raise Mistake(f"{key}: {value} leaves no channel", hint="what stays, such as 25 %")
    return number * getattr(whole, FIELDS[key]) if share else number


def _ratio(text: str) -> float:
    try:
        value = float(text.removesuffix("x"))
    except ValueError:
        raise Mistake(f"latency: {text!r} is neither a ratio nor a time", hint="such as 0.4x or '200 us'") from None
    if not value < 1:
        raise Mistake(f"latency: the model already meets {text}: that is itself", hint="a ratio below 1x")
    return value


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
    card, front = cards.load(name), job.front()
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
            files = compatibility.as_run(files, card, Path(work) / "sent")
            found = measure.measure(
                files, x, y, card, Path(work) / "bench", reference="unpruned", float_of={}, seconds=SECONDS
            )
        large, small = found
        return Latency(name, large.p50_ms, small.p50_ms, small.ratio, small.ratio_interval, small.noise, small.n)

    return compare
