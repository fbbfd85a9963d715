"""The step train: one model or several that answer as one, and spectra blended in pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_job
import torch
from torch.nn import functional

from edgespec import models
from edgespec.artifact import Checkpoint, read, seal
from edgespec.errors import Mistake, Mistakes
from edgespec.evaluation import scoring
from edgespec.job import Fit, Silent
from edgespec.pipeline import provenance, report_rows
from edgespec.recipe import Call, load, plan
from edgespec.steps import quantize, to_onnx, train
from edgespec.training import batches

FIT = Fit(epochs=3, batch=32, lr=1e-2)
BOTH = [tiny_job.EFFICIENT, tiny_job.CNN]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return train.run(tiny_job.job(tmp_path_factory.mktemp("pair")), model=BOTH, on="library", fit=FIT)


def logits(made: Checkpoint) -> torch.Tensor:
    job = tiny_job.job(made.folder)
    return batches.logits(models.load(made), batches.prepared(job, job.splits.test))


def test_several_models_answer_by_the_mean_of_what_each_learnt_by_itself(pair: Checkpoint, tmp_path: Path) -> None:
    alone = []
    for i, model in enumerate(BOTH):
        job = replace(tiny_job.job(tmp_path / str(i)), seed=i * train.APART)
        alone.append(train.run(job, model=model, on="library", fit=FIT))
    expected = torch.stack([logits(each) for each in alone]).mean(dim=0)
    torch.testing.assert_close(logits(pair), expected, rtol=1e-5, atol=1e-5)
    mine, theirs = (dict(models.load(each).named_parameters()) for each in (pair, alone[0]))
    assert torch.equal(mine["members.0.body.1.weight"], theirs["body.1.weight"]), "the first is what it is alone"


def test_each_has_its_own_history_and_its_own_seed(pair: Checkpoint, tmp_path: Path) -> None:
    assert [each["model"] for each in pair.facts["members"]] == ["efficientnet", "cnn"]
    for each in pair.facts["members"]:
        assert len(each["history"]["epochs"]) == 3
    twins = train.run(tiny_job.job(tmp_path), model=[tiny_job.CNN, tiny_job.CNN], fit=Fit(epochs=1, batch=32))
    first, second = (each["history"]["epochs"][0]["loss"] for each in twins.facts["members"])
    assert first != second
    one, other = models.load(twins).members  # type: ignore[union-attr, misc]
    assert not torch.equal(*(next(each.parameters()) for each in (one, other)))  # type: ignore[union-attr, has-type]


def test_it_is_sealed_read_described_and_weighed_as_any_other(pair: Checkpoint) -> None:
    seal(pair, {"rows": []})
    again, _ = read(pair.folder)
    assert isinstance(again, Checkpoint)
    assert torch.equal(logits(again), logits(pair))
    assert report_rows.describe(again) == "efficientnet 2 blocks + cnn 8-16"
    assert scoring.weight(again)["params"] == sum(each.numel() for each in models.load(pair).parameters())


def test_it_is_exported_and_quantised_as_any_other(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "train")
    small = Call("cnn", {"widths": [4], "kernel": 5, "positions": 8})
    made = train.run(job, model=[tiny_job.CNN, small], on="library", fit=Fit(epochs=8, batch=32, lr=1e-2))
    found = quantize.run(tiny_job.inside(job, "int8"), to_onnx.run(tiny_job.inside(job, "onnx"), made), spectra=64)
    (int8,) = [name for name in found.variants if name.endswith("int8")]
    expected = logits(made)
    for name, least in (("float32", 1.0), (int8, 0.95)):
        _, answers = scoring.score(job, found.path(name))
        assert (answers.argmax(1) == expected.argmax(1).numpy()).mean() >= least
    kinds = [node.op_type for node in onnx.load(found.path(int8)).graph.node]
    assert "Concat" in kinds


RECIPE = """schema: 1
data: {{load: minerals, axis: {{low: 150, high: 1172, points: 128}}}}
steps:
  - train:
      model:
        - cnn
        - {second}
"""


def planned(tmp_path: Path, second: str) -> Call:
    path = tmp_path / "a.yaml"
    path.write_text(RECIPE.format(second=second))
    return plan.plan(load(path)).steps[0]


def test_a_recipe_lists_models_and_each_source_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = planned(tmp_path, "efficientnet: {width: 0.5}")
    assert [each.name for each in step.keys["model"]] == ["cnn", "efficientnet"]
    assert step.keys["model"][1].keys["width"] == 0.5
    digested: list[tuple[str, ...]] = []
    monkeypatch.setattr(provenance, "_sources_digest", lambda modules: digested.append(modules) or "")
    provenance.code_digest(step)
    assert {"edgespec.models.cnn", "edgespec.models.efficientnet", "edgespec.steps.train"} <= set(digested[0])


def test_how_members_are_put_together_counts_too() -> None:
    seen: list[str] = []
    original = provenance._file

    def noted(module: str) -> Path | None:
        seen.append(module)
        return original(module)

    provenance._sources_digest.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "_file", noted)
        provenance.code_digest(Call("train", {"model": [Call("cnn")]}))
    assert "edgespec.models.ensemble" in seen


@pytest.mark.parametrize(
    ("second", "line", "said"),
    [
        ("cnm", 7, "'model.2': unknown model 'cnm'"),
        ("cnn: {widht: 3}", 7, "'model.2': unknown key 'widht'"),
        ("3", 7, "'model.2': 3 where a name or {name: keys} is expected"),
        ("[cnn]", 7, "'model.2': ['cnn'] where a name"),
    ],
)
def test_a_mistake_in_the_list_is_told_with_its_line_and_number(
    tmp_path: Path, second: str, line: int, said: str
) -> None:
    with pytest.raises(Mistakes) as caught:
        planned(tmp_path, second)
    (message,) = [each.message for each in caught.value.found]
    assert f"a.yaml:{line}: step 1 'train' {said}" in message


def test_a_member_that_can_not_be_built_is_told_before_any_is_trained(tmp_path: Path) -> None:
    begun: list[str] = []

    class Heard(Silent):
        def begin(self, what: str, total: int) -> None:
            begun.append(what)

    job = replace(tiny_job.job(tmp_path), progress=Heard())
    with pytest.raises(Mistake, match="model 'cnn' can't be built for 128 points"):
        train.run(job, model=[tiny_job.CNN, Call("cnn", {"kernel": 4})], fit=FIT)
    assert begun == []
    train.run(job, model=[tiny_job.CNN, tiny_job.CNN], fit=Fit(epochs=1, batch=32))
    assert begun == ["train 1 of 2: cnn", "train 2 of 2: cnn"]


def test_an_ensemble_is_a_model_of_its_own_too(tmp_path: Path) -> None:
    members = [tiny_job.CNN, Call("cnn", {"widths": [4], "kernel": 5, "positions": 8})]
    made = train.run(tiny_job.job(tmp_path), model=Call("ensemble", {"members": members}), fit=FIT)
    assert report_rows.describe(made) == "cnn 8-16 + cnn 4"
    assert "history" in made.facts


def test_blended_spectra_and_their_labels_are_the_papers_equation() -> None:
    x, y = torch.randn(500, 7, generator=torch.Generator().manual_seed(0)), torch.arange(500) % 3
    mixed, first, other, share = train.blended(x, y, 0.4, np.random.default_rng(0))
    assert torch.equal(first, y)
    order = torch.from_numpy(np.random.default_rng(0).permutation(500))
    assert torch.equal(other, y[order])
    for i in range(500):
        torch.testing.assert_close(mixed[i], share[i] * x[i] + (1 - share[i]) * x[order[i]])
    assert float(share.mean()) == pytest.approx(0.5, abs=0.05)
    assert float(share.var()) == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.1), "the variance of Beta(a, a)"

    out = torch.randn(500, 3, generator=torch.Generator().manual_seed(1))
    hot = share[:, None] * functional.one_hot(y, 3) + (1 - share[:, None]) * functional.one_hot(other, 3)
    for smoothing in (0.0, 0.2):
        target = (1 - smoothing) * hot + smoothing / 3
        expected = -(target * out.log_softmax(1)).sum(1).mean()
        torch.testing.assert_close(train._loss(smoothing, out, first, other, share), expected)


def test_blending_is_seeded_and_changes_what_is_learnt(tmp_path: Path) -> None:
    found: dict[str, Any] = {}
    for name, mixup in (("none", 0.0), ("some", 0.4), ("again", 0.4)):
        found[name] = train.run(
            tiny_job.job(tmp_path / name), model=tiny_job.CNN, mixup=mixup, fit=FIT
        ).weights.read_bytes()
    assert found["some"] == found["again"] != found["none"]
