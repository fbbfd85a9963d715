"""One step of a run: kept where it is there already, taken from a store where another run made the very same, else made.

What a step leaves says nothing of the test part until it is judged; a run that searches makes many and has few judged.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgespec import artifact as artifacts
from edgespec import plugins, report, storage
from edgespec.artifact import Artifact
from edgespec.job import ENDING, Job, Unfinished
from edgespec.pipeline import provenance
from edgespec.pipeline.up_to_date import data_digest
from edgespec.recipe import Call, plain
from edgespec.report import Row


@dataclass(frozen=True)
class Made:
    """A finished step: what it left, its record, whether it was there already; rows is None where nobody judged it yet."""

    artifact: Artifact
    record: dict[str, Any]
    kept: bool
    rows: list[Row] | None = None

    @property
    def digest(self) -> str:
        """Digest of all that made it."""
        return str(self.record["digest"])

    def judged(self, rows: list[Row]) -> Made:
        """Write the rows into the record, and give the step with them."""
        record = {**self.record, "rows": [vars(row) for row in rows]}
        artifacts.seal(self.artifact, record)
        return Made(self.artifact, record, self.kept, rows)


@dataclass(frozen=True)
class Store:
    """Finished steps that several runs share, each under its digest; folders are linked file by file, none is written twice."""

    folder: Path

    def take(self, digest: str, folder: Path) -> None:
        """Put the step there if it is in the store and whole."""
        if kept(self.folder / digest, digest) is not None:
            with storage.whole_folder(folder) as part:
                shutil.rmtree(part)
                shutil.copytree(self.folder / digest, part, copy_function=_link)

    def give(self, digest: str, folder: Path) -> None:
        """Put a finished step into the store; whoever comes second finds it there."""
        part = self.folder / f"{digest}.{os.getpid()}.part"
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(folder, part, copy_function=_link)
        try:
            os.rename(part, self.folder / digest)
        except OSError:  # it is there; or a damaged one is, and then `take` leaves it alone
            shutil.rmtree(part)


def step(
    job: Job, call: Call, number: int, before: Artifact | None, parent: str, folder: Path, store: Store | None = None
) -> Made:
    """Give a step of a run, made only where neither the run's folder nor the store has it.

    parent: digest of the step before, or of what all steps share; folder: the run's
    """
    name = f"{number}-{call.name}"
    code = provenance.code_digest(call)
    key = storage.digest(number, call.plain(), parent, code, provenance.versions(), provenance.outside(call))
    record = {"step": call.name, "number": number, "keys": plain(call.keys), "digest": key, "parent": parent}
    record |= {"code": code, "seed": job.seed, "data": job.spectra.source}
    if store is None:
        return _here(job, name, key, folder) or _made(job, call, name, before, folder, record)
    with storage.turn(store.folder / f".{key}.lock"):  # nobody makes a step that another is making
        if kept(folder / name, key) is None:
            store.take(key, folder / name)
        found = _here(job, name, key, folder)
        if found is None:
            found = _made(job, call, name, before, folder, record)
            store.give(key, folder / name)
        return found


def kept(folder: Path, digest: str) -> Made | None:
    """Give what a step left before, where it is whole and made by the very same."""
    try:
        found, record = artifacts.read(folder)
        if record["digest"] == digest:
            rows = record.pop("rows")
            del record["artifact"], record["files"], record["schema"]
            return Made(found, record, True, None if rows is None else [Row(**row) for row in rows])
    except (*artifacts.UNUSABLE, KeyError, TypeError):
        return None  # damaged or of another format: it is made anew
    return None


def shared(job: Job) -> str:
    """Digest what all steps of a run share: the data, how they are divided, prepared and varied, the seed."""
    splits = [each for part in (job.splits.train, job.splits.valid) for name in part for each in (name, part[name])]
    more = (plain(list(job.preprocess)), plain(job.augment), job.seed)
    unknown = "" if job.unknown is None else data_digest(job.unknown)
    return storage.digest(data_digest(job.spectra), *splits, job.splits.test, *more, unknown)


def _here(job: Job, name: str, key: str, folder: Path) -> Made | None:
    found = kept(folder / name, key)
    if found is not None:
        job.progress.say(f"{name}: kept")
        shutil.rmtree(folder / f"{name}{ENDING}", ignore_errors=True)  # ended between the step's name and this
    return found


def _made(job: Job, call: Call, name: str, before: Artifact | None, folder: Path, record: dict[str, Any]) -> Made:
    if why := _otherwise(folder / name, record):
        job.progress.say(f"{name}: made anew, {why}")
    started = time.monotonic()
    unfinished = Unfinished(folder / f"{name}{ENDING}", record["digest"], job.progress.say)
    with storage.whole_folder(folder / name) as part:
        run = plugins.find("steps", call.name).run
        own = replace(job, folder=part, unfinished=unfinished)
        left: Artifact = run(own, *([] if before is None else [before]), **call.keys)
        record = {**record, "seconds": round(time.monotonic() - started, 2)}
        artifacts.seal(left, {**record, "rows": None})
        report.release(folder, name)
    unfinished.forget()
    return Made(artifacts.moved(left, folder / name), record, False)


def _otherwise(folder: Path, record: dict[str, Any]) -> str:
    """Say why a step that is there already is not this one; "" where none is there."""
    if not folder.exists():
        return ""
    try:
        _, before = artifacts.read(folder)
    except artifacts.UNUSABLE as damage:
        return f"{damage.message}"
    told = {
        "keys": "its keys have changed",
        "seed": "the seed has changed",
        "parent": "what stands before it has changed",
        "code": "the code of edgespec has changed",
    }
    changed = [key for key in told if before.get(key) != record[key]]
    if "seed" in changed and "parent" in changed:
        changed.remove("parent")  # it holds the seed
    words = [told[key] for key in changed]
    return " and ".join(words) or "library versions, or files outside the run, have changed"


def _link(source: str, target: str) -> None:
    """Link a file, or copy it where the disk can't link; every writer here replaces files, so a link is never written through."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
