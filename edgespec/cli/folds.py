"""`edgespec folds RECIPE`: cross-validation of a recipe outside its test part."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli.console import Bars, Scheduler, as_json
from edgespec.cli.program import app

RecipeFile = Annotated[Path, typer.Argument(help="A recipe, or the name of one that is shipped.")]
Folds = Annotated[int, typer.Option("--folds", help="Number of folds.")]
Repeats = Annotated[int, typer.Option("--repeats", help="Number of divisions into folds.")]
Seeds = Annotated[int, typer.Option("--seeds", help="Number of trainings of each fold.")]
Until = Annotated[str | None, typer.Option("--until", metavar="N|NAME", help="Last step to run (default: all steps).")]
Valid = Annotated[
    float | None,
    typer.Option("--valid", help="Share kept for validation, 0 for none (default: the recipe's data.split.valid)."),
]
Simple = Annotated[bool, typer.Option("--baselines/--no-baselines", help="Also fit linear models and 1-NN.")]
Robust = Annotated[bool, typer.Option("--robust", help="Also judge every model on perturbed spectra.")]
Change = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe; may be repeated.")
]
Against = Annotated[
    Path | None, typer.Option("--against", help="Compare fold by fold with this result of the same folds.")
]
Out = Annotated[Path | None, typer.Option("--out", help="File to write (default: runs/folds/RECIPE.json).")]
Only = Annotated[
    int,
    typer.Option(
        "--only", metavar="N", help="Run one training only, 1 to folds x repeats x seeds, and add it to the file."
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
) -> None:
    """Cross-validate a recipe: each fold is the test part of its steps. A test part that the data set gives is left out first.

    Example: edgespec folds recipes/rruff10.yaml --until train --folds 4

    Use the result to choose settings without looking at the test part. Stopped at any moment and started again, it goes on.
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
        print(folds_table.table(found, other))
    bars.say(f"result: {file}")
