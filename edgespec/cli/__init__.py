"""The command line: the only code of edgespec that prints or exits.

edgespec compress recipes/rruff_distill.yaml
edgespec bench --target local
edgespec gate
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from edgespec.cli import plain_call, welcome
from edgespec.cli.console import plain_streams, tell
from edgespec.cli.program import app
from edgespec.errors import EdgespecError, Missing, Mistake, StorageError
from edgespec.interrupts import HOW_TO_GO_ON, INTERRUPTED, at_once

COMMANDS = (
    "bench",
    "compare",
    "compress",
    "data",
    "data_inspect",
    "data_task",
    "data_views",
    "doctor",
    "estimate",
    "export",
    "folds",
    "gate",
    "import_",
    "ls",
    "matrix",
    "new",
    "predict",
    "repeat",
    "report",
    "search",
    "setup",
    "transfer",
    "verify",
)
"""The files of this folder that add commands, in the order of the help."""
COMPLETES = "_EDGESPEC_COMPLETE"  # the shell asks for completions by this variable
BUG, CLOSED, STORAGE = 70, 1, 8
ENDED = threading.Event()
PATIENCE_S = 2.0  # after an interrupt; files are whole or absent whenever a process ends
LATE: list[threading.Timer] = []
DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "not allowed to write there",
    errno.EPERM: "not allowed to write there",
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.EEXIST: "a file stands where a folder is needed",
    errno.EISDIR: "a folder stands where a file is needed",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOENT: "nothing can be made there, or it was removed meanwhile",
    errno.ELOOP: "its links lead in a circle",
    errno.ESTALE: "the network file system has lost it",
    errno.ENOMEM: "there is too little memory",
    errno.EIO: "the disk does not answer as it should",
    errno.EFBIG: "the file would be larger than this system allows (ulimit -f)",
    errno.EMFILE: "too many files are open (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine",
    errno.ETXTBSY: "the file is a program that is running",
    errno.EBUSY: "something else holds it",
    errno.ENXIO: "it is a pipe or a device, not a file",
    errno.ENODEV: "it is a device, not a file",
    errno.ENOTEMPTY: "other files are in the way",
    errno.EXDEV: "it lies on another disk",
    errno.ETIMEDOUT: "the disk or the network does not answer",
}

# how libraries say that memory is short, which have no error of their own for it: torch, ONNX Runtime, C++, Python's threads
NO_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "bad_alloc",
    "Failed to allocate memory",
    "can't start new thread",
)


def main() -> NoReturn:
    """Run the command line and turn what goes wrong into a message and an exit code."""
    ENDED.clear()
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupted)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the same weights on any number of cores, no stall beside other work
    _streams()
    code = run(sys.argv[1:])
    while LATE:
        LATE.pop().cancel()
    try:
        sys.stdout.flush()
    except OSError:  # told already; what is left in the buffer has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run a command and turn what goes wrong into a message; give the exit code."""
    with plain_streams():
        return _run(arguments)


def _call(arguments: list[str]) -> Any:
    """Do what the words ask for: a command called plainly where nothing has to be explained, by typer elsewhere."""
    if not arguments and COMPLETES not in os.environ:
        print(welcome.TEXT, end="")
        return 0
    found = _plainly(arguments[0]) if arguments else None
    if found is not None:
        try:
            named = plain_call.keywords(found, arguments[1:])
        except plain_call.NotPlainError:
            pass
        else:
            return _called(found, named)
    for each in COMMANDS:
        importlib.import_module(f"edgespec.cli.{each}")  # adds its command to `app`
    place = {f"edgespec.cli.{each}": i for i, each in enumerate(COMMANDS)}
    app.registered_commands.sort(key=lambda each: place[each.callback.__module__] if each.callback else 0)
    return app(arguments, standalone_mode=False, prog_name="edgespec")


def _plainly(name: str) -> Callable[..., Any] | None:
    """Load the one file that holds a command and give its function; None where the file has another name than the command."""
    if name not in COMMANDS:
        return None
    importlib.import_module(f"edgespec.cli.{name}")
    return next((each.callback for each in app.registered_commands if each.name == name), None)


def _called(command: Callable[..., Any], named: dict[str, Any]) -> int:
    try:
        command(**named)
    except typer.Exit as ended:
        return int(ended.exit_code)
    return 0


def _streams() -> None:
    """Take closed streams for empty ones, and print what the terminal's encoding lacks in ASCII, as Python does on stderr."""
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115  (it lasts as long as the process)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _run(arguments: list[str]) -> int:
    wants_json = "--json" in arguments
    try:
        code = _call(arguments) or 0  # click hands back the code of a typer.Exit
        sys.stdout.flush()
        if code == INTERRUPTED:  # typer makes an exit code of an interrupt, and says nothing
            raise KeyboardInterrupt
        return int(code)
    except EdgespecError as problem:
        return tell(problem, wants_json)
    except (KeyboardInterrupt, typer.Abort):
        return _told_to_end()
    except BrokenPipeError:
        return CLOSED  # whoever read our output has seen enough
    except OSError as problem:
        return _storage(problem, wants_json)
    except MemoryError:
        return _memory(wants_json)
    except ImportError as problem:
        if ENDED.is_set():
            return _told_to_end()
        return _unloadable(problem, wants_json)
    except Exception as problem:  # noqa: BLE001  (the last line of defence: click's usage errors, then bugs)
        if ENDED.is_set():  # a library has made an error of its own of the interrupt
            return _told_to_end()
        return _usage_or_bug(problem, arguments, wants_json)


def _storage(problem: OSError, wants_json: bool) -> int:
    if problem.errno not in DISK:
        return _bug(problem)
    what = f"{problem.filename or 'writing'}: {DISK[problem.errno]}"
    return tell(StorageError(what, "make room, or name another place with --out"), wants_json)


def _memory(wants_json: bool) -> int:
    return tell(
        StorageError("there is too little memory", "end other programs, or raise the limit (ulimit -v)"), wants_json
    )


def _unloadable(problem: ImportError, wants_json: bool) -> int:
    """A package that edgespec needs is gone or broken; a module of its own that is not there is a bug."""
    if (problem.name or "edgespec").partition(".")[0] == "edgespec":
        return _bug(problem)
    return tell(
        Missing(f"a package that edgespec needs does not load: {problem}", "edgespec doctor says which"), wants_json
    )


def _usage_or_bug(problem: Exception, arguments: list[str], wants_json: bool) -> int:
    """Click's own complaints are the user's mistakes (2); anything else is a bug of ours and keeps its traceback (70)."""
    if not hasattr(problem, "format_message"):
        return _memory(wants_json) if any(words in str(problem) for words in NO_MEMORY) else _bug(problem)
    names = [str(each.name) for each in app.registered_commands] + [str(each.name) for each in app.registered_groups]
    hint = f"edgespec {arguments[0]} --help" if arguments[0] in names else "edgespec --help shows all commands"
    return tell(Mistake(problem.format_message(), hint), wants_json)


def _bug(problem: Exception) -> int:
    traceback.print_exception(problem)
    print("this is a bug in edgespec; please report it with the lines above", file=sys.stderr)
    return BUG


def _interrupted(number: int, frame: object) -> NoReturn:
    """Interrupt what is under way; where a library swallows that, or something keeps from ending, end all the same."""
    if not ENDED.is_set():
        ENDED.set()
        LATE.append(threading.Timer(PATIENCE_S, at_once, (number, frame)))
        LATE[-1].daemon = True
        LATE[-1].start()
    raise KeyboardInterrupt


def _told_to_end() -> int:
    print(HOW_TO_GO_ON, end="", file=sys.stderr)
    return INTERRUPTED
