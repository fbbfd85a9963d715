"""`edgespec report`: the tables of a run, again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli import app
from edgespec.cli.show import as_json, run_folder

Run = Annotated[Path | None, typer.Argument(help="Run folder; the newest in runs/ if not said.")]
Json = Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")]


@app.command("report", short_help="Show a run's report again.")
def command(run: Run = None, to_json: Json = False) -> None:
    """Show a run's report and write its report.md again.

    Example: edgespec report runs/rruff_distill
    """
    from edgespec import report
    from edgespec.report import markdown, terminal

    folder = run_folder(run)
    result = report.read(folder)
    if to_json:
        as_json({"folder": str(folder), **asdict(result)})
        return
    markdown.write(result, folder)
    print(terminal.show(result))
    print(f"\nreport: {folder / 'report.md'}")
