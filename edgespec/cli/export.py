"""`edgespec export`: the folder that leaves the workstation, on request for an instrument's own pixel axis."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli import app
from edgespec.cli.show import Bars, as_json, run_folder

Run = Annotated[Path | None, typer.Argument(help="Run folder; the newest in runs/ if not said.")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder to write; RUN/bundle if not said.")]
Which = Annotated[
    str | None, typer.Option("--variant", help="The file to ship; what bench recommends on this machine if not said.")
]
AxisFile = Annotated[
    Path | None,
    typer.Option("--axis", help="Text file with an instrument's own axis in cm-1: the graph then takes its pixels."),
]
Json = Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")]


@app.command("export", short_help="Write the bundle: model, contract, test vectors, card, checksums.")
def command(
    run: Run = None, out: Out = None, variant: Which = None, axis: AxisFile = None, to_json: Json = False
) -> None:
    """Write the folder that leaves the workstation: model, contract, test vectors, model card, checksums and the program that runs it.

    Example: edgespec export --axis instrument.csv --out bundle
    """
    folder = run_folder(run)
    from edgespec import bundle, units

    bars = Bars(folder / "log.txt")
    made = bundle.write(folder, out or folder / "bundle", variant=variant, axis=axis, progress=bars)
    if to_json:
        as_json(
            {
                "folder": str(made.folder),
                "variant": made.variant,
                "size": made.size_bytes,
                "contract": asdict(made.contract),
            }
        )
        return
    points = made.contract.values()
    print(
        f"{made.folder}: {made.variant}, {units.show_size(made.size_bytes)}, takes {len(points)} points from {points[0]:g} to {points[-1]:g} cm-1"
    )
    bars.say(f"check it anywhere: edgespec verify {made.folder}, or there: python runner.py verify .")
