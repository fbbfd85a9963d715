"""What a recipe may promise, and what of it makes no sense."""

from __future__ import annotations

from typing import Any

import pytest

from edgespec.recipe import gates
from edgespec.recipe.gates import Gate, Promises
from edgespec.recipe.metrics import DEFAULTS


def read(tree: Any) -> tuple[Promises, list[tuple[Any, str, str]]]:
    wrong: list[tuple[Any, str, str]] = []
    return gates.read(tree, lambda place, text, hint: wrong.append((place, text, hint))), wrong


def test_limits_of_its_own_and_limits_against_a_baseline_are_never_mixed() -> None:
    relative = {"accuracy": "1 %", "size": 0.02, "latency_p50": {"local": "5 %"}, "instructions": "3 %"}
    found, wrong = read(
        {"accuracy": 0.9, "latency_p90": {"local": "1 ms"}, "inconclusive": "fail", "regression": relative}
    )
    assert not wrong
    assert found.inconclusive == "fail"
    assert found.absolute == (Gate("accuracy", 0.9), Gate("latency_p90", 0.001, "local"))
    assert found.regression
    assert found.relative() == (
        Gate("contract", 0.0, "", True, stated=False),
        Gate("variants", 0.0, "", True, stated=False),
        Gate("accuracy", 0.01, "", True),
        Gate("size", 0.02, "", True),
        Gate("latency_p50", 0.05, "local", True),
        Gate("instructions", 0.03, "", True),
    )
    assert found.relative()[4].place == ("gates", "regression", "latency_p50", "local")


def test_without_regression_there_are_default_limits() -> None:
    found = read({"accuracy": 0.9})[0]
    assert not found.regression
    limits = {f"{each.metric} {each.target}".strip(): each.limit for each in found.relative(["local", "jetson"])}
    assert limits["accuracy"] == DEFAULTS["accuracy"]
    assert limits["latency_p50 jetson"] == limits["latency_p50 local"] == DEFAULTS["latency_p50"]
    assert {"contract", "variants"} < set(limits)
    assert not any(each.stated for each in found.relative())
    assert not any(each.target for each in found.relative())


def test_what_may_change_is_not_judged() -> None:
    found, wrong = read({"regression": {"contract": "any", "variants": "same", "size": "1 %"}})
    assert not wrong
    assert [each.metric for each in found.relative()] == ["variants", "size"]


def test_nothing_promised_is_nothing_wrong() -> None:
    assert read(None) == (Promises(), [])
    assert read({"inconclusive": "warn"}) == (Promises(), [])


@pytest.mark.parametrize(
    ("tree", "place", "said", "hint"),
    [
        ([1], (), "'gates' holds 'metric: limit' entries", "gates:"),
        ({"inconclusive": "maybe"}, ("inconclusive",), "'maybe' is not warn or fail", "warn"),
        ({"regressoin": {}}, ("regressoin",), "unknown metric 'regressoin'", "did you mean 'regression'?"),
        ({"regression": [1]}, ("regression",), "'regression' holds", "size: 2 %"),
        ({"regression": {"acuracy": 0.1}}, ("regression", "acuracy"), "unknown metric", "'accuracy'"),
        (
            {"regression": {"sensitivity": 0.1}},
            ("regression", "sensitivity"),
            "no regression of 'sensitivity'",
            "there is",
        ),
        ({"regression": {"contract": "maybe"}}, ("regression", "contract"), "not same or any", "same"),
        ({"skipped": "maybe"}, ("skipped",), "'maybe' is not warn or fail", "warn"),
        ({"regression": {"size": "-1 %"}}, ("regression", "size"), "negative", "0 % or more"),
        ({"regression": {"size": "5"}}, ("regression", "size"), "not a share", "'95 %'"),
        ({"regression": {"size": {"local": 0.1}}}, ("regression", "size"), "the same on all targets", "size: 5 %"),
        ({"regression": {"latency_p50": 0.1}}, ("regression", "latency_p50"), "for each target", "{local: 5 %}"),
        (
            {"regression": {"latency_p50": {"lokal": 0.1}}},
            ("regression", "latency_p50", "lokal"),
            "unknown target",
            "local",
        ),
        ({"regression": {"latency_p50": {}}}, ("regression", "latency_p50"), "no target is named", "local"),
        ({"size": "-3 kB"}, ("size",), "negative", ""),
    ],
)
def test_a_promise_that_makes_no_sense_is_told_with_its_place(tree: Any, place: Any, said: str, hint: str) -> None:
    _, ((where, text, remedy),) = read(tree)
    assert where == place
    assert said in text
    assert hint in remedy
