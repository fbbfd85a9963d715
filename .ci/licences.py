"""Write the licences of what an SBOM lists as a table of Markdown.

    python .ci/licences.py dist/sbom.json > dist/licences.md

A package says its licence in up to four ways; the SPDX expression counts first, then an SPDX name, then what older packages say:
a classifier, a short text.
A package that declares none is listed as such: somebody has to look.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

CLASSIFIER = "License :: "
NONE = "**not declared**"
LONG = 60 * "."  # older packages put a licence's name where others put its whole text


def licence(component: dict[str, Any]) -> str:
    """Give the licence that a component of CycloneDX declares, NONE where there is none."""
    entries = component.get("licenses", [])
    names = [each.get("license", {}).get("name", "") for each in entries]
    texts = [each.get("license", {}).get("text", {}) for each in entries]
    for ways in (
        [each["expression"] for each in entries if "expression" in each],
        [each["license"]["id"] for each in entries if "id" in each.get("license", {})],
        [name.rpartition(" :: ")[2] for name in names if name.startswith(CLASSIFIER)],
        [
            text["content"]
            for text in texts
            if "encoding" not in text and len(text.get("content", "") or LONG) < len(LONG)
        ],
    ):
        if ways:
            return ", ".join(sorted(set(ways)))
    return NONE


def table(sbom: dict[str, Any]) -> str:
    """Give the page: one line a package, by name."""
    found = sorted(sbom["components"], key=lambda each: str(each["name"]).lower())
    subject = sbom["metadata"]["component"]
    lines = [
        f"# Licences of what {subject['name']} needs",
        "",
        "| package | version | licence |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {each['name']} | {each.get('version', '')} | {licence(each).replace('|', '/')} |" for each in found]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
