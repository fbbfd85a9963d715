"""Accuracy against latency against size: which files nothing else beats in all three, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgespec import units
from edgespec.report import Report


@dataclass(frozen=True)
class Point:
    """A file of a run.

    run, data, target, variant: whose it is, the digest of what it was judged on, where it was measured ("": nowhere), which it is
    cost: latency of one spectrum in microseconds, median; of a file that was not measured, kB
    accuracy with its interval; own: made by the run, not a baseline or the plain export; advised: recommended there
    """

    run: str
    data: str
    target: str
    variant: str
    cost: float
    accuracy: float
    low: float
    high: float
    bytes: int
    own: bool
    advised: bool

    def words(self) -> str:
        """Say all of it in a line."""
        where = f"{units.show_time(self.cost / 1e6)} on {self.target}, " if self.target else ""
        error = f" ({self.low:.3f} to {self.high:.3f})" if self.high > self.low else ""
        told = f"{self.variant}: accuracy {self.accuracy:.3f}{error}, {where}{units.show_size(self.bytes)}"
        return f"{self.run}, {told}" if self.run else told


def points(reports: Mapping[str, Report]) -> list[Point]:
    """Give every measured file, or every file made where not all runs were measured; `reports`: title -> report, "" for one alone."""
    measured = all(each.bench for each in reports.values())
    return [
        point for run, each in reports.items() for point in (_measured(run, each) if measured else _made(run, each))
    ]


def efficient(given: Sequence[Point]) -> list[bool]:
    """Say of each point whether it is on the Pareto frontier: no other of its data and target is as good in all three, better in one."""
    return [not any(_beats(other, point) for other in given) for point in given]


def stairs(given: Sequence[Point]) -> list[Point]:
    """Give the frontier in accuracy and cost alone, cheapest first: each is more accurate than all that are cheaper."""
    found: list[Point] = []
    for point in sorted(given, key=lambda each: (each.cost, -each.accuracy)):
        if not found or point.accuracy > found[-1].accuracy:
            found.append(point)
    return found


def outline(given: Sequence[Point]) -> tuple[list[float], list[float]]:
    """Give costs and accuracies of the line that joins `stairs`, on to the dearest of all: to be drawn in steps."""
    front = stairs(given)
    ends = [each.cost for each in front] + [max(each.cost for each in given)]
    return ends, [each.accuracy for each in front] + [front[-1].accuracy]


def _beats(other: Point, point: Point) -> bool:
    pairs = [(point.accuracy, other.accuracy), (other.cost, point.cost), (other.bytes, point.bytes)]
    same_place = (other.data, other.target) == (point.data, point.target)
    return same_place and all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def _measured(run: str, report: Report) -> list[Point]:
    intervals = {row.variant: (row.scores["low"], row.scores["high"]) for row in report.last()}
    found = []
    for target, record in report.bench.items():
        advised = report.advice.get(target, {}).get("variant")
        for each in record["measurements"]:
            if each["p50_ms"] is None or each["accuracy"] is None:
                continue
            name, accuracy, own = each["variant"], each["accuracy"], each["variant"] in intervals
            low, high = intervals.get(name, (accuracy, accuracy))
            cost, low, high = each["p50_ms"] * 1e3, min(low, accuracy), max(high, accuracy)
            found.append(
                Point(
                    run,
                    report.data["digest"],
                    target,
                    name,
                    cost,
                    accuracy,
                    low,
                    high,
                    each["size_bytes"],
                    own,
                    name == advised,
                )
            )
    return found


def _made(run: str, report: Report) -> list[Point]:
    data = report.data["digest"]
    return [
        Point(run, data, "", row.variant, (row.bytes or 1) / 1e3, row.accuracy, row.scores["low"], row.scores["high"],
              row.bytes or 1, True, False)
        for row in report.last()
    ]  # fmt: skip
