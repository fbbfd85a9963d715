"""What a worker of a cluster does: run one command of edgespec in a folder of its own, and send back what the command wrote.

The command is a process of its own, as on this machine: two trainings in one process would share torch's random state.
"""

from __future__ import annotations

import io
import os
import platform
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgespec import unpacking
from edgespec.errors import Mismatch
from edgespec.pipeline import provenance

MOST = 1_000_000_000  # bytes of a result; a run has a few million
TOLD = 4000  # characters of what a command said that are sent back
POLL_S, END_S = 0.5, 10.0
GONE, TOO_LARGE = -signal.SIGTERM, 8


def facts() -> dict[str, str]:
    """Give what has to be the same on two machines for the same bytes: the code of edgespec, the versions, the kind of machine."""
    return {"code": provenance.whole_digest(), **provenance.versions(), "machine": platform.machine()}


def arithmetic() -> str:
    """Name the vector instructions that torch uses: other ones may differ in the last digits."""
    import torch

    return str(torch.backends.cpu.get_cpu_capability())


def work(asked: dict[str, Any]) -> dict[str, Any]:
    """Do one task; give plain values, which any Dask can carry.

    asked: `facts` of the machine that asks; or besides `words` of the command, `files` by relative name to run it beside, `result`
    (file or folder that the command writes), `env` (variables to set, `data`: EDGESPEC_DATA where the worker has none)
    Gives `host`, `differs` (fact -> there, here); of a command `code`, `told` (the end of its messages) and `content` (a zip).
    """
    mine, found = facts(), {"host": socket.gethostname(), "arithmetic": arithmetic()}
    differs = {key: (mine.get(key), value) for key, value in asked["facts"].items() if mine.get(key) != value}
    if differs or "words" not in asked:
        return {**found, "differs": differs}
    folder, unwanted = _worker()
    with tempfile.TemporaryDirectory(prefix="edgespec-", dir=folder) as name:
        here = Path(name)
        for relative, content in asked["files"].items():
            path = here / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        code = _run(asked["words"], here, asked["env"], unwanted)
        told = (here / "told").read_text(encoding="utf-8", errors="replace")[-TOLD:]
        content = None
        if code == 0 and (size := _size(here / asked["result"])) > MOST:
            code, told = TOO_LARGE, f"the result has {size} bytes; at most {MOST} are sent"
        elif code == 0:
            content = pack(here / asked["result"])
    return {**found, "differs": {}, "code": code, "told": told, "content": content}


def pack(place: Path) -> bytes:
    """Give a zip of a file, or of all that lies in a folder."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            inside = path.name if place.is_file() else path.relative_to(place).as_posix()
            if inside not in (".lock", ".lock.pid"):
                archive.write(path, inside)
    return held.getvalue()


def _size(place: Path) -> int:
    return sum(path.stat().st_size for path in [place, *place.rglob("*")] if path.is_file())


def unpack(content: bytes, folder: Path) -> None:
    """Write what `pack` gave into a folder. Raises Mismatch where it is damaged, or larger than what is sent."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(each.file_size for each in archive.infolist()) > MOST:
                raise zipfile.BadZipFile(f"its files have more than {MOST} bytes")
            archive.extractall(folder)
    except unpacking.DAMAGED_ZIP as problem:
        if isinstance(problem, OSError) and problem.errno is not None:
            raise  # the disk's own
        raise Mismatch(f"what a worker sent is damaged: {problem}", hint="repeat the command") from None


def _run(words: list[str], here: Path, env: dict[str, str], unwanted: Callable[[], bool]) -> int:
    """Run a command of edgespec in a folder until it ends, or nobody wants its result any more; give its exit code."""
    theirs = {key: value for key, value in env.items() if key != "data"}
    if "EDGESPEC_DATA" not in os.environ and os.path.isdir(env.get("data", "")):
        theirs["EDGESPEC_DATA"] = env["data"]
    command = [sys.executable, "-m", __name__, str(os.getpid()), *words]
    with open(here / "told", "wb") as told, subprocess.Popen(
        command, cwd=here, env={**os.environ, **theirs}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=told
    ) as child:  # fmt: skip
        while child.poll() is None:
            try:
                child.wait(POLL_S)
            except subprocess.TimeoutExpired:
                if unwanted():
                    _end(child)
                    return GONE
    return child.returncode


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()  # edgespec ends its own programs then
    try:
        child.wait(END_S)
    except subprocess.TimeoutExpired:
        child.kill()


def _worker() -> tuple[str | None, Callable[[], bool]]:
    """Give the folder that Dask cleans up behind a dead worker, and whether Dask has withdrawn the task of this thread."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def unwanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    return worker.local_directory, unwanted


def child() -> None:
    """Run the command line so that it ends when the worker does, killed or not: whoever takes up the task would share the cores."""
    parent = int(sys.argv.pop(1))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            sys.exit(GONE)
    runpy.run_module("edgespec", run_name="__main__")


if __name__ == "__main__":
    child()
