"""A network of a recipe's own: its file is run by a run of that very recipe alone, and what it builds is looked at before it is trained."""

from __future__ import annotations

import traceback
from types import ModuleType

import torch
from torch import nn

from edgespec.errors import Mistake
from edgespec.recipe import Call

HINT = "def build(*, points, classes, width=32): ... gives a torch module, (n, points) -> (n, classes)"


def built(module: ModuleType, call: Call, points: int, classes: int) -> nn.Module:
    """Build the network, try it on two spectra, and give it the keys that build it anew.

    Raises Mistake where the file's code fails, or its network answers something else than a number a class.
    """
    try:
        network = module.build(points=points, classes=classes, **call.keys)
        if not isinstance(network, nn.Module):
            raise Mistake(f"{call.name}: build gives {type(network).__name__}, no torch module", HINT)
        network.eval()
        with torch.no_grad():
            out = network(torch.linspace(-1, 1, 2 * points).reshape(2, points))
    except Mistake:
        raise
    except Exception as problem:  # noqa: BLE001  (somebody's own code may raise anything)
        raise Mistake(f"{call.name}{_line(problem, module)}: {type(problem).__name__}: {problem}", HINT) from None
    if not isinstance(out, torch.Tensor) or out.shape != (2, classes) or not out.is_floating_point():
        what = f"{out.dtype} {tuple(out.shape)}" if isinstance(out, torch.Tensor) else type(out).__name__
        raise Mistake(f"{call.name}: its network answers {what} to 2 spectra, float (2, {classes}) is wanted", HINT)
    if not hasattr(network, "keys"):
        kept = dict(call.keys)
        network.keys = lambda: kept  # type: ignore[assignment]
        network.fixed = True  # type: ignore[assignment]  # its keys do not follow its layers
    network.own = True  # type: ignore[assignment]  # its layers are nobody's here
    return network.train()


def _line(problem: Exception, module: ModuleType) -> str:
    """Give the line of the file in which it failed."""
    lines = [each.lineno for each in traceback.extract_tb(problem.__traceback__) if each.filename == module.__file__]
    return f":{lines[-1]}" if lines else ""
