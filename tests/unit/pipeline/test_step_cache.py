"""Steps that several runs share are made once; a run that nobody judged becomes, judged, what it would have been at once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_job

from edgespec import recipe, report
from edgespec.job import Fit, Job, Silent
from edgespec.pipeline import compress, preparation, step_cache
from edgespec.pipeline.step_cache import Store
from edgespec.recipe import Call, plan
from edgespec.steps import train

TRAIN = Call("train", {"model": tiny_job.CNN, "on": None, "label_smoothing": 0.0, "mixup": 0.0, "fit": Fit(1, 32)})
TEXT = """schema: 1
data:
  load: {minerals: {minerals: [Albite, Beryl, Diopside], samples: 20, spectra: 3}}
  axis: {low: 150, high: 1172, points: 64}
  split: {by: group, valid: 0.3}
steps:
  - train: {model: {cnn: {widths: [2, 4], kernel: 5, positions: 4}}, fit: {epochs: 2, batch: 32, lr: 0.01}}
  - fuse_lda: {blend: 0.5}
"""


def made(job: Job, folder: Path, store: Store | None) -> step_cache.Made:
    return step_cache.step(job, TRAIN, 1, None, "parent", folder, store)


def test_a_step_that_another_run_made_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, store, trained = tiny_job.job(tmp_path / "job"), Store(tmp_path / "steps"), []
    real = train.run
    monkeypatch.setattr(train, "run", lambda *given, **keys: trained.append(1) or real(*given, **keys))
    first = made(job, tmp_path / "a", store)
    again = made(job, tmp_path / "b", store)
    assert len(trained) == 1
    assert (first.kept, again.kept) == (False, True)
    assert first.digest == again.digest
    one, other = (tmp_path / name / "1-train" / "model.safetensors" for name in "ab")
    assert one.samefile(other)
    made(replace(job, seed=1), tmp_path / "a", store)  # not in its digest; what is shared tells the seed: `parent`
    made(job, tmp_path / "c", None)
    assert len(trained) == 2, "without the store it is made"


def test_what_one_run_writes_over_its_own_step_the_others_do_not_see(tmp_path: Path) -> None:
    job, store = tiny_job.job(tmp_path / "job"), Store(tmp_path / "steps")
    first, again = made(job, tmp_path / "a", store), made(job, tmp_path / "b", store)
    first.judged([])
    assert step_cache.kept(tmp_path / "a" / "1-train", first.digest).rows == []  # type: ignore[union-attr]
    assert step_cache.kept(tmp_path / "b" / "1-train", again.digest).rows is None  # type: ignore[union-attr]


def test_a_damaged_step_in_the_store_is_not_taken(tmp_path: Path) -> None:
    job, store = tiny_job.job(tmp_path / "job"), Store(tmp_path / "steps")
    digest = made(job, tmp_path / "a", store).digest
    (tmp_path / "a" / "1-train" / "model.safetensors").unlink()
    stored = tmp_path / "steps" / digest / "model.safetensors"
    stored.write_bytes(stored.read_bytes()[:-1])
    assert not made(job, tmp_path / "b", store).kept
    assert not made(job, tmp_path / "a", store).kept


def test_a_step_ended_in_the_middle_leaves_neither_folder_nor_store(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def watch(*told: Any) -> None:
        raise Enough

    store = Store(tmp_path / "steps")
    with pytest.raises(Enough):
        made(replace(tiny_job.job(tmp_path / "job"), watch=watch), tmp_path / "a", store)
    assert not (tmp_path / "a" / "1-train").exists()
    assert [path for path in (tmp_path / "steps").iterdir() if path.is_dir()] == []
    assert not made(tiny_job.job(tmp_path / "job"), tmp_path / "a", store).kept, "and nobody waits for its turn"


def test_made_first_and_judged_later_a_run_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TEXT, encoding="utf-8")
    written = recipe.load(tmp_path / "tiny.yaml")
    checked, folder = plan.plan(written), tmp_path / "later"
    store = Store(tmp_path / "steps")
    compress.make(checked, folder, preparation.prepare(checked, folder, Silent()), store)
    unjudged = report.read(folder)
    assert (unjudged.rows, unjudged.finished) == ([], "")
    assert "not judged on the test part" in unjudged.notes[0]
    assert "accuracy" not in (folder / "report.json").read_text()
    records = [json.loads(path.read_text()) for path in sorted(folder.glob("*/artifact.json"))]
    assert [record["rows"] for record in records] == [None, None]
    later = compress.compress(written, folder, stop=None, progress=Silent(), store=store).report
    assert [step["kept"] for step in later.steps] == [True, True]
    assert not [note for note in later.notes if "not judged" in note]
    once = compress.compress(written, tmp_path / "once", stop=None, progress=Silent()).report
    assert [(row.name, row.scores, row.robustness) for row in later.rows] == [
        (row.name, row.scores, row.robustness) for row in once.rows
    ]
    assert [step["digest"] for step in later.steps] == [step["digest"] for step in once.steps]
    shared = [path for path in store.folder.glob("*/*.onnx") if path.samefile(folder / "0-baselines-all" / path.name)]
    assert len(shared) == 3, "the next run that is judged takes the three linear baselines from the store"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"code": "of before"}, "the code of edgespec has changed"),
        ({"keys": {}, "code": "of before"}, "its keys have changed and the code of edgespec has changed"),
        ({"seed": 9, "parent": "other"}, "the seed has changed"),
        ({"parent": "other"}, "what stands before it has changed"),
        ({}, "library versions, or files outside the run, have changed"),
    ],
)
def test_a_run_of_before_is_made_anew_and_the_reason_is_told(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    told: list[str] = []
    job = tiny_job.job(tmp_path / "job")
    made(job, tmp_path / "run", None)
    path = tmp_path / "run" / "1-train" / "artifact.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "digest": "of before", **change}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job.progress, "say", told.append)
        again = made(job, tmp_path / "run", None)
    assert told == [f"1-train: made anew, {why}"]
    assert not again.kept


def test_a_damaged_step_is_made_anew_and_the_file_is_named(tmp_path: Path) -> None:
    told: list[str] = []
    job = tiny_job.job(tmp_path / "job")
    first = made(job, tmp_path / "run", None)
    weights = tmp_path / "run" / "1-train" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job.progress, "say", told.append)
        again = made(job, tmp_path / "run", None)
    assert told == [f"1-train: made anew, {weights} is damaged"]
    assert (again.kept, again.digest, weights.read_bytes()) == (False, first.digest, whole)
