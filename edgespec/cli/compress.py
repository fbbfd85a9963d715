"""`edgespec compress RECIPE`: from spectra to a checked, measured-up artefact."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgespec.cli.console import Bars, as_json
from edgespec.cli.program import app
from edgespec.cli.tables import Wide, check_format, print_csv, show_text, width
from edgespec.errors import Mistake

if TYPE_CHECKING:
    from edgespec.recipe import Recipe
    from edgespec.recipe.plan import Plan

RecipeFile = Annotated[
    list[Path],
    typer.Argument(help="Recipe file, or the name of a shipped recipe (edgespec ls recipes). Several with --dry-run."),
]
Out = Annotated[Path | None, typer.Option("--out", help="Run folder (default: runs/NAME).")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key, e.g. steps.2.temperature=3.")
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="N|NAME", help="Stop after step N, or after the last step with this name."),
]
Dry = Annotated[bool, typer.Option("--dry-run", help="Check the recipe and the data, print the plan, and run nothing.")]
NoData = Annotated[bool, typer.Option("--no-data", help="With --dry-run: check only the recipe.")]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
Table = Annotated[bool, typer.Option("--csv", help="Print the table of all models as CSV, with all columns.")]


@app.command("compress", short_help="Run a recipe: from spectra to a checked model file.")
def command(
    recipe: RecipeFile,
    out: Out = None,
    change: Set = None,
    stop: Until = None,
    dry_run: Dry = False,
    no_data: NoData = False,
    to_json: Json = False,
    to_csv: Table = False,
    wide: Wide = False,
) -> None:
    """Run a recipe: train, distil, export, quantise, calibrate. Each step is checked, tested and stored.

    Example: edgespec compress recipes/rruff_distill.yaml --set seed=1

    The same command resumes after an interruption and gives the same result.
    """
    from edgespec import own_code, plugins
    from edgespec import recipe as recipes

    check_format(to_json=to_json, to_csv=to_csv)
    if dry_run and to_csv:
        raise Mistake("--csv: a plan is no table", hint="--json prints the plan for a program")
    if no_data and not dry_run:
        raise Mistake("--no-data: a run reads its data", hint="--no-data goes with --dry-run")
    if dry_run:
        for each in recipe:
            written = recipes.load(plugins.recipe_file(each), change or [])
            with own_code.of(written.path):
                _plan(written, stop, to_json, not no_data)
        return
    if len(recipe) > 1:
        raise Mistake(
            f"{len(recipe)} recipes are more than one run", hint="one after the other; --dry-run checks several"
        )
    written = recipes.load(plugins.recipe_file(recipe[0]), change or [])
    folder = out or Path("runs") / written.name
    _run(written, folder, stop, (to_json, to_csv, wide))


def _run(written: Recipe, folder: Path, stop: str | None, form: tuple[bool, bool, bool]) -> None:
    from edgespec import api
    from edgespec.report import tables, terminal

    bars, (to_json, to_csv, wide) = Bars(folder / "log.txt"), form
    result = api.finish(written, folder, stop, bars)[0].report
    if to_json:
        as_json({"folder": str(folder), **asdict(result)})
        return
    if to_csv:
        print_csv(tables.HEAD, tables.scores(result))
    else:
        print(terminal.show(result, width(wide)))
    bars.say(f"report: {folder / 'report.html'}")


def _plan(written: Recipe, stop: str | None, to_json: bool, read: bool) -> None:
    from edgespec.recipe import plain
    from edgespec.recipe import plan as plans

    checked = plans.plan(written)
    last = plans.until(checked, stop)
    steps = [step.plain() for step in checked.steps[:last]]
    found = _read(checked) if read else None
    if to_json:
        told = {"recipe": str(checked.recipe.path), "seed": checked.seed, "data": plain(checked.data), "steps": steps}
        as_json({**told, "read": found})
        return
    import yaml

    print(f"{checked.recipe.path}: {last} of {len(checked.steps)} steps, seed {checked.seed}")
    print(yaml.safe_dump({"data": plain(checked.data)}, sort_keys=False).rstrip())
    for number, step in enumerate(checked.steps[:last], start=1):
        print(f"step {number}: " + yaml.safe_dump(step.plain(), sort_keys=False).rstrip().replace("\n", "\n  "))
    if found is None:
        return
    division = ", ".join(f"{name} {count}" for name, count in found["parts"].items())
    print(f"data: {found['spectra']} {found['source']} spectra, {found['classes']} classes; {division}")
    for note in found["notes"]:
        show_text(f"note: {note}")


def _read(checked: Plan) -> dict[str, Any]:
    """Read and divide the data as a run would, which refuses what a run would refuse; say what was found."""
    from edgespec.pipeline import preparation

    job = preparation.prepare(checked, Path(), Bars())
    spectra, splits = job.spectra, job.splits
    parts = {"train": len(splits.rows(None)), "valid": len(splits.rows(None, valid=True)), "test": len(splits.test)}
    found = {"spectra": len(spectra), "classes": len(spectra.labels), "source": spectra.source, "parts": parts}
    return {**found, "notes": [*spectra.notes, *splits.notes]}
