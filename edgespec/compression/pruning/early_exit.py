"""Leave a network after one of its stages: a smaller, ordinary network of the same kind, with the weights learnt so far."""

from __future__ import annotations

from typing import Any, get_type_hints

import torch
from torch import Tensor, nn

from edgespec import models, plugins
from edgespec.errors import Mistake
from edgespec.recipe import Call

CHUNK = 1024
KEEP = ("fuse_lda", "calibrate")  # steps that leave a network's stages as they are, or look at them


def stages(network: nn.Module, name: str) -> int:
    """After how many stages the network can be left.

    Raises Mistake where a model of this kind has none.
    """
    if not hasattr(network, "until"):
        able = [each for each in plugins.names("models") if hasattr(get_type_hints(_builder(each))["return"], "until")]
        raise Mistake(
            f"a network of the model {name!r} can't be left early: it has no stages",
            hint=f"leave 'after' and 'positions' out, or train one of: {', '.join(able)}",
        )
    return int(network.stages)  # type: ignore[arg-type]


def cut(network: Any, name: str, x: Tensor, *, stage: int, positions: int) -> nn.Module:
    """Build the network that ends after a stage; its head is new and knows nothing yet.

    The normalisation behind the last stage (`behind`, where a model has one) belongs to that stage's features: cut earlier, it
    only centres and scales what it sees in x.

    x: (n, points) training spectra, as the network sees them
    Raises Mistake where there is no such stage, or the keys make no network.
    """
    last = stages(network, name)
    _exists(stage, last, name)
    call = Call(name, network.until(stage, positions))
    short: Any = models.build(call, points=x.shape[1], classes=network.head.out_features, seed=0)
    behind = getattr(network, "behind", None) if stage < last else None
    own = tuple(f"{each}." for each in ("head", behind) if each)
    kept, wanted = network.state_dict(), short.state_dict()
    short.load_state_dict(
        {key: value if key.startswith(own) else kept[key] for key, value in wanted.items()}, strict=True
    )
    if behind:
        _normalise(short, short.get_submodule(behind), x)
    return short.eval()  # type: ignore[no-any-return]


def check(steps: tuple[Call, ...], *, points: int, classes: int) -> tuple[int, Mistake] | None:
    """Find the first step whose `after` the network of the steps before it can't keep: (its place, what is wrong).

    Asked before anything is trained; a network that is known only once a step has run is judged by that step.
    """
    network: Call | None = None
    for i, step in enumerate(steps):
        made = step.keys.get("model", step.keys.get("student"))
        after = step.keys.get("after")
        if made is not None or step.name not in KEEP:
            network = made if isinstance(made, Call) else None
        elif after is not None and network is not None:
            try:
                last = stages(models.build(network, points=points, classes=classes, seed=0), network.name)
                for stage in after if isinstance(after, list) else [after]:
                    _exists(stage, last, network.name)
            except Mistake as problem:
                return i, problem
    return None


def _exists(stage: int, last: int, name: str) -> None:
    if not 1 <= stage <= last:
        raise Mistake(f"there is no stage {stage} to leave this {name} after", hint=f"it has stages 1 to {last}")


def _builder(name: str) -> Any:
    return plugins.find("models", name).build


def _normalise(network: Any, norm: nn.BatchNorm1d, x: Tensor) -> None:
    """Set a normalisation to the mean and variance of what it sees in x, in one pass, and to weight 1 and bias 0."""
    seen: list[tuple[int, Tensor, Tensor]] = []

    def look(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        each = inputs[0].double().transpose(0, 1).flatten(1)
        seen.append((each.shape[1], each.sum(1), each.square().sum(1)))

    hook = norm.register_forward_pre_hook(look)
    network.eval()
    with torch.no_grad():
        for part in torch.split(x, CHUNK):
            network.features(part)
        hook.remove()
        count = sum(each for each, _, _ in seen)
        mean = torch.stack([each for _, each, _ in seen]).sum(0) / count
        variance = torch.stack([each for _, _, each in seen]).sum(0) / count - mean.square()
        norm.reset_parameters()
        norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        norm.running_var.copy_(variance.clamp_min(0))  # type: ignore[union-attr]
