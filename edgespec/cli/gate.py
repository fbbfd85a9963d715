"""`edgespec gate`: were the recipe's promises kept?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli import app
from edgespec.cli.show import as_json, run_folder

Run = Annotated[Path | None, typer.Argument(help="Run folder; the newest in runs/ if not said.")]
Target = Annotated[str | None, typer.Option("--target", help="Judge only what this target can answer.")]
Json = Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON.")]


@app.command("gate", short_help="Judge the recipe's promises; exit code 1 where one is broken.")
def command(run: Run = None, target: Target = None, to_json: Json = False) -> None:
    """Judge the recipe's `gates:` against the report; exit code 1 where one fails or is unmeasured.

    Example: edgespec gate --target local
    """
    from edgespec import gate
    from edgespec.report import markdown, tables, terminal

    folder = run_folder(run)
    result, kept = gate.judge(folder, target)
    markdown.write(result, folder)
    if to_json:
        as_json({"folder": str(folder), "kept": kept, "gates": result.gates})
    else:
        print(f"{tables.headline(result)}\n\n{terminal.show_gates(result)}")
    if not kept:
        raise typer.Exit(1)
