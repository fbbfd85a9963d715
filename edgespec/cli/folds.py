"""`edgespec folds RECIPE`: cross-validation of a recipe outside its test part."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli.console import Bars, Scheduler, as_json
from edgespec.cli.program import app
from edgespec.cli.tables import Wide, show

RecipeFile = Annotated[Path, typer.Argument(help="Recipe file, or the name of a shipped recipe.")]
Folds = Annotated[int, typer.Option("--folds", help="Number of folds.")]
Repeats = Annotated[int, typer.Option("--repeats", help="Number of different divisions into folds.")]
Seeds = Annotated[int, typer.Option("--seeds", help="Trainings of each fold, with different seeds.")]
Until = Annotated[str | None, typer.Option("--until", metavar="N|NAME", help="Last step to run (default: all steps).")]
Valid = Annotated[
    float | None,
    typer.Option(
        "--valid", help="Share of the training part used for validation (default: data.split.valid of the recipe)."
    ),
]
Simple = Annotated[
    bool, typer.Option("--baselines/--no-baselines", help="Also fit linear models and the nearest neighbour.")
]
Robust = Annotated[bool, typer.Option("--robust", help="Also test every model on perturbed spectra.")]
Change = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe. Repeatable.")
]
Against = Annotated[Path | None, typer.Option("--against", help="Compare with this earlier result, fold by fold.")]
Out = Annotated[Path | None, typer.Option("--out", help="File to write (default: runs/folds/RECIPE.json).")]
Only = Annotated[
    int,
    typer.Option(
        "--only",
        metavar="N",
        help="Run only training number N of folds x repeats x seeds, and add the result to the file.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("folds", short_help="Cross-validate a recipe outside its test part.")
def command(
    recipe: RecipeFile,
    folds: Folds = 5,
    repeats: Repeats = 1,
    seeds: Seeds = 1,
    until: Until = None,
    valid: Valid = None,
    baselines: Simple = True,
    robust: Robust = False,
    change: Change = None,
    against: Against = None,
    out: Out = None,
    only: Only = 0,
    scheduler: Scheduler = "",
    to_json: Json = False,
    wide: Wide = False,
) -> None:
    """Cross-validate a recipe. A test part given by the data set is left out first.

    Example: edgespec folds recipes/rruff10.yaml --until train --folds 4

    Use the result to choose settings without the test part. The same command resumes after an interruption.
    """
    from edgespec import plugins
    from edgespec.search import folds as validation
    from edgespec.search import folds_table

    other = validation.read(against) if against else None
    path = plugins.recipe_file(recipe)
    file = out or Path("runs") / "folds" / f"{path.stem}.json"
    asked = validation.Asked(folds, repeats, seeds, until, valid, baselines, robust)
    bars = Bars()
    found = validation.validate(path, change or (), asked, file, bars, only=only, scheduler=scheduler)
    if to_json:
        as_json(found)
    else:
        show(folds_table.parts(found, other), wide)
    bars.say(f"result: {file}")
