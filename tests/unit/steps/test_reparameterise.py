"""Branches become one convolution: the same answers in torch and in every file, fewer layers, and steps that work behind it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_job
import torch

from edgespec import artifact, models
from edgespec.artifact import Checkpoint
from edgespec.compression.pruning.budget import Budget
from edgespec.errors import Mismatch, Mistake
from edgespec.evaluation import scoring
from edgespec.graph import assembly, onnx_file
from edgespec.job import Fit, Job
from edgespec.models.repdwnet import RepDwNet
from edgespec.recipe import Call
from edgespec.steps import prune, quantize, reparameterise, to_onnx, train
from edgespec.training import batches

SMALL = {"widths": [16, 16], "depths": [1, 2], "kernels": [7, 3], "positions": 4}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Checkpoint]:
    job = tiny_job.job(tmp_path_factory.mktemp("branches") / "1-train")
    return job, train.run(job, model=Call("repdwnet", SMALL), fit=Fit(epochs=8, batch=32, lr=1e-2))


@pytest.fixture(scope="module")
def folded(trained: tuple[Job, Checkpoint]) -> tuple[Job, Checkpoint]:
    job, checkpoint = trained
    own = tiny_job.inside(job, "2-reparameterise")
    return own, reparameterise.run(own, checkpoint)


def test_the_answers_stay_and_the_layers_go(trained: tuple[Job, Checkpoint], folded: tuple[Job, Checkpoint]) -> None:
    job, before = trained
    after = folded[1]
    x = job.spectra.x[job.splits.test]
    source, found = (scoring.load(job, each).logits(x) for each in (before, after))
    np.testing.assert_allclose(found, source, atol=1e-4 * np.abs(source).max())
    told = after.facts["reparameterised"]
    assert told["difference"] <= reparameterise.TOLERANCE
    # stem, three blocks of two convolutions, the head; before: each convolution and each branch has its normalisation
    assert told["layers"] == {"before": 2 * (2 + 3 * (2 + 1)) + 2 * 1 + 1, "after": 1 + 3 * 2 + 1}
    assert told["macs"]["after"] < told["macs"]["before"]
    assert after.facts["spectra_used"] == before.facts["spectra_used"]
    assert scoring.weight(after)["params"] < scoring.weight(before)["params"]
    network = models.load(after)
    assert not [each for each in network.modules() if isinstance(each, torch.nn.BatchNorm1d)]


def test_it_exports_and_is_quantised(folded: tuple[Job, Checkpoint]) -> None:
    job, checkpoint = folded
    exported = to_onnx.run(tiny_job.inside(job, "3-to_onnx"), checkpoint)
    nodes = [node.op_type for node in assembly.network(onnx.load(exported.path("float32"))).graph.node]
    assert nodes.count("Conv") == 7
    assert not {"Add", "BatchNormalization"} & set(nodes)
    int8 = quantize.run(tiny_job.inside(job, "4-quantize"), exported, spectra=64, flavours=("cpu", "portable"))
    assert onnx_file.check_kernels(int8.path("cpu-int8"))["QLinearConv"] == 7
    whole, *others = (
        scoring.score(job, int8.path(name))[0].accuracy for name in ("float32", "cpu-int8", "portable-int8")
    )
    assert min(others) >= whole - 0.06


def test_channels_are_pruned_behind_it(folded: tuple[Job, Checkpoint]) -> None:
    job, checkpoint = folded
    fit = Fit(epochs=3, batch=32, lr=3e-3)
    own = tiny_job.inside(job, "3-prune")
    made = prune.run(own, checkpoint, to=Budget(macs=0.6), round_to=2, rounds=1, max_drop=1.0, control=False, fit=fit)
    assert made.keys["folded"]
    assert scoring.weight(made)["macs"] <= 0.6 * scoring.weight(checkpoint)["macs"]


def test_an_ensemble_folds_its_members(trained: tuple[Job, Checkpoint]) -> None:
    job, _ = trained
    network = models.build(
        Call("ensemble", {"members": [{"repdwnet": SMALL}, {"cnn": {}}]}), points=128, classes=3, seed=0
    )
    own = tiny_job.inside(job, "2-ensemble")
    saved = batches.save(tiny_job.lived_in(network, 128), "ensemble", own)
    made = reparameterise.run(tiny_job.inside(job, "3-ensemble"), saved)
    assert [next(iter(each)) for each in made.keys["members"]] == ["repdwnet", "cnn"]
    assert made.keys["members"][0]["repdwnet"]["folded"]
    other = models.build(Call("ensemble"), points=128, classes=3, seed=0)
    plain = batches.save(other, "ensemble", tiny_job.inside(job, "2-plain"))
    with pytest.raises(Mistake, match="no branches that are not folded"):
        reparameterise.run(tiny_job.inside(job, "3-plain"), plain)


def test_a_network_without_branches_and_one_that_is_folded_are_told(folded: tuple[Job, Checkpoint]) -> None:
    made = tiny_job.line("cnn")
    with pytest.raises(Mistake, match="cnn has no branches: there is nothing to fold") as told:
        reparameterise.run(folded[0], made.checkpoint)
    assert "leave the step" in told.value.hint
    with pytest.raises(Mistake, match="no branches that are not folded already"):
        reparameterise.run(*folded)
    with pytest.raises(Mistake, match="the network to be folded names 3 classes"):
        reparameterise.run(
            tiny_job.job(
                folded[0].folder.parent / "four",
                found=tiny_job.spectra(minerals=("Albite", "Beryl", "Diopside", "Forsterite")),
            ),
            folded[1],
        )


def test_a_folding_that_changes_answers_is_refused_and_leaves_the_evidence(
    trained: tuple[Job, Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, checkpoint = trained
    right = RepDwNet.reparameterised

    def wrong(self: RepDwNet) -> Any:
        found: Any = right(self)
        found.stem.convs[0].bias.data += 0.5
        return found

    monkeypatch.setattr(RepDwNet, "reparameterised", wrong)
    own = tiny_job.inside(job, "2-wrong")
    with pytest.raises(Mismatch, match="folded, the network answers otherwise") as told:
        reparameterise.run(own, checkpoint)
    assert told.value.exit_code == 4
    with np.load(own.folder.parent / "reparameterise-mismatch.npz") as kept:
        assert set(kept) == {"x", "source", "answers"}
    assert list(own.folder.iterdir()) == []


def test_weights_that_are_no_numbers_are_refused(trained: tuple[Job, Checkpoint], tmp_path: Path) -> None:
    job, checkpoint = trained
    network: Any = models.load(checkpoint)
    network.body[0][0].depthwise.norms[0].running_var.fill_(float("nan"))
    broken = replace(batches.save(network, "repdwnet", tiny_job.inside(job, "1-broken")), facts={})
    with pytest.raises(Mismatch, match="answers otherwise"):
        reparameterise.run(tiny_job.inside(job, "2-broken"), broken)


def test_it_is_read_again_from_its_folder(folded: tuple[Job, Checkpoint]) -> None:
    job, checkpoint = folded
    artifact.seal(checkpoint, {})
    again, _ = artifact.read(checkpoint.folder)
    assert isinstance(again, Checkpoint)
    x = job.spectra.x[job.splits.test]
    assert np.array_equal(scoring.load(job, again).logits(x), scoring.load(job, checkpoint).logits(x))
