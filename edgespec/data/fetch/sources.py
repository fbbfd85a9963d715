"""Public archives that a command can fetch, and where they lie once they are here."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from edgespec import plugins, storage, units
from edgespec.data.fetch import download, receipt
from edgespec.data.fetch.download import Patience, Watcher
from edgespec.data.readers import archives as archive_files
from edgespec.data.readers import locate
from edgespec.errors import Missing, Mistake


@dataclass(frozen=True)
class Archive:
    """One archive on offer: its name, about how many bytes and spectra it held when it was last counted, and what is in it."""

    name: str
    size: float
    spectra: int
    about: str


@dataclass(frozen=True)
class Source:
    """Who offers archives: the folder of the web that holds them, and what it is to be cited as."""

    base: str
    archives: tuple[Archive, ...]
    cite: str


# Bases, names, sizes and counts as public programs that fetched them in 2026 state them; RRUFF packs them anew now and then.
SOURCES = {
    "rruff": Source(
        base="https://www.rruff.net/zipped_data_files/raman/",
        archives=(
            Archive("excellent_unoriented", 241e6, 11415, "best quality, crystals as they lay; RAW and Processed"),
            Archive("excellent_oriented", 81e6, 7668, "best quality, crystals turned to known angles"),
            Archive("fair_unoriented", 62e6, 2951, "fair quality, as they lay"),
            Archive("fair_oriented", 0.28e6, 25, "fair quality, turned"),
            Archive("poor_unoriented", 35e6, 1639, "poor quality, as they lay"),
            Archive("unrated_unoriented", 13e6, 639, "quality not judged, as they lay"),
            Archive("unrated_oriented", 41e6, 3778, "quality not judged, turned"),
            Archive("LR-Raman", 238e6, 9941, "broad scans of low resolution"),
        ),
        cite="B. Lafuente, R. T. Downs, H. Yang, N. Stone (2015), The power of databases: the RRUFF project, "
        "in Highlights in Mineralogical Crystallography, De Gruyter, pp. 1-30",
    ),
}


@dataclass(frozen=True)
class Here:
    """An archive that is at hand: its place, its checksum, where it came from ("" where nobody knows), whether just now."""

    name: str
    path: Path
    sha256: str
    size: int
    address: str
    fetched: str
    now: bool


def source(name: str) -> Source:
    """Give the source that is `name`, or say what was meant."""
    if name not in SOURCES:
        raise Mistake(
            f"nobody named {name!r} offers data", hint=plugins.did_you_mean(name, [*SOURCES, "raman-data", "plastics"])
        )
    return SOURCES[name]


def folder(name: str) -> Path:
    """Give the folder that a source's archives go to: the first of those in which recipes look that may be written."""
    usual = [base / name for base in locate.places()]
    return next((place for place in usual if _writable(place)), usual[0])


def fetch(
    name: str,
    archives: Iterable[str],
    into: Path | None,
    watcher: Watcher,
    *,
    base: str | None = None,
    offline: bool = False,
    again: bool = False,
    patience: Patience | None = None,
) -> Iterator[Here]:
    """Bring archives of a source here, one after the other; what is here and whole is only checked.

    into: the folder; None is where recipes look. base: another address than the source's own, such as a mirror.
    offline: fetch nothing; Missing (exit 3) if need be. again: fetch also what is here.
    Raises what `download.fetch` does, Mismatch (exit 4) for a file that has changed since it came, StorageError (exit 8)
    where another process is at work in the folder.
    """
    offered = source(name)
    where = _base(base or offered.base)
    wanted = [_file(offered, archive) for archive in dict.fromkeys(archives)]
    for file in wanted:
        there = _here(file, [into] if into else locate.places(name))
        goal = into or (there.parent if there and again else folder(name))  # a second copy elsewhere would not be read
        address = urllib.parse.urljoin(where, urllib.parse.quote(file))
        here = None if again else there
        if here is None and offline:
            raise Missing(
                f"{file} is not in {goal}, and nothing is fetched offline",
                hint=f"without --offline and EDGESPEC_OFFLINE, or put there by hand what {address} offers",
            )
        if here is None:
            with storage.lock(goal):
                here = None if again else _here(file, [goal])  # another process may just have brought it
                if here is None:
                    made = download.fetch(address, goal / file, archive_files.check, watcher, patience)
                    yield Here(Path(file).stem, goal / file, **asdict(made), now=True)
                    continue
        yield _kept(here)


def offline() -> bool:
    """Tell whether EDGESPEC_OFFLINE forbids to fetch anything."""
    return os.environ.get("EDGESPEC_OFFLINE", "") not in ("", "0")


def _here(file: str, places: Iterable[Path]) -> Path | None:
    return next((place / file for place in places if (place / file).exists()), None)


def _writable(place: Path) -> bool:
    """Tell whether a folder may be written, or made where it is not."""
    standing = next(each for each in (place, *place.parents) if each.exists())
    return standing.is_dir() and os.access(standing, os.W_OK)


def _kept(path: Path) -> Here:
    known = receipt.read(path)
    if known is not None:
        receipt.check(path, known)
        return Here(path.stem, path, **asdict(known), now=False)
    try:
        archive_files.check(path)  # put there by hand: of its content only the archive itself can tell
    except Mistake as wrong:
        raise Mistake(wrong.message, hint="--again fetches it in its place") from wrong
    return Here(path.stem, path, storage.file_digest(path), path.stat().st_size, "", "", now=False)


def _base(address: str) -> str:
    try:
        parts = urllib.parse.urlsplit(address)
        asked = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no number of a port, brackets that stay open
        asked = False
    if asked and "@" in parts.netloc:  # it would be recorded beside each file
        raise Mistake(
            "--from: an address with a name or password in it", hint="https://host/folder/, a server that asks for none"
        )
    if not asked or parts.query or parts.fragment or not address.isascii() or " " in address:
        hint = "https://host/folder/; other letters than a to z as %C3%A4, a host with such letters as xn--..."
        raise Mistake(f"--from: {address!r} is not an address of a web server's folder", hint)
    return address if address.endswith("/") else f"{address}/"


def _file(offered: Source, archive: str) -> str:
    known = [each.name for each in offered.archives]
    name = archive.removesuffix(".zip")
    if name not in known:
        raise Mistake(f"there is no archive {archive!r}", hint=plugins.did_you_mean(name, known))
    return f"{name}.zip"


def listed(name: str) -> list[str]:
    """Give a line on each archive of a source."""
    return [
        f"{each.name:22} {units.show_size(each.size):>7} {each.spectra:6} spectra  {each.about}"
        for each in source(name).archives
    ]
