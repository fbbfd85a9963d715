"""Work that does not depend on other work, done side by side: processes of one thread each, as many as there are cores.

Each process is a fresh Python (`member`), on every system: it shares no lock, no thread and no random state with this one, so what it
makes is the same to the byte as what this process would make. EDGESPEC_PROCESSES limits how many there are, this one counted.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from edgespec import own_code
from edgespec.crew.heard import Heard
from edgespec.errors import EdgespecError, Mistake, StorageError

LIMIT = "EDGESPEC_PROCESSES"
SOON_S = 2.0  # what is done sooner is not worth another process, which takes as long to load what it needs
EVERY_S = 0.2  # how often this process looks up while it waits: Windows lets nobody interrupt a wait without an end
START = (
    "import signal, sys, pickle; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from edgespec.crew.member import main; main()"
)
DONE, RAISED = "done", "raised"


class Job(Protocol):
    """What the work is told: it can be sent to another process (`apart`), and be given somebody who hears how far it is (`heard`)."""

    def apart(self) -> Any:
        """The job without anybody who hears it."""

    def heard(self, progress: Any) -> Any:
        """The job with somebody who does."""


class Pending:
    """A piece of work that has begun, or waits for a process."""

    def __init__(self, function: Callable[..., Any], job: Job, arguments: tuple[Any, ...]) -> None:
        self.function, self.job, self.arguments = function, job, arguments
        self.folder = own_code.FOLDER.get()
        self.told: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()

    def here(self) -> Any:
        """Do it in this process."""
        return self.function(self.job, *self.arguments)


class Crew:
    """Processes that take the work that was begun; all are ended with the block.

    progress: hears of the other processes' work when its turn comes; work that is done here tells its own job's
    processes: at most so many, this one counted; as many as EDGESPEC_PROCESSES says, or as there are cores, if not said
    """

    def __init__(self, progress: Any, processes: int | None = None) -> None:
        self.progress = progress
        self.others = (allowed() if processes is None else processes) - 1
        self.waiting: deque[Pending] = deque()
        self.turn = threading.Condition()
        self.members: list[subprocess.Popen[bytes]] = []
        self.threads: list[threading.Thread] = []
        self.near = 0  # processes that work, or soon may
        self.over = False

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        with self.turn:
            self.over = True
            self.turn.notify_all()
        for member in self.members:
            member.kill()
        for thread in self.threads:
            thread.join()  # it reads the end of what its process has told
        for member in self.members:
            member.wait()
            for pipe in (member.stdin, member.stdout):
                with suppress(OSError):  # what was not sent yet
                    pipe.close()  # type: ignore[union-attr]

    def begin(self, function: Callable[..., Any], job: Job, *arguments: Any) -> Pending:
        """Let another process do `function(job, *arguments)` when one is free; function: of a module, job and arguments: pickled.

        Without other processes the work waits for `results`, and is done there.
        """
        pending = Pending(function, job, arguments)
        with self.turn:
            self.waiting.append(pending)
            self.turn.notify_all()
            if self.near < self.others:
                self.near += 1
                self.threads.append(threading.Thread(target=self._join, daemon=True))
                self.threads[-1].start()
        return pending

    def results(self, *wanted: Pending) -> list[Any]:
        """Give what each of these gives, in their order; what nobody has begun is done here meanwhile.

        Raises what the work raises; StorageError where a process was ended from outside.
        """
        found: dict[Pending, Any] = {}
        for each in wanted:
            if self._claimed(each):
                found[each] = each.here()
        return [found[each] if each in found else self._awaited(each) for each in wanted]

    def _claimed(self, pending: Pending) -> bool:
        with self.turn:
            if pending not in self.waiting:
                return False
            self.waiting.remove(pending)
            return True

    def _awaited(self, pending: Pending) -> Any:
        """Tell what the other process has told so far, then what it tells, until it is done."""
        heard = Heard(self.progress)
        while True:
            try:
                what, *more = pending.told.get_nowait()
            except queue.Empty:
                heard.caught_up()
                try:
                    what, *more = pending.told.get(timeout=EVERY_S)
                except queue.Empty:
                    continue
            if what == DONE:
                return more[0]
            if what == RAISED:
                raise more[0]
            heard.take(what, *more)

    def _join(self) -> None:
        """Start a process where work still waits after a while, and let it work."""
        with self.turn:
            self.turn.wait_for(lambda: self.over, SOON_S)
            member = _started() if self.waiting and not self.over else None
            if member is None:
                self.near -= 1
                return
            self.members.append(member)
            needed = sorted({each.function.__module__ for each in self.waiting})
        if not _ready(member, needed):
            return  # nothing was given to it yet, so nothing is lost
        while (pending := self._next()) is not None:
            try:
                _sent(member, pending)
            except (OSError, EOFError, pickle.UnpicklingError):
                pending.told.put((RAISED, _ended(member)))
                return

    def _next(self) -> Pending | None:
        with self.turn:
            while not self.waiting and not self.over:
                self.turn.wait()
            return None if self.over else self.waiting.popleft()


def _ready(member: subprocess.Popen[bytes], modules: list[str]) -> bool:
    """Let a process load what the work needs, before it takes any: this process may be done with the work sooner."""
    assert member.stdin is not None
    assert member.stdout is not None
    try:
        member.stdin.write(pickle.dumps(modules))
        member.stdin.flush()
        return bool(pickle.load(member.stdout))  # noqa: S301  (of our own process)
    except (OSError, EOFError, pickle.UnpicklingError):
        return False


def _sent(member: subprocess.Popen[bytes], pending: Pending) -> None:
    """Send a piece of work to a process, and hand on what it tells until it is done."""
    assert member.stdin is not None
    assert member.stdout is not None
    member.stdin.write(pickle.dumps((pending.folder, pending.function, pending.job.apart(), pending.arguments)))
    member.stdin.flush()
    while True:
        told = pickle.load(member.stdout)  # noqa: S301  (of our own process, through a pipe that nobody else has)
        pending.told.put(told)
        if told[0] in (DONE, RAISED):
            return


def allowed() -> int:
    """Give how many processes may work at once: EDGESPEC_PROCESSES, else one a core, less where each has more than one thread.

    Raises Mistake where the variable is no number of processes.
    """
    said = os.environ.get(LIMIT)
    if said:
        if not (said.isdecimal() and 0 < int(said) <= 1024):
            raise Mistake(
                f"{LIMIT}: {said[:20]!r} is not a number of processes", hint=f"{LIMIT}=1 does one after the other"
            )
        return int(said)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(cores // _threads(), 1)


def _threads() -> int:
    said = os.environ.get("OMP_NUM_THREADS", "")
    return max(int(said), 1) if said.isdecimal() else 1


def _started() -> subprocess.Popen[bytes] | None:
    """Start a process; None where this system starts none: the work is then done here."""
    if not sys.executable:
        return None
    environment = {**os.environ, "OMP_NUM_THREADS": str(_threads()), LIMIT: "1"}
    command = [sys.executable, "-P", "-c", START]
    group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # Windows: Ctrl-C is for this process to hear
    try:
        pipe = subprocess.PIPE
        member = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, creationflags=group)
        assert member.stdin is not None
        member.stdin.write(pickle.dumps(sys.path))
        member.stdin.flush()
    except OSError:
        return None
    return member


def _ended(member: subprocess.Popen[bytes]) -> EdgespecError:
    code = member.wait()
    how = f"by signal {-code}" if code < 0 else f"with code {code}"
    hint = f"is there too little memory for several at once? {LIMIT}=1 does one after the other; what was kept is gone on with"
    return StorageError(f"a process that worked beside this one ended {how}", hint)
