"""A recipe drafted for somebody's data and device: networks, trainings and limits are those of recipes that were measured."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgespec import models, units, yaml12
from edgespec.authoring.survey import PREPROCESS, Survey
from edgespec.errors import Mistake
from edgespec.recipe import Call, Recipe, Split, json_schema, plain, plan, schema
from edgespec.recipe.setting import Setting
from edgespec.targets.card import Target
from edgespec.yaml12 import Place

MANY = 20_000  # above which epochs become fewer, so that there are no more batches than with so many
LEAST = 0.05  # what the accuracy gate leaves below the nearest neighbour, or two standard errors of the test part
SAMPLES = {"group": "no physical sample in two parts", "spectrum": "nobody knows the physical samples: this flatters"}
FAR = "10 ms"
ONE_INSTRUMENT = (
    "Classes differ by less than instruments do: nothing is varied (no `augment`), the model is for this instrument."
)
FEW = 500  # training spectra below which the recipe that was measured on 194 of them is followed


def setting(found: Survey, matters: str) -> Setting:
    """Give the front, augmentation, network and training of a draft. matters: one of WAYS"""
    way = _way(found, matters)
    before, varied = found.front
    augment, told = None if found.fragile else varied, yaml12.read(f"{{{way.train}}}", "", {})
    blend = 0.5 if way.lda else 0.0
    return Setting(before, augment, way.model, _epochs(way, found), way.batch, **told, blend=blend)


def draft(
    found: Survey,
    targets: Sequence[Target],
    matters: str,
    path: Path,
    tuned: Setting | None = None,
    told: Sequence[str] = (),
) -> str:
    """Write a recipe that runs: the text of the file `path`, checked as `plan` does.

    matters: one of WAYS; tuned: the setting that tuning chose, told: what its recipe says of that. Raises Mistakes where it would not run.
    """
    way = _way(found, matters)
    taken = tuned or setting(found, matters)
    steps = [
        *(yaml12.flow(each)[1:-1] for each in taken.steps()),
        "to_onnx",
        *_conversions(way, found, targets),
        "calibrate" if way.score == "best" else f"calibrate: {{score: {way.score}}}",
    ]
    lines = [
        json_schema.LINE,
        *(f"# {each}".rstrip() for each in wrapped(_header(way, found, targets, matters, path, told))),
        f"schema: {plan.VERSION}",
        "seed: 0",
        "data:",
        f"  load: {yaml12.flow(short(found.call))}",
        line(f"  axis: {{low: {found.axis.low:g}, high: {found.axis.high:g}, points: {found.axis.points}}}", "cm-1"),
        *_varied(taken, found),
        line(f"  split: {yaml12.flow(split_keys(found.split))}", SAMPLES[found.split.by]),
        "steps:",
        *(f"  - {each}" for each in steps),
        f"targets: [{', '.join(each.name for each in targets)}]",
        "gates:",
        *_gates(way, found, targets, matters, taken.model),
    ]
    return checked("\n".join(lines) + "\n", found, path)


def _way(found: Survey, matters: str) -> Way:
    return WAYS[matters] if found.train >= FEW else FEW_WAY


def _varied(taken: Setting, found: Survey) -> list[str]:
    """Give the lines of preprocessing and augmentation."""
    kept_out = "fluorescence" if taken.preprocess == PREPROCESS else "scatter and the baseline"
    why = f"window in cm-1: what keeps {kept_out} out" if taken.preprocess in (PREPROCESS, found.front[0]) else ""
    lines = [line(f"  preprocess: {yaml12.flow(taken.front())}", why)] if taken.preprocess else []
    if taken.augment is not None:
        lines.append(line(f"  augment: {yaml12.flow(taken.augment.plain())}", "what another instrument would change"))
    return lines


def checked(text: str, found: Survey, path: Path) -> str:
    """Give the text of a recipe that plans. Raises Mistake where a name cannot stand in one, Mistakes where it would not run."""
    numbers = dict[Place, int]()
    tree = yaml12.read(text, str(path), numbers)
    if tree["data"]["load"] != short(found.call):
        raise Mistake(f"{short(found.call)}: a name that can't stand in a recipe", hint="rename the file or the array")
    plan.plan(Recipe(path, tree, numbers))
    return text


def line(text: str, why: str) -> str:
    """Give a line of a recipe with the reason for it as a comment."""
    return f"{text:<62}  # {why}" if why else text


def _epochs(way: Way, found: Survey) -> int:
    return max(min(way.epochs, round(way.epochs * MANY / found.train)), 5)


def _conversions(way: Way, found: Survey, targets: Sequence[Target]) -> list[str]:
    """Give the steps behind to_onnx: what the targets' cards name, and what they would be slower without."""
    taken = [each.precisions for each in targets if each.source == "measured"]
    portable = any("portable-int8" in each and "cpu-int8" not in each for each in taken)
    steps = []
    if way.int8:
        few = len(found.splits.rows(None, valid=True)) < 100  # one spectrum is more than a point
        flavours = "flavours: [cpu, portable], " if portable else ""
        steps.append(f"quantize: {{{flavours}max_drop: {0.05 if few else 0.01}}}")
    return [*steps, *(["halve"] if any("fp16" in each and "cpu-int8" not in each for each in taken) else [])]


def _gates(way: Way, found: Survey, targets: Sequence[Target], matters: str, model: Call) -> list[str]:
    size = units.show_size(float(f"{_bytes(model, found, int8=matters == 'size' and way.int8):.1e}"))
    timed = [each for each in targets if each.source == "measured"]
    limits = {each.name: way.latency if each.reach == "local" else FAR for each in timed}
    far = [each.name for each in timed if each.reach == "ssh"]
    return [
        line(
            f"  accuracy: {accuracy_floor(found):.2f}",
            "nearest neighbour on training spectra, less what chance may take",
        ),
        f"  size: {size}",
        line(f"  latency_p90: {yaml12.flow(limits)}", f"{', '.join(far)}: a guess, say what you need" if far else ""),
    ]


def _bytes(call: Call, found: Survey, *, int8: bool) -> float:
    """Give what the file may have: its weights, the mean spectra of its reject score, the graph itself, and some room."""
    classes = len(found.spectra.labels)
    model = models.build(_bound(call), points=found.axis.points, classes=classes, seed=0)
    weights = sum(each.numel() for each in model.parameters())
    return 1.25 * (weights + 64 * classes) + 20e3 if int8 else 4.5 * weights + 80 * classes + 60e3


def accuracy_floor(found: Survey) -> float:
    """Give a floor: below the nearest neighbour by two standard errors of so many test samples, and no less than a guess."""
    groups = found.spectra.group
    tested = len(found.splits.test) if groups is None else len(np.unique(groups[found.splits.test]))
    error = float(np.sqrt(found.nearest * (1 - found.nearest) / tested))
    floor = np.floor(100 * (found.nearest - max(LEAST, 2 * error)) + 1e-9) / 100
    return float(max(floor, 1 / len(found.spectra.labels)))


def commands(path: Path, targets: Sequence[Target]) -> list[str]:
    """Give the commands that a drafted recipe is followed by, on this machine and on the devices."""
    run, far = shlex.quote(f"runs/{path.stem}"), [each.name for each in targets if each.reach == "ssh"]
    return [
        f"  edgespec compress {shlex.quote(path.name if path.is_absolute() else str(path))}",
        *(f"  edgespec bench {run} --target {shlex.quote(each)}" for each in ("local", *far)),
        f"  edgespec gate {run}",
    ]


def _header(
    way: Way, found: Survey, targets: Sequence[Target], matters: str, path: Path, tuned: Sequence[str]
) -> list[str]:
    names = ", ".join(each.name for each in targets)
    few = f" ({found.train} training spectra are few: what matters decides the limits only)" if way is FEW_WAY else ""
    return [
        f"{len(found.spectra.labels)} classes of {found.spectra.name}, for {names}; what matters is {matters}. Drafted by edgespec new.",
        "",
        *commands(path, targets),
        "",
        "What was found:",
        *(f"  {each}" for each in found.told()),
        *(tuned or _untuned(way, few, fragile=found.fragile)),
        f"Needs: {needs(found.call)}",
    ]


def _untuned(way: Way, few: str, *, fragile: bool) -> list[str]:
    return [
        f"Network and training are those of recipes/{way.recipe}.yaml{few}: {way.measured}.",
        "Nothing was measured on these spectra yet (`edgespec new --tune 20m` does). The report begins with the linear models: ship one where it"
        " is as accurate and as robust.",
        *([ONE_INSTRUMENT] if fragile else []),
    ]


def wrapped(lines: Sequence[str]) -> list[str]:
    """Break long lines; a label can't end the comment that it stands in."""
    printed = ["".join(mark if mark.isprintable() else " " for mark in each) for each in lines]
    return [
        part
        for each in printed
        for part in textwrap.wrap(each, 130, subsequent_indent="    " if each[:1] == " " else "") or [""]
    ]


def files(call: Call) -> list[str]:
    """Name what a data set is read from; nothing for one that is generated."""
    named = [call.keys[key] for key in ("path", "list", "task", "file", "npz", "x") if call.keys.get(key)]
    return [named[0]] if named and isinstance(named[0], str) else list(*named[:1])


def needs(call: Call) -> str:
    """Say which files a recipe for a data set reads."""
    if call.name == "minerals":
        return "nothing. These spectra are generated, and every table says so."
    return f"{', '.join(files(call))}."


def split_keys(split: Split) -> dict[str, Any]:
    """Give a division as a recipe says it."""
    keys = {"by": split.by, **({"parts": "given"} if split.parts else {"test": split.test}), "valid": split.valid}
    return keys | ({"valid_from": split.valid_from} if split.valid_from > 2 else {})


def short(call: Call) -> Any:
    """Give the call as it would be written by hand: without what is default."""
    defaults = {key.name: key.default for key in schema.keys(schema.function("datasets", call.name))}
    keys = {name: plain(value) for name, value in call.keys.items() if value != defaults[name]}
    return {call.name: keys} if keys else call.name


def _bound(call: Call) -> Call:
    return schema.Binder(str).call("models", call.plain(), (), "")


@dataclass(frozen=True)
class Way:
    """What matters most, and a measured recipe that is good at it.

    recipe, measured: its name and what was measured with it; model: the network; train: further keys of that step
    lda: the step fuse_lda follows; int8: the step quantize follows; score: of calibrate; latency: what local is promised
    """

    about: str
    recipe: str
    measured: str
    model: Call
    epochs: int
    batch: int
    train: str = ""
    lda: bool = False
    int8: bool = True
    score: str = "best"
    latency: str = "1 ms"


WAYS = {
    "size": Way(
        "the smallest file: int8, LDA in the head",
        "minerals192",
        "0.934 of 582 test spectra of 192 minerals in 69.7 kB, three seeds",
        Call("cnn", {"widths": [8, 16, 16, 16]}),
        40,
        64,
        "label_smoothing: 0.1, ",
        lda=True,
        score="energy",
    ),
    "latency": Way(
        "the fastest answer: three convolutions, float32 or int8, whichever is faster there",
        "laser532",
        "0.918 of the 532 nm spectra of twenty minerals, five divisions; its network answers in 54 us here",
        Call("cnn", {"widths": [8, 16, 32]}),
        60,
        32,
    ),
    "accuracy": Way(
        "the most accurate single network: six residual shrinkage blocks, LDA in the head, float32",
        "minerals192_best",
        "0.940 of 582 test spectra of 192 minerals, three seeds",
        Call("drsn", {"depths": [2, 2, 2], "positions": 16}),
        30,
        64,
        "label_smoothing: 0.1, ",
        lda=True,
        int8=False,
        latency="2 ms",
    ),
}


FEW_WAY = Way(
    "",
    "hard13",
    "0.924 of 194 spectra of thirteen minerals, four folds, the best linear model 0.918",
    Call("cnn", {"widths": [8, 16, 32]}),
    100,
    32,
    "mixup: 0.4, ",
)
