"""The report as one HTML file: it asks for nothing, works without a network and without a script, and is made for looking.

matplotlib draws the figures as SVG (a library for the browser would weigh 1 to 5 MB, draw nothing on paper and tell a screen
reader little); a small script adds what a file alone can't: names under the pointer, sorting, the switch of light and dark.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from edgespec import storage
from edgespec.errors import visible
from edgespec.report import Report
from edgespec.report.html_compare import beside
from edgespec.report.html_model import Section
from edgespec.report.html_sections import ENGINEER, Tile, sections, tiles

FILE = "report.html"
_PAGE = Path(__file__).parent / "page"


@dataclass(frozen=True)
class Run:
    """What the page shows of a run; `name` starts the names of its sections."""

    name: str
    title: str
    report: Report
    tiles: list[Tile]
    sections: list[Section]


def write(report: Report, folder: Path) -> Path:
    """Write a run's report.html; give its path."""
    return storage.write(folder / FILE, show({report.recipe: report}))


def show(reports: Mapping[str, Report]) -> str:
    """Give the page of one run, or of several side by side. reports: title -> report"""
    return render([lay_out(title, report, i) for i, (title, report) in enumerate(reports.items(), start=1)])


def lay_out(title: str, report: Report, place: int) -> Run:
    """Draw all that the page shows of a run; `place`: which of the page's runs it is, from 1."""
    return Run(f"run{place}", title, report, tiles(report), sections(report, f"run{place}"))


def render(runs: Sequence[Run], first: Sequence[Section] = (), heading: str = "") -> str:
    """Put runs on a page, in front of them what compares them; `first` and `heading` stand there where there are no runs."""
    style, script = ((_PAGE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    given: dict[str, Any] = {
        "title": heading or ", ".join(run.title for run in runs),
        "heading": heading or (runs[0].title if len(runs) == 1 else "Runs side by side"),
        "runs": runs,
        "together": beside({run.title: run.report for run in runs}) if len(runs) > 1 else first,
        "engineer": ENGINEER,
        "style": Markup(style),  # noqa: S704  (a file of ours)
        "script": Markup(script),  # noqa: S704  (a file of ours)
        "policy": _policy(style, script),
    }
    made = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return visible(made.get_template("page.html").render(given))


def _policy(style: str, script: str) -> str:
    """Forbid the page everything but its own style and script, known by their digests."""
    own = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    allowed = f"style-src 'sha256-{own[0]}'; script-src 'sha256-{own[1]}'; img-src data:"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
