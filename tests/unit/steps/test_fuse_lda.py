"""LDA of the features in the head, after any stage: scikit-learn's answers, chosen on validation spectra only, an ordinary model."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.compression.pruning import early_exit
from edgespec.errors import Mistake
from edgespec.graph import onnx_file
from edgespec.job import Job
from edgespec.recipe import Call
from edgespec.steps import calibrate, fuse_lda, quantize, to_onnx
from edgespec.training import batches

NETS = {
    "cnn": {"widths": [4, 8, 8], "kernel": 5, "positions": 8},
    "drsn": {"widths": [4, 4, 8], "depths": [1, 2, 1], "positions": 8},
    "pace": {"dim": 16, "depth": 3, "kernel": 3, "pool": 128, "patch": 8, "positions": 8},
}
EACH = pytest.mark.parametrize("name", NETS)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return tiny_job.job(tmp_path / "made")


@cache
def network(name: str, classes: int = 3) -> Any:
    """A net with seeded weights whose normalisations have seen spectra; LDA needs no more of it."""
    made = models.build(Call(name, NETS[name]), points=128, classes=classes, seed=0)
    for layer in made.modules():
        if isinstance(layer, torch.nn.BatchNorm1d):
            layer.momentum = None
    with torch.no_grad():
        made(torch.randn(64, 128, generator=torch.Generator().manual_seed(0)))
    return made.eval()


def checkpoint(folder: Path, name: str = "cnn", classes: int = 3, **facts: Any) -> Checkpoint:
    return models.save(network(name, classes), name, folder / "before", points=128, classes=classes, facts=facts)


def fused(job: Job, name: str = "cnn", **keys: Any) -> Checkpoint:
    return fuse_lda.run(job, checkpoint(job.folder.parent, name), **keys)


def fitted_on(job: Job, made: Checkpoint, copies: int) -> tuple[Any, Any]:
    """Features (float64) and labels of what the step learns from, written out once more."""
    rows = job.splits.rows(None)
    x = [batches.prepared(job, rows), *(batches.varied(job, rows, job.seed * 1000 + 700 + i) for i in range(copies))]
    features = batches.features(models.load(made), torch.cat(x)).double().numpy()
    return features, np.tile(job.spectra.y[rows], 1 + copies)


@pytest.mark.parametrize("minerals", [2, 3, 10])
def test_the_head_answers_as_scikit_learn_does(minerals: int, tmp_path: Path) -> None:
    names = (
        "Albite",
        "Beryl",
        "Diopside",
        "Almandine",
        "Andradite",
        "Pyrope",
        "Elbaite",
        "Dravite",
        "Enstatite",
        "Epidote",
    )
    job = tiny_job.job(tmp_path / "made", found=tiny_job.spectra(minerals=names[:minerals], samples=10))
    made = fuse_lda.run(job, checkpoint(tmp_path, classes=minerals), shrinkage=0.1)
    assert made.facts["fuse_lda"]["chosen"]["head"] == "lda"
    x, y = fitted_on(job, made, copies=2)
    varies = np.ptp(x, axis=0) > 0
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(x[:, varies], y)
    head: Any = models.load(made).head.double()  # type: ignore[union-attr]
    ours = torch.softmax(head(torch.from_numpy(x)), dim=1).detach().numpy()
    np.testing.assert_allclose(ours, theirs.predict_proba(x[:, varies]), atol=1e-4)  # its weights are float32
    unseen = batches.logits(models.load(made), batches.prepared(job, job.splits.test)).argmax(1).numpy()
    test = batches.features(models.load(made), batches.prepared(job, job.splits.test)).double().numpy()
    assert np.array_equal(unseen, theirs.predict(test[:, varies]))


def test_copies_are_fitted_on_and_without_an_augmentation_there_are_none(job: Job) -> None:
    heads = []
    for copies in (0, 3):
        made = fused(job, copies=copies)
        heads.append(models.load(made).head.weight)
        assert made.facts["fuse_lda"]["copies"] == copies
        assert (made.facts["fuse_lda"]["chosen"]["valid_varied"] is None) == (copies == 0)
    assert not torch.equal(*heads)  # type: ignore[arg-type]
    assert fused(replace(job, augment=None), copies=3).facts["fuse_lda"]["copies"] == 0


def test_strength_multiplies_every_key_of_the_augmentation_and_what_is_judged_stays(job: Job) -> None:
    asked: list[Any] = []
    plain = batches.varied
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            fuse_lda.batches, "varied", lambda job, rows, seed: (asked.append(job.augment), plain(job, rows, seed))[1]
        )
        fused(replace(job, augment=Call("instrument", {"drift": 0.5, "shift": 2.0})), copies=1, strength=3.0)
    taught, judged = asked
    assert (taught.keys["drift"], taught.keys["shift"], taught.keys["noise"]) == pytest.approx((1.5, 6.0, 0.09))
    assert judged.keys == {"drift": 0.5, "shift": 2.0}


@EACH
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_a_network_left_early_gives_the_features_of_that_stage(name: str, stage: int, job: Job) -> None:
    whole, x = network(name), batches.prepared(job, job.splits.rows(None))
    short: Any = early_exit.cut(whole, name, x, stage=stage, positions=4)
    assert short.stages == stage
    assert short.keys()["positions"] == 4
    with torch.no_grad():
        found = short.features(x)
        if name == "cnn":
            inner = whole.body[: 4 * stage](x)
            expected = torch.nn.functional.max_pool1d(inner, inner.shape[2] // 4).flatten(1)
        elif name == "pace":
            inner = whole.blocks[:stage](whole.act(whole.norm(whole.patches(whole.pool(whole.channels(x))))))
            expected = inner.unflatten(2, (4, -1)).mean(3).flatten(1)
        else:
            inner = whole.body[:stage](whole.stem(whole.channels(x)))
            if stage < 3:
                mean, variance = inner.mean((0, 2), keepdim=True), inner.var((0, 2), unbiased=False, keepdim=True)
                inner = (inner - mean) / (variance + whole.norm.eps).sqrt()
            else:
                inner = whole.norm(inner)
            expected = torch.relu(inner).unflatten(2, (4, -1)).mean(3).flatten(1)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    assert found.shape[1] == short.head.in_features


@EACH
def test_what_leaves_is_an_ordinary_smaller_model(name: str, job: Job) -> None:
    made = fused(job, name, after=1, positions=4)
    again, before = models.load(made), network(name)
    assert made.model == name
    assert sum(each.numel() for each in again.parameters()) < sum(each.numel() for each in before.parameters())
    assert made.keys == again.keys()  # type: ignore[operator]
    assert made.facts["fuse_lda"]["chosen"]["after"] == 1
    assert [each["head"] for each in made.facts["fuse_lda"]["candidates"]] == ["lda"], (
        "the old head does not fit a cut one"
    )


def candidate(stage: int, *right: list[int], head: str = "lda") -> Any:
    seen = np.array(right, dtype=bool)
    return fuse_lda._Candidate(stage, None, head, "auto", 1.0, torch.zeros(1), torch.zeros(1), seen, 0)


def test_the_first_exit_that_costs_no_more_than_max_drop_is_taken() -> None:
    shallow, fine, deep = candidate(1, [1, 1, 0, 0]), candidate(2, [1, 1, 1, 0]), candidate(3, [1, 1, 1, 1])
    worse = candidate(2, [0, 0, 0, 0])
    for drop, expected in ((0.0, deep), (0.2, deep), (0.25, fine), (0.49, fine), (0.5, shallow), (1.0, shallow)):
        assert fuse_lda._choose([shallow, worse, fine, deep], drop) is expected


def test_the_head_that_was_there_stays_only_where_it_is_surely_better() -> None:
    fitted, right = candidate(3, [1] * 80 + [0] * 20), [1] * 100
    for wins, stays in ((1, False), (3, False), (8, True), (20, True)):
        old = candidate(3, right[: 80 + wins] + [0] * (20 - wins), head="softmax")
        assert (fuse_lda._choose([fitted, old], 0.0) is old) == stays, wins
        assert fuse_lda._choose([fitted, old], 0.3) is fitted, "within max_drop"


def test_clean_spectra_count_half_and_all_copies_of_them_the_other_half() -> None:
    assert candidate(1, [1, 1, 0, 0]).score == 0.5
    assert candidate(1, [1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]).score == pytest.approx((0.5 + 0.625) / 2)


def test_every_exit_is_told_and_the_old_head_only_of_the_whole_network(job: Job) -> None:
    facts = fused(job, after=[3, 1, 2], max_drop=1.0).facts["fuse_lda"]
    table = facts["candidates"]
    assert [(each["after"], each["head"]) for each in table] == [(1, "lda"), (2, "lda"), (3, "lda"), (3, "softmax")]
    assert facts["chosen"] == table[0]
    assert facts["below_best"] == pytest.approx(max(each["valid"] for each in table) - table[0]["valid"], abs=2e-5)


def test_of_several_shrinkages_the_best_on_validation_is_taken(job: Job) -> None:
    facts = fused(job, shrinkage=["auto", 1.0, 0.001]).facts["fuse_lda"]
    assert [each["shrinkage"] for each in facts["candidates"]] == ["auto", 1.0, 0.001, None]
    assert facts["chosen"]["valid"] == max(each["valid"] for each in facts["candidates"])
    assert facts["validation_spectra"] == len(job.splits.rows(None, valid=True))


def test_a_blend_is_one_linear_head_between_lda_and_the_one_that_was_there(job: Job) -> None:
    before = checkpoint(job.folder.parent)
    x = batches.prepared(job, job.splits.test)
    rows = batches.prepared(job, job.splits.rows(None))
    lda = fuse_lda.run(job, before, copies=0)
    (job.folder / "blended").mkdir()
    made = fuse_lda.run(job.inside(job.folder / "blended"), before, copies=0, blend=0.3)
    assert made.facts["fuse_lda"]["chosen"]["blend"] == 0.3

    def centred(which: Checkpoint, given: Any) -> Any:
        z = batches.logits(models.load(which), given)
        return z - z.mean(1, keepdim=True)

    spread = float(centred(before, rows).std() / centred(lda, rows).std())
    expected = 0.7 * centred(before, x) + 0.3 * spread * centred(lda, x)
    torch.testing.assert_close(centred(made, x), expected, rtol=1e-3, atol=1e-3)


def test_of_several_blends_the_best_is_taken_and_a_cut_network_has_none(job: Job) -> None:
    facts = fused(job, after=[1, 3], blend=[0.5, 1.0], max_drop=0.0).facts["fuse_lda"]
    told = [(each["after"], each["head"], each["blend"]) for each in facts["candidates"]]
    assert told == [(1, "lda", 1.0), (3, "lda", 0.5), (3, "lda", 1.0), (3, "softmax", 0.0)]
    assert facts["chosen"]["valid"] == max(each["valid"] for each in facts["candidates"])


def test_a_head_that_is_better_stays(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = replace(tiny_job.line("cnn").checkpoint, facts={"temperature": 1.5})
    monkeypatch.setattr(fuse_lda.lda, "fit", lambda x, y, s, k: (np.zeros((k, x.shape[1])), np.zeros(k)))
    made = fuse_lda.run(job, before)
    assert made.facts["fuse_lda"]["chosen"]["head"] == "softmax"
    assert made.facts["temperature"] == 1.5
    x = batches.prepared(job, job.splits.test)
    assert torch.equal(batches.logits(models.load(made), x), batches.logits(models.load(before), x))


def test_a_new_head_has_no_temperature_and_keeps_the_history(job: Job) -> None:
    before = checkpoint(job.folder.parent, temperature=3.0, history={"seconds": 1})
    made = fuse_lda.run(job, before)
    assert "temperature" not in made.facts
    assert made.facts["history"] == {"seconds": 1}


def test_neither_test_spectra_nor_hidden_labels_change_anything(job: Job) -> None:
    known = batches.labelled(job, job.splits.rows(None), 2)
    hidden = np.setdiff1d(np.arange(len(job.spectra)), [*known, *job.splits.rows(None, valid=True)])
    other = job.spectra.y.copy()
    other[hidden] = (other[hidden] + 1) % 3
    lied = replace(job, spectra=replace(job.spectra, y=other))
    weights = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fuse_lda.batches, "labelled", lambda *_: known)  # the draw goes by the labels, here the true ones
        for each in (job, lied):
            weights.append(
                fused(each, labels="2 per class", after=[1, 3], shrinkage=["auto", 0.1]).weights.read_bytes()
            )
    assert weights[0] == weights[1]
    assert fused(job, labels="2 per class").facts["labels_used"] == 6


def test_features_that_never_vary_count_for_nothing_and_are_told(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = batches.features

    def dead(model: Any, x: Any) -> Any:
        found = plain(model, x).clone()
        found[:, :5] = 0.25
        return found

    told: list[str] = []
    monkeypatch.setattr(job.progress, "say", told.append)
    monkeypatch.setattr(fuse_lda.batches, "features", dead)
    made = fused(job, copies=0)
    assert made.facts["fuse_lda"]["chosen"]["constant_features"] >= 5
    assert (models.load(made).head.weight[:, :5] == 0).all()  # type: ignore[arg-type,index,union-attr]
    assert any("never vary" in line for line in told)
    monkeypatch.setattr(fuse_lda.batches, "features", lambda model, x: plain(model, x) * 0)
    with pytest.raises(Mistake, match="no feature differs between any two training spectra"):
        fused(job)


def test_it_is_one_graph_that_calibrates_and_quantises(job: Job, tmp_path: Path) -> None:
    before = tiny_job.line("cnn").checkpoint
    made = fuse_lda.run(job, before, after=[1], positions=16)
    cooled = calibrate.run(tiny_job.inside(job, "cooled"), made)
    assert isinstance(cooled, Checkpoint)
    exported = to_onnx.run(tiny_job.inside(job, "exported"), cooled, check=64)
    int8 = quantize.run(tiny_job.inside(job, "int8"), exported, spectra=64, max_drop=1)
    rows = job.splits.rows(None)[:64]
    source = batches.logits(models.load(cooled), batches.prepared(job, rows)).numpy()
    np.testing.assert_allclose(
        onnx_file.run(exported.path("float32"), job.spectra.x[rows]), source, rtol=1e-3, atol=1e-3
    )
    assert onnx_file.check_kernels(int8.path("cpu-int8"))["QLinearConv"] == 1


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (4, "there is no stage 4 to leave this cnn after"),
        ([1, 7], "there is no stage 7"),
        ([], "'after' names no stage"),
    ],
)
def test_a_stage_that_is_not_there_is_a_mistake(after: Any, message: str, job: Job) -> None:
    with pytest.raises(Mistake, match=message) as caught:
        fused(job, after=after)
    assert "stages 1 to 3" in caught.value.hint


@pytest.mark.parametrize("after", [4, [1, 4]])
def test_a_stage_that_is_not_there_is_found_before_anything_is_trained(after: Any) -> None:
    trained = Call("train", {"model": Call("cnn", {"widths": [4, 8, 8]})})
    fuse, narrow = Call("fuse_lda", {"after": after}), Call("convert_channels", {"how": "narrow"})
    found = early_exit.check((trained, Call("calibrate"), fuse), points=128, classes=3)
    assert found is not None
    assert found[0] == 2
    assert "there is no stage 4 to leave this cnn after" in found[1].message
    assert early_exit.check((trained, replace(fuse, keys={"after": 3})), points=128, classes=3) is None
    assert early_exit.check((trained, narrow, fuse), points=128, classes=3) is None, "not known before it has run"


def test_a_model_without_stages_is_a_mistake_that_names_those_with(job: Job) -> None:
    made = models.build(tiny_job.EFFICIENT, points=128, classes=3, seed=0)
    before = models.save(made, "efficientnet", job.folder / "before", points=128, classes=3)
    with pytest.raises(Mistake, match="'efficientnet' can't be left early") as caught:
        fuse_lda.run(job, before, after=1)
    assert all(name in caught.value.hint for name in NETS)
    assert "efficientnet" not in caught.value.hint


def some(job: Job, rows: Any) -> Job:
    return replace(job, splits=replace(job.splits, train={"train": np.array(rows)}, valid={"train": job.splits.test}))


def test_too_few_spectra_are_a_mistake(job: Job) -> None:
    y, rows = job.spectra.y, job.splits.rows(None)
    one = [rows[y[rows] == label][0] for label in range(3)]
    with pytest.raises(Mistake, match="two classes at least"):
        fused(some(job, rows[y[rows] == 0]))
    with pytest.raises(Mistake, match="LDA of 3 classes can't be fitted on 2 training spectra"):
        fused(some(job, one[:2]))
    with pytest.raises(Mistake, match="one spectrum a class has no scatter"):
        fused(some(job, one), copies=0)
    twice = replace(job.spectra, x=np.concatenate([job.spectra.x, job.spectra.x[one]]), y=np.concatenate([y, y[one]]))
    with pytest.raises(Mistake, match="no feature differs within any class"):
        fused(some(replace(job, spectra=twice), [*one, *range(len(y), len(y) + 3)]), copies=0)
    assert fused(some(job, one), copies=2).facts["labels_used"] == 3, "copies are a scatter"


def test_a_class_without_training_spectra_never_wins(job: Job) -> None:
    y, rows = job.spectra.y, job.splits.rows(None)
    made = fused(some(job, rows[y[rows] != 1]))
    out = batches.logits(models.load(made), batches.prepared(job, job.splits.test))
    assert set(out.argmax(1).tolist()) == {0, 2}
