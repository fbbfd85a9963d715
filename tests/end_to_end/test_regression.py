"""A run against its baseline: everything that can be lost is planted and caught; no change, and what is not a baseline, are told apart."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from benchmarks.robustness import planted
from benchmarks.robustness.planted import HARM, LIMITS, judge, promise, verdicts
from benchmarks.tools import resealed
from edgespec import report as reports
from edgespec.errors import BrokenPromise, Mismatch, Mistake
from edgespec.pipeline.run import Run
from edgespec.runs import bench, gate
from edgespec.runs.gate import baseline

Write = Callable[[Path, dict[str, Any]], Path]
PROMISES = [
    "contract",
    "variants",
    *(f"{key} local" if isinstance(each, dict) else key for key, each in LIMITS.items()),
]


def test_a_teacher_at_chance_does_not_pass_however_well_its_student_agrees(
    tmp_path: Path, tiny_tree: dict[str, Any], write_recipe: Write, compress: Callable[..., Any]
) -> None:
    tiny_tree["steps"][0]["train"]["fit"] = {"epochs": 1, "batch": 32, "lr": 1.0e-9}
    tiny_tree["steps"][1]["distill"] |= {"control": False, "fit": {"epochs": 2, "batch": 16, "lr": 1.0e-3}}
    compress(write_recipe(tmp_path / "r.yaml", tiny_tree), tmp_path / "run", stop="to_onnx")
    found = judge(promise(tmp_path / "run", teacher_accuracy=0.8, agreement=0))
    assert verdicts(found) == {"teacher_accuracy": "fail", "agreement": "pass"}
    assert found.code == 1
    assert "mend step 1 first" in str(found.report.gates)


@pytest.fixture(scope="module")
def benched(undisturbed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was measured, on an idle machine for all it says; energy and unknown substances are told as if they had been at hand."""
    run = planted.copy(undisturbed, tmp_path_factory.mktemp("benched") / "tiny")
    bench.bench(Run(run), ["local"], seconds=0.2)
    planted.as_if_idle(run)
    return promise(run, regression=LIMITS)


@pytest.fixture
def kept(benched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run and its baseline."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    run = planted.copy(benched, tmp_path / "runs" / "tiny")
    found = judge(run, update=True)
    assert found.written == Path("baselines/tiny.json")
    assert found.written.stat().st_size < 40_000
    assert "test spectra of" in found.notes[0]
    return run


def test_a_run_equals_its_own_baseline_thirty_times(kept: Path) -> None:
    head = baseline.of_run(Run(kept))
    base = baseline.read(Path("baselines/tiny.json"))
    found = judge(kept)
    assert verdicts(found) == dict.fromkeys(PROMISES, "pass")
    assert found.code == 0
    assert all(each["relative"] and each["baseline"] is not None for each in found.report.gates)
    for _ in range(30):
        assert baseline.of_run(Run(kept)).files == head.files == base.files, (
            "asked again, the same files answer the same"
        )


@pytest.mark.parametrize("title", HARM)
def test_a_planted_regression_is_caught(kept: Path, title: str) -> None:
    harm, caught = HARM[title]
    harm(kept)
    found = judge(kept)
    failed = {name for name, verdict in verdicts(found).items() if verdict == "fail"}
    assert caught <= failed, found.report.gates
    assert failed <= caught | ({"size"} if title == "another axis" else set()) | {"robust_accuracy"}, failed
    assert found.code == 1


def test_without_regression_the_default_limits_are_judged(kept: Path) -> None:
    promise(kept, accuracy=0)
    found = judge(kept)
    assert {"contract", "variants", "accuracy", "robust_accuracy", "ece", "size", "latency_p50 local"} <= set(
        verdicts(found)
    )
    assert found.code == 0
    planted.change(kept, planted.blunter)
    assert judge(kept).code == 1


def test_a_baseline_of_another_recipe_or_none_answers_nothing_and_passes_nothing(kept: Path) -> None:
    path = Path("baselines/tiny.json")
    plain = json.loads(path.read_text())
    path.write_text(json.dumps(resealed.sealed({**plain, "recipe": "other"})))
    found = judge(kept)
    assert (set(verdicts(found).values()), found.code) == ({"unmeasured"}, 1)
    path.unlink()
    found = judge(kept)
    assert (set(verdicts(found).values()), found.code) == ({"unmeasured"}, 1)
    assert "--update-baseline" in found.report.gates[0]["hint"]


def test_what_is_skipped_breaks_a_promise_in_continuous_integration(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path("baselines/tiny.json")
    path.write_text(json.dumps(resealed.sealed({**json.loads(path.read_text()), "data": "other"})))
    found = judge(kept)
    assert (verdicts(found)["accuracy"], found.code) == ("unmeasured", 0)
    assert "skipped" in next(each for each in found.report.gates if each["metric"] == "accuracy")["message"]
    monkeypatch.setenv("CI", "true")
    assert judge(kept).code == 1
    assert judge(kept, skipped="warn").code == 0
    monkeypatch.delenv("CI")
    assert judge(kept, skipped="fail").code == 1


def test_a_baseline_taken_while_other_work_held_the_cores_is_refused(kept: Path) -> None:
    planted.measured(kept, host=lambda host: {**host, "other_cores": 1.5})
    with pytest.raises(BrokenPromise, match=r"other work held 1\.5 cores"):
        judge(kept, update=True)
    judge(kept, update=True, force=True)
    found = judge(kept)
    assert verdicts(found)["latency_p50 local"] == "inconclusive", "such a baseline lets no latency pass"


def test_an_edited_recipe_of_a_run_is_noticed_and_a_broken_one_beside_it_is_not_needed(kept: Path) -> None:
    (kept / "recipe.yaml").write_text((kept / "recipe.yaml").read_text().replace("1 %", "90 %"))
    with pytest.raises(Mismatch, match="was edited after the run was made"):
        judge(kept)
    promise(kept, regression=LIMITS)
    Path("recipes").mkdir()
    Path("recipes/tiny.yaml").write_text("steps: [")
    resealed.report(kept, recipe_file="recipes/tiny.yaml")
    assert judge(kept).code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1", "damaged"),
        ("", "damaged"),
        ("\x00", "damaged"),
        ("[" * 100_000, "damaged"),
        ("{}", "it has no 'format'"),
        ("[]", "it has no 'format'"),
        ('{"format": 1}', "format 1"),
        ('{"format": 2}', "its seal is another"),
    ],
)
def test_what_is_no_baseline_is_refused_with_its_name(kept: Path, text: str, said: str) -> None:
    Path("baselines/tiny.json").write_text(text)
    with pytest.raises(Mistake, match=said) as caught:
        judge(kept)
    assert "tiny.json" in caught.value.message
    assert "--update-baseline" in caught.value.hint


WRONG: tuple[Any, ...] = (None, True, -1, 0, 1e400, float("nan"), "x", [], {}, [[]], {"a": 1}, "\ud800", 10**400)


def _places(plain: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List every place of a JSON value; of a list its first three."""
    found = [here] if here else []
    if isinstance(plain, dict):
        for key, value in plain.items():
            found += _places(value, (*here, key))
    elif isinstance(plain, list):
        for key, value in enumerate(plain[:3]):
            found += _places(value, (*here, key))
    return found


def test_a_baseline_with_anything_else_anywhere_is_read_or_refused(kept: Path) -> None:
    path = Path("baselines/tiny.json")
    plain = json.loads(path.read_text())
    places, refused = [each for each in _places(plain) if each != (reports.SEAL,)], 0
    for place in places:
        for wrong in WRONG:
            changed = copy.deepcopy(plain)
            inner = changed
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = wrong
            path.write_text(json.dumps(resealed.sealed(changed)))
            refused += 1
            with suppress(Mistake):  # any other error fails the test
                baseline.read(path)
                refused -= 1
    assert refused > 0.6 * len(places) * len(WRONG)


def test_two_recipes_of_one_name_do_not_replace_each_others_run(
    tmp_path: Path,
    tiny_tree: dict[str, Any],
    write_recipe: Write,
    compress: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_recipe(tmp_path / name / "tiny.yaml", tiny_tree | {"seed": len(name)})
    compress(Path("one/tiny.yaml"), Path("runs/tiny"), "steps.1.train.fit.epochs=1", stop="train")
    with pytest.raises(Mistake, match=r"is the run of one/tiny.yaml, not of two/tiny.yaml"):
        compress(Path("two/tiny.yaml"), Path("runs/tiny"), "steps.1.train.fit.epochs=1", stop="train")
    Path("one/tiny.yaml").rename("tiny.yaml")  # the recipe was moved: its run stays its run
    compress(Path("tiny.yaml"), Path("runs/tiny"), "steps.1.train.fit.epochs=1", stop="train")
    assert Path("baselines") == gate.BASELINES
