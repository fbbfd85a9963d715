"""`edgespec data`: fetch public spectra, look at spectra, write a task list of them."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgespec.cli.console import as_json
from edgespec.cli.program import app
from edgespec.cli.tables import Wide, show, show_text
from edgespec.errors import Mistake

if TYPE_CHECKING:
    from edgespec.data.fetch.download import Patience

PLASTICS = "plastics"
RAMAN_DATA, PUBLIC = "raman-data", "edgespec data fetch raman-data"

data = typer.Typer(add_completion=False, rich_markup_mode=None)
app.add_typer(data, name="data", short_help="Download public spectra, inspect spectra, write task lists.")

Source = Annotated[str, typer.Argument(help="Source: rruff, raman-data or plastics.")]
Set = Annotated[str, typer.Argument(metavar="ID", help="Set of raman-data (default: list the sets).")]
Archives = Annotated[
    list[str] | None,
    typer.Option("--archive", metavar="NAME", help="Archive to download (default: excellent_unoriented). Repeatable."),
]
Into = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for the files (default: EDGESPEC_DATA/SOURCE, or the cache)."),
]
From = Annotated[
    str | None,
    typer.Option("--from", envvar="EDGESPEC_RRUFF", metavar="ADDRESS", help="Address of a mirror (rruff)."),
]
Offline = Annotated[bool, typer.Option("--offline", help="Download nothing; check the existing files.")]
Again = Annotated[bool, typer.Option("--again", help="Download again what exists already.")]
Listing = Annotated[bool, typer.Option("--list", help="List the archives and download nothing.")]
Tries = Annotated[
    int, typer.Option("--tries", min=1, help="Number of failed downloads in a row after which to give up.")
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout", min=0.1, max=86400, help="Seconds without data after which a download is retried (rruff)."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@data.callback()
def group() -> None:
    """Fetch public spectra, look at what is in a file or folder, write a task list that a recipe reads.

    Example: edgespec data fetch rruff --archive excellent_unoriented

    Example: edgespec data fetch raman-data chlorinated_samples

    Example: edgespec data inspect excellent_unoriented.zip --picture examples.png

    Example: edgespec data task excellent_unoriented.zip --minerals Quartz,Albite --out task.csv
    """


@data.command("fetch", short_help="Download public spectra.")
def fetch(
    source: Source,
    name: Set = "",
    archives: Archives = None,
    out: Into = None,
    base: From = None,
    offline: Offline = False,
    again: Again = False,
    listing: Listing = False,
    tries: Tries = 5,
    timeout: Timeout = 30.0,
    to_json: Json = False,
    wide: Wide = False,
) -> None:
    """Download public spectra to the folder that recipes read: archives of RRUFF, or a set of the package raman-data.

    An interrupted download is resumed. Existing files are checked by SHA-256. An archive gets its name only when it is complete.
    The usual proxy variables are respected. With --offline or EDGESPEC_OFFLINE=1 nothing is downloaded.

    Archives of rruff: excellent_unoriented, excellent_oriented, fair_unoriented, fair_oriented, poor_unoriented,
    unrated_unoriented, unrated_oriented, LR-Raman. The option --list shows their sizes.

    The package raman-data (pip install "edgespec[public]") downloads its sets from their publishers: Zenodo, Figshare, GitHub, Kaggle and
    others. Source, licence and citation are printed first.

    Example: edgespec data fetch rruff --archive excellent_unoriented --archive fair_unoriented

    plastics: infrared spectra of plastics from three laboratories, which a Python package carries; pip fetches its file (54 MB).

    Example: edgespec data fetch raman-data chlorinated_samples

    Example: edgespec data fetch plastics
    """
    from edgespec.data.fetch import sources
    from edgespec.data.fetch.download import Patience

    if source == RAMAN_DATA:
        if archives:
            raise Mistake("--archive: sets of raman-data are named without it", f"{PUBLIC} {archives[0]}")
        if listing or not name:
            _sets(to_json, wide)
        else:
            _set(name, out, offline, again, tries, to_json)
        return
    if source == PLASTICS:
        if archives or name or listing:
            raise Mistake(f"{PLASTICS} is one set: it is fetched whole", hint=f"edgespec data fetch {PLASTICS}")
        _plastics(out, offline, again, to_json)
        return
    sources.source(source)
    if name:
        raise Mistake(
            f"{source} has no set {name!r}", hint=f"edgespec data fetch {source} --archive {shlex.quote(name)}"
        )
    _archives(source, archives, out, base, offline, again, listing, Patience(tries, timeout), to_json)


def _archives(
    source: str,
    archives: list[str] | None,
    out: Path | None,
    base: str | None,
    offline: bool,
    again: bool,
    listing: bool,
    patience: Patience,
    to_json: bool,
) -> None:
    from edgespec.cli.download_progress import Loading
    from edgespec.data.fetch import sources

    offered = sources.source(source)
    if listing:
        _offered(source, to_json)
        return
    watcher, found = Loading(), []
    wanted, nothing = archives or [offered.archives[0].name], offline or sources.offline()
    try:
        for each in sources.fetch(
            source, wanted, out, watcher, base=base, offline=nothing, again=again, patience=patience
        ):
            found.append(each)
            watcher.say(_told(each))
    finally:
        watcher.stop()
    if to_json:
        as_json([{**asdict(each), "path": str(each.path)} for each in found])
        return
    for each in found:
        print(each.path)
    watcher.say(f"cite: {offered.cite}")


def _sets(to_json: bool, wide: bool) -> None:
    """Print a line on each set of raman-data; how many spectra it has is known of those that are here."""
    from edgespec.data.fetch import raman_sets

    offers, here = raman_sets.offers(), raman_sets.counts()
    if to_json:
        as_json([{**asdict(each), "spectra": here.get(each.id)} for each in offers])
        return
    from edgespec.report.tables.layout import Grid, Shape

    rows = [[e.id, e.task, str(here.get(e.id, "-")), e.host, e.licence] for e in offers]
    head = ["set", "task", "spectra", "source", "licence"]
    show(
        [
            Grid(head, rows, Shape(("set", "task", "licence", "spectra", "source"), 2, {"licence": 12})),
            "",
            "spectra: of the sets that are here; edgespec learns from those for Classification",
        ],
        wide,
    )


def _set(name: str, out: Path | None, offline: bool, again: bool, tries: int, to_json: bool) -> None:
    from edgespec.cli.download_progress import Loading
    from edgespec.data.fetch import raman_sets, sources

    watcher = Loading()
    found, about = raman_sets.fetch(
        name, out, offline=offline or sources.offline(), again=again, tries=tries, say=watcher.say
    )
    watcher.say(_told(found))
    if to_json:
        as_json({**asdict(found), "path": str(found.path)})
        return
    print(found.path)
    where = "" if out is None else f", root: {out.resolve()}"
    watcher.say(f"in a recipe: data: {{load: {{raman_data: {{dataset: {name}{where}}}}}}}")
    if about is not None:
        watcher.say(f"raman-data's own files stay in {about.cache or 'the cache of the library that fetched them'}")
        watcher.say(f"cite: {about.cite or about.source}")


def _plastics(out: Path | None, offline: bool, again: bool, to_json: bool) -> None:
    from edgespec.cli.download_progress import Loading
    from edgespec.data.fetch import sources, wheel_sets

    watcher = Loading()
    found = wheel_sets.fetch(out, offline=offline or sources.offline(), again=again, say=watcher.say)
    if to_json:
        as_json([{**asdict(each), "path": str(each.path)} for each in found])
        return
    for each, study in zip(found, wheel_sets.STUDIES, strict=True):
        watcher.say(_told(each))
        print(each.path)
        watcher.say(f"  {study.about}; cite: {study.cite}")


def _offered(source: str, to_json: bool) -> None:
    from edgespec.data.fetch import sources

    offered = sources.source(source)
    if to_json:
        as_json({"base": offered.base, "archives": [asdict(each) for each in offered.archives], "cite": offered.cite})
        return
    show_text("\n".join(sources.listed(source)))
    show_text(f"from {offered.base}\ncite: {offered.cite}")


def _told(each: Any) -> str:
    from edgespec import units

    came = "fetched" if each.now else f"came on {each.fetched[:10]}" if each.fetched else "not fetched by edgespec"
    return f"{each.path.name}: whole, {units.show_size(each.size)}, {came}, SHA-256 {each.sha256}"
