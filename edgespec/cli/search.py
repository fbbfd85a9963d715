"""`edgespec search RECIPE`: the trade-off of accuracy, latency and size, explored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli.console import Bars, as_json, name_targets, needs_optuna
from edgespec.cli.program import app
from edgespec.cli.tables import Csv, Wide, check_format, print_csv, show

What = Annotated[Path, typer.Argument(metavar="RECIPE|FOLDER", help="Recipe with ranges, or the folder of a search.")]
Trials = Annotated[int, typer.Option("--trials", min=1, help="Number of trials, over all workers.")]
Storage = Annotated[
    str | None,
    typer.Option("--storage", metavar="URL", help="Database that workers share, such as postgresql://..."),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Folder of the search (default: runs/NAME). With --best: the recipe to write."),
]
Objectives = Annotated[
    str, typer.Option("--objectives", help="Comma-separated: accuracy, latency, instructions, size, params, macs.")
]
Target = Annotated[str, typer.Option("--target", help="Target to measure latency on (edgespec ls targets).")]
Best = Annotated[
    str | None,
    typer.Option(
        "--best", metavar="LIMITS", help="Write the best recipe within limits, such as under:size=32kB,latency=100us."
    ),
]
Grace = Annotated[
    int, typer.Option("--grace", min=2, help="Treat a worker as dead after this many seconds without a heartbeat.")
]
Folds = Annotated[
    int, typer.Option("--folds", min=0, help="Judge trials by N-fold cross-validation. Use with few spectra.")
]
Early = Annotated[bool, typer.Option("--end-early/--to-the-end", help="Stop poor trials early.")]
Json = Annotated[bool, typer.Option("--json", help="Print all trials and the front as JSON.")]


@app.command("search", short_help="Search a recipe's ranges for accuracy, latency and size.")
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
    to_csv: Csv = False,
    wide: Wide = False,
) -> None:
    """Search the ranges of a recipe, `{choose: [...]}` and `{between: [low, high]}`, and show the Pareto front.

    Example: edgespec search recipes/hard13_search.yaml --trials 30

    Trials are chosen on validation spectra, or by cross-validation with --folds. The test part judges the front once, at the end.
    Start the same command several times, on several hosts with --storage, to share the trials.
    The same command resumes after an interruption.
    """
    from edgespec import storage as files
    from edgespec.search import html as search_page
    from edgespec.search import pareto

    check_format(to_json=to_json, to_csv=to_csv)
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
    if to_csv:
        print_csv(pareto.HEAD, pareto.front_lines(found))
    else:
        show(pareto.parts(found), wide)
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
