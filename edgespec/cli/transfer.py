"""`edgespec transfer RUN DATA`: how a run's files do on another instrument or laser, and what a correction brings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli.console import Bars, as_json, run_folder
from edgespec.cli.program import app
from edgespec.cli.tables import Wide, width
from edgespec.errors import Mistake

Folder = Annotated[Path, typer.Argument(help="Run folder.")]
DataSet = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Spectra of the other instrument: a folder or .zip of RRUFF files, a .csv task list, an .npz, a .yaml or "
        "'{rruff: {...}}' as data.load of a recipe. Samples are paired by name.",
    ),
]
Laser = Annotated[list[int] | None, typer.Option("--laser", help="Only spectra of this laser, in nm. Repeatable.")]
References = Annotated[
    int,
    typer.Option("--references", help="Physical samples used to fit the corrections. These samples are not scored."),
]
Draws = Annotated[int, typer.Option("--draws", help="Number of random draws of the reference samples.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the draws.")]
Name = Annotated[
    str | None, typer.Option("--name", help="Name of the result in RUN/transfer (default: the name of DATA).")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("transfer", short_help="Test a run's files on another instrument or laser.")
def command(
    run: Folder,
    data: DataSet,
    laser: Laser = None,
    references: References = 5,
    draws: Draws = 5,
    seed: Seed = 0,
    name: Name = None,
    to_json: Json = False,
    wide: Wide = False,
) -> None:
    """Test a run's files on spectra of another instrument: uncorrected, with a corrected axis, and standardised.

    Example: edgespec transfer runs/laser532 excellent_unoriented_subset.zip --laser 785
    """
    from edgespec.authoring import data_argument

    folder, call, lasers = run_folder(run), data_argument.call(data), laser or []
    named = _name(name, data if Path(data).suffix or Path(data).exists() else call.name, lasers)
    from edgespec.pipeline.run import Run
    from edgespec.report import files, terminal
    from edgespec.runs import transfer

    bars = Bars(folder / "log.txt")
    opened = Run(folder, bars)
    result = transfer.transfer(opened, call, name=named, lasers=lasers, references=references, draws=draws, seed=seed)
    files.write(result, folder)
    if to_json:
        as_json({"folder": str(folder), **result.transfer[named]})
        return
    print(terminal.show_transfer(result, named, width(wide)))
    bars.say(f"all numbers: {folder / 'transfer' / f'{named}.json'}")


def _name(given: str | None, data: str, lasers: list[int]) -> str:
    """Give the file's name, without its ending: the one said, else that of the data and the lasers."""
    if given is None:
        return "-".join([re.sub(r"\W+", "_", Path(data).stem) or "data", *map(str, lasers)])
    if not re.fullmatch(r"\w[\w.-]*", given):
        raise Mistake(f"--name {given}: is not a name of a file", hint="letters, digits, - and _")
    return given
