"""`edgespec import`: a checkpoint that others trained, as one of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgespec.cli.console import as_json
from edgespec.cli.program import app
from edgespec.cli.tables import show_text

Layout = Annotated[str, typer.Argument(help="Origin of the checkpoint: pace.")]
Weights = Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="Weights: a .pth, .pt or .safetensors file.")]
Labels = Annotated[
    Path | None,
    typer.Option("--labels", help="Class names in the order of the logits: .json, .csv or .txt."),
]
AxisFile = Annotated[
    Path | None, typer.Option("--axis", help="Axis of the spectra in cm-1: .npy, or text with one value a line.")
]
Points = Annotated[
    int | None, typer.Option("--points", min=16, help="Number of points of a spectrum, if the axis is unknown.")
]
Pool = Annotated[int, typer.Option("--pool", min=1, help="Number of points after the model's pooling.")]
Overlapped = Annotated[
    bool,
    typer.Option("--overlapped", help="The network has overlapping patches (the authors' option of the same name)."),
]
Known = Annotated[
    Path | None,
    typer.Option("--known", metavar="RECIPE", help="Check --overlapped with the labelled spectra of this recipe."),
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder to write (default: the file's name without its ending).")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("import", short_help="Convert published weights into a checkpoint.")
def command(
    layout: Layout,
    weights: Weights,
    labels: Labels = None,
    axis: AxisFile = None,
    points: Points = None,
    pool: Pool = 256,
    overlapped: Overlapped = False,
    known: Known = None,
    out: Out = None,
    to_json: Json = False,
) -> None:
    """Convert a published checkpoint into a folder that a recipe can start from. Code in the checkpoint is never run.

    Example: edgespec import pace COV.pth --axis wavenumber.npy --labels label.json

    The recipe's first step is then `adopt: {checkpoint: FOLDER}`.
    """
    from edgespec import imports, plugins
    from edgespec.evaluation import scoring

    place = out or Path(weights.stem)
    made = imports.bring(
        layout,
        weights,
        place,
        pool=pool,
        points=points,
        axis=axis,
        labels=labels,
        overlapped=overlapped,
        known=plugins.recipe_file(known) if known else None,
    )
    found = made.checkpoint
    told: dict[str, Any] = {
        "folder": str(found.folder),
        "model": found.model,
        "keys": found.keys,
        "points": found.points,
        "classes": found.classes,
        **scoring.weight(found),
        **found.facts,
        "notes": list(made.notes),
    }
    if to_json:
        as_json(told)
        return
    _tell(told)


def _tell(told: dict[str, Any]) -> None:
    import sys

    from edgespec import units, yaml12

    keys = ", ".join(f"{name} {value}" for name, value in told["keys"].items())
    span = "{low:g} to {high:g} cm-1".format(**told["axis"]) if "axis" in told else "axis not known"
    names = ", ".join(told.get("labels", ["names not known"]))
    show_text(f"{told['folder']}: {told['model']}, {keys}")
    show_text(f"spectra:  {told['points']} points, {span}")
    show_text(f"classes:  {told['classes']}: {names}")
    show_text(
        f"weight:   {told['params']:,} parameters, {units.show_count(told['macs'])} MACs, {units.show_size(told['bytes'])}"
    )
    for note in told["notes"]:
        print(f"note: {note}", file=sys.stderr)
    print(
        f"start a recipe with it: steps: [{{adopt: {{checkpoint: {yaml12.flow(told['folder'])}}}}}, to_onnx]",
        file=sys.stderr,
    )
