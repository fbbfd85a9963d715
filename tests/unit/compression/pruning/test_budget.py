"""A budget is read as it is meant, refused where it means nothing, and found by asking the target, not the products."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny_job
import torch
from small_networks import lived_in
from torch import nn

from edgespec import models
from edgespec.compression.pruning import budget, channel_groups
from edgespec.compression.pruning.budget import Budget, Latency
from edgespec.compression.pruning.schedule import Cost, Ledger
from edgespec.errors import BrokenPromise, EdgespecError, Missing, Mistake
from edgespec.recipe import Call, schema

NO_COMPILER = pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler here")
WHOLE = Cost(macs=1_000_000, params=10_000, bytes=44_000)


def latency(ratio: float, noise: float = 0.01, ms: float = 1.0) -> Latency:
    return Latency("local", ms, ms * ratio, ratio, (ratio - 0.02, ratio + 0.02), noise, 1000)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"macs": "25 %"}, {"macs": 250_000}),
        ({"macs": 0.25}, {"macs": 250_000}),
        ({"macs": 200_000}, {"macs": 200_000}),
        ({"macs": "0.2 M", "params": "4 k"}, {"macs": 200_000, "params": 4000}),
        ({"size": "20 kB"}, {"size": 20_000}),
        ({"size": "50 %", "latency": "0.5x"}, {"size": 22_000}),
    ],
)
def test_shares_and_numbers_become_numbers(keys: dict[str, Any], expected: dict[str, float]) -> None:
    assert Budget(**keys).limits(WHOLE) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"), [("0.4x", (0.4, True)), ("200 us", (2e-4, False)), ("2 ms", (2e-3, False)), (None, None)]
)
def test_a_latency_is_a_ratio_or_a_time(text: str | None, expected: tuple[float, bool] | None) -> None:
    found = Budget(macs="50 %", latency=text).longest()
    assert found == (pytest.approx(expected[0]), expected[1]) if expected else found is None


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "no limit is named"),
        ({"macs": "0 %"}, "macs: 0 % leaves no channel"),
        ({"params": 0}, "leaves no channel"),
        ({"macs": "150 %"}, "more than the whole"),
        ({"macs": "few"}, "not a share|not a count"),
        ({"macs": -5.0}, "leaves no channel|more than the whole"),
        ({"latency": 0.4}, "neither a ratio nor a time"),
        ({"latency": "1.2x"}, "already meets"),
        ({"latency": "fastx"}, "neither a ratio nor a time"),
        ({"latency": "0 ms"}, "no time at all"),
        ({"macs": "50 %", "target": "jetson9"}, "unknown target 'jetson9'"),
    ],
)
def test_what_means_nothing_is_refused_with_what_would(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(Mistake, match=said) as caught:
        Budget(**keys)
    assert caught.value.hint


def test_a_recipe_hears_of_it_before_anything_runs() -> None:
    binder = schema.Binder(lambda place: "a.yaml:7")
    binder.call("steps", {"prune": {"to": {"macs": "150 %"}}}, (), "step 2 'prune'")
    binder.call("steps", {"prune": {"to": {"latncy": "0.4x"}}}, (), "step 2 'prune'")
    told = [each.message for each in binder.mistakes]
    assert told[0].startswith("a.yaml:7: step 2 'prune': 'to': '150 %' is not a share")
    assert "unknown key 'to.latncy'" in told[1]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"macs": 2_000_000}, "'to.macs' 2000000: the model meets it already, with 1 M"),
        ({"macs": "50 %", "params": "10 k"}, "'to.params' 10 k: the model meets it already"),
        ({"params": "2 k", "size": "40 kB"}, "contradict each other: 40 kB hold 9 k parameters"),
        ({"params": "8 k", "size": "9 kB"}, "contradict each other: 9 kB hold 1.25 k parameters"),
    ],
)
def test_budgets_that_are_met_or_contradict_each_other_are_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(Mistake, match=said):
        Budget(**keys).limits(WHOLE)


def test_limits_of_one_thing_in_two_words_may_stand_together() -> None:
    assert Budget(params="5 k", size="24 kB").limits(WHOLE) == {"params": 5000, "size": 24_000}


def test_a_latency_is_judged_by_its_interval_where_it_must_be_sure() -> None:
    assert latency(0.39).meets((0.4, True))
    assert not latency(0.41).meets((0.4, True))
    assert latency(0.41).meets((0.4, True), sure=True)
    assert not latency(0.43).meets((0.4, True), sure=True)
    assert latency(0.5, ms=0.1).meets((6e-5, False))
    assert not latency(0.7, ms=0.1).meets((6e-5, False))
    assert [latency(each).falls() for each in (0.5, 0.97, 1.0, 1.3)] == [True, True, False, False]


def search(
    to: Budget, ratio: Any, round_to: int = 1, title: str = "pace"
) -> tuple[list[dict[str, int]], Ledger, list[str]]:
    """Look for the widths of a budget, a fake target answering by what it is shown."""
    name, network, points = lived_in(title)
    groups = channel_groups.groups(name, network, points)
    ledger, said = Ledger(network, points, groups), list[str]()
    scores = {each.title: torch.linspace(1, 2, each.width) for each in groups}

    def build(widths: Any) -> nn.Module:
        return nn.Linear(1, ledger.cost(widths).macs)

    def compare(candidate: Any) -> Latency:
        return latency(ratio(candidate.out_features / ledger.cost({}).macs))

    return budget.reached(to, ledger.cost({}), ledger, scores, round_to, compare, build, said.append), ledger, said


def test_the_first_widths_that_keep_every_limit_are_taken() -> None:
    found, ledger, said = search(Budget(macs="50 %", params="80 %"), None)
    whole, last, before = ledger.cost({}), ledger.cost(found[-1]), ledger.cost(found[-2])
    assert last.macs <= 0.5 * whole.macs
    assert last.params <= 0.8 * whole.params
    assert before.macs > 0.5 * whole.macs or before.params > 0.8 * whole.params
    assert not said, "no target is asked for what can be counted"


@pytest.mark.parametrize("title", ["pace", "drsn", "ensemble"])
@pytest.mark.parametrize("floor", [0.0, 0.3])
def test_a_latency_is_found_by_asking_the_target(title: str, floor: float) -> None:
    ratio = lambda share: floor + (1 - floor) * share  # noqa: E731
    found, ledger, said = search(Budget(latency="0.6x"), ratio, title=title)
    whole = ledger.cost({}).macs
    assert ratio(ledger.cost(found[-1]).macs / whole) <= 0.6 < ratio(ledger.cost(found[-2]).macs / whole)
    assert 1 < len(said) < 10, "it halves what is left, and says what it was told"
    assert "x [" in said[0]


def test_the_network_itself_is_no_candidate_whatever_a_noisy_machine_says() -> None:
    found, _, _ = search(Budget(latency="0.9x"), lambda share: 0.5)
    assert len(found) == 2, "one rung below it"


def test_a_latency_never_gives_back_what_another_limit_took() -> None:
    found, ledger, _ = search(Budget(latency="0.9x", macs="30 %"), lambda share: share)
    assert ledger.cost(found[-1]).macs <= 0.3 * ledger.cost({}).macs


@pytest.mark.parametrize(
    ("to", "ratio", "round_to", "kind", "said"),
    [
        (Budget(latency="0.5x"), lambda share: 0.7, 1, BrokenPromise, r"can't be met: .* answers in 0.70x \[0.68, 0.72\]"),
        (Budget(latency="2 ms"), lambda share: share, 1, Mistake, "the model meets it already, with 1 ms"),
        (Budget(macs="1 %"), None, 4, Mistake, r"leaves no channel somewhere: .* are left \(\d+%\)"),
        (Budget(macs="50 %"), None, 64, Mistake, r"are left \(100%\)"),
    ],
)  # fmt: skip
def test_what_can_t_be_had_is_told_with_what_could(
    to: Budget, ratio: Any, round_to: int, kind: type[EdgespecError], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        search(to, ratio, round_to)
    assert caught.value.hint
    assert caught.value.exit_code == (1 if kind is BrokenPromise else 2)


def test_a_target_that_can_t_be_asked_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise Missing("target 'local' needs a runtime", hint="install it")

    monkeypatch.setattr(budget.runner, "call", missing)
    job = tiny_job.job(tmp_path)
    with pytest.raises(Missing, match="needs a runtime"):
        budget.comparing(job, nn.Linear(1, 1), "local", job.splits.test)


@pytest.mark.parametrize("target", ["local", pytest.param("c_x86", marks=NO_COMPILER)])
def test_candidates_are_exported_and_timed_beside_the_whole_network(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "SECONDS", 0.1)
    monkeypatch.setattr(budget.measure, "WARMUP_MAX_S", 0.2)
    job = tiny_job.job(tmp_path)
    whole, small = (
        models.build(Call("cnn", {"widths": widths}), points=128, classes=3, seed=0).eval()
        for widths in ([64, 96], [4, 4])
    )
    found = budget.comparing(job, whole, target, job.splits.test)(small)
    assert found.falls()
    assert found.pruned_ms == pytest.approx(found.ratio * found.unpruned_ms)
    assert found.n > 100
    assert not list(tmp_path.glob(".*")), "nothing of it is left behind"
