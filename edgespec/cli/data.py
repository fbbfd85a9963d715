"""`edgespec data`: fetch public spectra, look at spectra, write a task list of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from edgespec.cli.console import as_json
from edgespec.cli.program import app

data = typer.Typer(add_completion=False, rich_markup_mode=None)
app.add_typer(data, name="data", short_help="Fetch public spectra, look at spectra, write task lists.")

Source = Annotated[str, typer.Argument(help="Who offers them: rruff.")]
Archives = Annotated[
    list[str] | None,
    typer.Option("--archive", metavar="NAME", help="Which archive, once for each; excellent_unoriented if not said."),
]
Into = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for them; if not said, where recipes look: EDGESPEC_DATA/rruff or the cache."),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from", envvar="EDGESPEC_RRUFF", metavar="ADDRESS", help="Another server's folder, such as a mirror."
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Fetch nothing: only check what is there.")]
Again = Annotated[bool, typer.Option("--again", help="Fetch also what is there already.")]
Listing = Annotated[bool, typer.Option("--list", help="List the archives on offer, and fetch nothing.")]
Tries = Annotated[int, typer.Option("--tries", min=1, help="Tries in a row that may bring nothing new.")]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, max=86400, help="Seconds of silence that end a try.")]
Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@data.callback()
def group() -> None:
    """Fetch public spectra, look at what is in a file or folder, write a task list that a recipe reads.

    Example: edgespec data fetch rruff --archive excellent_unoriented

    Example: edgespec data inspect excellent_unoriented.zip --picture examples.png

    Example: edgespec data task excellent_unoriented.zip --minerals Quartz,Albite --out task.csv
    """


@data.command("fetch", short_help="Fetch archives of public spectra.")
def fetch(
    source: Source,
    archives: Archives = None,
    out: Into = None,
    base: From = None,
    offline: Offline = False,
    again: Again = False,
    listing: Listing = False,
    tries: Tries = 5,
    timeout: Timeout = 30.0,
    to_json: Json = False,
) -> None:
    """Fetch archives of public spectra into the folder in which recipes look for them.

    What was cut is gone on with, what is there is checked against the SHA-256 recorded beside it, and an archive
    appears under its name only when it is whole. The usual proxy variables count; with --offline or
    EDGESPEC_OFFLINE=1 nothing is fetched.

    Archives of rruff: excellent_unoriented, excellent_oriented, fair_unoriented, fair_oriented, poor_unoriented,
    unrated_unoriented, unrated_oriented, LR-Raman; --list says how large each is.

    Example: edgespec data fetch rruff --archive excellent_unoriented --archive fair_unoriented
    """
    from edgespec.cli.download_progress import Loading
    from edgespec.data.fetch import sources
    from edgespec.data.fetch.download import Patience

    offered = sources.source(source)
    if listing:
        _offered(source, to_json)
        return
    watcher, found = Loading(), []
    try:
        for each in sources.fetch(
            source,
            archives or [offered.archives[0].name],
            out,
            watcher,
            base=base,
            offline=offline or sources.offline(),
            again=again,
            patience=Patience(tries, timeout),
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


def _offered(source: str, to_json: bool) -> None:
    from edgespec.data.fetch import sources

    offered = sources.source(source)
    if to_json:
        as_json({"base": offered.base, "archives": [asdict(each) for each in offered.archives], "cite": offered.cite})
        return
    print("\n".join(sources.listed(source)))
    print(f"from {offered.base}\ncite: {offered.cite}")


def _told(each: Any) -> str:
    from edgespec import units

    came = "fetched" if each.now else f"came on {each.fetched[:10]}" if each.fetched else "not fetched by edgespec"
    return f"{each.path.name}: whole, {units.show_size(each.size)}, {came}, SHA-256 {each.sha256}"
