"""A small network of every kind that can be pruned, as if it had seen spectra."""

from __future__ import annotations

from typing import Any

import tiny_job

from edgespec import models
from edgespec.recipe import Call

BLOCKS = [[8, 24, 4, 8, 3, 1], [8, 24, 4, 16, 5, 2], [16, 16, 4, 16, 3, 1]]


NETS: dict[str, tuple[str, dict[str, Any], int]] = {
    "cnn": ("cnn", {"widths": [6, 8], "positions": 8}, 96),
    "pace": ("pace", {"dim": 12, "depth": 2, "pool": 32, "patch": 8, "kernel": 3, "positions": 2}, 96),
    "pace, uneven": ("pace", {"dim": 12, "depth": 2, "pool": 32, "patch": 4, "kernel": 3, "positions": 3}, 100),
    "drsn": ("drsn", {"widths": [4, 6, 13], "depths": [2, 1, 2], "positions": 3}, 96),
    "drsn, uneven": ("drsn", {"widths": [4, 6], "depths": [1, 2], "positions": 5, "kind": "cs", "fold": 2}, 96),
    "efficientnet": ("efficientnet", {"layout": [8, *BLOCKS, 16]}, 96),
    "efficientnet, averaged": ("efficientnet", {"layout": [8, *BLOCKS, 16], "head": "gap", "activation": "relu"}, 96),
    "repdwnet": ("repdwnet", {"widths": [6, 8], "depths": [1, 2], "kernels": [5, 3], "positions": 3}, 96),
    "repdwnet, folded": ("repdwnet", {"widths": [6, 8], "depths": [2, 2], "kernels": [5, 3], "folded": True}, 96),
    "ensemble": ("ensemble", {"members": [{"cnn": {"widths": [6, 8]}}, {"pace": {"dim": 12, "pool": 32, "patch": 8, "positions": 3}}]}, 100),
    "ensemble of one kind": ("ensemble", {"members": [{"drsn": {"widths": [4, 6], "depths": [1, 1]}}] * 2}, 96),
}  # fmt: skip


def lived_in(title: str) -> tuple[str, Any, int]:
    """A network whose normalisations have seen spectra and scale each channel otherwise."""
    name, keys, points = NETS[title]
    return name, tiny_job.lived_in(models.build(Call(name, keys), points=points, classes=5, seed=1), points), points
