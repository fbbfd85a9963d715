"""`edgespec bench`: what each file of a run takes, and still gets right, where it will run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgespec.cli.console import Bars, as_json, name_targets, run_folder
from edgespec.cli.program import app
from edgespec.cli.tables import Csv, Wide, check_format, print_csv, show, width
from edgespec.errors import EdgespecError

if TYPE_CHECKING:
    from edgespec.bench.protocol import Protocol
    from edgespec.report import Report

Folder = Annotated[Path | None, typer.Argument(help="Run folder (default: the newest in runs/), or an ONNX file.")]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", help="Target to measure on (edgespec ls targets). Repeatable."),
]
Variants = Annotated[
    list[str] | None, typer.Option("--variant", help="Measure only this file and the default export. Repeatable.")
]
Mode = Annotated[
    str, typer.Option("--mode", help="quick (one process), standard (five), or mlperf (600 s, P90 by early stopping).")
]
Seconds = Annotated[
    float | None,
    typer.Option("--seconds", min=0.1, help="Seconds to time each file in each process (default: the mode's)."),
]
Host = Annotated[str, typer.Option("--host", help="ssh address [USER@]HOST[:PORT] (default: the target card's).")]
Soak = Annotated[
    str | None,
    typer.Option(
        "--soak",
        help="Then run the recommended file without pause for this long, such as 10m, and report latency over time.",
    ),
]
Lock = Annotated[
    bool,
    typer.Option(
        "--lock-clocks",
        help="Fix the target's clocks while measuring, then restore the clocks. Needs sudo on the target.",
    ),
]
Replay = Annotated[
    Path | None,
    typer.Option(
        "--replay",
        help="Evaluate a recording (bench/TARGET.samples.npz) without a target, with RUN's gates if RUN is given.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the measurements as JSON.")]
Form = tuple[bool, bool, bool]  # --json, --csv, --wide


@app.command("bench", short_help="Measure latency against accuracy on targets.")
def command(
    run: Folder = None,
    target: Targets = None,
    host: Host = "",
    mode: Mode = "quick",
    seconds: Seconds = None,
    variant: Variants = None,
    soak: Soak = None,
    lock_clocks: Lock = False,
    replay: Replay = None,
    to_json: Json = False,
    to_csv: Csv = False,
    wide: Wide = False,
) -> None:
    """Measure latency and accuracy of all model files of a run, in turns with the default ONNX export, one spectrum at a time.

    An ONNX file without a run is measured with generated spectra, so the accuracy stays unknown.

    Example: edgespec bench --target local --mode standard

    Example: edgespec bench classifier.onnx
    """
    from edgespec import units
    from edgespec.bench import protocol
    from edgespec.targets import card as targets

    check_format(to_json=to_json, to_csv=to_csv)
    form = (to_json, to_csv, wide)
    if replay is not None:
        return _replay(replay, run, form)
    how = protocol.named(mode, seconds=seconds, lock_clocks=lock_clocks)
    name_targets(*(target or ()))
    if run is not None and run.is_file():
        _file(run, target or ["local"], how, form, host=host, variant=variant, soak=soak)
        return
    soak_s = 0.0 if soak is None else units.duration(soak)
    folder = run_folder(run)
    cards = targets.cards(target or ["local"], host)  # a wrong name is told before what takes seconds to load
    from edgespec.bundle import for_targets
    from edgespec.pipeline.run import Run
    from edgespec.report import files
    from edgespec.runs import bench

    bars, lost = Bars(folder / "log.txt"), {}

    def told(name: str, problem: EdgespecError) -> None:
        lost[name] = problem

    opened = Run(folder, bars)
    result = bench.bench(opened, cards, protocol=how, variants=variant or (), soak_s=soak_s, lost=told)
    result = for_targets.follow(opened)
    files.write(result, folder)
    _print(result, folder, lost, form, titled=True)
    if not (to_json or to_csv):
        bars.say(f"report: {folder / 'report.html'}")
    for name, problem in lost.items():
        hint = f"\nhint:  {problem.hint}" if problem.hint else ""
        bars.say(f"error: {name} is not measured: {problem.message}{hint}")
    if lost:
        raise typer.Exit(next(iter(lost.values())).exit_code)


def _replay(recording: Path, run: Path | None, form: Form) -> None:
    from edgespec.pipeline.run import Run
    from edgespec.report import files
    from edgespec.runs import bench

    result = bench.replay(recording, None if run is None else Run(run_folder(run)))
    if run is not None:
        files.write(result, run)
    _print(result, run or recording, {}, form, titled=run is not None)


def _print(result: Report, where: Path, lost: dict[str, EdgespecError], form: Form, *, titled: bool) -> None:
    """Print the measurements. lost: targets that were not measured; titled: with the title and the summary of the run"""
    from edgespec.report import tables, terminal

    to_json, to_csv, wide = form
    if to_csv:
        print_csv(tables.BENCH_HEAD, tables.bench(result))
        return
    if not to_json:
        print(terminal.show_bench(result, width(wide), titled=titled))
        return
    told: dict[str, Any] = {"folder": str(where), "bench": result.bench, "advice": result.advice}
    if lost:
        told["errors"] = [{"target": name, "message": each.message, "hint": each.hint} for name, each in lost.items()]
    as_json(told)


def _file(path: Path, targets: list[str], how: Protocol, form: Form, **options: object) -> None:
    from edgespec.report import Report, tables, terminal
    from edgespec.report.tables import layout
    from edgespec.runs import model_file

    model_file.refuse(path, **options)
    bars, (to_json, to_csv, wide) = Bars(), form
    found = {name: model_file.bench(path, name, how, bars) for name in targets}
    if to_json:
        as_json({"file": str(path), "bench": found, "note": model_file.NO_LABELS})
        return
    rows = tables.bench(Report(path.stem, 0, {}, bench=found))
    if to_csv:
        print_csv(tables.BENCH_HEAD, rows)
        return
    parts: terminal.Parts = [layout.Grid(tables.BENCH_HEAD, rows, terminal.BENCH)]
    for record in found.values():
        warnings = dict.fromkeys(each for told in record["measurements"] for each in told["warnings"])
        parts += ["", "; ".join(tables.conditions(record)), *(f"note: {each}" for each in warnings)]
    show(parts, wide)
    bars.say(model_file.NO_LABELS)
