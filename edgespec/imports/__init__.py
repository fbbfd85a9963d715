"""Checkpoints that others trained: every file here knows one published layout; its name is the model that comes out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor, nn

from edgespec import artifact, models, plugins, storage
from edgespec.artifact import Checkpoint
from edgespec.errors import Mistake
from edgespec.imports import _axis, _known, _labels
from edgespec.recipe import Call
from edgespec.training import others_weights

DATA = "data.yaml"  # what a recipe's `data:` has to say for this checkpoint, beside its `load`


@dataclass(frozen=True)
class Imported:
    """What was written: the checkpoint, and what a person should know about it."""

    checkpoint: Checkpoint
    notes: tuple[str, ...]


def bring(
    layout: str,
    path: Path,
    out: Path,
    *,
    pool: int,
    points: int | None,
    axis: Path | None,
    labels: Path | None,
    overlapped: bool = False,
    known: Path | None = None,
) -> Imported:
    """Turn a file of weights into a sealed Checkpoint in the folder `out`, which appears only when it is whole.

    layout: a file of this folder; pool: points that the model averages a spectrum to; points: length of a spectrum, where
    there is no `axis`, a file with the wavenumbers in cm-1; labels: a file with the names of the classes in their order
    overlapped: patches begin every half patch; known: a recipe whose spectra and labels show whether that is so
    Raises Mistake for a file that is no such checkpoint, for labels or an axis that do not fit it, and where the known spectra
    say that `overlapped` is wrong.
    """
    theirs = plugins.find("imports", layout)
    _check_place(out)
    state = others_weights.read(path)
    keys, weights = theirs.convert(state, path, pool=pool, overlapped=overlapped)
    classes = len(weights["head.weight"])
    facts: dict[str, Any] = {"source": {"file": path.name, "sha256": storage.file_digest(path), "layout": layout}}
    notes: list[str] = []
    lines: dict[str, Any] = {}
    if axis is not None:
        found = _axis.read(axis, points)
        points, facts["axis"], lines = found.points, found.span, found.data
        notes += found.notes
        weights = theirs.turned(weights, keys) if found.falls else weights
    if points is None:
        raise Mistake(
            f"how many points a spectrum has is not in {path.name}: {layout} pools any length to {pool}",
            hint="--axis FILE with its wavenumbers, or --points N",
        )
    if labels is not None:
        facts["labels"] = list(_labels.read(labels, classes))
    network = _network(layout, keys, weights, points)
    if (other := theirs.other(keys)) is not None:
        notes.append(
            _reading(path, known, network, _network(layout, other[0], weights, points), other[1], facts, points)
        )
    with storage.whole_folder(out) as part:
        if lines:
            storage.write(
                part / DATA, yaml.safe_dump({"data": lines}, sort_keys=False, default_flow_style=None, width=120)
            )
        made = models.save(network, layout, part, points=points, classes=classes, facts=facts)
        artifact.seal(made, {"step": "import", "digest": storage.digest(facts, keys, points)})
    return Imported(replace(made, folder=out), tuple(notes))


def _reading(
    path: Path, known: Path | None, said: nn.Module, other: nn.Module, words: str, facts: dict[str, Any], points: int
) -> str:
    """Say what is known about what no weight tells; raise Mistake where known spectra say that it was read wrongly."""
    if known is None:
        return f"whether patches overlap is in no weight of {path.name}: it would load {words} too; --known RECIPE tries both"
    return _known.check(known, said, other, words, facts.get("labels"), points)


def _network(layout: str, keys: dict[str, Any], weights: dict[str, Tensor], points: int) -> nn.Module:
    network = models.build(Call(layout, keys), points=points, classes=len(weights["head.weight"]), seed=0)
    network.load_state_dict(weights)
    return network


def _check_place(out: Path) -> None:
    """Raise Mistake where writing would replace something that is no import."""
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not _is_import(out)):
        raise Mistake(
            f"{out} is there and is not an imported checkpoint: it is not replaced", hint="name another with --out"
        )


def _is_import(folder: Path) -> bool:
    try:
        return artifact.read(folder)[1].get("step") == "import"
    except artifact.UNUSABLE:
        return False
