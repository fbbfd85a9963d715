"""The recurrent network: the same answers as the LSTM's equations in numpy, from both ends of the spectrum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import plain_layers as plain
import pytest
import tiny_job
import torch

from edgespec import models
from edgespec.errors import Mistake
from edgespec.evaluation import scoring
from edgespec.graph import assembly
from edgespec.recipe import Call
from edgespec.steps import halve, quantize, to_onnx
from edgespec.training import batches


def run(pieces: plain.Array, known: dict[str, plain.Array], name: str, ending: str) -> plain.Array:
    """(n, steps, piece) -> (n, steps, width): every state, read forwards."""
    width = known[f"{name}.weight_hh_l0{ending}"].shape[1]
    h = c = np.zeros((len(pieces), width))
    states = []
    for t in range(pieces.shape[1]):
        gates = pieces[:, t] @ known[f"{name}.weight_ih_l0{ending}"].T + known[f"{name}.bias_ih_l0{ending}"]
        gates += h @ known[f"{name}.weight_hh_l0{ending}"].T + known[f"{name}.bias_hh_l0{ending}"]
        i, f, g, o = np.split(gates, 4, axis=1)
        c = plain.sigmoid(f) * c + plain.sigmoid(i) * np.tanh(g)
        h = plain.sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states, axis=1)


@pytest.mark.parametrize("points", [20, 23])
def test_it_answers_as_its_equations_do(points: int) -> None:
    keys = {"piece": 4, "width": 3, "depth": 2}
    network: Any = models.build(Call("lstm", keys), points=points, classes=3, seed=0).eval()
    known, x = plain.weights(network), np.random.default_rng(0).normal(size=(4, points))
    seen = np.pad(x, ((0, 0), (0, -points % 4))).reshape(len(x), -1, 4)
    for layer in range(2):
        forwards = run(seen, known, f"layers.{layer}", "")
        backwards = run(seen[:, ::-1], known, f"layers.{layer}", "_reverse")[:, ::-1]
        seen = np.concatenate([forwards, backwards], axis=2)
    wanted = plain.linear(np.concatenate([forwards[:, -1], backwards[:, 0]], axis=1), known, "head")
    with torch.no_grad():
        found = network(torch.from_numpy(x).float()).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    steps = -(-points // 4)
    per_step = 2 * 4 * 3 * (4 + 3) + 2 * 4 * 3 * (6 + 3)
    assert scoring.macs(network, points) == steps * per_step + 6 * 3


def test_it_leaves_as_one_operator_weighs_the_same_and_int8_refuses_it(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "1-train")
    network = models.build(Call("lstm", {"width": 8}), points=128, classes=3, seed=0).eval()
    checkpoint = batches.save(network, "lstm", job)
    made = to_onnx.run(tiny_job.inside(job, "2-to_onnx"), checkpoint)
    nodes = [node.op_type for node in assembly.network(onnx.load(made.path("float32"))).graph.node]
    assert nodes.count("LSTM") == 1
    assert scoring.weight(made, "float32")["macs"] == scoring.weight(checkpoint)["macs"]
    assert scoring.weight(made, "float32")["params"] == scoring.weight(checkpoint)["params"]
    with pytest.raises(Mistake, match="no flavour of int8 can hold the 1152 weights of LSTM") as told:
        quantize.run(tiny_job.inside(job, "3-quantize"), made, spectra=64)
    assert "ship float32 or fp16" in told.value.hint
    half = halve.run(tiny_job.inside(job, "3-halve"), made)
    assert half.path("fp16").stat().st_size < made.path("float32").stat().st_size
