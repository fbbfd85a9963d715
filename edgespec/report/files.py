"""The two pages that lie in every run folder: report.md for terminals and report.html for browsers."""

from __future__ import annotations

from pathlib import Path

from edgespec.report import Report, html, markdown


def write(report: Report, folder: Path) -> Path:
    """Write report.md and report.html; give the path of the latter."""
    markdown.write(report, folder)
    return html.write(report, folder)
