"""The command line in this process: as fast as a function, with the exit code and the text that a user sees."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import NamedTuple

import pytest

from edgespec import cli


class Ended(NamedTuple):
    """What a process would leave."""

    returncode: int
    stdout: str
    stderr: str


def edgespec(folder: Path, *arguments: str | Path, **environment: str | None) -> Ended:
    """Run `edgespec ARGUMENTS` in a folder, standard input empty; environment: variables to set, None removes one."""
    out, told = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace"), io.StringIO()  # as `main` has them
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(), "utf-8"))
        for name, value in environment.items():
            patch.delenv(name, raising=False) if value is None else patch.setenv(name, value)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
            code = cli.run([str(each) for each in arguments])
    out.flush()
    return Ended(code, out.buffer.getvalue().decode(), told.getvalue())  # type: ignore[attr-defined]
