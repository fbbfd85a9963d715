"""`edgespec compare RECIPE...`: several recipes, or one with several models, on the same split and seeds."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated, Any

import typer

from edgespec.cli.answers import harmless
from edgespec.cli.console import Bars, Scheduler, as_json, name_targets
from edgespec.cli.program import app
from edgespec.cli.tables import Csv, Wide, check_format, show

RecipeFiles = Annotated[
    list[Path], typer.Argument(help="Recipe files, or names of shipped recipes (edgespec ls recipes).")
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="Model to compare (default: the recipe's model): a name or '{name: {keys}}'. Repeatable.",
    ),
]
Target = Annotated[str, typer.Option("--target", help="Also measure latency on this target.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Number of runs of each line, with seeds 0 to N - 1.")]
Change = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key in every run.")]
Out = Annotated[
    Path, typer.Option("--out", help="Folder for the runs and for compare.csv, compare.json and compare.html.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]


@app.command("compare", short_help="Compare recipes or models on the same split.")
def command(
    recipe: RecipeFiles,
    model: Models = None,
    target: Target = "",
    seeds: Seeds = 1,
    change: Change = None,
    out: Out = Path("runs") / "compare",
    scheduler: Scheduler = "",
    to_json: Json = False,
    to_csv: Csv = False,
    wide: Wide = False,
) -> None:
    """Run recipes, or one recipe with several models, on the same spectra, split and seeds. Prints a table and draws the Pareto front.

    Example: edgespec compare recipes/rruff10.yaml --model pace --model drsn --model cnn --target local

    Finished runs are kept: the same command resumes after an interruption.
    """
    from edgespec import plugins, storage
    from edgespec.report import html
    from edgespec.search import compare
    from edgespec.targets import card as cards

    check_format(to_json=to_json, to_csv=to_csv)
    if target:
        name_targets(target)
        cards.load(target)
    found = compare.entries([plugins.recipe_file(each) for each in recipe], model or [], change or [])
    compare.same_ground(found)
    bars = Bars()
    made = compare.run(found, seeds, target, out, bars, scheduler)
    told = compare.summary(made, target)
    storage.write_json(out / "compare.json", told)
    storage.write(out / "compare.csv", _csv(told))
    titles = {
        f"{name}, seed {i}" if seeds > 1 else name: one for name, each in made.items() for i, one in enumerate(each)
    }
    runs = [html.lay_out(title, each, place) for place, (title, each) in enumerate(titles.items(), start=1)]
    storage.write(out / "compare.html", html.render(runs))
    if to_json:
        as_json(told)
    elif to_csv:
        print(_csv(told), end="")
    else:
        show(compare.parts(told), wide)
    bars.say(f"compared: {out / 'compare.html'}, compare.csv, compare.json")


def _csv(told: dict[str, Any]) -> str:
    from edgespec.search import compare

    held = io.StringIO()
    lines = csv.DictWriter(held, compare.COLUMNS, lineterminator="\n")
    lines.writeheader()
    lines.writerows(
        {key: "" if value is None else harmless(value) for key, value in line.items()} for line in told["lines"]
    )
    return held.getvalue()
