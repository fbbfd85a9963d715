"""`edgespec export`: the folder that leaves the workstation, on request for an instrument's own pixel axis."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli.console import Bars, as_json, name_targets, run_folder
from edgespec.cli.program import app
from edgespec.cli.tables import show_text
from edgespec.errors import Mistake

Folder = Annotated[Path | None, typer.Argument(help="Run folder (default: the newest in runs/).")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder to write (default: RUN/bundle).")]
Which = Annotated[
    str | None,
    typer.Option("--variant", help="The file to ship (default: what bench recommends, else what the card prefers)."),
]
AxisFile = Annotated[
    Path | None,
    typer.Option(
        "--axis",
        help="Text file with an instrument's axis in cm-1. The exported graph then accepts raw detector pixels.",
    ),
]
For = Annotated[
    str | None,
    typer.Option("--target", help="Write the files for this target to RUN/bundles/TARGET (edgespec ls targets)."),
]
Engine = Annotated[
    bool, typer.Option("--require-engine", help="Exit with code 3 if the target's engine cannot be built here.")
]
Sign = Annotated[
    Path | None,
    typer.Option(
        "--sign", metavar="KEY", help="Sign the bundle with this private key (PEM). Check with: edgespec verify --key."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("export", short_help="Write the folder that goes to the device.")
def command(
    run: Folder = None,
    out: Out = None,
    variant: Which = None,
    axis: AxisFile = None,
    target: For = None,
    require_engine: Engine = False,
    sign: Sign = None,
    to_json: Json = False,
) -> None:
    """Write the folder that goes to the device: model, contract, test vectors, model card, checksums and the program that runs the model.

    With --target, also write the target's own format: OpenVINO IR, C code, or the command that builds a TensorRT engine.

    Example: edgespec export --axis instrument.csv --out bundle
    """
    if require_engine and target is None:
        raise Mistake("--require-engine needs --target", hint="edgespec ls targets")
    folder = run_folder(run)
    bars = Bars(folder / "log.txt")
    if target is not None:
        _for_target(folder, target, out, variant, axis, require_engine, sign, to_json, bars)
        return
    from edgespec import units
    from edgespec.bundle import write as bundles
    from edgespec.pipeline.run import Run

    made = bundles.write(Run(folder, bars), out or folder / "bundle", variant=variant, axis=axis, sign=sign)
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
    show_text(
        f"{made.folder}: {made.variant}, {units.show_size(made.size_bytes)}, takes {len(points)} points from {points[0]:g} to {points[-1]:g} cm-1"
    )
    bars.say(f"check it anywhere: edgespec verify {shlex.quote(str(made.folder))}, or there: python runner.py verify .")


def _for_target(
    folder: Path,
    name: str,
    out: Path | None,
    variant: str | None,
    axis: Path | None,
    require_engine: bool,
    sign: Path | None,
    to_json: bool,
    bars: Bars,
) -> None:
    from edgespec.targets import card as cards

    name_targets(name)
    cards.load(name)  # a wrong name is told at once, before what takes seconds to load
    from edgespec import units
    from edgespec.bundle import for_targets
    from edgespec.pipeline.run import Run

    run = Run(folder, bars)
    made = for_targets.write(run, name, out, variant=variant, axis=axis, require_engine=require_engine, sign=sign)
    if to_json:
        as_json({**asdict(made), "run": str(folder)})
        return
    show_text(
        f"{made.folder}: {made.variant}, {units.show_size(made.size)}, for {name} ({made.runtime}), {made.status}"
    )
    for line in [*(f"checked: {each}" for each in made.checked), made.message]:
        if line:
            show_text(line)
