"""The test spectra that the shipped file names wrongly, as cells of text."""

from __future__ import annotations

from typing import Any

from edgespec.report import Report, choice

TITLE = "Wrong answers"
HEAD = ["read from", "sample", "class", "answered", "probability"]


def answers(report: Report) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Give (spectrum, answer) of each wrong answer of the file to ship, the surest first; none where none was kept."""
    known = report.mistakes.get("files", {}).get(choice.variant(report), {})
    return [(report.mistakes["spectra"][each["spectrum"]], each) for each in known.get("answers", ())]


def rows(report: Report) -> list[list[str]]:
    """Give a line for each wrong answer that is kept."""
    labels = report.data["labels"]
    return [
        [
            spectrum["where"] or "-",
            spectrum["sample"] or "-",
            labels[spectrum["class"]],
            labels[answer["named"]],
            f"{answer['probability']:.2f}",
        ]
        for spectrum, answer in answers(report)
    ]


def lead(report: Report) -> str:
    """Say how many answers of which file are wrong, and how many of them follow; "" where nothing was kept."""
    name = choice.variant(report)
    known = report.mistakes.get("files", {}).get(name)
    if known is None:
        return ""
    n, shown = report.data["test"], len(known["answers"])
    if not known["wrong"]:
        return f"`{name}` names all {n} test spectra correctly."
    told = f"`{name}` names {known['wrong']} of {n} test spectra wrongly."
    return f"{told} The {shown} with the highest probability follow." if shown < known["wrong"] else told
