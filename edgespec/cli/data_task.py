"""`edgespec data task`: a task list that a recipe reads, of spectra that can be used."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli.console import as_json
from edgespec.cli.data import data
from edgespec.cli.data_inspect import Coverage, Kind, Lasers, Minerals, Path_, Span, look
from edgespec.errors import Mistake

Least = Annotated[int, typer.Option("--min-samples", min=1, help="Leave out minerals with fewer physical samples.")]
Parts = Annotated[
    str,
    typer.Option(
        "--parts", metavar="SHARES", help="Shares by physical sample: library=0.45,site=0.35,test=0.2, or none."
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the division.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="File to write (default: standard output).")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing list.")]
Json = Annotated[bool, typer.Option("--json", help="With --out: print the result as JSON.")]


@data.command("task", short_help="Write a task list that a recipe reads.")
def command(
    path: Path_,
    minerals: Minerals = "",
    kind: Kind = "Processed",
    laser: Lasers = None,
    axis: Span = "",
    min_coverage: Coverage = 0.8,
    min_samples: Least = 1,
    parts: Parts = "none",
    seed: Seed = 0,
    out: Out = None,
    force: Force = False,
    to_json: Json = False,
) -> None:
    """Write a csv list of usable spectra without duplicates: archive, file, mineral, group and split.

    A recipe reads the list with `rruff: {task: FILE}`. Paths of archives are relative to the list's folder.
    Archives in edgespec's data folder are listed by name alone.

    Example: edgespec data task excellent_unoriented.zip --minerals Quartz,Albite,Calcite --out task.csv
    """
    from edgespec import storage
    from edgespec.authoring import task_list

    if out is not None and out.suffix != ".csv":  # the spectra themselves may bear that name
        raise Mistake(
            f"--out {out}: a task list's name ends in .csv",
            hint=f"{out.with_suffix('.csv')}" if out.name else "task.csv",
        )
    if out is not None and out.exists() and not force:
        raise Mistake(f"--out {out} is there already", hint="another name, or --force to write over it")
    shares = task_list.shares(parts)
    found = look(path, kind, laser, minerals, axis, min_coverage)
    folder = Path.cwd() if out is None else out.parent
    made = task_list.make(found, folder, named=bool(minerals), least=min_samples, shares=shares, seed=seed)
    if out is None:
        print(made.text, end="")
    else:
        storage.write(out, made.text)
    for note in made.notes:
        print(note, file=sys.stderr)
    of = f"{made.spectra} spectra of {made.minerals} minerals, {made.samples} physical samples"
    print(of if out is None else f"{out}: {of}", file=sys.stderr)
    loads = _load(out, made.npz, folder)
    divided = ", split: {parts: given}" if shares else ""
    print(f"a recipe reads it with  data: {{load: {loads}, axis: ...{divided}}}", file=sys.stderr)
    if to_json and out is not None:
        as_json(
            {
                "file": str(out),
                "spectra": made.spectra,
                "minerals": made.minerals,
                "samples": made.samples,
                "load": loads,
            }
        )


def _load(out: Path | None, npz: Path | None, folder: Path) -> str:
    """Word the load by which a recipe finds the list."""
    from edgespec import yaml12
    from edgespec.data.readers import locate

    here = folder.resolve()
    usual = [place.resolve() for place in locate.places("rruff")]
    keys = {"task": "FILE" if out is None else out.name}
    keys |= {} if here in usual else {"root": str(folder)}
    keys |= {} if npz is None else {"npz": os.path.relpath(npz.resolve(), here)}
    return yaml12.flow({"rruff": keys})
