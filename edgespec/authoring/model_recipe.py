"""A recipe drafted for a classifier that is trained already: the axis is the model's, the labels are the file's where it says them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgespec import contract, units, yaml12
from edgespec.authoring import draft as drafts
from edgespec.authoring.survey import Survey
from edgespec.contract import Contract
from edgespec.errors import Mistake
from edgespec.graph.foreign import checks, file, labels
from edgespec.graph.foreign import ends as graph_ends
from edgespec.graph.foreign.ends import Input
from edgespec.graph.foreign.labels import Known
from edgespec.recipe import json_schema, plan
from edgespec.spectra import Axis
from edgespec.targets.card import Target

FEW = 100  # validation spectra below which one spectrum is more than a point


@dataclass(frozen=True)
class Model:
    """What a file says of itself.

    taken: its input; known: its labels; said: its contract, where it is a file of ours; operators: those of ai.onnx.ml
    layers: whether it holds convolutions or linear layers with constant weights, which int8 knows
    """

    path: Path
    taken: Input
    known: Known
    said: Contract | None
    operators: tuple[str, ...]
    layers: bool

    @property
    def int8(self) -> bool:
        """Can the step quantize work on it?"""
        return self.layers and not self.operators

    def told(self) -> list[str]:
        """Say it in lines."""
        named = (
            f"labels by {self.known.where}: {', '.join(self.known.names)}"
            if self.known.names
            else "no labels in the file"
        )
        points = f"{self.taken.points} points" if self.taken.points else "any number of points"
        found = [f"{self.path}: {points}, {named}"]
        return found + (
            [f"{self.path}: operators of ai.onnx.ml: {', '.join(self.operators)}"] if self.operators else []
        )


def look(path: Path) -> Model:
    """Read a model file. Raises Mistake for one that the step `adopt` would refuse."""
    model = file.read(path)
    checks.check(model, path)
    taken, known = graph_ends.of_input(model, path), labels.known(model, path)
    properties = {each.key: each.value for each in model.metadata_props}
    ours = any(key.startswith(contract.PREFIX) for key in properties)
    said = contract.of_properties(properties, str(path)) if ours else None
    return Model(path, taken, known, said, tuple(checks.learned_domain(model)), checks.has_layers(model))


def ends(model: Model, said: tuple[float, float] | None) -> tuple[float, float] | None:
    """Give the ends of the model's axis: its contract's, else those that are said. Raises Mistake where both differ."""
    if model.said is None:
        return said
    values = model.said.values()
    known = (float(values[0]), float(values[-1]))
    if said is not None and said != known:
        raise Mistake(
            f"--axis {said[0]:g}:{said[1]:g}: {model.path} was made for {known[0]:g} to {known[1]:g} {model.said.unit}",
            hint="leave --axis out: the file's contract says its axis",
        )
    return known


def fitted(found: Survey, model: Model) -> Survey:
    """Give what was found, with the model's number of points. Raises Mistake where the labels are not those of the data."""
    if model.known.names and not model.known.numbers:
        labels.order(model.known.names, found.spectra.labels, model.path)
    return replace(found, axis=Axis(found.axis.low, found.axis.high, model.taken.points or found.axis.points))


def draft(found: Survey, model: Model, targets: Sequence[Target], path: Path, *, said: bool) -> str:
    """Write a recipe that adopts the model: the text of the file `path`, checked as `plan` does.

    said: whether the ends of the axis were named. Raises Mistakes where it would not run.
    """
    axis, named = found.axis, bool(model.known.names) and not model.known.numbers
    adopt = {"onnx": str(model.path), **({} if named else {"labels": list(found.spectra.labels)})}
    guess = "the file does not say its classes: is this its own order?"
    sure = said or model.said is not None
    few = len(found.splits.rows(None, valid=True)) < FEW
    lines = [
        json_schema.LINE,
        *(f"# {each}".rstrip() for each in drafts.wrapped(_header(found, model, targets, path))),
        f"schema: {plan.VERSION}",
        "seed: 0",
        "data:",
        f"  load: {yaml12.flow(drafts.short(found.call))}",
        drafts.line(
            f"  axis: {{low: {axis.low:g}, high: {axis.high:g}, points: {axis.points}}}",
            "cm-1; the points are the model's"
            if sure
            else "cm-1; the ENDS are those of the data: are they the model's?",
        ),
        drafts.line(f"  split: {yaml12.flow(drafts.split_keys(found.split))}", drafts.SAMPLES[found.split.by]),
        "steps:",
        drafts.line(f"  - adopt: {yaml12.flow(adopt)}", "" if named else guess),
        *([f"  - quantize: {{max_drop: {0.05 if few else 0.01}}}"] if model.int8 else []),
        "  - calibrate",
        f"targets: [{', '.join(each.name for each in targets)}]",
        "gates:",
        drafts.line(
            f"  accuracy: {drafts.accuracy_floor(found):.2f}",
            "nearest neighbour on training spectra, less what chance may take",
        ),
        f"  size: {units.show_size(float(f'{1.3 * model.path.stat().st_size + 40e3:.1e}'))}",
    ]
    return drafts.checked("\n".join(lines) + "\n", found, path)


def _header(found: Survey, model: Model, targets: Sequence[Target], path: Path) -> list[str]:
    raw = (
        f"{model.path.name} is taken to want raw spectra. Where it was trained behind a preprocessing, write that into"
    )
    asked = [f"{raw} data.preprocess and preprocess: recipe into adopt."] if model.said is None else []
    asked += ["Of operators of ai.onnx.ml there is no int8: the step quantize is left out."] if model.operators else []
    names = ", ".join(each.name for each in targets)
    return [
        f"{model.path.name} on {len(found.spectra.labels)} classes of {found.spectra.name}, for {names}. Drafted by edgespec new.",
        "",
        *drafts.commands(path, targets),
        "",
        "What was found:",
        *(f"  {each}" for each in (*found.told(), *model.told())),
        *asked,
        f"Needs: {model.path}; {drafts.needs(found.call)}",
    ]
