"""The package raman-data, in a process of its own: it lists its sets, or gives the arrays of one.

    python -P raman_package.py ANSWER.json list
    python -P raman_package.py ANSWER.json read ID ARRAYS.npz here|fetch TRIES

The package takes seconds to load, sets variables of its process, and one of its loaders opens pickles: none of that is to happen
where edgespec runs. With `here` no line to the network is opened; in both ways a pickle may hold numpy's arrays and nothing else.
The answer is JSON: {"sets": [...]}, {"known": [ID, ...]} for an unknown ID, or {"set": {...}} with the hosts that were asked ("asked")
and either "done" or, where more went wrong than a line that was not to be opened, "problem", "line" (was it the network?) and "disk".
"""

from __future__ import annotations

import errno
import json
import signal
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

LINES = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
HARMLESS = {"ndarray", "dtype", "scalar", "_reconstruct", "_frombuffer"}  # what a pickle of numpy's arrays names
Answer = dict[str, Any]


class Asked(BaseException):
    """A line to the network was to be opened; no loader may take that for a failure that it knows."""


def main(answer: str, what: str, *more: str) -> None:
    """Do what is asked and write the answer."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # edgespec itself tells of an interrupt
    found = listed() if what == "list" else _asked_for(*more)
    Path(answer).write_text(json.dumps(found), encoding="utf-8")


def _asked_for(name: str, arrays: str, way: str, tries: str) -> Answer:
    import raman_data  # noqa: F401  (first: what it loads may open pickles of its own)

    return read(name, arrays, int(tries), guard(here=way == "here"))


def listed() -> Answer:
    """Describe all sets of the package."""
    from raman_data import datasets

    return {"sets": [described(name) for name in datasets.list_datasets()]}


def described(name: str) -> dict[str, Any]:
    """Say what the package knows of a set before it is read: plain values."""
    from importlib.metadata import version

    from raman_data import datasets

    info = datasets.get_dataset_info(name)
    told = info.metadata
    cite = told.get("citation") or told.get("paper") or ""
    return {
        "id": name,
        "name": str(info.name),
        "task": str(info.task_type),
        "source": str(told.get("source") or ""),
        "licence": str(info.license),
        "cite": "; ".join(map(str, cite)) if isinstance(cite, list) else str(cite),
        "about": str(told.get("description") or ""),
        "samples": info.is_grouped,
        "processed": info.embedded_preprocessing,
        "cache": _cache(info.loader),
        "version": version("raman-data"),
    }


def _cache(loader: Callable[..., Any]) -> str:
    """Give the folder in which the package keeps what this loader brings, "" where it is another library's."""
    import os

    from raman_data.types import CACHE_DIR

    kind = loader.__module__.rpartition(".")[2].removesuffix("Loader")
    return os.environ.get(CACHE_DIR[kind].value, "") if kind in CACHE_DIR.__members__ else ""


def read(name: str, arrays: str, tries: int, asked: list[str]) -> Answer:
    """Have the package give a set, from what is here or by fetching it, and write its arrays; asked: as `guard` gives it."""
    from raman_data import datasets
    from raman_data.loaders.LoaderTools import LoaderTools

    if name not in datasets.list_datasets():
        return {"known": datasets.list_datasets()}
    found: Answer = {"set": described(name)}
    if found["set"]["task"] != "Classification":
        return found
    LoaderTools._MAX_RETRIES = tries
    try:
        given = datasets.load_dataset(name, None, True)
        if given is None:
            raise ValueError("its loader gave nothing")
        held: Any = packed(given)
        about = {**found["set"], "spectra": len(held["targets"])}
        np.savez(arrays, about=np.array(json.dumps(about)), **held)
    except Asked:
        pass
    except Exception as problem:  # noqa: BLE001  (a loader and the files that it reads may raise anything; it is told)
        words = f"{type(problem).__name__}: {problem}"
        line, disk = any(map(_is_line, _chain(problem))), getattr(problem, "errno", None) == errno.ENOSPC
        found |= {"problem": words, "line": line, "disk": disk}
    else:
        found["done"] = True
    return found | {"asked": list(asked)}


def packed(given: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Give the arrays of a set as the package has them, in kinds that need no pickle.

    spectra (n, points) with axis (points,); where the set has an axis a spectrum, both (values,) one behind the other, with counts (n,).
    targets: (n,) or (n, k); names: (classes,) text; groups: (n,) text, only where the package knows the physical samples
    """
    spectra, axis, targets = (np.asarray(each) for each in (given.spectra, given.raman_shifts, given.targets))
    held: dict[str, np.ndarray[Any, Any]] = {}
    if spectra.dtype == object:
        rows = [np.asarray(row, dtype=np.float64) for row in spectra]
        own = [np.asarray(row, dtype=np.float64) for row in (axis if axis.dtype == object else [axis] * len(rows))]
        if [row.shape for row in rows] != [row.shape for row in own]:
            raise ValueError("spectra and their axes differ in length")
        held["counts"] = np.array([len(row) for row in rows], dtype=np.int64)
        spectra, axis = np.concatenate(rows), np.concatenate(own)
    held |= {"spectra": spectra, "axis": axis.astype(np.float64)}
    held["targets"] = targets.astype(np.str_) if targets.dtype == object else targets
    held["names"] = np.array([str(name) for name in given.target_names or []], dtype=np.str_)
    if given.group_ids is not None:
        held["groups"] = np.asarray(given.group_ids).astype(np.str_)
    return held


def guard(*, here: bool) -> list[str]:
    """Keep pickles to numpy's arrays from now on and, with `here`, the process off the network; give the list of hosts that it asks."""
    asked: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "pickle.find_class" and not _harmless(*map(str, arguments[:2])):
            raise ValueError(f"a pickle names {arguments[0]}.{arguments[1]}: only numpy's arrays are read from pickles")
        if event in LINES or event == "urllib.Request":
            host = _host(event, arguments)
            if host and host not in asked:
                asked.append(host)
            if host and here:
                raise Asked(host)

    sys.addaudithook(hook)
    return asked


def _harmless(module: str, name: str) -> bool:
    numpys = module.partition(".")[0] == "numpy" and (name in HARMLESS or name.endswith("DType"))
    return numpys or (module, name) == ("_codecs", "encode")


def _host(event: str, arguments: tuple[Any, ...]) -> str:
    """Name the host of an event; "" for a socket of this machine alone."""
    if event == "urllib.Request":
        return urllib.parse.urlsplit(str(arguments[0])).hostname or ""
    place = arguments[-1] if event in ("socket.connect", "socket.sendto") else arguments[0]
    if isinstance(place, tuple):
        return str(place[0])
    if event in ("socket.connect", "socket.sendto"):
        return ""
    return place.decode("ascii", "replace") if isinstance(place, bytes) else str(place or "")


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def _is_line(problem: BaseException) -> bool:
    """Tell whether something went wrong between here and a server."""
    import requests

    return isinstance(problem, (requests.exceptions.RequestException, ConnectionError, TimeoutError))


if __name__ == "__main__":
    main(*sys.argv[1:])
