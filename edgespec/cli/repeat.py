"""`edgespec repeat RECIPE`: how sure a recipe's figures are, over several seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli.console import Bars, Scheduler, as_json
from edgespec.cli.program import app

RecipeFile = Annotated[Path, typer.Argument(help="A recipe, or the name of one that is shipped.")]
Runs = Annotated[int, typer.Option("--runs", help="Number of runs; run N has the seed N.")]
Vary = Annotated[
    list[str] | None,
    typer.Option("--vary", metavar="KEY", help="Also set this key to the number of the run; may be repeated."),
]
Change = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key in every run; may be repeated.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the runs (default: runs/repeat).")]
Save = Annotated[Path | None, typer.Option("--save", help="Write the summary as JSON (default: OUT/RECIPE.json).")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]


@app.command("repeat", short_help="Run a recipe with several seeds: means, spreads, differences.")
def command(
    recipe: RecipeFile,
    runs: Runs = 3,
    vary: Vary = None,
    change: Change = None,
    out: Out = Path("runs") / "repeat",
    save: Save = None,
    scheduler: Scheduler = "",
    to_json: Json = False,
) -> None:
    """Compress and measure a recipe several times, each run with a seed of its own; print means, each run, and paired differences.

    Example: edgespec repeat recipes/rruff10.yaml --runs 3

    Finished runs are kept. Stopped at any moment and started again, it goes on.
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
        print(repeat.table(found))
    bars.say(f"summary: {place}")
