"""What the commands share in talking to a person: where a run is, how far it is, and tables or JSON."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from edgespec import storage
from edgespec.errors import UNSEEN, EdgespecError, Missing, Mistake, Mistakes, visible

Scheduler = Annotated[
    str,
    typer.Option(
        "--scheduler", metavar="ADDRESS", help="Train on the workers of this Dask scheduler, such as tcp://node1:8786."
    ),
]

EVERY = 10.0  # seconds between lines where there is no terminal


class Bars:
    """Progress bars on a terminal; elsewhere a line when something ends, and one every ten seconds.

    Everything goes to stderr and, with its time, to the run's log.
    """

    def __init__(self, log: Path | None = None) -> None:
        self.log = log
        self.what, self.total, self.started, self.told, self.note = "", 0, 0.0, 0.0, ""
        self.bar: Any = None
        self.task: Any = None

    def begin(self, what: str, total: int) -> None:
        """Something of `total` parts begins."""
        self.what, self.total, self.note = what, total, ""
        self.started = self.told = time.monotonic()
        if sys.stderr.isatty() and not os.environ.get("CI"):
            self.bar = _rich_bar()
            self.task = self.bar.add_task(_unmarked(what), total=total, note="")
            self.bar.start()

    def advance(self, done: int, note: str) -> None:
        """`done` parts are finished."""
        self.note = note
        if self.bar is not None:
            self.bar.update(self.task, completed=done, note=_unmarked(note))
        elif time.monotonic() - self.told > EVERY:
            self.told = time.monotonic()
            left = (self.told - self.started) / max(done, 1) * (self.total - done)
            print(
                visible(f"{self.what}: {done} of {self.total}, {note}, {left:.0f} s left"), file=sys.stderr, flush=True
            )

    def end(self, note: str | None = None) -> None:
        """It is over; `note` says how it ended, without it the last one stands."""
        self.note = self.note if note is None else note
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
        self.say(f"{self.what}: {self.note} ({time.monotonic() - self.started:.1f} s)")

    def say(self, text: str) -> None:
        """Print one line, and log it."""
        print(visible(text), file=sys.stderr, flush=True)
        if self.log is not None:
            storage.log(self.log, visible(text))


def name_targets(*names: str) -> None:
    """Let a card in `targets/` of the working folder count for these targets, and say so where there is one."""
    from edgespec.targets import card

    for each in card.name(*names):
        print(f"target {each.stem}: the card {each} of this folder", file=sys.stderr, flush=True)


def run_folder(given: Path | None) -> Path:
    """Give the run folder that a command means: the one named, or the newest in `runs/`."""
    from edgespec.pipeline import run_folder as runs

    return runs.run_folder(given)


def window_of(text: str) -> tuple[float, float]:
    """Read the ends of an axis, LOW:HIGH in cm-1."""
    low, _, high = text.partition(":")
    try:
        ends = float(low), float(high)
    except ValueError:
        raise Mistake(f"--axis: {text!r} is not LOW:HIGH", hint="in cm-1, such as 150:1172") from None
    if not 0 <= ends[0] < ends[1] < 1e5:
        raise Mistake(f"--axis: {text!r} is not a window of an axis", hint="0 <= LOW < HIGH, in cm-1")
    return ends


def as_json(value: Any) -> None:
    """Print for a machine; characters that a terminal must not get are written as JSON escapes, and mean the same."""
    print(json_text(value, indent=1))


def json_text(value: Any, indent: int | None = None) -> str:
    """Write JSON in which what a terminal must not get stands as an escape."""
    whole = json.dumps(value, indent=indent, ensure_ascii=False)
    return UNSEEN.sub(lambda found: json.dumps(found.group())[1:-1], whole)


class Plain(io.TextIOBase):
    """A stream for people: what moves a cursor, colours, hides or turns text never reaches it raw, whoever prints."""

    def __init__(self, stream: Any, *, wraps: bool = False) -> None:
        self.stream = stream
        self.wraps = wraps

    def write(self, text: str) -> int:
        """Write a text, such characters written out."""
        shown = visible(text)
        self.stream.write("\n".join(map(_wrapped, shown.split("\n"))) if self.wraps and self.isatty() else shown)
        return len(text)

    def flush(self) -> None:
        """Hand on what is held back."""
        self.stream.flush()

    def isatty(self) -> bool:
        """Tell whether a person looks on."""
        return bool(self.stream.isatty())

    def fileno(self) -> int:
        """Give the number of the stream below."""
        return int(self.stream.fileno())

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream below."""
        return str(getattr(self.stream, "encoding", None) or "utf-8")

    @property
    def buffer(self) -> Any:
        """The bytes below, for what is no text."""
        return self.stream.buffer


@contextlib.contextmanager
def plain_streams() -> Iterator[None]:
    """Put both outputs behind `Plain`: every command, library and traceback prints through it."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Plain(before[0]), Plain(before[1], wraps=True)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _wrapped(line: str) -> str:
    """Wrap a line for a terminal at spaces. A hint stays whole: it is copied into a shell."""
    width = shutil.get_terminal_size().columns
    if len(line) <= width or line.startswith("hint:"):
        return line
    indent = len(line) - len(line.lstrip(" "))
    hang = " " * (indent + (7 if line.startswith(("error:", "note:")) else 2))
    lines = textwrap.wrap(line, max(width, 40), subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def _unmarked(text: str) -> str:
    """Keep a text from moving the cursor, and from being taken for rich's own markup."""
    return visible(text).replace("[", "\\[")


def _rich_bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"))
    stream = sys.stderr.stream if isinstance(sys.stderr, Plain) else sys.stderr  # rich moves the cursor itself
    console = Console(file=stream, no_color=bool(os.environ.get("NO_COLOR")))
    return Progress(*columns, TextColumn("{task.fields[note]}"), TimeRemainingColumn(), console=console, transient=True)


def tell(problem: EdgespecError, wants_json: bool) -> int:
    """Print an error with its hint; give its exit code."""
    found = problem.found if isinstance(problem, Mistakes) else [problem]
    if wants_json:
        errors = [{"message": each.message, "hint": each.hint} for each in found]
        with contextlib.suppress(OSError):  # it may be standard output that is full
            print(json.dumps({"errors": errors, "exit_code": problem.exit_code}, indent=1))
    for each in found:
        print(f"error: {visible(each.message)}", file=sys.stderr)
        if each.hint:
            print(f"hint:  {visible(each.hint)}", file=sys.stderr)
    return problem.exit_code


def needs_optuna(command: str) -> None:
    """Raise Missing where Optuna is not installed."""
    if importlib.util.find_spec("optuna") is None:
        raise Missing(f"{command} needs optuna, which is not installed here", hint='pip install "edgespec[search]"')
