"""Pruning: real shapes shrink, the budget is kept, the model learns again from the unpruned one, and what can't be had is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import report_example
import tiny_job
import torch
from safetensors.torch import load_file, save_file

from edgespec import artifact, models, report
from edgespec.artifact import Checkpoint
from edgespec.compression.pruning import budget
from edgespec.compression.pruning.budget import Budget, Compare, Latency
from edgespec.errors import BrokenPromise, Mistake
from edgespec.evaluation import scoring
from edgespec.graph import onnx_file
from edgespec.job import Fit, Job
from edgespec.pipeline import report_rows
from edgespec.recipe import Call
from edgespec.report import Report, markdown, terminal
from edgespec.report.tables import pruning
from edgespec.steps import prune, to_onnx
from edgespec.training import batches, loop

STILL = Fit(epochs=1, batch=32, lr=1e-9)


class Heard(list[str]):
    """A Progress that remembers what was said."""

    def say(self, text: str) -> None:
        self.append(text)

    def begin(self, what: str, total: int) -> None:
        """Nothing."""

    advance = begin

    def end(self) -> None:
        """Nothing."""


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A target that is asked nothing: time follows the products from `floor` up. What it answered is kept."""
    found: list[float] = [0.3]

    def comparing(job: Job, unpruned: Any, name: str, rows: Any) -> Compare:
        def compare(candidate: Any) -> Latency:
            share = scoring.macs(candidate, 128) / scoring.macs(unpruned, 128)
            ratio = found[0] + (1 - found[0]) * share
            found.append(ratio)
            return Latency(name, 0.1, 0.1 * ratio, ratio, (ratio - 0.01, ratio + 0.01), 0.01, 100)

        return compare

    monkeypatch.setattr(budget, "comparing", comparing)
    return found


@pytest.fixture
def job(tmp_path: Path) -> Job:
    folder = tmp_path / "2-prune.part"
    return replace(tiny_job.job(folder), progress=Heard())


def pruned_to(job: Job, name: str = "drsn", to: Budget | None = None, **keys: Any) -> Checkpoint:
    given: dict[str, Any] = {"round_to": 4, "rounds": 1, "views": 2, "control": False, "fit": STILL, "max_drop": 1.0}
    return prune.run(job, tiny_job.line(name).checkpoint, to=to or Budget(macs="60 %"), **{**given, **keys})


@pytest.mark.parametrize("name", ["cnn", "efficientnet", "pace", "drsn"])
def test_real_shapes_shrink_as_stated_and_the_budget_is_kept(job: Job, name: str) -> None:
    original = tiny_job.line(name).checkpoint
    made = pruned_to(job, name)
    told = made.facts["pruning"]
    before, after = scoring.weight(original), scoring.weight(made)
    assert after["macs"] <= 0.6 * before["macs"]
    assert (told["before"]["macs"], told["after"]["macs"]) == (before["macs"], after["macs"])
    assert (told["before"]["params"], told["after"]["params"]) == (before["params"], after["params"])
    fell = told["before"]["bytes"] - told["after"]["bytes"]
    assert fell == pytest.approx(before["bytes"] - after["bytes"], abs=100), "the file's header has some digits fewer"
    assert fell > 0
    assert made.keys != original.keys
    assert {key: len(each) for key, each in told["kept"].items()} == told["rounds"][-1]["widths"]


def test_the_model_is_its_keys_and_weights(job: Job) -> None:
    made = pruned_to(job)
    again = models.build(Call("drsn", json.loads(json.dumps(made.keys))), points=128, classes=3, seed=9).eval()
    again.load_state_dict(load_file(made.weights))
    x = batches.prepared(job, job.splits.test)
    assert torch.equal(batches.logits(again, x), batches.logits(models.load(made), x))


def test_it_leaves_as_onnx_like_any_other(job: Job) -> None:
    made = pruned_to(job, "pace", round_to=1)
    exported = to_onnx.run(tiny_job.inside(job, "3-to_onnx"), made)
    x = job.spectra.x[job.splits.test]
    torch.testing.assert_close(
        torch.from_numpy(onnx_file.run(exported.path("float32"), x)),
        batches.logits(models.load(made), batches.prepared(job, job.splits.test)),
        atol=1e-4,
        rtol=1e-4,
    )


def test_what_is_left_are_the_original_s_channels(job: Job) -> None:
    made = pruned_to(job)
    before, after = load_file(tiny_job.line("drsn").checkpoint.weights), load_file(made.weights)
    kept = made.facts["pruning"]["kept"]
    assert any(len(kept[f"block 2.{b} inner"]) < 16 for b in (1, 2))
    for b in (1, 2):
        rows_left = kept[f"block 2.{b} inner"]
        torch.testing.assert_close(
            after[f"body.1.{b - 1}.conv.weight"], before[f"body.1.{b - 1}.conv.weight"][rows_left], atol=1e-6, rtol=0
        )


def test_over_several_rounds_too(job: Job) -> None:
    made = pruned_to(job, "pace", Budget(macs="15 %"), rounds=3)
    told = made.facts["pruning"]
    widths = [each["widths"]["every block"] for each in told["rounds"]]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 3
    before = load_file(tiny_job.line("pace").checkpoint.weights)["patches.weight"]
    kept = told["kept"]["every block"]
    torch.testing.assert_close(load_file(made.weights)["patches.weight"], before[kept], atol=1e-6, rtol=0)


@pytest.mark.parametrize("importance", ["magnitude", "taylor", "bn_scale"])
def test_each_importance_keeps_other_channels(job: Job, importance: str) -> None:
    kept = pruned_to(job, importance=importance).facts["pruning"]["kept"]
    assert all(each == sorted(set(each)) for each in kept.values())
    if importance != "magnitude":
        other = tiny_job.inside(job, "3-prune.part")
        assert kept != pruned_to(other).facts["pruning"]["kept"]


def test_it_learns_again_from_the_unpruned_model(job: Job) -> None:
    cut = pruned_to(job, "pace", Budget(macs="10 %"))
    fitted = pruned_to(
        tiny_job.inside(job, "3-prune.part"),
        "pace",
        Budget(macs="10 %"),
        alpha=1.0,
        fit=Fit(epochs=12, batch=16, lr=1e-2),
    )
    x = batches.prepared(job, job.splits.test)
    named = batches.logits(models.load(tiny_job.line("pace").checkpoint), x).argmax(1)
    agree = [float((batches.logits(models.load(each), x).argmax(1) == named).float().mean()) for each in (cut, fitted)]
    assert agree[1] > 0.85
    assert agree[1] > agree[0] + 0.1
    assert fitted.facts["labels_used"] == 0


def test_the_control_is_the_same_network_from_scratch_for_as_long(job: Job) -> None:
    made = pruned_to(job, control=True, rounds=2, fit=Fit(epochs=2, batch=32, lr=1e-2))
    control = made.controls["control"]
    assert control.keys == made.keys
    long = sum(each["history"]["steps"] for each in made.facts["pruning"]["rounds"])
    assert control.facts["history"]["steps"] == long
    assert control.weights.read_bytes() != made.weights.read_bytes()


def test_blocks_go_where_it_is_asked(job: Job) -> None:
    made = pruned_to(job, depths=[1, 1])
    assert made.keys["depths"] == [1, 1]
    assert made.facts["pruning"]["blocks"] == [[0], [0]]
    enough = pruned_to(tiny_job.inside(job, "3-prune.part"), to=Budget(macs="99 %"), depths=[1, 1])
    assert enough.facts["pruning"]["kept"]["block 1.1 inner"] == list(range(8)), "blocks alone may keep the budget"


def test_a_latency_is_what_the_target_says(job: Job, asked: list[float]) -> None:
    made = pruned_to(job, "pace", Budget(latency="0.5x"), round_to=1)
    assert made.facts["pruning"]["latency"]["ratio"] <= 0.5
    assert made.facts["pruning"]["latency"]["ratio"] > 0.45, "no more is taken than that needs"
    assert any("of the MACs: " in each for each in job.progress)  # type: ignore[attr-defined]


def test_where_products_fall_and_time_does_not_it_is_said(job: Job, asked: list[float]) -> None:
    asked[0] = 1.0
    made = pruned_to(job)
    assert made.facts["pruning"]["latency"]["falls"] is False
    assert "latency did not fall: 1.00x" in job.progress[-1]  # type: ignore[index]


def test_a_latency_that_no_width_keeps_ends_with_an_account(job: Job, asked: list[float]) -> None:
    asked[0] = 0.9
    with pytest.raises(BrokenPromise, match=r"'to.latency' 0.5x can't be met: .* answers in 0\.9\dx") as caught:
        pruned_to(job, "pace", Budget(latency="0.5x"))
    assert caught.value.exit_code == 1


def test_a_fitted_model_that_turns_out_slower_is_kept_and_named(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_job.line("pace")
    comparing, fit, fitted = budget.comparing, loop.fit, list[bool]()

    def slow_in_the_end(*given: Any) -> Compare:
        compare = comparing(*given)
        return lambda candidate: replace(
            compare(candidate), ratio=(ratio := 0.9 if fitted else 0.4), interval=(ratio, ratio)
        )

    monkeypatch.setattr(budget, "comparing", slow_in_the_end)
    monkeypatch.setattr(loop, "fit", lambda *given, **more: (fitted.append(True), fit(*given, **more))[1])
    with pytest.raises(
        BrokenPromise, match=r"answers in 0.90x .* more than 'to.latency' 0.5x; the last model within max_drop"
    ) as caught:
        pruned_to(job, "pace", Budget(latency="0.5x"), round_to=2)
    assert artifact.read(job.folder.parent / "2-prune-kept")[0].model == "pace"
    assert "adopt" in caught.value.hint


def test_too_much_lost_ends_with_an_account_and_the_last_model_that_could_is_kept(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([(0.95, 0.01, 0.0), (0.6, 0.36, 0.02)])
    monkeypatch.setattr(
        prune, "_lost", lambda *_: dict(zip(("valid", "drop", "drop_error"), next(losses), strict=True))
    )
    with pytest.raises(BrokenPromise) as caught:
        pruned_to(job, "pace", Budget(macs="15 %"), rounds=3, max_drop=0.05)
    kept = job.folder.parent / "2-prune-kept"
    for said in ("round 2 of 3", "loses 0.360 (at least 0.321)", "more than max_drop 0.05", "round 1 of 3", str(kept)):
        assert said in caught.value.message
    assert str(kept) in caught.value.hint
    found, record = artifact.read(kept)
    assert isinstance(found, Checkpoint)
    assert record["step"] == "prune"
    assert 4 < found.keys["dim"] < 32
    assert models.load(found) is not None


def test_where_no_round_could_that_is_said_and_nothing_old_is_left(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = job.folder.parent / "2-prune-kept"
    kept.mkdir()
    monkeypatch.setattr(prune, "_lost", lambda *_: {"valid": 0.1, "drop": 0.9, "drop_error": 0.0})
    with pytest.raises(BrokenPromise, match="no round before it kept it"):
        pruned_to(job, max_drop=0.05)
    assert not kept.exists()


def test_what_an_earlier_attempt_has_left_stays_where_this_one_can_t_begin(job: Job) -> None:
    kept = job.folder.parent / "2-prune-kept"
    kept.mkdir()
    with pytest.raises(Mistake, match="the model meets it already"):
        pruned_to(job, to=Budget(macs=10**9))
    assert kept.exists()


def test_when_all_went_well_nothing_is_left_beside_it(job: Job) -> None:
    pruned_to(job)
    assert [each.name for each in job.folder.parent.iterdir()] == ["2-prune.part"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"to": Budget(macs="60 %"), "round_to": 64}, r"leaves no channel somewhere: .* \(100%\)"),
        ({"to": Budget(macs="0.1 %")}, "leaves no channel somewhere"),
        ({"to": Budget(macs=10**9)}, "the model meets it already"),
        ({"depths": [1]}, r"this drsn has stages of \[1, 2\] blocks"),
    ],
)
def test_what_can_t_be_pruned_so_is_told(job: Job, keys: dict[str, Any], said: str) -> None:
    with pytest.raises(Mistake, match=said) as caught:
        pruned_to(job, **keys)
    assert caught.value.hint


def test_weights_that_are_no_numbers_are_refused(job: Job, tmp_path: Path) -> None:
    original = tiny_job.line("cnn").checkpoint
    weights = load_file(original.weights)
    weights["body.1.weight"][0, 0, 0] = float("nan")
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(Mistake, match=r"body\.1\.weight holds values that are no numbers"):
        prune.run(job, replace(original, folder=tmp_path), to=Budget(macs="60 %"), round_to=4)


def test_without_validation_spectra_nothing_is_pruned(job: Job) -> None:
    empty = {name: each[:0] for name, each in job.splits.valid.items()}
    with pytest.raises(Mistake, match="no validation spectra"):
        pruned_to(replace(job, splits=replace(job.splits, valid=empty)))


def reported(job: Job, **keys: Any) -> Report:
    """The report of a run that pruned."""
    made = pruned_to(job, control=True, **keys)
    found = report_example.report()
    found.data["test"] = len(job.splits.test)
    step = Call("prune", {"on": None})
    found.rows += report_rows.after(job, made, 5, step, 1.0, None, Report("hand", 0, {"source": "measured"}))
    return found


def test_the_report_tells_the_rounds_and_what_each_group_was_worth(job: Job, tmp_path: Path) -> None:
    found = reported(job, rounds=2)
    assert [row.name for row in found.rows[-2:]] == ["prune", "control"]
    report.write(found, tmp_path)
    again = report.read(tmp_path)
    lines = pruning.rounds(again)
    assert [each[0] for each in lines] == ["5 not yet", "5 round 1", "5 round 2"]
    assert int(lines[-1][2].removesuffix("%")) <= 60
    assert lines[-1][-1].endswith("on local")
    table = pruning.sensitivity(again)
    assert table[0] == ["group", "channels", "25% removed", "50% removed", "75% removed", "stay"]
    assert [each[0] for each in table[1:3]] == ["block 1.1 inner", "block 1.1 hidden"]
    assert all(0 <= float(cell) <= 1 for line in table[1:] for cell in line[2:5])
    assert all(int(line[1]) >= int(line[5]) for line in table[1:])
    markdown.write(again, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "## What pruning took" in text
    assert "| block 2.2 inner | 16 |" in text
    assert (tmp_path / "sensitivity.svg").read_text() == pruning.curves(again)
    assert "5 round 2" in terminal.show(again)


def test_a_report_of_a_run_that_pruned_nothing_says_nothing_of_it() -> None:
    found = report_example.report()
    assert pruning.curves(found) == ""
    assert "What pruning took" not in markdown.show(found, drawn=False)


@pytest.mark.parametrize(("floor", "said"), [(0.3, False), (1.0, True)])
def test_the_remarks_say_what_the_original_was_good_for_and_where_no_time_was_saved(
    job: Job, asked: list[float], floor: float, said: bool
) -> None:
    asked[0] = floor
    told = " ".join(report_rows.remarks(reported(job)))
    assert "pruning: " in told
    assert "against the same network trained from scratch for as long" in told
    assert ("did not fall (1.00x)" in told) is said
