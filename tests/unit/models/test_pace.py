"""PACE against the published architecture, which is written out in functional calls elsewhere; its size, its options."""

from __future__ import annotations

from pathlib import Path

import pace_release
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgespec.imports import pace as layout
from edgespec.models import Pool, pace

LENGTHS = pytest.mark.parametrize("points", [900, 1000, 512, 256, 100])


def published(points: int, pool: int = 256, **sizes: int) -> tuple[pace_release.State, pace.Pace]:
    """The authors' weights, and our model with them."""
    state = pace_release.state(**sizes)
    keys, weights = layout.convert(state, Path("COV.pth"), pool=pool, overlapped=False)
    network = pace.build(points=points, classes=len(state["head.2.weight"]), **keys)
    network.load_state_dict(weights)
    return state, network.eval()


def spectra(points: int, n: int = 4) -> Tensor:
    return torch.randn(n, points, generator=torch.Generator().manual_seed(points))


def answers(network: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        found: Tensor = network(x)
    return found


@LENGTHS
def test_it_answers_as_the_published_architecture_at_any_length(points: int) -> None:
    state, network = published(points, classes=30)
    x = spectra(points)
    expected = pace_release.logits(state, x)
    torch.testing.assert_close(answers(network, x), expected, rtol=0, atol=1e-5)
    assert expected.std(dim=0).min() > 1e-3, "spectra are told apart, so that a wrong network shows"


def test_it_answers_so_at_the_published_width_too() -> None:
    state, network = published(900, dim=1024)
    x = spectra(900, 2)
    torch.testing.assert_close(answers(network, x), pace_release.logits(state, x), rtol=0, atol=1e-5)


def test_other_sizes_of_the_published_layout() -> None:
    state, network = published(900, pool=128, patch=8, kernel=5, depth=2)
    assert (network.keys()["patch"], network.keys()["kernel"], network.keys()["depth"]) == (8, 5, 2)
    x = spectra(900)
    torch.testing.assert_close(answers(network, x), pace_release.logits(state, x, pool=128), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("classes", "count"), [(3, 4_278_275), (30, 4_305_950)])
def test_it_has_the_published_number_of_parameters(classes: int, count: int) -> None:
    network = pace.build(points=900, classes=classes, dim=1024)
    assert sum(each.numel() for each in network.parameters()) == count


@pytest.mark.parametrize(("points", "places"), [(900, 256), (1000, 256), (513, 256), (512, 256), (100, 256), (7, 3)])
def test_pooling_is_what_torch_calls_adaptive(points: int, places: int) -> None:
    x = torch.randn(2, 3, points)
    pool = Pool(points, places)
    torch.testing.assert_close(pool(x), functional.adaptive_avg_pool1d(x, places))
    assert pool.state_dict() == {}, "what is not learnt is not saved"


def test_the_matrix_of_a_pooling_is_as_small_as_its_windows_repeat() -> None:
    assert Pool(900, 256).means.shape == (225, 64)
    assert Pool(1000, 256).means.shape == (125, 32)


def test_a_patch_that_overlaps_sees_its_neighbours_and_stays_in_its_place() -> None:
    plain, wide = (pace.build(points=256, classes=3, dim=8, depth=1, overlap=overlap).eval() for overlap in (0, 6))
    assert wide.patches.weight.shape == (8, 1, 22)
    with torch.no_grad():
        wide.patches.weight.zero_()
        wide.patches.weight[:, :, 3:19] = plain.patches.weight
        wide.patches.bias.copy_(plain.patches.bias)  # type: ignore[union-attr,arg-type]
    x = spectra(256)
    torch.testing.assert_close(answers(wide.patches, x[:, None]), answers(plain.patches, x[:, None]))
    band = torch.zeros(1, 1, 256)
    band[0, 0, 64 - 2] = 1  # two points in front of the fifth patch
    with torch.no_grad():
        wide.patches.weight.fill_(1.0)
        wide.patches.bias.zero_()  # type: ignore[union-attr]
    assert answers(wide.patches, band)[0, 0].nonzero()[:, 0].tolist() == [3, 4]


def test_positions_tell_where_along_the_axis_a_band_is() -> None:
    network = pace.build(points=256, classes=3, dim=8, depth=1, positions=4).eval()
    assert network.head.in_features == 32
    x = torch.randn(2, 8, 16)
    expected = x.reshape(2, 8, 4, 4).mean(3).flatten(1)
    torch.testing.assert_close(answers(network.places, x), expected)
    once = pace.build(points=256, classes=3, dim=8, depth=1).eval()
    torch.testing.assert_close(answers(once.places, x), x.mean(2))


def test_dropout_acts_on_the_patches_in_training_only() -> None:
    network = pace.build(points=256, classes=3, dim=64, depth=1, dropout=0.5).eval()
    x = spectra(256)
    assert torch.equal(answers(network, x), answers(network, x))
    seen: list[Tensor] = []
    network.blocks.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network.train()
    answers(network, x)
    assert 0.3 < float((seen[0] == 0).float().mean()) < 0.7


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_it_can_be_left_after_any_block(stage: int) -> None:
    whole = pace.build(points=300, classes=3, dim=8, depth=3).eval()
    assert whole.stages == 3
    cut = pace.build(points=300, classes=3, **whole.until(stage, 4)).eval()
    shared = {name: value for name, value in whole.state_dict().items() if "head" not in name}
    cut.load_state_dict({name: value for name, value in shared.items() if name in cut.state_dict()}, strict=False)
    left: list[Tensor] = []
    whole.blocks[stage - 1].register_forward_hook(lambda _, given, out: left.append(out))
    x = spectra(300)
    answers(whole, x)
    with torch.no_grad():
        torch.testing.assert_close(cut.features(x), functional.adaptive_avg_pool1d(left[0], 4).flatten(1))


def test_keys_name_the_channels_that_are_there() -> None:
    network = pace.build(points=256, classes=3, dim=16, depth=2, kernel=5, patch=8, pool=128, overlap=2, positions=2)
    assert network.keys() == {
        "dim": 16, "depth": 2, "kernel": 5, "patch": 8, "pool": 128, "overlap": 2, "positions": 2, "dropout": 0.0,
    }  # fmt: skip
