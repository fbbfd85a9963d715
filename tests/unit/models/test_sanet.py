"""SANet of Deng et al.: the same answers as its equations in numpy, and the size of the released network."""

from __future__ import annotations

import numpy as np
import plain_layers as plain
import tiny_job
import torch

from edgespec import models
from edgespec.recipe import Call

PUBLISHED = {"widths": [16, 32, 64, 128, 192], "top": 32}
EPS = 1e-3


def test_it_answers_as_its_equations_do() -> None:
    keys = {"widths": [3, 4], "branches": 3, "reduction": 2, "top": 2}
    network = tiny_job.lived_in(models.build(Call("sanet", keys), points=37, classes=3, seed=0), 37)
    known, x = plain.weights(network), np.random.default_rng(0).normal(size=(4, 37))
    y = x[:, None]
    for name in ("body.1", "body.2"):
        seen = np.concatenate([
            plain.norm(plain.conv(y, known[f"{name}.convs.{b}.weight"], 0.0, 2, b + 1), known, f"{name}.norms.{b}", EPS)
            for b in range(3)
        ], axis=1)  # fmt: skip
        hidden = plain.relu(plain.linear(seen.mean(2), known, f"{name}.squeeze"))
        shares = plain.sigmoid(plain.linear(hidden, known, f"{name}.excite"))
        mixed = plain.norm(plain.conv(seen, known[f"{name}.mix.weight"]), known, f"{name}.norm", EPS)
        y = plain.relu(mixed * shares[:, :, None])
    y = plain.norm(plain.conv(y, known["narrow.0.weight"]), known, "narrow.1", EPS)
    wanted = plain.linear(y.reshape(len(x), -1), known, "head")
    with torch.no_grad():
        found = network(torch.from_numpy(x).float()).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


def test_as_published_it_has_the_size_of_the_released_network() -> None:
    network = models.build(Call("sanet", PUBLISHED), points=1000, classes=30, seed=0)
    assert round(sum(each.numel() for each in network.parameters()) / 1e6, 2) == 2.25
    assert network.head.in_features == 1024, "32 channels at 32 places"
