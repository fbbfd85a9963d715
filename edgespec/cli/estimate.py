"""`edgespec estimate`: how long files would take on a device that is not at hand."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgespec.cli.console import Bars, as_json, name_targets
from edgespec.cli.program import app
from edgespec.cli.tables import Wide, show
from edgespec.errors import Mistake

if TYPE_CHECKING:
    from edgespec.runs.estimate import Calibration, Estimate

Model = Annotated[
    Path | None, typer.Argument(help="Run folder, bundle or ONNX file (default: the newest run in runs/).")
]
There = Annotated[str, typer.Option("--target", help="Target (edgespec ls targets).")]
Fitting = Annotated[
    bool,
    typer.Option(
        "--fit", help="Measure small networks on the target and store the result. The target must be connected."
    ),
]
Seconds = Annotated[float, typer.Option("--seconds", min=0.1, help="With --fit: seconds to time each small network.")]
Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("estimate", short_help="Estimate latency on a device without the device.")
def command(
    target: There,
    model: Model = None,
    fit: Fitting = False,
    seconds: Seconds = 1.0,
    to_json: Json = False,
    wide: Wide = False,
) -> None:
    """Estimate the latency of model files on a device without the device, with the error of the estimate.

    The estimate uses small networks that `--fit` measured on the device before. Otherwise, a rough range follows from the peak
    performance given in the target card. An estimate is not a measurement and satisfies no gate.

    Example: edgespec estimate --target rpi5
    """
    from edgespec.targets import card as targets

    name_targets(target)
    card = targets.load(target)
    if fit and model is not None:
        raise Mistake(
            "--fit measures networks of its own and takes no file",
            hint=f"edgespec estimate --fit --target {shlex.quote(target)}",
        )
    from edgespec.runs import estimate

    if fit:
        _tell_fit(estimate.fit(card, seconds=seconds, progress=Bars().say), to_json)
        return
    found, refused = estimate.estimate(_files(model), card)
    if not found:
        raise next(iter(refused.values()))
    if to_json:
        told = {name: each.message for name, each in refused.items()}
        as_json({"target": card.name, "estimates": [asdict(each) for each in found], "refused": told})
        return
    _tell(found, refused, estimate.load(card), wide)


def _files(model: Path | None) -> dict[str, Path]:
    """Give the files that are meant, by name: all that a run may ship, or the one that is named."""
    from edgespec.pipeline import run_folder
    from edgespec.pipeline.run import Run

    if model is not None and not (model / "report.json").is_file():
        path = run_folder.model(model)
        return {path.name: path}
    made = Run(run_folder.run_folder(model)).model
    return {name: made.path(name) for name, each in made.variants.items() if each.role == "candidate"}


def _tell(found: list[Estimate], refused: dict[str, Mistake], held: Calibration | None, wide: bool) -> None:
    from edgespec.report.tables.layout import Grid, Shape
    from edgespec.units import show_time

    rows = [
        [each.file, "-" if each.p50_ms is None else show_time(each.p50_ms / 1e3),
         f"{show_time(each.low_ms / 1e3)} - {show_time(each.high_ms / 1e3)}", each.source]
        for each in found
    ]  # fmt: skip
    shape = Shape(("file", "p50", "likely", "source"), 4)
    told = [f"from {line}" for line in dict.fromkeys(each.basis for each in found)]
    told += [] if held is None else _errors(held)
    told += [
        f"{each.file} has more {', '.join(each.beyond)} than anything that was measured: the error may be larger"
        for each in found
        if each.beyond
    ]
    told += [f"not estimated: {problem.message}" for problem in refused.values()]
    show([Grid(["file", "p50", "likely", "source"], rows, shape), "", *told, "estimated: no gate takes it"], wide)


def _errors(held: Calibration) -> list[str]:
    return [
        f"error of {kind} estimates, each small network left out in turn: {fit.mean:.0%} mean, 9 of 10 within {fit.p90:.0%} (n = {fit.n})"
        for kind, fit in held.fits.items()
    ]


def _tell_fit(made: Calibration, to_json: bool) -> None:
    from edgespec.runs import estimate

    if to_json:
        as_json(asdict(made))
        return
    show(_errors(made))
    print(f"kept in {estimate.place(made.target)}; noise of the session {made.noise:.1%}")
