"""What counts as a sentence, and that README stays readable."""

from __future__ import annotations

import statistics
from pathlib import Path

from benchmarks.tools import readability

TOP = Path(__file__).parents[3]


def test_code_tables_and_addresses_do_not_count() -> None:
    text = "One two three. Four five six seven.\n\n```\na b c d e f\n```\n| a | b | c |\n\n- See [the long page](docs/with/many/words.md) now.\n"
    assert readability.sentences(text) == [3, 4, 5]


def test_readme_and_tutorials_are_readable() -> None:
    readme = readability.sentences((TOP / "README.md").read_text(encoding="utf-8"))
    assert statistics.median(readme) <= 18
    assert sum(each > readability.LONG for each in readme) <= 0.1 * len(readme)
    assert len((TOP / "README.md").read_text(encoding="utf-8").splitlines()) <= 130
    for page in sorted((TOP / "docs" / "tutorials").glob("*.md")):
        counts = readability.sentences(page.read_text(encoding="utf-8"))
        assert sum(each > readability.LONG for each in counts) <= 0.2 * len(counts), page.name
