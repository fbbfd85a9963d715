"""Public sets of spectra by name, through the package raman-data: which there are, what is here, and fetching one.

M. Koddenbrock, O. Fulde, R. Koch, raman-data 1.7, the data sets of RamanBench. The package knows where each set lies and how
its files are read; edgespec keeps the arrays that the package gives, so that a recipe needs neither the package nor the network.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edgespec import storage
from edgespec.data.checks import targets
from edgespec.data.fetch import receipt, sources
from edgespec.data.fetch.sources import Here
from edgespec.data.readers import locate, public_set
from edgespec.errors import EdgespecError, Missing, Mistake, StorageError, Unreachable
from edgespec.plugins import did_you_mean

NAME = "raman-data"
PACKAGE = "raman_data"
EXTRA = 'pip install "edgespec[public]"'
PROGRAM = Path(__file__).with_name("raman_package.py")
CLASSES = "Classification"
LONGEST_S = 3600  # for reading what is here
# SpectroChemPy, by which some sets are read, asks PyPI for a newer version and downloads its test data unless it builds its documents.
QUIET = {"DO_NOT_TRACK": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DOC_BUILDING": "1", "MPLBACKEND": "Agg"}
HERE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


@dataclass(frozen=True)
class Offer:
    """What raman-data says of a set before it is read: see `raman_package.described`."""

    id: str
    name: str
    task: str
    source: str
    licence: str
    cite: str
    about: str
    samples: bool | None
    processed: str | None
    cache: str
    version: str

    def told(self) -> str:
        """Say what would be fetched and from whom."""
        size = "raman-data does not state its size"
        return f"{self.name}, from {self.source or 'an unknown place'}, licence: {self.licence}, cite: {self.cite or '-'}; {size}"

    @property
    def host(self) -> str:
        """The server, or what the package says instead of an address."""
        return urlsplit(self.source).hostname or self.source


def offers() -> list[Offer]:
    """List all sets of the package, those of classes first; a version of it is asked once. Raises Missing where it is not installed."""
    version = importlib.metadata.version(NAME) if installed() else ""
    key = storage.digest(version, os.path.expanduser("~"), storage.file_digest(PROGRAM))
    path = storage.home() / "raman-data" / f"{key}.json"
    try:
        found = [Offer(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        found = [Offer(**each) for each in _ask("list")["sets"]]
        with contextlib.suppress(OSError):  # not writable, or full: the list itself is here
            storage.write_json(path, [asdict(each) for each in found])
    return sorted(found, key=lambda each: (each.task != CLASSES, each.id))


def find(name: str, root: str | None) -> Path:
    """Give the file of a set's arrays: what was fetched, else what the package reads from its own cache with no line to the network.

    root: the only place to look below, where it is given
    Raises locate.NotFound (exit 3) for a set that is not here or where the package is not installed, Mistake for an unknown set, for one
    that is no set of classes and for one that the package cannot read.
    """
    file = _file(name)
    try:
        return locate.find(file, root, NAME)
    except locate.NotFound:
        pass
    if not installed():
        told = f"the data set {name} is not here, and the package raman-data, which could read it, is not installed"
        raise locate.NotFound(name, told, f"{EXTRA}, then edgespec data fetch raman-data {name}")
    goal = sources.folder(NAME) / file
    answer = _read(name, goal, "here", 1)
    if answer.get("done"):
        return goal
    if "problem" in answer:
        raise _unread(name, answer)
    offer = Offer(**answer["set"])
    told = f"{name} is not in raman-data's cache ({_kept(answer)}), and nothing is fetched unasked"
    raise locate.NotFound(name, told, f"edgespec data fetch raman-data {name} fetches {offer.told()}")


def fetch(
    name: str, into: Path | None, *, offline: bool, again: bool, tries: int, say: Callable[[str], None]
) -> tuple[Here, Offer | None]:
    """Bring a set here through the package and keep its arrays, or check those that are here.

    into: the folder; None is where recipes look. tries: of the package, at a line that fails
    Raises Missing (exit 3) offline, Unreachable (exit 6) where the set's server gives nothing, Mismatch (exit 4) for a file that has changed.
    """
    file = _file(name)
    usual = [place / file for place in ([into] if into else locate.places(NAME))]
    there = next((path for path in usual if path.exists()), None)
    if there is not None and not again:
        known = receipt.read(there) or receipt.made(there, "")
        receipt.check(there, known)
        public_set.read(there)
        return Here(name, there, **asdict(known), now=False), None
    if offline:
        path = find(name, None if into is None else str(into.resolve()))
        return Here(name, path, **asdict(receipt.made(path, "")), now=False), None
    goal = there or (into or sources.folder(NAME)) / file
    offer = _offer(name)
    say(f"{name}: fetching {offer.told()}")
    answer = _read(name, goal, "fetch", tries)
    if not answer.get("done"):
        raise _failed(offer, answer)
    hosts = ", ".join(answer["asked"])
    say(f"{name}: from {hosts}" if hosts else f"{name}: nothing was fetched, it lay in {_kept(answer)}")
    found = receipt.made(goal, offer.source)
    receipt.write(goal, found)
    public_set.read(goal)
    return Here(name, goal, **asdict(found), now=True), offer


def counts() -> dict[str, int]:
    """Count the spectra of the sets that are here; one that is damaged is told when it is read."""
    found: dict[str, int] = {}
    for place in locate.places(NAME):
        for path in sorted(place.glob("*.npz")) if place.name == NAME else []:
            with contextlib.suppress(EdgespecError):
                found.setdefault(path.stem, int(public_set.about(path)["spectra"]))
    return found


def installed() -> bool:
    """Tell whether the package can be loaded."""
    return importlib.util.find_spec(PACKAGE) is not None


def _file(name: str) -> str:
    if not name or name.startswith(".") or not name.isprintable() or {"/", "\\"} & set(name):
        raise Mistake(
            f"raman_data: {name!r} is not a name of a data set", hint="edgespec data fetch raman-data lists them"
        )
    return f"{name}.npz"


def _offer(name: str) -> Offer:
    every = {each.id: each for each in offers()}
    if name not in every:
        raise _unknown(name, list(every))
    _check_task(every[name].id, every[name].task)
    return every[name]


def _unknown(name: str, known: list[str]) -> Mistake:
    near = did_you_mean(name, known)
    hint = near if near.startswith("did you mean") else f"edgespec data fetch raman-data lists its {len(known)} sets"
    return Mistake(f"raman-data has no data set {name!r}", hint)


def _check_task(name: str, task: str) -> None:
    if task != CLASSES:
        raise Mistake(
            f"{name} is a set of raman-data for the task {task}; {targets.SUPPORTED}",
            hint="edgespec data fetch raman-data lists the sets for Classification",
        )


def _read(name: str, goal: Path, way: str, tries: int) -> dict[str, Any]:
    """Have the package read or fetch a set; its arrays take their name only when they are whole."""
    goal.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=goal.parent, prefix=f".{goal.stem}.") as folder:
        arrays = Path(folder) / goal.name
        answer = _ask("read", name, str(arrays), way, str(tries))
        if "known" in answer:
            raise _unknown(name, answer["known"])
        _check_task(name, answer["set"]["task"])
        if answer.get("disk"):
            raise StorageError(f"{name}: {_words(answer)}", hint="make room, or name another place with --out")
        if answer.get("done"):
            public_set.read(arrays)  # what is no set of classes takes no name
            receipt.place(goal).unlink(missing_ok=True)  # of the file that is replaced
            storage.replace(arrays, goal)
    return answer


def _failed(offer: Offer, answer: dict[str, Any]) -> EdgespecError:
    hosts = ", ".join(answer["asked"]) or offer.host
    kept = f"what the package has brought so far lies in {_kept(answer)}"
    if answer["line"]:
        hint = f"is the network there, does the server want a login? {kept}; the same command tries again"
        return Unreachable(f"{offer.id}: {hosts} gave nothing: {_words(answer)}", hint)
    if answer["asked"]:
        told = f"{offer.id}: raman-data asked {hosts} and has no spectra of it: {_words(answer)}"
        return Unreachable(told, f"{kept}; the same command tries again")
    return _unread(offer.id, answer)


def _unread(name: str, answer: dict[str, Any]) -> Mistake:
    hint = f"files there are absent or damaged: add or remove them by hand, then edgespec data fetch raman-data {name}"
    return Mistake(f"{name}: raman-data cannot read what is in {_kept(answer)}: {_words(answer)}", hint)


def _kept(answer: dict[str, Any]) -> str:
    return answer["set"]["cache"] or "the cache of the library that fetches it"


def _words(answer: dict[str, Any]) -> str:
    """Quote the package: others chose these words, and some are pages long."""
    text = " ".join(str(answer["problem"]).split())
    return text if len(text) <= 400 else f"{text[:400]} ..."


def _ask(what: str, *more: str) -> dict[str, Any]:
    """Run the package in a process of its own. Raises Missing where it does not load, Mistake where it takes too long."""
    if not installed():
        raise Missing("the package raman-data is not installed", hint=EXTRA)
    here = "here" in more[2:3]
    told = None if "fetch" in more[2:3] and sys.stderr.isatty() else subprocess.PIPE
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-P", str(PROGRAM), str(answer), what, *more]
        try:
            ended = subprocess.run(
                command, env={**os.environ, **QUIET, **(HERE if here else {})}, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=told, timeout=LONGEST_S if here else None, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Mistake(f"raman-data did not read {more[0]} within {LONGEST_S / 60:g} minutes", "fetch it") from None
        if ended.returncode == 0 and answer.exists():
            found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
            return found
    lines = (ended.stderr or b"").decode("utf-8", "replace").strip().splitlines() or [f"exit code {ended.returncode}"]
    raise Missing(f"the package raman-data ended early: {lines[-1][:400]}", hint=f"does it load? {EXTRA}")
