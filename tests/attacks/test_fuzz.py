"""Every reader of foreign bytes takes a file or refuses it in the house's words: hostile copies by fixed seeds, and what was found before.

The long run with limits in child processes is benchmarks/robustness/fuzz.py.
"""

from __future__ import annotations

from pathlib import Path

import fuzzing
import hypothesis
import pytest
from hypothesis import strategies

INPUTS = 3000
DEAR = {
    "report": 3,
    "page": 1,
    "front": 15,
    "device_answers": 60,
    "bundle": 60,
    "h5": 40,
    "mat": 40,
    "parquet": 40,
}  # what takes 10 ms and more a case
KEPT = [(name, path) for name in fuzzing.names() for path in fuzzing.corpus(name)]


def count(name: str) -> int:
    others = len(fuzzing.names()) - len(DEAR)
    return DEAR[name] if name in DEAR else -(-(INPUTS - sum(DEAR.values())) // others)


def test_the_counts_add_up() -> None:
    assert set(DEAR) < set(fuzzing.names())
    assert sum(map(count, fuzzing.names())) >= INPUTS


@pytest.mark.parametrize("name", fuzzing.names())
def test_a_valid_file_is_no_finding(name: str) -> None:
    assert fuzzing.harness(name).READER
    for raw in fuzzing.seeds(name):
        assert fuzzing.finding(name, raw) is None


@pytest.mark.parametrize("name", fuzzing.names())
def test_hostile_copies_end_in_the_houses_words(name: str) -> None:
    for _, raw in zip(range(count(name)), fuzzing.cases(name, 1), strict=False):
        found = fuzzing.finding(name, raw)
        assert found is None, f"{found}\n{raw[:500]!r}"


@pytest.mark.parametrize("name", [name for name in fuzzing.names() if name not in DEAR])
@hypothesis.settings(max_examples=15, derandomize=True)
@hypothesis.given(
    raw=strategies.binary(max_size=200) | strategies.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))
)
def test_bytes_of_no_kind_end_in_them_too(name: str, raw: bytes) -> None:
    found = fuzzing.finding(name, raw)
    assert found is None, found


@pytest.mark.parametrize(("name", "path"), KEPT, ids=[f"{name}-{path.name}" for name, path in KEPT])
def test_what_was_found_before_is_mended(name: str, path: Path) -> None:
    found = fuzzing.finding(name, path.read_bytes())
    assert found is None, found
