"""`edgespec report`: a run's report again, as tables, Markdown and one HTML file; several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgespec.cli import app
from edgespec.cli.show import as_json, run_folder, write_report
from edgespec.errors import Mistake

if TYPE_CHECKING:
    from edgespec.report import Report

Runs = Annotated[list[Path] | None, typer.Argument(help="Run folders; the newest in runs/ if not said.")]
Out = Annotated[Path | None, typer.Option("--out", help="The HTML file; report.html in the run folder if not said.")]
Json = Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")]
BROKEN = (KeyError, TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError)


@app.command("report", short_help="Show runs again; write their report.html.")
def command(run: Runs = None, out: Out = None, to_json: Json = False) -> None:
    """Show a run's report and write its report.html and report.md again, or several runs side by side in one HTML file.

    Example: edgespec report runs/rruff_distill
    """
    from edgespec import report

    folders = [run_folder(each) for each in run] if run else [run_folder(None)]
    found = {folder: report.read(folder) for folder in folders}
    if to_json:
        told: list[dict[str, Any]] = [{"folder": str(folder), **asdict(each)} for folder, each in found.items()]
        as_json(told[0] if len(told) == 1 else {"runs": told})
        return
    if len(found) > 1 and out is None:
        raise Mistake("several runs need a file of their own", hint="add --out compared.html")
    for folder, each in found.items():
        try:
            _show(each, folder, alone=len(found) == 1)
        except BROKEN as problem:
            raise _foreign(folder, problem) from problem
    if out is not None:
        _together(found, out)


def _show(result: Report, folder: Path, *, alone: bool) -> None:
    from edgespec.report import html, tables, terminal

    if not alone:
        html.show({result.recipe: result})  # what can't be shown is told with the folder that holds it
        print(tables.headline(result))
        return
    path = write_report(result, folder)
    print(terminal.show(result))
    print(f"\nreport: {path}")


def _together(found: Mapping[Path, Report], out: Path) -> None:
    from edgespec import storage
    from edgespec.report import html

    names = [folder.resolve().name for folder in found]
    titles = [name if names.count(name) == 1 else str(folder) for name, folder in zip(names, found, strict=True)]
    out.parent.mkdir(parents=True, exist_ok=True)
    storage.write(out, html.show(dict(zip(titles, found.values(), strict=True))))
    print(f"\nreport: {out}")


def _foreign(folder: Path, problem: Exception) -> Mistake:
    what = (
        f"{folder / 'report.json'} can't be shown, it is not as edgespec writes it: {type(problem).__name__}: {problem}"
    )
    return Mistake(what, hint="edgespec compress RECIPE writes it anew")
