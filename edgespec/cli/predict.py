"""`edgespec predict`: spectrum files in, labels out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from edgespec.cli import answers
from edgespec.cli.answers import Answer
from edgespec.cli.console import Bars
from edgespec.cli.program import app
from edgespec.cli.tables import Wide
from edgespec.errors import Mistake

Model = Annotated[Path, typer.Argument(help="ONNX file, bundle folder or run folder.")]
Files = Annotated[
    list[str] | None, typer.Argument(metavar="FILE...", help="Spectrum files, folders, or - for standard input.")
]
Variant = Annotated[
    str | None, typer.Option("--variant", help="Model file of the run (default: the recommended file).")
]
Top = Annotated[int, typer.Option("--top", min=1, help="Number of labels to list for each spectrum.")]
Unit = Annotated[
    str | None, typer.Option("--unit", metavar="cm-1|nm|um", help="Unit of the axis, for files without a unit.")
]
Laser = Annotated[
    float | None, typer.Option("--laser", help="Excitation wavelength in nm, to convert nm or um to Raman shift.")
]
Runtime = Annotated[str | None, typer.Option("--runtime", help="Runtime (default: that of the target 'local').")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Number of threads.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print one CSV line for each spectrum, including refused spectra.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print the answers as JSON; with --watch and --stream one object a line.")
]
Watch = Annotated[bool, typer.Option("--watch", help="Keep watching the folders and classify new files until Ctrl-C.")]
Stream = Annotated[
    bool, typer.Option("--stream", help="Read one spectrum a line from standard input and answer each at once.")
]


@app.command("predict", short_help="Classify spectrum files.")
def command(
    model: Model,
    files: Files = None,
    variant: Variant = None,
    top: Top = 2,
    unit: Unit = None,
    laser: Laser = None,
    runtime: Runtime = None,
    threads: Threads = None,
    watch: Watch = False,
    stream: Stream = False,
    to_csv: Csv = False,
    to_json: Json = False,
    wide: Wide = False,
) -> None:
    """Classify spectrum files: text (RRUFF, csv, tsv, dpt, maps), JCAMP-DX, SPC, Renishaw .wdf, Bruker OPUS, PerkinElmer .sp.

    Unreadable files are reported and skipped. Reading .wdf and OPUS needs: pip install "edgespec[formats]"

    Example: edgespec predict runs/rruff_distill spectrum.txt measured/

    Exit code: 0 if all spectra were classified; 2 if a file or spectrum was refused; 3 if a runtime or library is missing.
    """
    from edgespec.pipeline import run_folder
    from edgespec.report import choice
    from edgespec.targets import card as cards

    card, path = cards.load(choice.HERE), run_folder.model(model, variant)
    arguments = ["--top", str(top), "--runtime", runtime or card.runtime, "--threads", str(threads or card.threads)]
    arguments += ["--unit", unit] if unit else []
    arguments += ["--laser", str(laser)] if laser is not None else []
    named = files or (["-"] if stream else [])
    if not named:
        raise Mistake("no FILE is named", hint="files of spectra, folders of them, or - for standard input")
    arguments += [*(["--watch"] if watch else []), *(["--stream"] if stream else []), "--", *named]
    with _ready(path, runtime) as ready:
        words = ["predict", str(ready), *arguments]
        code = (_live if watch or stream else partial(_all, wide=wide))(card, words, to_csv, to_json, path)
    if code:
        raise typer.Exit(code)


def _ready(path: Path, runtime: str | None) -> AbstractContextManager[Path]:
    """Give the model as its runtime takes it: for C, beside code that is made of it here."""
    if runtime != "c":
        return nullcontext(path)
    from edgespec.bundle import c_code

    return c_code.made_anew(path)


def _live(card: Any, arguments: list[str], to_csv: bool, to_json: bool, path: Path) -> int:
    """Print every answer as it comes; give 2 where something was refused. Ctrl-C is how a watch ends."""
    from edgespec.targets import runner

    show: Callable[[Answer], None] = answers.print_line
    if to_csv:
        answers.print_head()
        show = answers.print_row
    elif to_json:
        show = answers.print_json_line
    refused = 0
    try:
        for answer in runner.stream(card, arguments):
            if "file" in answer:
                refused += answers.is_refused(answer)
                show(answers.clean(answer))
    except KeyboardInterrupt:
        if "--watch" not in arguments:
            raise
    return 2 if refused else 0


def _all(card: Any, arguments: list[str], to_csv: bool, to_json: bool, path: Path, *, wide: bool) -> int:
    """Print all answers and give the runner's exit code. A bar where there are many files."""
    from edgespec.cli import collected

    told = collected.Json() if to_json else collected.Csv() if to_csv else collected.Table(wide=wide)
    refused = collected.Refusals()
    summary = _ask(card, arguments, told, refused)
    told.end(str(path), summary)
    answers.print_left_out(summary["left_out"])
    answers.print_some_refused(refused.first, refused.count, every=told.every)
    return int(summary["exit_code"])


def _ask(card: Any, arguments: list[str], told: Any, refused: Any) -> dict[str, Any]:
    """Run the runner and hand on what it answers and refuses; give its summary."""
    from edgespec.targets import runner

    summary, bars, answered = {}, Bars(), 0
    for answer in runner.stream(card, arguments):
        if "file" not in answer:
            summary = answer
            continue
        number, total = answer.pop("number"), answer.pop("of")
        if total > 1 and not answered and not refused.count:
            bars.begin("predict", total)
        clean = answers.clean(answer)
        told.add(clean)
        if answers.is_refused(answer):
            refused.add(clean)
        else:
            answered += 1
        if total > 1:
            bars.advance(number, f"{refused.count} refused")
    if bars.what:
        bars.end(f"{answered} answered, {refused.count} refused")
    return summary
