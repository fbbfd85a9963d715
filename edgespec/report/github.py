"""Verdicts for a continuous-integration job: a Markdown summary, and annotations at the lines of the recipe."""

from __future__ import annotations

import re
from pathlib import Path

from edgespec.errors import visible
from edgespec.report import Report, markdown, tables
from edgespec.report.junit import outcome

PLACE = re.compile(r"([^\s:]+\.yaml):([0-9]+)")
LEVEL = {"failure": "error", "error": "error", "skipped": "warning"}


def text(report: Report) -> str:
    """Give the verdicts as Markdown."""
    kept = sum(each["verdict"] == "pass" for each in report.gates)
    head = f"### edgespec gate: {report.recipe}, {kept} of {len(report.gates)} promises kept"
    source = (
        f"data: {report.data['source']} ({report.data['name']}, {report.data['test']} test spectra), seed {report.seed}"
    )
    return (
        "\n\n".join(
            [markdown.plain(head), markdown.plain(source), markdown.as_table(tables.GATE_HEAD, tables.gates(report))]
        )
        + "\n"
    )


def append(report: Report, path: Path) -> None:
    """Add the verdicts to a job's summary, which other steps write to as well."""
    with path.open("a", encoding="utf-8") as file:
        file.write(text(report) + "\n")


def commands(report: Report, places: list[str], *, inconclusive: str, skipped: str = "warn") -> list[str]:
    """Give a workflow command for each promise that isn't kept; places: file and line of each promise ("" where not known)."""
    found = []
    for each, place in zip(report.gates, places, strict=True):
        kind = outcome(each["verdict"], skipped=each["skipped"] and skipped != "fail", inconclusive=inconclusive)
        if kind:
            at = PLACE.fullmatch(place)
            where = f"file={_property(at[1])},line={at[2]}," if at else ""
            said = each["message"] + (f"; {each['hint']}" if each["hint"] else "")
            title = f"edgespec: {tables.promise(each)}"
            found.append(f"::{LEVEL[kind]} {where}title={_property(title)}::{_data(said)}")
    return found


def _data(said: str) -> str:
    return visible(said.replace("\r", "\n")).replace("%", "%25").replace("\n", "%0A")


def _property(said: str) -> str:
    return _data(said).replace(":", "%3A").replace(",", "%2C")
