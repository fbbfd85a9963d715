"""Hostile names of classes, files and devices in Markdown, JUnit, CSV, annotations and on a terminal."""

from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree

import browser_page
import fuzzing
import mutations

from edgespec.cli import answers, console
from edgespec.report import github, junit, markdown, terminal

FORBIDDEN = set("\x00\x07\x08\x1b\x7f\x90\x9b\u200e\u200f\u202a\u202e\u2066\u2069\u2028\r")

READER = "edgespec/report writers, edgespec/cli/answers, console"


def seeds() -> list[bytes]:
    return [word.encode("utf-8", "surrogatepass") for word in mutations.WORDS if len(word) < 100]


def feed(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")[:200]
    found = browser_page.whole((f"{text}1", f"{text}2", f"{text}3"), "hand")
    found.notes, found.data["name"] = [text], text
    found.rows[3].model = found.rows[3].name = text
    found.gates = [{**each, "skipped": False} for each in found.gates]
    found.gates[0] |= {"message": text, "hint": text}
    shown = markdown.show(found, drawn=False)
    assert "<script" not in shown
    assert not FORBIDDEN & set(shown), "the page moves a cursor, or turns the writing"
    path = fuzzing.scratch() / "junit.xml"
    junit.write(found, path, inconclusive="fail")
    ElementTree.parse(path)
    for line in github.commands(found, [""] * len(found.gates), inconclusive="fail"):
        assert line.startswith("::")
        assert "\n" not in line
        assert "\r" not in line
    held = io.StringIO()
    print(f"{text}\n{terminal.show(found)}", file=console.Plain(held))
    assert not FORBIDDEN & set(held.getvalue() + console.json_text(text)), "a terminal gets it"
    assert json.loads(console.json_text(text)) == text
    _csv(text)


def _csv(text: str) -> None:
    held = io.StringIO()
    answers.write_row(held, {"file": text, "error": text, "hint": ""})
    (row,) = csv.reader(io.StringIO(held.getvalue(), newline=""))
    assert row[0][:1] not in ("=", "+", "-", "@", "\t", "\r"), "a spreadsheet runs it"
