"""`edgespec repeat RECIPE`: how sure a recipe's figures are, over several seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli.console import Bars, Scheduler, as_json
from edgespec.cli.program import app
from edgespec.cli.tables import Wide, show

RecipeFile = Annotated[Path, typer.Argument(help="Recipe file, or the name of a shipped recipe.")]
Runs = Annotated[int, typer.Option("--runs", help="Number of runs; run N uses seed N.")]
Vary = Annotated[
    list[str] | None,
    typer.Option("--vary", metavar="KEY", help="Also set this key to the number of the run. Repeatable."),
]
Change = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key in every run. Repeatable.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the runs (default: runs/repeat).")]
Save = Annotated[Path | None, typer.Option("--save", help="Write the summary as JSON (default: OUT/RECIPE.json).")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]


@app.command("repeat", short_help="Repeat a recipe with several seeds: means and paired differences.")
def command(
    recipe: RecipeFile,
    runs: Runs = 3,
    vary: Vary = None,
    change: Change = None,
    out: Out = Path("runs") / "repeat",
    save: Save = None,
    scheduler: Scheduler = "",
    to_json: Json = False,
    wide: Wide = False,
) -> None:
    """Run a recipe several times with different seeds. Prints means, single runs and paired differences.

    Example: edgespec repeat recipes/rruff10.yaml --runs 3

    Finished runs are kept: the same command resumes after an interruption.
    """
    from edgespec import plugins, storage
    from edgespec.search import repeat

    path = plugins.recipe_file(recipe)
    bars = Bars()
    found = repeat.repeat(path, runs, vary=vary or (), change=change or (), out=out, progress=bars, scheduler=scheduler)
    place = save or out / f"{path.stem}.json"
    storage.write_json(place, found)
    if to_json:
        as_json(found)
    else:
        show(repeat.parts(found), wide)
    bars.say(f"summary: {place}")
