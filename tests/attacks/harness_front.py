"""front.json of a search, and the page and the table that are made of it."""

from __future__ import annotations

import json

import fuzzing
import search_example

from edgespec.cli import report as command
from edgespec.search import html, pareto

READER = "edgespec/search/pareto.read, and its pages"
KIND = "json"


def seeds() -> list[bytes]:
    return [json.dumps(search_example.FOUND).encode()]


def feed(raw: bytes) -> None:
    path = fuzzing.written("front.json", raw)
    found = pareto.read(path.parent)
    with command.trusted(path):
        html.show(found)
        pareto.told(found), pareto.table(found), pareto.page(found)
