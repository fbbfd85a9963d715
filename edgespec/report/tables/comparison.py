"""What a report leads with, as cells of text: the file to ship beside the best linear model and the nearest neighbour, clean and perturbed."""

from __future__ import annotations

from typing import Any

from edgespec.report import Report
from edgespec.report.tables import Table

TITLE = "Beside simple models"
LEAD = (
    "Accuracy of the file to ship, of the linear model that is most accurate on clean spectra and of the nearest neighbour, on the same test "
    "spectra, as they are and perturbed before preprocessing. Below each baseline: the file's accuracy minus the baseline's, paired spectrum by "
    "spectrum, with its 95 % interval by physical sample."
)


def head(report: Report) -> list[str]:
    """Give the head: the model, then what it was judged under."""
    return ["model", *report.comparison.get("conditions", {})]


def rows(report: Report) -> Table:
    """One line a model, and below each baseline one line with the paired difference; nothing where no answers were kept."""
    found: Table = []
    told = report.comparison
    for each in told.get("models", []):
        found.append([each["name"], *(_share(each["accuracy"].get(name)) for name in told["conditions"])])
        if each["role"] != "file":
            gaps = [_gap(each["apart"].get(name)) for name in told["conditions"]]
            found.append([f"  {told['file']} against it", *gaps])
    return found


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _gap(apart: Any) -> str:
    if apart is None:
        return "-"
    mean, low, high = apart
    return f"{mean:+.3f}" if low is None else f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"
