"""Kill each command at random moments: is anything lost, is anything half-written, and does the same command end well afterwards?

    python -m benchmarks.robustness.kills [--kills 60] [--command NAME]... [--seed 0]

compress, bench, export, search and fetch (from a server of this machine) are started so many times on a copy of a small run and end by SIGKILL after
a random share of the time that the undisturbed command took. Judged is, each time: what lies there under a final name is whole (report.json reads,
every digest fits, the archive has its length); the same command, started again, ends well; what it leaves has the bytes of the undisturbed run where
the command is deterministic; and no `.part`, `.old` or `.bench-*` is left after it.
Adds the account to benchmarks/results/robustness/kills.json (another --seed, other moments); ends with 1 where anything failed.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import http.server
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.robustness.faults import STRAY, TINY
from benchmarks.tools.results import RESULTS
from edgespec import report, storage
from edgespec.errors import EdgespecError
from edgespec.pipeline import integrity, provenance

FILE = RESULTS / "robustness" / "kills.json"
ARCHIVE = 24 * 2**20


@dataclass(frozen=True)
class Subject:
    """A command to kill: its words, whether it starts from a finished run, and what must be the same afterwards."""

    words: list[str]
    on_run: bool
    same: Callable[[Path], dict[str, str]]


def models(folder: Path) -> dict[str, str]:
    """Digest the model files of the run."""
    files = [*folder.glob("run/[0-9]*/*.onnx"), *folder.glob("run/[0-9]*/*.safetensors")]
    return {path.relative_to(folder).as_posix(): digest(path) for path in sorted(files)}


def bundle(folder: Path) -> dict[str, str]:
    """Digest the bundle's model and contract."""
    return {name: digest(folder / "bundle" / name) for name in ("model.onnx", "contract.json", "SHA256SUMS")}


def archive(folder: Path) -> dict[str, str]:
    """Digest the archive that was fetched."""
    return {path.name: digest(path) for path in (folder / "fetched").glob("*.zip")}


def found(folder: Path) -> dict[str, str]:
    """Count the finished trials of a search."""
    front = (folder / "searched" / "front.json").read_text(encoding="utf-8")
    return {"trials": str(front.count('"number"') >= 3)}


SUBJECTS = {
    "compress": Subject(["compress", "tiny.yaml", "--out", "run", "--set", "seed=1"], True, models),
    "bench": Subject(["bench", "run", "--seconds", "0.2"], True, models),
    "export": Subject(["export", "run", "--out", "bundle"], True, bundle),
    "search": Subject(["search", "space.yaml", "--trials", "3", "--out", "searched"], False, found),
    "fetch": Subject(["data", "fetch", "rruff", "--archive", "fair_oriented", "--out", "fetched"], False, archive),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60, help="of each command")
    parser.add_argument("--command", action="append", choices=SUBJECTS)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    told: dict[str, Any] = json.loads(FILE.read_text("utf-8"))["found"] if FILE.exists() else {}
    with tempfile.TemporaryDirectory() as place, server(Path(place)) as address:
        os.environ["EDGESPEC_RRUFF"] = address
        whole = Path(place) / "whole"
        prepared(whole)
        for name in given.command or SUBJECTS:
            found = account(SUBJECTS[name], whole, Path(place), given.kills, random.Random(f"{given.seed}{name}"))
            told[name] = added(told.get(name), found)
            print(f"{name}: {told[name]}", flush=True)
            wrong = sum(len(each["wrong"]) for each in told.values())
            total = sum(each["kills"] for each in told.values())
            storage.write_json(
                FILE, {"machine": provenance.environment(), "kills": total, "wrong": wrong, "found": told}
            )
    sys.exit(bool(wrong))


def added(before: dict[str, Any] | None, found: dict[str, Any]) -> dict[str, Any]:
    """Add an account to the one that was recorded before."""
    if before is None:
        return found
    sums = {key: before[key] + found[key] for key in ("kills", "ended before", "wrong")}
    return {**found, **sums}


def prepared(whole: Path) -> None:
    """Make the run and the search space that are copied."""
    whole.mkdir()
    (whole / "tiny.yaml").write_text(yaml.safe_dump(TINY), encoding="utf-8")
    fit = {"epochs": 8, "batch": 32, "lr": {"choose": [0.003, 0.01, 0.03]}}
    train = {"model": {"cnn": {"widths": [8, 16]}}, "fit": fit}
    tree = {**TINY, "steps": [{"train": train}, "to_onnx", "calibrate"]}
    (whole / "space.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    ended(started(["compress", "tiny.yaml", "--out", "run"], whole))


def account(subject: Subject, whole: Path, place: Path, kills: int, chance: random.Random) -> dict[str, Any]:
    """Kill a command so many times."""
    first = fresh(whole, place)
    began = time.monotonic()
    ended(started(subject.words, first))
    took, truth = time.monotonic() - began, subject.same(first)
    wrong: list[str] = []
    late = 0
    for _ in range(kills):
        folder = fresh(whole, place)
        process = started(subject.words, folder)
        try:
            process.wait(chance.uniform(0, took))
            late += 1
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        wrong += [f"after the kill: {each}" for each in half_written(folder)]
        again = started(subject.words, folder)
        told = again.communicate(timeout=300)[1].decode(errors="replace")
        if again.returncode:
            wrong.append(f"again {again.returncode}: {told[-300:]}")
            continue
        if subject.same(folder) != truth:
            wrong.append("another result")
        wrong += [f"left {path.name}" for each in STRAY for path in folder.rglob(each)]
    return {"kills": kills - late, "ended before": late, "seconds": round(took, 1), "wrong": wrong}


def half_written(folder: Path) -> list[str]:
    """List what lies under a final name and is not whole."""
    wrong = []
    try:
        if (folder / "run" / "report.json").exists():
            integrity.check(folder / "run", report.read(folder / "run"))
    except EdgespecError as problem:
        wrong.append(problem.message)
    if (folder / "bundle").exists():
        for line in (folder / "bundle" / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
            sum_, _, name = line.partition("  ")
            if digest(folder / "bundle" / name) != sum_:
                wrong.append(f"bundle/{name}")
    for path in (folder / "fetched").glob("*.zip"):
        if path.stat().st_size != ARCHIVE_SIZE[0]:
            wrong.append(path.name)
    return wrong


ARCHIVE_SIZE = [0]


def fresh(whole: Path, place: Path) -> Path:
    """Give a copy of what was prepared."""
    folder = place / "try"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    return folder


def started(words: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start edgespec in a process group of its own."""
    env = {key: text for key, text in os.environ.items() if key != "EDGESPEC_DATA"}
    env |= {"EDGESPEC_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "edgespec", *words]
    return subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for a command that nobody disturbs."""
    told = process.communicate(timeout=300)[1].decode(errors="replace")
    if process.returncode:
        sys.exit(f"undisturbed, it ended with {process.returncode}: {told}")


@contextmanager
def server(place: Path) -> Iterator[str]:
    """Serve one archive, slowly."""
    folder = place / "web"
    folder.mkdir()
    with zipfile.ZipFile(folder / "fair_oriented.zip", "w") as made:
        made.writestr("a.txt", os.urandom(ARCHIVE))
    ARCHIVE_SIZE[0] = (folder / "fair_oriented.zip").stat().st_size
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_address[1]}/"
        web.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that says nothing, and takes its time."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Send block by block."""
        while block := source.read(2**18):
            with contextlib.suppress(ConnectionError):  # whoever asked was killed
                outputfile.write(block)
            time.sleep(0.01)


def digest(path: Path) -> str:
    """Give the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
