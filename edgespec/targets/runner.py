"""The one way to a target: send the runner a command, get its answer.

The runner (`export/runner.py`) is a program of its own, here as on a device: what it measures is never disturbed by what this
process has loaded.
"""

from __future__ import annotations

import os
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

from edgespec import plugins, storage, unpacking
from edgespec.errors import EdgespecError, Mismatch, Missing, Mistake, Unreachable
from edgespec.targets import built_here, connection, runner, ssh
from edgespec.targets.card import Target
from edgespec.targets.connection import Ended, Line

TOLD = {2: Mistake, 3: Missing, 4: Mismatch}
LINES: ContextVar[tuple[Line, ...]] = ContextVar("lines", default=())

"""The lines that are open, of this thread."""

LIMIT_S = 30.0
CRASHED, ILLEGAL = (
    0xC0000000,
    "0xc000001d",
)  # Windows ends a program that crashes with such a code: there are no signals
SAID = ("runtime", "runtime_version", "python", "machine")


@contextmanager
def held(target: Target) -> Iterator[None]:
    """Keep a device to ourselves for several calls: one connection, one lock, and one folder there that is removed at the end.

    A target on this machine needs none of that. Raises Unreachable, Missing or StorageError (in use by another) as `connection.opened` does.
    """
    if target.reach == "local" or _held(target) is not None:
        yield
        return
    with connection.opened(target) as opened:
        before = LINES.set((*LINES.get(), opened))
        try:
            yield
        finally:
            LINES.reset(before)


def call(target: Target, arguments: Sequence[str], folder: Path, timeout_s: float = 60.0) -> dict[str, Any]:
    """Run the runner in `folder` with these arguments and give its answer; what it writes there is in `folder` afterwards.

    Where the target is another device, it runs in a copy of `folder` there.
    Raises what the runner tells: Mistake (its exit code 2), Missing (3) or Mismatch (4); Unreachable where it gives no answer: it
    took longer than `timeout_s`, died, or printed something that is not its JSON; StorageError where its disk is full.
    """
    if target.reach == "local":
        ended, busy = _here(target, arguments, folder, timeout_s), "this machine"
        hint = f"run it by hand in {shlex.quote(str(folder))}: {shlex.join(_command(target, arguments))}"
    else:
        target = built_here.crossed(target)
        built_here.place_beside(target, folder, call)
        with held(target):
            found = cast(Line, _held(target))
            ended, busy = found.call(arguments, folder, timeout_s, target), "the device"
        hint = f"is it the device that you think? try: {ssh.by_hand(target)}"
    if ended.late:
        raise Unreachable(
            f"target {target.name!r} gave no answer to '{arguments[0]}' within {timeout_s:.0f} s",
            hint=f"something keeps {busy} busy, or the model is very slow",
        )
    if ended.code < 0 or ended.code >= CRASHED:
        raise _killed(target, arguments[0], abs(ended.code))
    answer = _json(ended.printed)
    if answer is not None and ended.code == 0:
        return answer
    if answer is not None and ended.code in TOLD and isinstance(answer.get("error"), str):
        raise TOLD[ended.code](
            f"target {target.name!r}: {answer['error']}", hint=_there(target, str(answer.get("hint", "")))
        )
    raise _no_answer(target, arguments[0], ended.code, ended.told, ended.printed, hint)


def stream(target: Target, arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Run the runner and give its answers one by one, as they come; standard input is handed on to it.

    The last answer has the runner's `exit_code`. Raises what the runner refuses as a whole: Mistake, Missing or
    Mismatch; Unreachable where it dies or prints something that is not its JSON.
    """
    if target.reach != "local":
        raise Mistake(f"target {target.name!r} is another device: this runs here", hint="edgespec bench measures there")
    command, env, answer, raw = _command(target, arguments), _environment(target), None, b""
    with (
        tempfile.TemporaryFile() as noise,
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=noise) as process,
    ):
        try:
            for raw in process.stdout or ():
                answer = _json(raw)
                if answer is None or ("error" in answer and "file" not in answer):
                    break
                yield answer
        except BaseException:
            process.kill()
            raise
        code = process.wait()
        noise.seek(0)
        told = noise.read().decode(errors="replace").strip()
    if code < 0 or code >= CRASHED:
        raise _killed(target, arguments[0], abs(code))
    if answer is not None and code in TOLD and "error" in answer and "file" not in answer:
        raise TOLD[code](str(answer["error"]), hint=str(answer.get("hint", "")))
    if answer is None or answer.get("exit_code") != code:
        raise _no_answer(target, arguments[0], code, told, raw, f"run it by hand: {shlex.join(command)}")


def _held(target: Target) -> Line | None:
    same = [each for each in LINES.get() if connection.place(each.target) == connection.place(target)]
    return same[0] if same else None


def _there(target: Target, hint: str) -> str:
    """Say where a hint is to be followed, and what the card says of how the place is made ready."""
    if target.reach == "local":
        return hint
    return "; ".join([*([f"there: {hint}"] if hint else []), *([target.setup] if target.setup else [])])


def _here(target: Target, arguments: Sequence[str], folder: Path, timeout_s: float) -> Ended:
    command, env = _command(target, arguments), _environment(target)
    with subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        ssh.RUNNING.add(process)
        try:
            printed, told = _heard(process, time.monotonic() + timeout_s)
        except (TimeoutError, subprocess.TimeoutExpired):
            process.kill()
            return Ended(0, b"", "", late=True)
        except BaseException:
            process.kill()
            raise
        finally:
            ssh.RUNNING.discard(process)
        if len(printed) > ssh.LONGEST or len(told) > ssh.LONGEST:
            raise Unreachable(
                f"target {target.name!r} talks without end: {printed[:80] or told[:80]!r}",
                hint=f"run it by hand in {shlex.quote(str(folder))}: {shlex.join(command)}",
            )
    return Ended(process.returncode, printed, told.decode(errors="replace").strip())


def _heard(process: subprocess.Popen[bytes], until: float) -> tuple[bytes, bytes]:
    """Read both outputs of a process to their end; one that says more than an answer can hold is ended there.

    Raises TimeoutError where the process is not done in time.
    """
    parts: dict[Any, list[bytes]] = {process.stdout: [], process.stderr: []}
    with selectors.DefaultSelector() as ready:
        for stream in parts:
            ready.register(stream, selectors.EVENT_READ)
        while ready.get_map():
            events = ready.select(max(0.0, until - time.monotonic()))
            if not events and time.monotonic() >= until:
                raise TimeoutError
            for key, _ in events:
                some = os.read(key.fd, ssh.BLOCK)
                parts[key.fileobj].append(some)
                if not some:
                    ready.unregister(key.fileobj)
                elif sum(map(len, parts[key.fileobj])) > ssh.LONGEST:
                    process.kill()
                    ready.close()
                    break
            else:
                continue
            break
    process.wait(max(0.1, until - time.monotonic()))
    return b"".join(parts[process.stdout]), b"".join(parts[process.stderr])


def _command(target: Target, arguments: Sequence[str]) -> list[str]:
    python = [_placed(word) for word in target.python] or [sys.executable]
    if shutil.which(python[0]) is None:
        raise Missing(f"target {target.name!r} needs {python[0]}, which is not here", hint=target.setup)
    return [*python, str(plugins.shipped("export", "runner.py").resolve()), *arguments]


def _environment(target: Target) -> dict[str, str]:
    return {**os.environ, **{name: _placed(text) for name, text in target.variables.items()}}


def _placed(text: str) -> str:
    """Put the cache folder where a card says {home}."""
    return text.replace("{home}", str(storage.home().resolve())) if "{home}" in text else text


def _no_answer(target: Target, command: str, code: int, told: str, printed: bytes, hint: str) -> EdgespecError:
    last = told.splitlines()[-1] if told else f"it printed {printed[:80].decode(errors='replace')!r}"
    if any(each in last for each in ssh.NO_ROOM):
        return ssh.no_room(target, last)
    return Unreachable(f"target {target.name!r} ended '{command}' with code {code} and no answer: {last}", hint=hint)


def _json(raw: bytes) -> dict[str, Any] | None:
    try:
        answer = unpacking.parse_json(raw)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _killed(target: Target, command: str, number: int) -> EdgespecError:
    reasons = {
        "SIGKILL": "the system kills what takes more memory than there is",
        "SIGILL": f"{target.runtime} uses an instruction that this processor doesn't have",
        ILLEGAL: f"{target.runtime} uses an instruction that this processor doesn't have",
    }
    known = {each.value: each.name for each in signal.Signals}
    name = known.get(number, f"signal {number}") if number < CRASHED else f"{number:#x}"
    hint = reasons.get(name, f"{target.runtime} itself crashed; try another version of it")
    return Unreachable(f"target {target.name!r}: the runner died of {name} while doing '{command}'", hint=hint)


def ask(cards: Iterable[Target]) -> dict[str, dict[str, Any]]:
    """Say hello to targets, all devices at once, by name: what the runner tells of itself, or `error` and `hint`."""
    devices: dict[Any, list[Target]] = {}
    for card in cards:
        devices.setdefault(connection.place(card) if card.reach == "ssh" else None, []).append(card)
    with ThreadPoolExecutor(max(1, len(devices))) as crowd:
        return {name: told for each in crowd.map(_device, devices.values()) for name, told in each.items()}


def told(answer: Mapping[str, Any]) -> str:
    """Word an answer, and what to do where there is none."""
    if "error" in answer:
        hint = f"\n    hint: {answer['hint']}" if answer["hint"] else ""
        return f"does not answer: {answer['error']}{hint}"
    return f"answers: {answer['runtime']} {answer['runtime_version']}, Python {answer['python']}, {answer['machine']}"


def _device(cards: list[Target]) -> dict[str, dict[str, Any]]:
    """Ask the targets of one device one after the other, over one line."""
    found: dict[str, dict[str, Any]] = {}
    try:
        with runner.held(cards[0]), tempfile.TemporaryDirectory() as work:
            for card in cards:
                found[card.name] = _hello(card, Path(work))
    except EdgespecError as problem:
        found |= {
            card.name: {
                "error": problem.message.replace(f"target {cards[0].name!r}", f"target {card.name!r}"),
                "hint": problem.hint,
            }
            for card in cards
            if card.name not in found
        }
    return found


def _hello(card: Target, work: Path) -> dict[str, Any]:
    try:
        told = runner.call(card, ["hello", "--runtime", card.runtime], work, timeout_s=LIMIT_S)
        lacking = [key for key in SAID if not isinstance(told.get(key), str)]
        if lacking:
            raise Unreachable(f"target {card.name!r} does not say its {lacking[0]}", "is it the device that you think?")
        return told
    except EdgespecError as problem:
        return {"error": problem.message, "hint": problem.hint}
