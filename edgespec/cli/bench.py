"""`edgespec bench`: what each file of a run takes, and still gets right, where it will run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgespec.cli import app
from edgespec.cli.show import Bars, as_json, run_folder

Run = Annotated[Path | None, typer.Argument(help="Run folder; the newest in runs/ if not said.")]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", help="Where to measure; may be given several times (edgespec ls targets)."),
]
Mode = Annotated[
    str, typer.Option("--mode", help="quick (one process), standard (five), or mlperf (600 s, P90 by early stopping).")
]
Seconds = Annotated[
    float | None,
    typer.Option("--seconds", min=0.1, help="Timed seconds for each file in each process; the mode's if not said."),
]
Host = Annotated[
    str, typer.Option("--host", help="[USER@]HOST[:PORT] of the target that is reached by ssh, instead of its card's.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the measurements as JSON.")]


@app.command("bench", short_help="Measure latency against accuracy on targets.")
def command(
    run: Run = None,
    target: Targets = None,
    mode: Mode = "quick",
    seconds: Seconds = None,
    host: Host = "",
    to_json: Json = False,
) -> None:
    """Measure latency against accuracy: all files of a run and the plain default export, interleaved, one spectrum at a time.

    Example: edgespec bench --target local
    """
    from edgespec import protocol
    from edgespec import target as targets

    how = protocol.named(mode, seconds=seconds)
    folder, names = run_folder(run), target or ["local"]
    targets.cards(names, host)  # a wrong name is told at once, before what takes seconds to load
    from edgespec import runs
    from edgespec.report import markdown, tables, terminal

    bars = Bars(folder / "log.txt")
    result = runs.bench(folder, names, protocol=how, host=host, progress=bars)
    markdown.write(result, folder)
    if to_json:
        told: dict[str, Any] = {"folder": str(folder), "bench": result.bench, "advice": result.advice}
        as_json(told)
        return
    print(f"{tables.headline(result)}\n\n{terminal.show_bench(result)}")
    bars.say(f"report: {folder / 'report.md'}")
