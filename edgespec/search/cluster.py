"""Trainings as tasks of a Dask cluster: each is one command of edgespec on one thread of a worker, whose result comes back whole.

Workers share no folder with this machine. The recipe, networks beside it and files that it names by a relative path are sent; the
worker runs the command in a folder of its own and sends back what the command wrote. A task whose worker dies is done again by Dask.
"""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgespec import own_code, report, storage
from edgespec import recipe as recipes
from edgespec.data.readers.locate import places
from edgespec.errors import EdgespecError, Mismatch, Missing, Mistake, Unreachable
from edgespec.job import Progress
from edgespec.pipeline import provenance, up_to_date
from edgespec.recipe import Recipe, place, plain
from edgespec.recipe.plan import load_call
from edgespec.search import remote_task

PATIENCE_S = 15
SENT = 100_000_000  # bytes beside a recipe
FOLDER, RESULT = "_recipe", "_result"
SAME = ("python", "dask", "distributed", "cloudpickle", "msgpack")  # what Dask's own messages depend on
INSTALL = 'pip install "edgespec[cluster]"'
BUG = 70


@dataclass(frozen=True)
class Task:
    """One command for a worker. name: as people are told; words: `{recipe}` and `{result}` stand for paths there; take: gets the zip"""

    name: str
    recipe: Recipe
    words: tuple[str, ...]
    take: Callable[[bytes], None]


@dataclass(frozen=True)
class Training:
    """A run that is wanted. change: to the recipe, as `--set` takes them; folder: of the run"""

    recipe: Path
    change: tuple[str, ...]
    folder: Path


def compress(wanted: Sequence[Training], address: str, out: Path, progress: Progress) -> None:
    """Have every run that is not finished in its folder made by the workers; `edgespec compress` finds all of them finished.

    out: a folder around them all, which one process at a time fills
    Raises Missing without Dask; Unreachable where scheduler or workers are gone; Mismatch where a worker has other code, versions or
    data; EdgespecError with the exit code of a run that failed.
    """
    _distributed()
    with storage.lock(out):
        tasks = [task for each in wanted if (task := _training(each)) is not None]
        run(tasks, address, progress)


def run(tasks: Sequence[Task], address: str, progress: Progress) -> None:
    """Have tasks done; each is taken here as soon as its result has come."""
    if not tasks:
        return
    distributed = _distributed()
    mine = remote_task.facts()
    with _client(distributed, address) as client:
        _check(client, mine, address, progress)
        progress.begin(f"tasks at {address}", len(tasks))
        waiting = {}
        for each in tasks:
            waiting[client.submit(_sent(), _request(each, mine), pure=False, key=None)] = each
        try:
            for done, future in enumerate(distributed.as_completed(list(waiting)), start=1):
                each = waiting[future]
                found = _outcome(future, each, address)
                _refuse(found, each, progress)
                each.take(found["content"])
                progress.advance(done, f"{each.name} at {found['host']}")
        finally:
            with contextlib.suppress(Exception):
                client.cancel(list(waiting))  # what is under way there is ended
    progress.end()


def _training(wanted: Training) -> Task | None:
    """Give the task of a run, None where it is finished."""
    written = recipes.load(wanted.recipe, list(wanted.change))
    with own_code.of(written.path):
        if up_to_date.look(written, wanted.folder, None) is not None:
            return None
        call, axis = load_call(written)
        from edgespec import datasets

        spectra = datasets.load(call, axis=axis, seed=written.tree.get("seed", 0))
        truth = up_to_date.fingerprint(written, spectra, None)

    def take(content: bytes) -> None:
        with storage.whole_folder(wanted.folder) as part:
            remote_task.unpack(content, part)
            made = report.read(part)
            if made.finished != truth:
                other = made.data["digest"] != up_to_date.data_digest(spectra)
                what = "other data" if other else "other files that the recipe names"
                hint = "the same data on every host (EDGESPEC_DATA); files by a relative path are sent from here"
                raise Mismatch(f"{wanted.folder}: the worker had {what} than this machine", hint)
            made.recipe_file = place.of(written.path)  # there it lay in a folder of the worker's
            report.write(made, part)

    sets = [f"--set={change}" for change in wanted.change]
    return Task(str(wanted.folder), written, ("compress", "{recipe}", *sets, "--out", "{result}"), take)


def _request(task: Task, mine: dict[str, str]) -> dict[str, Any]:
    name = f"{FOLDER}/{task.recipe.path.name}"
    words = [word.format(recipe=name, result=RESULT) if word.startswith("{") else word for word in task.words]
    usual = next((str(place) for place in places()), "")
    env = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"), "data": str(Path(usual).resolve())}
    return {"facts": mine, "words": words, "files": files(task.recipe), "result": RESULT, "env": env}


def files(recipe: Recipe) -> dict[str, bytes]:
    """Give what a worker needs beside its data: the recipe, its own networks, and files that it names by a relative path.

    Raises Mistake for a path above the working folder, and for more than 100 MB.
    """
    found = {f"{FOLDER}/{recipe.path.name}": recipe.path.read_bytes()}
    tree = plain(recipe.tree)
    with own_code.of(recipe.path):
        found |= {f"{FOLDER}/{name}": own_code.source(name) for name in provenance.own_names(tree)}
    for path in provenance.files_outside(tree.get("steps")):
        if path.is_absolute():
            continue  # a folder that the worker sees too, or its run says what it lacks
        if ".." in path.parts:
            raise Mistake(
                f"{path} lies above this folder, so it is not sent", hint="an absolute path on a shared folder"
            )
        found[path.as_posix()] = path.read_bytes()
    total = sum(map(len, found.values()))
    if total > SENT:
        hint = "an absolute path on a folder that all hosts share"
        raise Mistake(f"{recipe.path} names files of {total / 1e6:.0f} MB; at most {SENT // 10**6} MB are sent", hint)
    return found


def _sent() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Give the function that Dask carries by value, as it does local ones: a worker without edgespec can answer it."""

    def work(asked: dict[str, Any]) -> dict[str, Any]:
        import socket

        try:
            from edgespec.search import remote_task
        except ImportError as problem:
            return {"host": socket.gethostname(), "lacks": str(problem)}
        return remote_task.work(asked)

    return work


def _check(client: Any, mine: dict[str, str], address: str, progress: Progress) -> None:
    """Raise Mismatch where Dask or a worker that is there differs; say where none is there. A worker that comes later is checked by its task."""
    told = client.get_versions()
    here = _versions(told["client"])
    for where, theirs in {"the scheduler": told["scheduler"], **told["workers"]}.items():
        differs = {key: (value, here[key]) for key, value in _versions(theirs).items() if value != here.get(key)}
        if differs:
            raise _differs(f"{where} at {address}" if where == "the scheduler" else f"worker {where}", differs)
    answers = client.run(_sent(), {"facts": mine})
    if not answers:
        progress.say(f"{address} has no worker yet: tasks wait for the first (dask worker {address})")
    own = remote_task.arithmetic()
    for where, found in answers.items():
        _same(found, f"worker {where}")
        if found["arithmetic"] != own:
            told_ = f"worker {where} computes with {found['arithmetic']}, this machine with {own}"
            progress.say(f"{told_}: last digits may differ from those of a run here")


def _versions(told: dict[str, Any]) -> dict[str, str]:
    known = {**told["packages"], "python": ".".join(map(str, str(told["host"]["python"]).split(".")[:2]))}
    return {key: str(known[key]) for key in SAME if key in known}


def _same(found: dict[str, Any], who: str) -> None:
    if "lacks" in found:
        hint = f"on every host, in the environment of its workers: {INSTALL}, of this version"
        raise Missing(f"{who} on {found['host']} has no edgespec that works: {found['lacks']}", hint)
    if found["differs"]:
        raise _differs(f"{who} on {found['host']}", found["differs"])


def _differs(who: str, differs: dict[str, tuple[Any, Any]]) -> Mismatch:
    what = ", ".join(f"{key} {there} (here {here})" for key, (there, here) in differs.items())
    return Mismatch(
        f"{who} is not as this machine: {what}", hint="the same environment on every host, then start again"
    )


def _outcome(future: Any, task: Task, address: str) -> dict[str, Any]:
    """Give what a worker sent; raise what kept it from that."""
    if future.status == "cancelled":
        hint = "start it and repeat the command: runs that are finished are kept"
        raise Unreachable(f"the scheduler at {address} is gone", hint)
    problem = future.exception()
    if problem is None:
        return dict(future.result())
    if type(problem).__name__ == "KilledWorker":
        hint = "is there memory enough for so many threads a worker? dask worker --nthreads 1; its log says more"
        raise Unreachable(f"{task.name}: each worker that took it up died", hint)
    raise problem


def _refuse(found: dict[str, Any], task: Task, progress: Progress) -> None:
    """Raise an error where a worker could not run the command, or the command failed."""
    _same(found, "a worker")
    if found["content"] is not None:
        return
    for line in found["told"].splitlines():
        progress.say(f"{found['host']}: {line}")
    problem = EdgespecError(
        f"{task.name}: edgespec {task.words[0]} on {found['host']} ended with code {found['code']}, as told above",
        hint="mend that and repeat: runs that are finished are kept",
    )
    problem.exit_code = found["code"] if found["code"] > 0 else BUG
    raise problem


@contextlib.contextmanager
def _client(distributed: Any, address: str) -> Iterator[Any]:
    """Connect to the scheduler. Raises Mistake for what is no address, Unreachable where nobody answers as a scheduler does."""
    log = logging.getLogger("distributed")
    level = log.level
    log.setLevel(logging.CRITICAL)  # what goes wrong is told here, once
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # versions are compared below; a recipe of megabytes is sent knowingly
            try:
                client = distributed.Client(address, timeout=PATIENCE_S)
            except ValueError as problem:
                raise Mistake(f"--scheduler {address}: {problem}", hint="such as tcp://node1:8786") from None
            except OSError as problem:
                hint = f"dask scheduler on that host, then dask worker {address} on each that is to work"
                raise Unreachable(f"no scheduler answers at {address}: {problem}", hint) from None
            try:
                yield client
            finally:
                client.close(timeout=2)
    finally:
        log.setLevel(level)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as problem:
        raise Missing(f"--scheduler needs Dask: {problem}", hint=INSTALL) from None
    return distributed
