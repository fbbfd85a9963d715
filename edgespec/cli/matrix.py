"""`edgespec matrix`: does every file of a run say the same in every installed runtime?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgespec.cli.console import Bars, as_json, name_targets, run_folder
from edgespec.cli.program import app
from edgespec.cli.tables import Csv, Wide, check_format, print_csv, show

if TYPE_CHECKING:
    from edgespec.runs.matrix_cells import Matrix

Folder = Annotated[Path | None, typer.Argument(help="Run folder (default: the newest in runs/), or an ONNX file.")]
Seconds = Annotated[float, typer.Option("--seconds", min=0.1, help="Seconds to time each file and runtime.")]
There = Annotated[
    str | None,
    typer.Option("--target", help="Compare the answers on this target with the answers here. Measures no latency."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the matrix as JSON.")]
DISAGREES = 4


@app.command("matrix", short_help="Compare every model file of a run in every installed runtime.")
def command(
    run: Folder = None,
    seconds: Seconds = 1.0,
    target: There = None,
    to_json: Json = False,
    to_csv: Csv = False,
    wide: Wide = False,
) -> None:
    """Compare every model file of a run in every installed runtime: labels, probabilities, accuracy, latency. Exit code 4 if two disagree.

    With --target, use only the target's runtime. An emulated target shows that the files work on another processor.

    An ONNX file without a run is tested with generated spectra, so the accuracy stays unknown.

    Example: edgespec matrix --seconds 2

    Example: edgespec matrix classifier.onnx
    """
    check_format(to_json=to_json, to_csv=to_csv)
    if run is not None and run.is_file():
        _file(run, seconds, target, (to_json, to_csv, wide))
        return
    folder = run_folder(run)
    from edgespec.targets import card as targets

    name_targets(*([] if target is None else [target]))
    card = None if target is None else targets.load(target)
    from edgespec.pipeline.run import Run
    from edgespec.runs import matrix, matrix_on_target

    bars = Bars(folder / "log.txt")
    opened = Run(folder, bars)
    found = matrix_on_target.compare(opened, card) if card else matrix.measure(opened, seconds=seconds)
    _show(found, to_json, to_csv, wide)
    kept = f"matrix-{card.name}.json" if card else "matrix.json"
    bars.say(f"matrix: {folder / 'bench' / kept}")
    if found.disagree:
        raise typer.Exit(DISAGREES)


def _show(found: Matrix, to_json: bool, to_csv: bool, wide: bool) -> None:
    from edgespec.report.tables import layout
    from edgespec.report.tables import matrix as matrix_table

    plain = asdict(found)
    if to_json:
        as_json(plain)
        return
    rows = matrix_table.table(plain)
    if to_csv:
        print_csv(matrix_table.HEAD, rows)
        return
    show([layout.Grid(matrix_table.HEAD, rows, matrix_table.SHAPE), "", *matrix_table.notes(plain)], wide)


def _file(path: Path, seconds: float, target: str | None, form: tuple[bool, bool, bool]) -> None:
    from edgespec.runs import model_file

    model_file.refuse(path, target=target)
    bars = Bars()
    found = model_file.matrix(path, seconds=seconds, progress=bars)
    _show(found, *form)
    bars.say(model_file.NO_LABELS)
    if found.disagree:
        raise typer.Exit(DISAGREES)
