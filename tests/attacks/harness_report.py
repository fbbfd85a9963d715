"""report.json, sealed by whoever forged it, and everything that `edgespec report` and `edgespec compare` write of it."""

from __future__ import annotations

import json

import browser_page
import fuzzing

from edgespec import report
from edgespec.cli import report as command
from edgespec.report import files, github, junit, terminal

READER = "edgespec/report.read, and its writers"
KIND = "json"


def seeds() -> list[bytes]:
    def write(path: fuzzing.Path) -> None:
        whole = browser_page.whole()
        whole.gates = [{**each, "skipped": False} for each in whole.gates]
        report.write(whole, path.parent)
        (path.parent / "report.json").replace(path)

    return [fuzzing.made(write, "seed.json")]


def feed(raw: bytes) -> None:
    folder = fuzzing.scratch()
    fuzzing.written("report.json", sealed(raw))
    found = report.read(folder)
    with command.trusted(folder / "report.json"):
        files.write(found, folder)
        terminal.show(found)
        junit.write(found, folder / "junit.xml", inconclusive="fail")
        github.text(found)
        github.commands(found, [""] * len(found.gates), inconclusive="fail")


def sealed(raw: bytes) -> bytes:
    """Seal a report anew, as one who forges it would."""
    try:
        plain = json.loads(raw)
        plain["seal"] = report.seal(plain)
        return json.dumps(plain).encode()
    except (ValueError, TypeError, RecursionError, AttributeError):
        return raw
