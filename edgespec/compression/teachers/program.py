"""A teacher that is a program: it gets a file of questions, writes a file of answers, and runs in the user's own environment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from edgespec.errors import Missing, Mistake
from edgespec.job import Progress

QUESTIONS, ANSWERS = "{questions}", "{answers}"
EVERY_S, GRACE_S = 0.2, 5.0
TOLD = 12  # last lines of what it printed that an error shows


def run(command: Sequence[str], questions: Path, answers: Path, log: Path, limit_s: float, progress: Progress) -> None:
    """Run `command QUESTIONS ANSWERS` once, in the folder from which edgespec runs; what it prints goes to `log`.

    The command may say where the two names belong: {questions}, {answers}. `python` is the Python that runs edgespec where no other is found.
    Raises Missing where there is no such program, Mistake where it fails, takes longer than `limit_s` or leaves no answers.
    """
    words = _placed(command, questions, answers)
    program = words[0]
    begun = time.monotonic()
    progress.begin(f"ask {' '.join(command)[:60]}", max(1, round(limit_s)))
    with log.open("wb") as out:
        try:
            child = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        except OSError as problem:
            raise Missing(
                f"teacher: {program} cannot be run: {problem.strerror}", hint="name it as a shell would find it"
            ) from None
        try:
            while (code := child.poll()) is None:
                seconds = time.monotonic() - begun
                if seconds > limit_s:
                    raise Mistake(
                        f"teacher: {program} took longer than {limit_s:g} s{_last(log)}", hint="limit_s: a longer time"
                    )
                progress.advance(min(round(seconds), round(limit_s)), f"{seconds:.0f} s")
                time.sleep(EVERY_S)
        finally:
            _end(child)
    progress.end()
    if code != 0:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        raise Mistake(f"teacher: {program} {how}{_last(log)}", hint=f"run it by hand: {' '.join(words)}")
    if not answers.is_file():
        raise Mistake(
            f"teacher: {program} left no {answers.name}{_last(log)}",
            hint=f"it is to write the file that {ANSWERS} names, or its last argument",
        )


def _placed(command: Sequence[str], questions: Path, answers: Path) -> list[str]:
    named = {QUESTIONS: str(questions), ANSWERS: str(answers)}
    words = [str(each) for each in command]
    if not any(mark in each for each in words for mark in named):
        words += list(named.values())
    for mark, name in named.items():
        words = [each.replace(mark, name) for each in words]
    if words[0] in ("python", "python3") and shutil.which(words[0]) is None:
        words[0] = sys.executable
    return words


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the program and all that it has started, first politely; Windows has no groups of processes, but a program that ends a tree."""
    if not hasattr(os, "killpg"):
        if child.poll() is None:
            # by its full path: Windows looks for a program in the current folder first
            tool = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "taskkill.exe"
            subprocess.run([str(tool), "/T", "/F", "/PID", str(child.pid)], capture_output=True, check=False)
        child.wait()
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.wait(GRACE_S)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    child.wait()


def _last(log: Path) -> str:
    """Give the last lines that it printed."""
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 8192))
        lines = file.read().decode(errors="replace").splitlines()
    return "".join(f"\n  {line}" for line in lines[-TOLD:])
