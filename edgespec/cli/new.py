"""`edgespec new`: asks for data, device and what matters, and writes a recipe that runs."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from edgespec import units
from edgespec.cli.console import Bars, as_json, name_targets, needs_optuna, tell, window_of
from edgespec.cli.program import app
from edgespec.errors import EdgespecError, Mistake

if TYPE_CHECKING:
    from edgespec.authoring.survey import Survey
    from edgespec.search.tuning.tried import Tuned
    from edgespec.targets.card import Target

T = TypeVar("T")
LEAST_S = 5.0  # of a tuning
DATA = "data: minerals (embedded), a folder or .zip of RRUFF files, a .csv task list, an .npz"
ARRAYS = {
    "x": "which array holds the intensities, (n, points)",
    "y": "which holds the classes, (n,)",
    "wavenumber": "which holds the axis in cm-1, (points,)",
    "labels": "which holds the names of the classes; none if empty",
    "group": "which holds the physical sample of each spectrum, (n,); none if empty",
    "split": "which holds the part of each spectrum, such as train and test; none if empty",
}
Name = Annotated[
    Path | None, typer.Argument(metavar="NAME.yaml", help="Recipe to write (default: named after the data).")
]
DataSet = Annotated[
    str | None,
    typer.Option(
        metavar="DATA",
        help="Spectra: a folder, a table, an archive of RRUFF files, an .npz, '{arrays: {...}}', or minerals (embedded).",
    ),
]
Device = Annotated[
    list[str] | None,
    typer.Option("--target", help="Target that the model will run on (edgespec ls targets). Repeatable."),
]
Matters = Annotated[str | None, typer.Option("--matters", help="Most important property: size, latency or accuracy.")]
Window = Annotated[
    str | None,
    typer.Option(
        "--axis", metavar="LOW:HIGH", help="Ends of the model's axis in cm-1 (default: the range of the spectra)."
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="FILE.onnx",
        help="Trained classifier. The recipe adopts the file instead of training a network.",
    ),
]
Tune = Annotated[
    str | None,
    typer.Option(
        "--tune",
        metavar="TIME",
        help="Choose preprocessing, augmentation and network by cross-validation, within this time, such as 20m (default: no tuning).",
    ),
]
OneInstrument = Annotated[
    bool,
    typer.Option(
        "--one-instrument",
        help="With --tune: choose by accuracy alone. Use when all spectra come from one instrument.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Ask no questions (default answers: minerals, local, size).")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON. Asks no questions.")]


@app.command("new", short_help="Write a recipe for your data and device.")
def command(
    name: Name = None,
    data: DataSet = None,
    targets: Device = None,
    matters: Matters = None,
    axis: Window = None,
    model: Model = None,
    tune: Tune = None,
    one_instrument: OneInstrument = False,
    yes: Yes = False,
    force: Force = False,
    to_json: Json = False,
) -> None:
    """Inspect the data, ask for missing choices, and write a checked recipe.

    Example: edgespec new quarry.yaml --data spectra.zip --target rpi5 --matters size

    Example: edgespec new quarry.yaml --yes --data spectra/ --tune 20m

    Example: edgespec new --model classifier.onnx --data spectra/ --axis 150:1172

    The file recipe.schema.json beside the recipe lets an editor complete and check the recipe.
    """
    budget = _budget(tune, one_instrument, model)
    asks = not yes and not to_json and sys.stdin.isatty()
    _all_said({"--data": data} if model else {"--data": data, "--target": targets, "--matters": matters}, asks or yes)
    window = None if axis is None else window_of(axis)
    path = None if name is None else _free(name, force)
    cards = _cards(",".join(targets)) if targets else None
    way = None if matters is None else _way(matters)

    if model is not None:
        _adopting(model, data, window, cards, path, force, to_json)
        return
    from edgespec.authoring import draft

    def ask(question: str, default: str, read: Callable[[str], T]) -> T:
        return _asked(question, default, read) if asks else read(default)

    found = _look(data, window, asks) if data else ask(DATA, "minerals", lambda text: _look(text, window, asks))
    for line in found.told():
        print(line, file=sys.stderr)
    if asks and cards is None:
        _offer_targets()
    cards = cards or ask("where it is to run, several with commas between", "local", _cards)
    if asks and way is None:
        print("\n".join(f"  {word:<9} {each.about}" for word, each in draft.WAYS.items()), file=sys.stderr)
    way = way or ask("what matters most", "size", _way)
    path = path or ask("the recipe's file", f"{_stem(found)}.yaml", lambda text: _free(Path(text), force))
    tuned = _tuned(found, way, budget, one_instrument or found.fragile, path) if budget else None
    more = (tuned.chosen.setting, tuned.told()) if tuned else ()
    beside = _write(path, draft.draft(found, cards, way, path, *more))
    if to_json:
        told = {"data": found.told(), "targets": [each.name for each in cards], "matters": way}
        told |= {"tuned": tuned.told()} if tuned else {}
        as_json({"recipe": str(path), "schema": str(beside), **told})
        return
    print(f"edgespec compress {shlex.quote(str(path))}")
    Bars().say(f"recipe: {path}")


def _budget(text: str | None, one_instrument: bool, model: Path | None) -> float:
    """Read --tune, in seconds; 0 where nothing is to be tuned."""
    if text is None:
        if one_instrument:
            raise Mistake("--one-instrument says how --tune chooses", hint="--tune 20m")
        return 0.0
    if model is not None:
        raise Mistake("--tune trains networks, --model brings a trained one", hint="leave one of them out")
    try:
        found = units.duration(text)
    except Mistake as problem:
        raise Mistake(f"--tune: {problem.message}", problem.hint) from None
    if found < LEAST_S:
        raise Mistake(f"--tune {text}: too short to train anything", hint="--tune 20m")
    needs_optuna("edgespec new --tune")
    return found


def _tuned(found: Survey, way: str, budget: float, one_instrument: bool, path: Path) -> Tuned:
    """Choose a setting by folds outside the test part."""
    from edgespec.authoring import draft
    from edgespec.job import Job
    from edgespec.search.tuning import choose, settings

    bars = Bars()
    start = draft.setting(found, way)
    job = Job(found.spectra, found.splits, start.preprocess, start.augment, path.parent, 0, bars)
    space = settings.space(start, way, len(found.spectra) - len(found.splits.test))
    made = choose.tune(job, found.split, space, budget, one_instrument=one_instrument)
    for line in made.told():
        print(line, file=sys.stderr)
    return made


def _adopting(
    model: Path,
    data: str | None,
    window: tuple[float, float] | None,
    cards: list[Target] | None,
    path: Path | None,
    force: bool,
    to_json: bool,
) -> None:
    """Write a recipe that adopts a model file."""
    from edgespec.authoring import data_argument, model_recipe, survey

    given = model_recipe.look(model)
    ends = model_recipe.ends(given, window)
    found = model_recipe.fitted(survey.survey(data_argument.call(data or "minerals"), ends), given)
    for line in (*found.told(), *given.told()):
        print(line, file=sys.stderr)
    path = path or _free(Path(f"{_plain(model.stem) or 'model'}.yaml"), force)
    beside = _write(path, model_recipe.draft(found, given, cards or _cards("local"), path, said=window is not None))
    if to_json:
        as_json({"recipe": str(path), "schema": str(beside), "data": found.told(), "model": given.told()})
        return
    print(f"edgespec compress {shlex.quote(str(path))}")
    Bars().say(f"recipe: {path}")


def _all_said(options: dict[str, object], enough: bool) -> None:
    missing = [name for name, value in options.items() if not value]
    if missing and not enough:
        what = f"{', '.join(missing)}: not said, and there is no terminal to ask at"
        raise Mistake(
            what,
            "edgespec new a.yaml --data minerals --target local --matters size; --yes takes these for what is not said",
        )


def _asked(question: str, default: str, read: Callable[[str], T]) -> T:
    """Ask until the answer can be read."""
    while True:
        text = typer.prompt(question, default=default, err=True)
        try:
            return read(text.strip())
        except EdgespecError as problem:
            tell(problem, False)


def _look(text: str, window: tuple[float, float] | None, asks: bool) -> Survey:
    from edgespec.authoring import data_argument, survey

    lacking = survey.arrays(text) if asks else []
    if lacking:
        print(f"{text} holds {', '.join(lacking)}; nothing is guessed from their names", file=sys.stderr)
        text = survey.described(text, {key: typer.prompt(f"  {what}", "", err=True) for key, what in ARRAYS.items()})
    call = data_argument.call(text)
    if asks and window is None:
        window = _asked("axis of the model, LOW:HIGH in cm-1", "{:g}:{:g}".format(*survey.window(call)), window_of)
    return survey.survey(call, window)


def _cards(text: str) -> list[Target]:
    from edgespec.targets import card as target_cards

    asked = [each.strip() for each in text.split(",") if each.strip()]
    names = dict.fromkeys(["local", *asked])
    name_targets(*asked)
    return [target_cards.load(each) for each in names]


def _way(text: str) -> str:
    from edgespec import plugins
    from edgespec.authoring import draft

    if text not in draft.WAYS:
        raise Mistake(f"what matters is not {text!r}", plugins.did_you_mean(text, list(draft.WAYS)))
    return text


def _free(path: Path, force: bool) -> Path:
    """Refuse what is no recipe's name, and a file that is there."""
    if path.suffix not in (".yaml", ".yml"):
        raise Mistake(f"{path}: a recipe's name ends in .yaml", hint=f"{path}.yaml")
    if path.exists() and not force:
        raise Mistake(f"{path} is there already", hint="another name, or --force to write over it")
    return path


def _offer_targets() -> None:
    from edgespec.targets import card as target_cards

    for each in target_cards.names():
        print(f"  {each:<15} {target_cards.read(target_cards.origin(each)).description}", file=sys.stderr)


def _stem(found: Survey) -> str:
    from edgespec.authoring import draft

    stem = Path(next(iter(draft.files(found.call)), found.call.name)).stem
    return _plain(stem) or "recipe"


def _plain(stem: str) -> str:
    """Bring a file's name to letters, digits and dashes."""
    return re.sub(r"[^\w-]+", "_", stem).strip("_")


def _write(path: Path, text: str) -> Path:
    """Write the recipe, and beside it the schema that its first line names; one that is somebody else's stays."""
    from edgespec import storage
    from edgespec.recipe import json_schema

    beside = path.parent / json_schema.FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    if not beside.exists() or json_schema.TITLE in beside.read_text(encoding="utf-8", errors="replace")[:500]:
        storage.write(beside, json_schema.text())
    storage.write(path, text)
    return beside
