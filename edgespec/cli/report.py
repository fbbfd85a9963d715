"""`edgespec report`: a run's report again, as tables, Markdown and one HTML file; several runs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgespec.cli.console import as_json, run_folder
from edgespec.cli.program import app
from edgespec.cli.tables import Csv, Wide, check_format, print_csv, show, width
from edgespec.errors import Mistake

if TYPE_CHECKING:
    from edgespec.report import Report

Runs = Annotated[
    list[Path] | None, typer.Argument(help="Run folders, or the folder of a search (default: the newest run).")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="HTML file to write (default: RUN/report.html and RUN/report.md).")
]
Json = Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")]
Drop = Annotated[bool, typer.Option("--drop-examples", help="Remove all test spectra from report.json permanently.")]
BROKEN = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
    RuntimeError,
)


@app.command("report", short_help="Print a run's report and write report.html.")
def command(
    run: Runs = None, out: Out = None, to_json: Json = False, drop_examples: Drop = False,
    to_csv: Csv = False, wide: Wide = False,
) -> None:  # fmt: skip
    """Print a run's report and write report.html and report.md, or show several runs side by side in one HTML file.

    Example: edgespec report runs/rruff_distill
    """
    from edgespec import report
    from edgespec.pipeline import integrity

    check_format(to_json=to_json, to_csv=to_csv)
    if run and len(run) == 1 and (run[0] / "front.json").is_file():
        _search(run[0], out, to_json, to_csv, wide)
        return
    folders = [run_folder(each) for each in run] if run else [run_folder(None)]
    found = {folder: report.read(folder) for folder in folders}
    for folder, each in found.items():
        integrity.check(folder, each)
    if drop_examples:
        for folder, each in found.items():
            each.examples, each.mistakes = {}, {}
            report.write(each, folder)
    if to_json:
        told: list[dict[str, Any]] = [{"folder": str(folder), **asdict(each)} for folder, each in found.items()]
        as_json(told[0] if len(told) == 1 else {"runs": told})
        return
    if len(found) == 1 and out is None:
        ((folder, only),) = found.items()
        _one(folder, only, to_csv, wide)
        return
    _together(found, out, to_csv, wide)


def _one(folder: Path, only: Report, to_csv: bool, wide: bool) -> None:
    from edgespec.report import files, tables, terminal

    with trusted(folder / "report.json"):
        path = files.write(only, folder)
        if to_csv:
            print_csv(tables.HEAD, tables.scores(only))
            return
        print(f"{terminal.show(only, width(wide))}\n\nreport: {path}")


def _search(folder: Path, out: Path | None, to_json: bool, to_csv: bool, wide: bool) -> None:
    from edgespec import storage
    from edgespec.search import html as search_page
    from edgespec.search import pareto

    found = pareto.read(folder)
    if to_json:
        as_json({"folder": str(folder), **found})
        return
    with trusted(folder / pareto.FILE):
        text = search_page.show(found)
        if to_csv:
            print_csv(pareto.HEAD, pareto.front_lines(found))
        else:
            show(pareto.parts(found), wide)
    if to_csv:
        storage.write(out or folder / "report.html", text)
        return
    print(f"\nreport: {storage.write(out or folder / 'report.html', text)}")


def _together(found: Mapping[Path, Report], out: Path | None, to_csv: bool, wide: bool) -> None:
    from edgespec import storage
    from edgespec.report import html, html_compare
    from edgespec.report.tables import layout

    names, runs = [folder.resolve().name for folder in found], []
    lines: list[list[str]] = []
    for place, (folder, each) in enumerate(found.items(), start=1):
        title = names[place - 1] if names.count(names[place - 1]) == 1 else str(folder)
        with trusted(folder / "report.json"):
            runs.append(html.lay_out(title, each, place))
            lines.append(html_compare.line(title, each))
    if to_csv:
        print_csv(html_compare.HEAD, lines)
    else:
        doubts = html_compare.doubts({run.title: run.report for run in runs})
        show([layout.Grid(html_compare.HEAD, lines, html_compare.SHAPE), *(f"note: {each}" for each in doubts)], wide)
    if out is None:
        if not to_csv:
            print("\nwith --out FILE.html: all of it on one page")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    storage.write(out, html.render(runs))
    if not to_csv:
        print(f"\nreport: {out}")


@contextmanager
def trusted(path: Path) -> Iterator[None]:
    """Tell a report that nobody here wrote from a bug of ours: where what is in it can't be shown, it is named."""
    try:
        yield
    except BROKEN as problem:
        what = f"{path} can't be shown, it is not as edgespec writes it: {type(problem).__name__}: {problem}"
        raise Mistake(what, hint="the command that made it writes it anew") from problem
