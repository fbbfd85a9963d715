"""What a search found as one HTML file: every trial in the trade-off, the front filled, and tables that sort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgespec import storage
from edgespec.report import html
from edgespec.report.figures import frontier
from edgespec.report.html_model import Section, table
from edgespec.report.pareto import Point
from edgespec.search import pareto
from edgespec.search.pareto import Found

LEAD = (
    "Chosen by validation alone: the intervals say how little so few spectra can tell. The test part is looked at once, for the trials of "
    "the front, when the search is over."
)
CAPTION = (
    "Up and to the left is better; the area of a mark is the size of its file. Filled and named is the front: no other trial is as good in "
    "all that was searched for and better in something. The line joins those that nothing cheaper equals in accuracy; bars are 95 % intervals."
)


def write(found: Found, folder: Path) -> Path:
    """Write report.html into the folder of a search; give its path."""
    return storage.write(folder / html.FILE, show(found))


def show(found: Found) -> str:
    """Give the page of a search, from what front.json holds."""
    whole = [each for each in found["trials"] if each["state"] == "complete"]
    points = [_point(found, each) for each in whole]
    drawn = (
        [frontier.of_points("trials", points, [each.own for each in points], part="validation", caption=CAPTION)]
        if points
        else []
    )
    best = table(
        "The front, most accurate first", pareto.HEAD, [pareto.line(found, number) for number in found["front"]]
    )
    kinds = ["step" if each["number"] in found["front"] else "control" for each in whole]
    every = table("All complete trials", pareto.HEAD, [pareto.line(found, each["number"]) for each in whole], kinds)
    notes = [f"{pareto.told(found)}.", *(each for each in pareto.measured(found) if each)]
    notes += [
        f"trial {each['number']:04d} {each['state']}: {each['why']}" for each in found["trials"] if each.get("why")
    ]
    section = Section("front", "The front", LEAD, drawn, [best, every], notes)
    return html.render([], [section], f"Search of {found['recipe']}")


def _point(found: Found, each: dict[str, Any]) -> Point:
    latency, own = each.get("latency"), each["number"] in found["front"]
    cost = latency["ms"] * 1e3 if latency else each["size"] / 1e3
    target = found["target"] if latency else ""
    name = f"{each['number']:04d}"
    return Point("", "", target, name, cost, each["accuracy"], each["low"], each["high"], each["size"], own, False)
