"""The one file of a target: what bench recommends, else what the card prefers and the promises allow."""

from __future__ import annotations

import pytest
from report_example import report

from edgespec.recipe.gates import Gate
from edgespec.report import Report, choice
from edgespec.targets import card as cards
from edgespec.targets.card import Target

LOCAL = cards.load("local")


def test_what_bench_recommends_is_the_choice() -> None:
    found = choice.choose(report(), (), LOCAL)
    assert found == {"variant": "cpu-int8", "why": "cpu-int8 is recommended for target 'local'", "measured": True}


def test_an_unmeasured_target_gets_what_its_card_prefers_and_says_so() -> None:
    for name in ("intel_cpu", "jetson", "rpi5", "local_gpu"):
        found = choice.choose(report(), (), cards.load(name))
        assert found is not None
        assert (found["variant"], found["measured"]) == ("float32", False), "never int8 blindly"
        assert found["why"] == f"float32 is the first that the card of target {name!r} prefers; not measured there"
    int8 = Target("own", "onnxruntime", precisions=("cpu-int8", "float32"))
    assert (choice.choose(report(), (), int8) or {})["variant"] == "cpu-int8"
    assert choice.choose(report(), (), Target("own", "onnxruntime", precisions=("fp16",))) is None


def test_a_file_that_breaks_a_promise_is_passed_over_where_another_keeps_all() -> None:
    found = choice.choose(report(), [Gate("size", 30_000)], cards.load("intel_cpu"))
    assert found is not None
    assert found["variant"] == "cpu-int8"
    assert "that keeps the promises (float32: size is 40 kB, 10 kB over the 30 kB)" in found["why"]
    hopeless = choice.choose(report(), [Gate("size", 30)], cards.load("intel_cpu"))
    assert (hopeless or {})["variant"] == "float32"


def test_where_no_file_keeps_the_promises_the_card_decides() -> None:
    given = report()
    given.advice["local"]["variant"] = None
    found = choice.choose(given, (), LOCAL)
    assert found is not None
    assert found["variant"] == "float32"
    assert found["why"].endswith("no file keeps the promises there")


@pytest.mark.parametrize("told", [True, False])
def test_readers_of_a_report_ask_the_same_place(told: bool) -> None:
    given = report()
    if told:
        given.ships = choice.all_of(given, (), [LOCAL, cards.load("rpi5")])
        assert choice.variants(given) == ["cpu-int8", "float32"]
        assert choice.variant(given, "rpi5") == "float32"
    assert choice.variant(given) == "cpu-int8"
    assert choice.variants(given, "local") == ["cpu-int8"]
    assert choice.variant(given, "rpi4") == "cpu-int8", "of a target that it does not know, that for this machine"
    given.advice, given.ships = {}, {}
    assert choice.variant(given) == "float32"
    assert choice.variant(Report("empty", 0, {})) is None
    assert choice.variants(Report("empty", 0, {})) == []
