"""`edgespec data inspect`: what is in a file or folder of spectra, before anybody learns from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgespec.cli.console import Bars, as_json, window_of
from edgespec.cli.data import data
from edgespec.cli.tables import Wide, show, show_text
from edgespec.errors import Mistake

if TYPE_CHECKING:
    from edgespec.authoring.inventory import Inventory, Seen

SHOWN = 20
MOST_FILES, LONGEST = 200, 100
LONG = 1000  # spectra that take seconds to read
PANELS, CURVES = 12, 3
ENDINGS = ("png", "svg", "pdf")
COLUMNS = ("file", "spectra", "axis", "refused, or noticed", "points", "technique", "intensities", "laser, nm")
LEAST = {"file": 16, "refused, or noticed": 24}  # width of a column whose texts are wrapped

Path_ = Annotated[
    str,
    typer.Argument(
        metavar="PATH",
        help="Folder, file, .zip of RRUFF files, .csv task list, .npz, recipe, or '{arrays: {...}}'.",
    ),
]
Kind = Annotated[str, typer.Option("--kind", help="Kind of RRUFF file: Processed, RAW or any.")]
Lasers = Annotated[list[int] | None, typer.Option("--laser", help="Only this laser, in nm. Repeatable.")]
Minerals = Annotated[str, typer.Option("--minerals", metavar="NAMES", help="Only these runtimes, separated by commas.")]
Span = Annotated[
    str,
    typer.Option(
        "--axis", metavar="LOW:HIGH", help="Model axis in cm-1. Lists spectra that cover too little of the axis."
    ),
]
Coverage = Annotated[
    float, typer.Option("--min-coverage", min=0.0, max=1.0, help="Smallest share of equal labels that passes.")
]
Picture = Annotated[
    Path | None,
    typer.Option("--picture", metavar="FILE", help="Draw example spectra to this file: .png, .svg or .pdf."),
]
Every = Annotated[
    bool, typer.Option("--all", help="List all classes, repeats and refused files (default: the first 20).")
]
Files = Annotated[bool, typer.Option("--files", help="Print one line for each file.")]
Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@data.command("inspect", short_help="Show what a file or folder of spectra contains.")
def command(
    path: Path_,
    kind: Kind = "Processed",
    laser: Lasers = None,
    minerals: Minerals = "",
    axis: Span = "",
    min_coverage: Coverage = 0.8,
    picture: Picture = None,
    every: Every = False,
    files: Files = False,
    to_json: Json = False,
    wide: Wide = False,
) -> None:
    """Count classes, physical samples and lasers. List axes, duplicates, and files that would be refused, with the reason.

    Example: edgespec data inspect excellent_unoriented.zip --axis 150:1200 --picture examples.png
    """
    ending = "" if picture is None else picture.suffix.removeprefix(".").lower()
    if (ending and ending not in ENDINGS) or (picture is not None and not ending):
        raise Mistake(f"--picture {picture}: not the name of a picture", hint=f"endings: {', '.join(ENDINGS)}")
    if _by_file(path, files, every, to_json, wide):
        return
    found = look(path, kind, laser, minerals, axis, min_coverage)
    if picture is not None:
        _draw(found, picture, ending)
    if to_json:
        from edgespec.authoring import inventory

        as_json({"path": path, **inventory.summary(found)})
        return
    _tell(path, found, None if every else SHOWN, wide)


def _by_file(path: str, asked: bool, every: bool, to_json: bool, wide: bool) -> bool:
    """Show a table of files, where that is asked for or no classes are known; else do nothing and say so."""
    from edgespec.authoring import data_argument, file_table

    call = data_argument.call(path)
    if asked and (call.name != "files" or call.keys.get("list")):
        raise Mistake(f"--files: {path} is not a folder of spectra", hint="without --files its classes are shown")
    if not asked and not file_table.unlabelled(call):
        return False
    bars = _Many(f"reading {Path(path).name}")
    rows = file_table.look(call, bars.advance)
    bars.end()
    if to_json:
        as_json({"path": path, "files": [row.plain() for row in rows]})
        return True
    from edgespec.report.tables.layout import Grid, Shape

    spectra, usable = sum(row.spectra for row in rows), sum(row.usable for row in rows)
    refused = sum(row.usable < max(row.spectra, 1) for row in rows)
    many = "" if len(rows) == 1 else "s"
    most = None if every else MOST_FILES
    cells = [file_table.cells(row, None if every else LONGEST) for row in rows[:most]]
    counted = "1 spectrum" if spectra == 1 else f"{spectra} spectra"
    first = f"{len(rows)} file{many}, {counted}, {usable} usable; refused in whole or part: {refused}"
    show([first, "", Grid(file_table.HEAD, cells, Shape(COLUMNS, 3, LEAST))], wide)
    _more(len(rows), most, "files")
    if not asked:
        show_text(
            "\nNo classes are known: a folder for each class, or a pattern or a list (docs/your-own-spectra.md).", wide
        )
    return True


class _Many:
    """A bar where reading takes long."""

    def __init__(self, what: str) -> None:
        self.bars, self.what, self.many = Bars(), what, 0

    def advance(self, done: int, total: int) -> None:
        if total < LONG:
            return
        if not self.many:
            self.bars.begin(self.what, total)
        self.many = total
        self.bars.advance(done, "read")

    def end(self) -> None:
        if self.many:
            self.bars.end(f"{self.many} files")


def look(path: str, kind: str, laser: list[int] | None, minerals: str, axis: str, min_coverage: float) -> Inventory:
    """Look through data, with a bar where it takes long."""
    from edgespec.authoring import inventory
    from edgespec.plugins import did_you_mean
    from edgespec.spectra import Axis

    kinds = ["Processed", "RAW", "any"]
    if kind not in kinds:
        raise Mistake(f"--kind: there is no kind {kind!r}", hint=did_you_mean(kind, kinds))
    bars = _Many(f"reading {Path(path).name}")
    found = inventory.take(
        path,
        axis=Axis(*window_of(axis), 512) if axis else None,
        min_coverage=min_coverage,
        kind=kind,  # type: ignore[arg-type]
        laser=laser or [],
        minerals=[name.strip() for name in minerals.split(",") if name.strip()],
        advance=bars.advance,
    )
    bars.end()
    return found


def _draw(found: Inventory, picture: Path, ending: str) -> None:
    from edgespec import storage
    from edgespec.report.figures import spectra

    if not found.seen:
        raise Mistake(f"--picture {picture}: no spectrum can be used", hint="without --picture it is told why")
    examples: dict[str, Any] = {}
    for label in found.labels[:PANELS]:
        rows = [row for row, each in enumerate(found.seen) if each.label == label]
        samples = {found.seen[row].sample or str(row): row for row in reversed(rows)}  # the first of each sample
        chosen = sorted(samples.values())[:CURVES]
        examples[label] = [(_caption(found, row), found.curve(row)) for row in chosen]
    storage.write(picture, spectra.draw(examples, ending))


def _caption(found: Inventory, row: int) -> str:
    each = found.seen[row]
    return " ".join(filter(None, [each.sample or each.where, f"{each.laser} nm" if each.laser else ""]))


def _tell(path: str, found: Inventory, most: int | None, wide: bool) -> None:
    from edgespec.authoring import data_argument, inventory
    from edgespec.report.tables.layout import Grid, Shape

    told = inventory.summary(found)
    samples = f"{told['samples']} physical samples" if told["samples"] else "no physical samples are known"
    name = data_argument.call(path).name if path.lstrip().startswith("{") else Path(path).resolve().name
    show_text(f"{name}: {told['spectra']} usable spectra, {len(told['classes'])} classes, {samples}", wide)
    if len(told["kinds"]) > 1:
        show_text("kinds:   " + _pairs(told["kinds"]) + " (--kind)", wide)
    rows = [
        [label, str(each["spectra"]), str(each["samples"] or "-"), " ".join(map(str, each["lasers_nm"])) or "-"]
        for label, each in list(told["classes"].items())[:most]
    ]
    show(["", Grid(["class", "spectra", "samples", "lasers, nm"], rows, Shape(keep=3, wraps={"class": 16}))], wide)
    _more(len(told["classes"]), most, "classes")
    print()
    for what, counted in (("lasers", told["lasers_nm"]), ("parts", told["parts"])):
        if counted:
            show_text(f"{what + ':':8} " + _pairs(counted), wide)
    _ranges(told["axis_cm1"])
    for what, pairs in found.repeats().items():
        print(f"repeats {what}: {len(pairs)}")
        _lines([f"{_short(a)} is {_short(b)}" for a, b in pairs], most, wide)
    if shared := told["samples_in_several_classes"]:
        print(f"physical samples in several classes: {len(shared)}")
        _lines([f"{sample}: {', '.join(labels)}" for sample, labels in shared.items()], most, wide)
    for note in told["notes"]:
        show_text(note, wide)
    print(f"refused: {len(told['refused'])}")
    _lines(told["refused"], most, wide)


def _short(each: Seen) -> str:
    entry = each.entry
    if entry is None or not entry.file:
        return each.where
    return entry.file if entry.row is None else f"{entry.file} (row {entry.row})"


def _ranges(axis: dict[str, dict[str, float]]) -> None:
    if not axis["low"]:
        return
    words = {name: f"{each['least']:g} to {each['most']:g} (median {each['median']:g})" for name, each in axis.items()}
    print(f"axis:    from {words['low']} cm-1")
    print(f"         to {words['high']} cm-1")
    print(f"spacing: {words['step']} cm-1")
    print(f"points:  {words['count']}")


def _pairs(counted: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.items())


def _lines(lines: list[str], most: int | None, wide: bool) -> None:
    for line in lines[:most]:
        show_text(f"  {line}", wide)
    _more(len(lines), most, "lines")


def _more(count: int, most: int | None, what: str) -> None:
    if most is not None and count > most:
        print(f"  ... and {count - most} more {what} (--all, --json)")
