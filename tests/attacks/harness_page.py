"""Hostile names of classes, runs and devices on the HTML page, in its text and in its figures."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import browser_page

from edgespec.report import html

READER = "edgespec/report/html.show"
FORBIDDEN = set("\x00\x07\x08\x1b\x7f\x90\x9b\u200e\u200f\u202a\u202e\u2066\u2069\u2028\r")
SCRIPTS = 1  # the page's own


def seeds() -> list[bytes]:
    return [b"<script>alert(1)</script>"]


class Scripts(HTMLParser):
    """Counts scripts and what would run on an event."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts, self.events = 0, 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.scripts += tag == "script"
        self.events += sum(name.startswith("on") for name, _ in attrs)


def feed(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")[:200]
    found = browser_page.whole((f"{text}1", f"{text}2", f"{text}3"), "hand")
    found.gates = []
    found.notes, found.data["name"] = [text], text
    found.rows[3].model = found.rows[3].name = text
    page = html.show({text: found})
    assert not FORBIDDEN & set(page), "the page turns the writing"
    seen = Scripts()
    seen.feed(page)
    assert (seen.scripts, seen.events) == (SCRIPTS, 0), "a name became a script"
