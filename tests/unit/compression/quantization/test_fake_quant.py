"""The exported graph as a torch module: the same answers, rounded as the file will be, and it learns its scales."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import tiny_job
import torch
from onnx import helper, numpy_helper

from edgespec import models
from edgespec.compression.quantization import int8, qdq, ranges, variants
from edgespec.compression.quantization.fake_quant import Network
from edgespec.errors import Mistake
from edgespec.graph import assembly, exporter, onnx_file
from edgespec.recipe import Call

ALL = pytest.mark.parametrize("name", ["cnn", "efficientnet", "pace", "drsn"])


def taken(name: str) -> tuple[onnx.ModelProto, np.ndarray]:
    """A tiny network, ready to be rounded, and what it takes of 64 spectra."""
    made = tiny_job.line(name)
    whole = onnx.load(made.float32.path("float32"))
    x = made.job.spectra.x[made.job.splits.rows(None)[:64]]
    return int8.ready(assembly.network(whole)), variants.prepared(assembly.front(whole), x)


def answers(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    return onnx_file.ask(onnx_file.session(model.SerializeToString(), optimise=False), x)


@ALL
def test_it_answers_as_the_file_does(name: str) -> None:
    network, x = taken(name)
    wanted = answers(network, x)
    with torch.no_grad():
        found = Network(network, {}, None)(torch.from_numpy(x)).numpy()
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("name", ["resnet", "deepcnn", "mlp", "ramannet", "vit", "repdwnet"])
def test_the_networks_of_the_field_answer_as_their_files_do(name: str) -> None:
    torch.manual_seed(0)
    network = models.build(Call(name, {"width": 4} if name == "resnet" else {}), points=100, classes=3, seed=0).eval()
    made = int8.ready(exporter._dynamic(exporter.twin(network), 100, assembly.LOGITS))
    x = torch.randn(5, 100)
    with torch.no_grad():
        wanted, found = network(x), Network(made, {}, None)(x)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_recurrent_network_is_refused() -> None:
    network = models.build(Call("lstm", {"width": 4}), points=64, classes=3, seed=0).eval()
    with pytest.raises(Mistake, match=r"no way is known to train .*LSTM"):
        Network(int8.ready(exporter._dynamic(exporter.twin(network), 64, assembly.LOGITS)), {}, None)


@ALL
def test_rounded_it_answers_as_the_rounded_file_does(name: str) -> None:
    network, x = taken(name)
    ends = ranges.cut(ranges.observe(network, x), "minmax")
    both = {key: (-max(-low, high) * 128 / 127, max(-low, high)) for key, (low, high) in ends.items()}
    wanted, plain = answers(qdq.portable(network, ends, bits=7), x), answers(network, x)
    identities = qdq._identities(network, {each.name: each for each in qdq.layers(network)})
    with torch.no_grad():
        found = Network(network, both, 7)(torch.from_numpy(x)).numpy()
    off = np.abs(found - wanted).max() / np.abs(plain).max()
    assert off <= (0.05 if identities else 1e-3), "residual identities are rounded in the file alone"
    if not identities:
        assert off < 0.2 * np.abs(plain - wanted).max() / np.abs(plain).max()


def test_weights_and_scales_are_learnt_and_leave_as_they_were_used() -> None:
    network, x = taken("cnn")
    ends = ranges.cut(ranges.observe(network, x), "minmax")
    model = Network(network, ends, 4)
    wanted = torch.from_numpy(answers(network, x))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = (model(torch.from_numpy(x)) - wanted).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    for kind in (model.cuts, model.clips):
        assert all((each.detach() != 1).any() for each in kind.values()), "every scale moved"
    learnt = model.learnt(network)
    exported = Network(learnt, model.cut(ends), 4)
    with torch.no_grad():
        before, after = (each(torch.from_numpy(x)) for each in (model, exported))
    assert (before - after).abs().max() <= 1e-4 * before.abs().max(), "clipped weights carry their scale"
    packed = answers(qdq.packed(learnt), x)
    with torch.no_grad():
        alone = Network(learnt, {}, 4)(torch.from_numpy(x)).numpy()
    assert np.abs(packed - alone).max() <= 1e-4 * np.abs(alone).max()


def test_an_operator_that_is_not_known_is_refused() -> None:
    network, _ = taken("cnn")
    next(node for node in network.graph.node if node.op_type == "Relu").op_type = "Mish"
    with pytest.raises(Mistake, match="no way is known to train Mish"):
        Network(network, {}, None)


def test_clipping_leaves_a_smaller_error_in_few_bits() -> None:
    random = np.random.default_rng(0)
    weight = random.normal(size=(64, 8)).astype("f")
    weight[0] = 6.0
    ends = [helper.make_tensor_value_info(each, 1, ["n", width]) for each, width in (("spectrum", 64), ("logits", 8))]
    nodes = [helper.make_node("MatMul", ["spectrum", "w"], ["logits"], name="head")]
    made = helper.make_graph(nodes, "g", ends[:1], ends[1:], [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)

    def error(network: onnx.ModelProto) -> float:
        x = np.eye(64, dtype="f")
        return float(((answers(qdq.packed(network), x) - weight) ** 2).sum())

    clipped = qdq.clipped(model, 4)
    assert error(clipped) < 0.9 * error(model)
    held = {each.name: numpy_helper.to_array(each) for each in clipped.graph.initializer}
    assert np.abs(held["w"]).max(axis=0).max() < 6.0
