"""`edgespec predict`: spectrum files in, labels out."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from edgespec.cli.console import Bars, as_json, printable
from edgespec.cli.program import app

Model = Annotated[Path, typer.Argument(help="An .onnx file, a bundle folder, or a run folder.")]
Files = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="Spectra, folders of them, or - for standard input.")
]
Variant = Annotated[str | None, typer.Option("--variant", help="Of a run: not the recommended file but this one.")]
Top = Annotated[int, typer.Option("--top", min=1, help="How many labels to name for each spectrum.")]
Unit = Annotated[str | None, typer.Option("--unit", metavar="cm-1|nm|um", help="Unit of axes that do not say it.")]
Laser = Annotated[float | None, typer.Option("--laser", help="Excitation in nm, to turn nm or um into Raman shift.")]
Runtime = Annotated[str | None, typer.Option("--runtime", help="What runs the model; the target local's if not said.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Threads of the runtime.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print a line of CSV for each spectrum, refused ones too.")]
Json = Annotated[bool, typer.Option("--json", help="Print the answers as JSON.")]
COLUMNS = (
    "file",
    "label",
    "probability",
    "flag",
    "score",
    "runner_up",
    "runner_up_probability",
    "covered",
    "error",
    "hint",
)
HEAD = ["file", "label", "probability", "flag", "runner-up", "covered"]


@app.command("predict", short_help="Say what the spectra in files are.")
def command(
    model: Model,
    files: Files,
    variant: Variant = None,
    top: Top = 2,
    unit: Unit = None,
    laser: Laser = None,
    runtime: Runtime = None,
    threads: Threads = None,
    to_csv: Csv = False,
    to_json: Json = False,
) -> None:
    """Classify the spectra in files: text (RRUFF, csv, tsv, dpt, maps), JCAMP-DX, SPC, Renishaw .wdf, Bruker OPUS, PerkinElmer .sp.

    Unreadable files are reported and skipped. Reading .wdf and OPUS needs: pip install "edgespec[formats]"

    Example: edgespec predict runs/rruff_distill spectrum.txt measured/

    Exit code 0: all were answered; 2: a file or a spectrum was refused; 3: the runtime, or a library that a file needs, is missing.
    """
    from edgespec.pipeline import run_folder
    from edgespec.targets import card as cards

    card = cards.load(run_folder.TARGET)
    arguments = ["predict", str(run_folder.model(model, variant)), "--top", str(top)]
    arguments += ["--runtime", runtime or card.runtime, "--threads", str(threads or card.threads)]
    arguments += ["--unit", unit] if unit else []
    arguments += ["--laser", str(laser)] if laser is not None else []
    results, refused, summary = _ask(card, [*arguments, "--", *files])
    if to_json:
        told = {"model": summary["model"], "contract": summary["contract"]}
        as_json({**told, "results": results, "refused": refused})
    elif to_csv:
        _print_csv(results, refused)
    elif results:
        from edgespec.report import terminal

        print(terminal.columns(HEAD, [_cells(each) for each in results]))
    for note in [] if to_json else _notes(results):
        print(f"note:  {note}", file=sys.stderr)
    for each in refused:
        print(printable(f"error: {each['error']}\nhint:  {each['hint']}"), file=sys.stderr)
    if summary["exit_code"]:
        raise typer.Exit(summary["exit_code"])


def _ask(card: Any, arguments: list[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Run the runner; give what it answered, what it refused, and its summary. A bar where there are many files."""
    from edgespec.targets import runner

    results: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    summary, bars = {}, Bars()
    for answer in runner.stream(card, arguments):
        if "file" not in answer:
            summary = answer
            continue
        number, total = answer.pop("number"), answer.pop("of")
        if total > 1 and not results and not refused:
            bars.begin("predict", total)
        told = {key: _shown(value) if isinstance(value, str) else value for key, value in answer.items()}
        (refused if "error" in told else results).append(told)
        if total > 1:
            bars.advance(number, f"{len(refused)} refused")
    if bars.what:
        bars.end(f"{len(results)} answered, {len(refused)} refused")
    return results, refused, summary


def _print_csv(results: list[dict[str, Any]], refused: list[dict[str, Any]]) -> None:
    """Print a line for each spectrum; `error` says why there is no answer."""
    lines = csv.DictWriter(sys.stdout, COLUMNS, extrasaction="ignore", lineterminator="\n")
    lines.writeheader()
    for each in results:
        other = each["runner_up"] or {"label": "", "probability": ""}
        more = {"runner_up": other["label"], "runner_up_probability": other["probability"]}
        lines.writerow({**{key: "" if value is None else value for key, value in each.items()}, **more})
    for each in refused:
        lines.writerow(each)


def _notes(results: list[dict[str, Any]]) -> list[str]:
    """Give each note once, with the first spectrum that has it and how many others do."""
    files: dict[str, list[str]] = {}
    for each in results:
        for note in each.get("notes", []):
            files.setdefault(note, []).append(each["file"])
    counted = {note: f" and {len(named) - 1} more" if len(named) > 1 else "" for note, named in files.items()}
    return [f"{_shown(named[0])}{counted[note]}: {_shown(note)}" for note, named in files.items()]


def _cells(each: dict[str, Any]) -> list[str]:
    others = ", ".join(f"{other['label']} {other['probability']:.3f}" for other in each["top"][1:]) or "-"
    flag, label = each["flag"] or "-", each["label"]
    if flag == "unknown":  # a name alone would be believed
        label = f"unknown (nearest {label})"
    return [each["file"], label, f"{each['probability']:.3f}", flag, others, f"{each['covered']:.0%}"]


def _shown(text: str) -> str:
    """Make a name printable: bytes that are no UTF-8, and marks that would move the cursor."""
    whole = os.fsencode(text).decode("utf-8", errors="replace")
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in whole)
