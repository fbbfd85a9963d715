"""`edgespec search RECIPE`: the trade-off of accuracy, latency and size, explored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli.console import Bars, as_json, name_targets, needs_optuna
from edgespec.cli.program import app

What = Annotated[Path, typer.Argument(metavar="RECIPE|FOLDER", help="A recipe with ranges; or the folder of a search.")]
Trials = Annotated[int, typer.Option("--trials", min=1, help="Trials in all, those of all workers together.")]
Storage = Annotated[
    str | None,
    typer.Option("--storage", metavar="URL", help="Database that workers on many hosts share: postgresql://..."),
]
Out = Annotated[
    Path | None, typer.Option("--out", help="The search's folder, runs/NAME if not said; with --best: the file.")
]
Objectives = Annotated[
    str, typer.Option("--objectives", help="Any of accuracy, latency, instructions, size, params, macs.")
]
Target = Annotated[str, typer.Option("--target", help="Where latency is measured (edgespec ls targets).")]
Best = Annotated[
    str | None,
    typer.Option("--best", metavar="LIMITS", help="Write the winning recipe, e.g. under:size=32kB,latency=100us."),
]
Grace = Annotated[
    int, typer.Option("--grace", min=2, help="Seconds of silence after which a worker is taken for dead.")
]
Folds = Annotated[
    int, typer.Option("--folds", min=0, help="Judge trials on N folds, N more trainings each: for few spectra.")
]
Early = Annotated[bool, typer.Option("--end-early/--to-the-end", help="End trainings that promise nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print all trials and the front as JSON.")]


@app.command("search", short_help="Explore a recipe's ranges: accuracy, latency, size.")
def command(
    what: What,
    trials: Trials = 30,
    storage: Storage = None,
    out: Out = None,
    objectives: Objectives = "accuracy,latency,size",
    target: Target = "local",
    best: Best = None,
    grace: Grace = 60,
    folds: Folds = 0,
    end_early: Early = True,
    to_json: Json = False,
) -> None:
    """Explore what a recipe leaves open, `{choose: [...]}` and `{between: [low, high]}`, and show what no trial beats in everything.

    Example: edgespec search recipes/hard13_search.yaml --trials 30

    Trials are chosen by validation, with --folds by cross-validation outside the test part; the front is judged on the test part
    once, at the end. Start the same command several times, on several hosts with --storage, and the workers share the trials.
    Killed at any moment and started again, it goes on.
    """
    from edgespec import storage as files
    from edgespec.search import html as search_page
    from edgespec.search import pareto

    if what.is_dir():
        found, folder = pareto.read(what), what
    else:
        found, folder = _run(what, trials, storage, None if best else out, objectives, target, grace, folds, end_early)
    if best:
        _best(folder, found, best, out, to_json)
        return
    if to_json:
        as_json({"folder": str(folder), **found})
        return
    print(f"{pareto.told(found)}\n\n{pareto.table(found)}")
    Bars().say(f"report: {files.write(folder / 'report.html', search_page.show(found))}")


def _run(
    what: Path,
    trials: int,
    storage: str | None,
    out: Path | None,
    objectives: str,
    target: str,
    grace: int,
    folds: int,
    early: bool,
) -> tuple[dict[str, object], Path]:
    from edgespec import plugins
    from edgespec import recipe as recipes

    written = recipes.load(plugins.recipe_file(what))
    folder = out or Path("runs") / written.name
    name_targets(target)
    needs_optuna("edgespec search")
    from edgespec.search import worker

    found = worker.search(
        written,
        folder,
        trials=trials,
        url=storage,
        objectives=[each.strip() for each in objectives.split(",") if each.strip()],
        target=target,
        grace=grace,
        end_early=early,
        progress=Bars(folder / "log.txt"),
        folds=folds,
    )
    return found, folder


def _best(folder: Path, found: dict[str, object], text: str, out: Path | None, to_json: bool) -> None:
    from edgespec.search import best_recipe

    under = best_recipe.limits(text)
    each = best_recipe.best(found, under)
    path = out or folder / "best.yaml"
    best_recipe.write(folder, found, each, under, path)
    if to_json:
        as_json({"recipe": str(path), **each})
        return
    print(path.read_text(encoding="utf-8").partition("\nschema:")[0])
    Bars().say(f"recipe: {path}")
