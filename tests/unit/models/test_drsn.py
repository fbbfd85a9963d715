"""DRSN, equation by equation: Zhao et al. (2020), eqs. 9 to 14 and Fig. 4, written out here in plain tensor arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgespec.models import drsn
from edgespec.models.drsn import Block, Drsn, Shrink

KINDS = pytest.mark.parametrize("kind", ["cw", "cs"])
PUBLISHED: dict[str, Any] = {"widths": [4, 8, 16], "depths": [4, 4, 4], "positions": 1}


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def lived_in(layer: nn.Module) -> Any:
    """In evaluation mode, with normalisations that do something."""
    generator = torch.Generator().manual_seed(1)
    for each in layer.modules():
        if isinstance(each, nn.BatchNorm1d):
            for values, shift in ((each.weight, 0.5), (each.bias, -0.5), (each.running_mean, -0.5), (each.running_var, 0.5)):  # fmt: skip
                assert values is not None
                values.data = torch.rand(each.num_features, generator=generator) + shift
    return layer.eval()


def normed(x: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """Batch normalisation by hand; x: (n, channels) or (n, channels, length)."""
    shape = (1, -1, *[1] * (x.ndim - 2))
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, var, weight, bias = (
        each.reshape(shape) for each in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return (x - mean) / torch.sqrt(var + norm.eps) * weight + bias


def share(shrink: Shrink, size: Tensor) -> Tensor:
    """FC, BN, ReLU, FC, sigmoid (eqs. 10, 11): (n, C) -> (n, C), or (n, 1)."""
    first, second = (each.weight[:, :, 0] for each in (shrink.first, shrink.second))
    z = torch.relu(normed(size @ first.T + shrink.first.bias, shrink.norm)) @ second.T + shrink.second.bias
    return 1 / (1 + torch.exp(-z))


def threshold(shrink: Shrink, x: Tensor) -> Tensor:
    """tau_c = alpha_c mean|x_c| (eqs. 11, 12); tau = alpha mean_c(mean|x_c|) (eqs. 13, 14): (n, C or 1)."""
    size = x.abs().sum(dim=2) / x.shape[2]
    alpha = share(shrink, size)
    return alpha * (size if shrink.kind == "cw" else size.sum(dim=1, keepdim=True) / size.shape[1])


def soft(x: Tensor, tau: Tensor) -> Tensor:
    """Soft thresholding (eq. 9)."""
    return torch.sign(x) * torch.clamp_min(x.abs() - tau, 0)


@KINDS
def test_shrinkage_is_the_papers(kind: str) -> None:
    shrink, x = lived_in(Shrink(6, 6, kind)), drawn(5, 6, 40)
    with torch.no_grad():
        tau = threshold(shrink, x)
        found = shrink(x)
        torch.testing.assert_close(found, soft(x, tau[:, :, None]), rtol=1e-5, atol=1e-6)
    assert tau.shape == (5, 6 if kind == "cw" else 1)
    assert 0.05 < float((found == 0).float().mean()) < 0.95, "some are noise, some are not"


@KINDS
def test_every_spectrum_has_a_threshold_of_its_own(kind: str) -> None:
    shrink, x = lived_in(Shrink(6, 6, kind)), drawn(5, 6, 40) * torch.tensor([0.1, 1, 3, 10, 30])[:, None, None]
    with torch.no_grad():
        assert threshold(shrink, x)[:, 0].diff().abs().min() > 1e-3
        torch.testing.assert_close(shrink(x)[3:4], shrink(x[3:4]), msg="what stands beside it does not matter")


def test_thresholds_of_channels_differ_in_cw_and_are_one_in_cs() -> None:
    x = drawn(1, 6, 400) * torch.arange(1, 7)[None, :, None]
    with torch.no_grad():
        for kind, several in (("cw", True), ("cs", False)):
            shrink = lived_in(Shrink(6, 6, kind))
            taken = (x - shrink(x)).abs().amax(dim=2)[0]  # of what is far from zero, tau is taken off
            assert bool(taken.std() > 0.1) is several, kind


def test_a_threshold_is_never_negative_nor_above_the_mean() -> None:
    shrink, x = lived_in(Shrink(6, 6, "cw")), drawn(64, 6, 40)
    with torch.no_grad():
        tau = threshold(shrink, x)
    assert (tau >= 0).all()
    assert (tau <= x.abs().mean(2)).all()


def test_the_sub_network_is_as_wide_as_the_features() -> None:
    cw, cs = (drsn.build(points=256, classes=3, widths=[8], depths=[1], kind=kind).body[0][0] for kind in ("cw", "cs"))  # type: ignore[index,arg-type]
    assert (cw.shrink.first.weight.shape, cw.shrink.second.weight.shape) == ((8, 8, 1), (8, 8, 1))
    assert (cs.shrink.first.weight.shape, cs.shrink.second.weight.shape) == ((8, 8, 1), (1, 8, 1))


@pytest.mark.parametrize(("inward", "out", "stride"), [(4, 4, 1), (4, 4, 2), (4, 9, 2), (3, 8, 1)])
@KINDS
def test_a_block_is_norm_relu_conv_twice_then_shrinkage_plus_the_input(
    kind: str, inward: int, out: int, stride: int
) -> None:
    block, x = lived_in(Block(inward, out, 5, out, 3, stride, kind)), drawn(3, inward, 31)
    with torch.no_grad():
        y = functional.conv1d(torch.relu(normed(x, block.norm)), block.conv.weight, block.conv.bias, stride, 1)
        y = functional.conv1d(torch.relu(normed(y, block.norm2)), block.conv2.weight, block.conv2.bias, 1, 1)
        beside = torch.zeros_like(y)
        before = (out - inward) // 2
        beside[:, before : before + inward] = x[..., ::stride]
        expected = soft(y, threshold(block.shrink, y)[:, :, None]) + beside
        found = block(x)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert (found < 0).any(), "nothing stands behind the addition"


def test_the_shortcut_takes_every_second_point_and_pads_channels_on_both_sides() -> None:
    block, x = Block(4, 9, 9, 9, 3, 2, "cw"), drawn(2, 4, 11)
    found = block.shortcut(x)
    assert torch.equal(found[:, 2:6], x[..., ::2])
    assert not found[:, :2].any()
    assert not found[:, 6:].any()
    assert found.shape == (2, 9, 6)
    assert not [name for name, _ in block.named_parameters() if "shortcut" in name or "every" in name]


def test_the_network_is_stem_blocks_norm_relu_mean_and_a_linear_layer() -> None:
    network: Any = lived_in(drsn.build(points=200, classes=5, widths=[4, 8], depths=[2, 1], positions=1))
    x = drawn(3, 200)
    with torch.no_grad():
        y = functional.conv1d(x[:, None], network.stem.weight, network.stem.bias, 2, 1)
        for stage in network.body:
            for number, block in enumerate(stage):
                assert block.conv.stride == (2 if number == 0 else 1,), "each stage halves the length once"
                y = block(y)
        assert y.shape == (3, 8, 25)
        features = torch.relu(normed(y, network.norm)).mean(2)
        torch.testing.assert_close(network(x), features @ network.head.weight.T + network.head.bias)
        torch.testing.assert_close(network.features(x), features)


@pytest.mark.parametrize(("kind", "count"), [("cw", 11_552), ("cs", 10_220)])
def test_it_has_the_published_number_of_parameters(kind: Any, count: int) -> None:
    network = drsn.build(points=2048, classes=8, kind=kind, **PUBLISHED)
    assert sum(each.numel() for each in network.parameters()) == count
    assert len([each for each in network.modules() if isinstance(each, Block)]) == 12


@pytest.mark.parametrize(("points", "fold", "stem"), [(512, 2, 3), (512, 8, 3), (96, 4, 5)])
def test_fold_puts_neighbouring_points_into_channels_in_front_of_an_ordinary_convolution(
    points: int, fold: int, stem: int
) -> None:
    network = drsn.build(points=points, classes=3, widths=[8], depths=[1], fold=fold, stem=stem)
    x = drawn(3, points)
    folded = x.reshape(3, points // fold, fold).transpose(1, 2)  # (n, C, L / C)
    weight = network.stem.weight.reshape(8, stem, fold).transpose(1, 2)
    expected = functional.conv1d(folded, weight, network.stem.bias, stride=2, padding=stem // 2)
    torch.testing.assert_close(network.stem(x[:, None]), expected)
    plain = drsn.build(points=points, classes=3, widths=[8], depths=[1], stem=stem)
    assert expected.shape[2] == plain.stem(x[:, None]).shape[2] // fold


@pytest.mark.parametrize("points", [64, 127, 250, 513])
@pytest.mark.parametrize("fold", [1, 2, 4])
def test_positions_are_counted_on_the_length_that_is_there(points: int, fold: int) -> None:
    network = drsn.build(points=points, classes=3, widths=[4, 8, 8], depths=[1, 1, 1], fold=fold, positions=16).eval()
    with torch.no_grad():
        length = network.body(network.stem(drawn(2, 1, points))).shape[2]
    assert network.head.in_features == 8 * min(length, 16)
    assert network(drawn(2, points)).shape == (2, 3)


def test_keys_rebuild_blocks_of_different_inner_and_hidden_channels() -> None:
    inner, hidden = [[3, 4], [7]], [[2, 1], [5]]
    network = drsn.build(points=128, classes=3, widths=[4, 8], depths=[2, 1], inner=inner, hidden=hidden)
    assert (network.keys()["inner"], network.keys()["hidden"]) == (inner, hidden)
    again = drsn.build(points=128, classes=3, **network.keys())
    again.load_state_dict(network.state_dict())
    assert again.keys() == network.keys()
    x = drawn(4, 128)
    with torch.no_grad():
        assert torch.equal(again.eval()(x), network.eval()(x))


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_it_can_be_left_after_any_stage(stage: int) -> None:
    whole: Drsn = lived_in(drsn.build(points=256, classes=3, widths=[4, 6, 8], depths=[1, 2, 1]))
    assert whole.stages == 3
    keys = whole.until(stage, 4)
    assert keys["depths"] == [1, 2, 1][:stage]
    cut: Drsn = lived_in(drsn.build(points=256, classes=3, **keys))
    cut.body.load_state_dict(whole.body[:stage].state_dict())  # type: ignore[index]
    cut.stem.load_state_dict(whole.stem.state_dict())
    x = drawn(3, 256)
    with torch.no_grad():
        y = whole.body[:stage](whole.stem(x[:, None]))  # type: ignore[index,operator]
        expected = functional.adaptive_avg_pool1d(torch.relu(normed(y, cut.norm)), 4).flatten(1)
        torch.testing.assert_close(cut.features(x), expected)
