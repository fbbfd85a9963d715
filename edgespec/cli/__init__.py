"""The command line: the only code of edgespec that prints or exits.

edgespec compress recipes/rruff_distill.yaml
edgespec bench --target local
edgespec gate
"""

from __future__ import annotations

import errno
import json
import signal
import sys
import traceback
from typing import NoReturn

import typer

from edgespec.errors import EdgespecError, Mistakes

BUG, INTERRUPTED, STORAGE = 70, 130, 8
DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "not allowed to write there",
    errno.EPERM: "not allowed to write there",
    errno.ENOTDIR: "a file stands where a folder is needed",
}

app = typer.Typer(
    name="edgespec",
    help="From a trusted spectral classifier to the smallest file that still tells the truth on the instrument.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> NoReturn:
    """Run the command line and turn what goes wrong into a message and an exit code."""
    from edgespec.cli import bench, compress, gate, listing, report  # noqa: F401  (each adds its command to `app`)

    signal.signal(signal.SIGTERM, _terminated)
    wants_json = "--json" in sys.argv
    try:
        app(standalone_mode=False)
        code = 0
    except typer.Exit as stop:
        code = stop.exit_code
    except EdgespecError as problem:
        code = tell(problem, wants_json)
    except (KeyboardInterrupt, typer.Abort):
        print("\ninterrupted; run the same command again to go on where it stopped", file=sys.stderr)
        code = INTERRUPTED
    except OSError as problem:
        code = _storage(problem, wants_json)
    except Exception as problem:  # noqa: BLE001  (the last line of defence: click's usage errors, then bugs)
        code = _usage_or_bug(problem)
    sys.stdout.flush()
    sys.exit(code)


def tell(problem: EdgespecError, wants_json: bool) -> int:
    """Print an error with its hint; give its exit code."""
    found = problem.found if isinstance(problem, Mistakes) else [problem]
    if wants_json:
        errors = [{"message": each.message, "hint": each.hint} for each in found]
        print(json.dumps({"errors": errors, "exit_code": problem.exit_code}, indent=1))
    for each in found:
        print(f"error: {each.message}", file=sys.stderr)
        if each.hint:
            print(f"hint:  {each.hint}", file=sys.stderr)
    return problem.exit_code


def _storage(problem: OSError, wants_json: bool) -> int:
    if isinstance(problem, BrokenPipeError):
        sys.stderr.close()
        return 1
    if problem.errno not in DISK:
        return _usage_or_bug(problem)
    error = EdgespecError(
        f"{problem.filename or 'writing'}: {DISK[problem.errno]}", "make room, or name another place with --out"
    )
    error.exit_code = STORAGE
    return tell(error, wants_json)


def _usage_or_bug(problem: BaseException) -> int:
    """Click's own complaints are the user's mistakes (2); anything else is a bug of ours and keeps its traceback (70)."""
    message = getattr(problem, "format_message", None)
    if message is not None:
        print(f"error: {message()}\nhint:  edgespec {' '.join(sys.argv[1:2])} --help", file=sys.stderr)
        return 2
    traceback.print_exception(problem)
    print("this is a bug in edgespec; please report it with the lines above", file=sys.stderr)
    return BUG


def _terminated(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
