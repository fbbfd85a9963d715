"""A process of a crew: it does one piece of work after the other until whoever started it ends, or is ended."""

from __future__ import annotations

import importlib
import os
import pickle
import queue
import sys
import threading
import traceback
from typing import IO, Any

from edgespec import own_code
from edgespec.crew.heard import Telling


def main() -> None:
    """Take work from standard input and tell of it on standard output, pickled both; whatever libraries print goes to standard error.

    The first object names the modules that the work needs: True is the answer once they are loaded.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    works: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, works), daemon=True).start()
    for name in works.get():
        importlib.import_module(name)
    _send(answers, True)
    while True:
        answer(works.get(), answers)


def answer(work: tuple[Any, ...], answers: IO[bytes]) -> None:
    """Do one piece of work, (folder of the recipe's own code, function, job, arguments), and write what it tells, gives or raises."""
    folder, function, job, arguments = work

    def send(*told: Any) -> None:
        _send(answers, told)

    token = own_code.FOLDER.set(folder)
    try:
        send("done", function(job.heard(Telling(send)), *arguments))
    except Exception as problem:  # noqa: BLE001  (whoever gave the work raises it)
        send("raised", _sendable(problem))
    finally:
        own_code.FOLDER.reset(token)


def _listen(works_from: IO[bytes], works: queue.SimpleQueue[Any]) -> None:
    """Hear work while other work is done. At the end of the input whoever gives work is gone, however: nothing is worth finishing then."""
    try:
        while True:
            works.put(pickle.load(works_from))  # noqa: S301  (of the process that started this one)
    except (EOFError, OSError):
        os._exit(0)
    except Exception:  # noqa: BLE001  (this process is of no use then; whoever waits for it is told)
        traceback.print_exc()
        os._exit(1)


def _send(answers: IO[bytes], told: Any) -> None:
    content = pickle.dumps(told)
    try:
        answers.write(content)
        answers.flush()
    except OSError:  # whoever would read it is gone
        os._exit(0)


def _sendable(problem: Exception) -> Exception:
    """Give the error with where it came from, as one that can be sent."""
    problem.add_note("in a process beside this one:\n" + "".join(traceback.format_exception(problem)))
    try:
        pickle.loads(pickle.dumps(problem))  # noqa: S301
    except Exception:  # noqa: BLE001  (somebody's own exceptions may be anything)
        return RuntimeError(f"{type(problem).__name__}: {problem}")
    return problem
