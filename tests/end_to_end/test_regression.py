"""A run against a baseline, a folder and a revision: planted regressions are caught, no change is let through."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import yaml

from edgespec import contract, storage
from edgespec import report as reports
from edgespec.bench import instructions
from edgespec.errors import Missing, Mistake
from edgespec.pipeline.run import Run
from edgespec.runs import gate
from edgespec.runs.gate import Asked, Judged

Write = Callable[[Path, dict[str, Any]], Path]
RELATIVE = {"accuracy": "1 %", "size": "1 %", "params": "1 %", "macs": "1 %"}


def promise(run: Path, **gates: Any) -> Path:
    """Give a run other promises."""
    tree = yaml.safe_load((run / "recipe.yaml").read_text())
    (run / "recipe.yaml").write_text(yaml.safe_dump(tree | {"gates": gates}))
    return run


def judge(run: Path, **asked: Any) -> Judged:
    return gate.judge(Run(run), Asked(**asked))


def verdicts(found: Judged) -> dict[str, str]:
    return {f"{each['metric']} {each['target']}".strip(): each["verdict"] for each in found.report.gates}


def shipped(run: Path) -> Path:
    """The file that a run ships, to be harmed."""
    return run / reports.read(run).last()[-1].file


def change(path: Path, how: Callable[[Any], None]) -> None:
    """Change an ONNX file, and let the record that it lies beside know its new digest."""
    model = onnx.load(path)
    how(model)
    onnx.save(model, path)


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


def heavier(model: Any) -> None:
    """Three per cent more bytes."""
    entry = model.metadata_props.add()
    entry.key, entry.value = "ballast", "x" * (model.ByteSize() * 3 // 100 + 1)


def swapped(model: Any) -> None:
    """The first two labels in the contract change places."""
    for each in model.metadata_props:
        if each.key == "edgespec.labels":
            names = json.loads(each.value)
            each.value = json.dumps([names[1], names[0], *names[2:]])


def slower(model: Any) -> None:
    """The preprocessing turns every spectrum over four hundred times first: the same answers, later."""
    name = model.graph.input[0].name
    for node in model.graph.node:
        for k, each in enumerate(node.input):
            if each == name:
                node.input[k] = "turned_400"
    for i in range(400):
        turned = onnx.helper.make_node("Neg", [f"turned_{i}" if i else name], [f"turned_{i + 1}"])
        model.graph.node.insert(i, turned)


@pytest.fixture
def kept(run_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run and its baseline."""
    monkeypatch.chdir(tmp_path)
    promise(run_copy, regression=RELATIVE)
    found = judge(run_copy, update=True)
    assert found.written == Path("baselines/tiny.json")
    assert found.written.stat().st_size < 20_000
    return run_copy


def test_a_run_equals_its_own_baseline(kept: Path) -> None:
    found = judge(kept)
    assert verdicts(found) == dict.fromkeys(RELATIVE, "pass")
    assert found.code == 0
    assert all(each["relative"] and each["baseline"] is not None for each in found.report.gates)


@pytest.mark.parametrize(("harm", "caught"), [(heavier, "size"), (swapped, "accuracy")])
def test_a_planted_regression_is_caught(kept: Path, harm: Callable[[Any], None], caught: str) -> None:
    change(shipped(kept), harm)
    _reseal(kept)
    found = judge(kept)
    assert verdicts(found) == {name: "fail" if name == caught else "pass" for name in RELATIVE}
    assert found.code == 1


def _reseal(run: Path) -> None:
    """Give the last step's record the digests of its files as they are now: a regression that nobody noticed."""
    path = run / reports.read(run).steps[-1]["folder"] / "artifact.json"
    record = json.loads(path.read_text())
    for name in record["files"]:
        record["files"][name] = storage.file_digest(path.parent / name)
    path.write_text(json.dumps(record))


def test_another_baseline_is_skipped_with_a_notice_and_none_is_not_passed(kept: Path) -> None:
    path = Path("baselines/tiny.json")
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({**plain, "data": "other"}))
    found = judge(kept)
    assert (verdicts(found)["accuracy"], found.code) == ("unmeasured", 0)
    assert "skipped" in found.report.gates[0]["message"]
    path.unlink()
    found = judge(kept)
    assert (set(verdicts(found).values()), found.code) == ({"unmeasured"}, 1)
    assert "--update-baseline" in found.report.gates[0]["hint"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("[1", "damaged"),
        ("{}", "damaged: 'format'"),
        ('{"format": 9}', "format 9"),
        ('{"format": 1, "files": {}}', "damaged"),
        ("files", "ships one that it does not have"),
        ("named", "not of one length"),
        ("beyond", "beyond its labels"),
    ],
)
def test_a_baseline_that_is_none_is_refused_with_its_name(kept: Path, change: str, said: str) -> None:
    path = Path("baselines/tiny.json")
    plain = json.loads(path.read_text())
    name = plain["shipped"][0]
    if change == "files":
        plain["shipped"] = ["other"]
    elif change == "named":
        plain["files"][name]["named"].pop()
    elif change == "beyond":
        plain["true"][0] = 99
    path.write_text(change if change[0] in "[{" else json.dumps(plain))
    with pytest.raises(Mistake, match=said) as caught:
        judge(kept)
    assert "tiny.json" in caught.value.message
    assert "--update-baseline" in caught.value.hint


def test_two_runs_are_measured_in_turns_and_a_slower_preprocessing_is_found(
    undisturbed: Path, run_copy: Path, tmp_path: Path
) -> None:
    promise(run_copy, regression={"accuracy": "1 %", "latency_p50": {"local": "10 %"}})
    same = judge(run_copy, against=str(undisturbed), seconds=0.3)
    assert verdicts(same)["latency_p50 local"] in ("pass", "inconclusive")
    assert same.code == 0
    before = contract.load(shipped(run_copy))
    change(shipped(run_copy), slower)
    assert contract.load(shipped(run_copy)) == before
    _reseal(run_copy)
    late = judge(run_copy, against=str(undisturbed), seconds=0.5)
    assert verdicts(late) == {"accuracy": "pass", "latency_p50 local": "fail"}, late.report.gates
    assert late.code == 1
    assert not [each for each in run_copy.iterdir() if each.name.startswith(".against-")]


def test_a_revision_is_built_with_its_own_recipe_and_kept(
    run_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_recipe: Write, tiny_tree: dict[str, Any]
) -> None:
    place = tmp_path / "project"
    (place / "recipes").mkdir(parents=True)
    tiny_tree["steps"][1]["distill"]["fit"]["epochs"] = 1  # before: a student that has learnt nothing
    write_recipe(place / "recipes" / "tiny.yaml", tiny_tree)
    monkeypatch.chdir(place)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        subprocess.run(["git", *words], check=True)
    shutil.copytree(run_copy, place / "runs" / "tiny")
    run = promise(place / "runs" / "tiny", regression={"accuracy": 0, "size": 0.5})
    found = judge(run, against="HEAD", changes=("steps.1.train.fit.epochs=2",))
    assert verdicts(found) == {"accuracy": "pass", "size": "pass"}
    (built,) = (place / "runs" / ".against").glob("*/tiny/report.json")
    assert yaml.safe_load((built.parent / "recipe.yaml").read_text())["steps"][0]["train"]["fit"]["epochs"] == 2
    assert not list((place / "runs" / ".against").glob("*/tree")), "the checkout is gone"
    stamp = built.stat().st_mtime_ns
    judge(run, against="HEAD")
    assert built.stat().st_mtime_ns == stamp, "a revision is built once"
    with pytest.raises(Mistake, match="neither a run folder nor a revision"):
        judge(run, against="nowhere")


def test_valgrind_that_is_not_there_leaves_the_promise_unmeasured(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instructions.shutil, "which", lambda name: None)
    with pytest.raises(Missing, match="valgrind is not installed"):
        instructions.counter()
    promise(run_copy, instructions="10 M")
    found = judge(run_copy)
    assert (verdicts(found), found.code) == ({"instructions": "unmeasured"}, 1)
    assert "apt install valgrind" in found.report.gates[0]["message"]


def test_instructions_are_those_of_inference_alone_and_counted_once(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed: apt install valgrind")
    monkeypatch.setattr(instructions, "CALLS", 40)
    promise(run_copy, instructions="10 M")
    found = judge(run_copy)
    assert found.code == 0
    ((_, number),) = found.report.instructions["files"].items()
    assert 20_000 < number < 2_000_000, "neither the start of Python nor nothing"
    assert found.report.gates[0]["measured"] == number
    monkeypatch.setattr(instructions, "_count", lambda *_: pytest.fail("counted again"))
    assert judge(run_copy).report.instructions["files"] == found.report.instructions["files"]
