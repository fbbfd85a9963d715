"""Fix the machine's clocks while something is measured, and put them back, whatever becomes of whoever asked for it.

    python measure/clocks.py      the guard: fixes them, says so in a JSON line, and puts them back when its standard input is closed

The guard is a session of its own: it outlives a runner that is killed and a line that is cut. It asks for nothing: what `sudo -n`
does not allow is refused with the reason. The power mode (nvpmodel) is left as it is: it is a choice of watts, and may want a reboot.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Callable

if __name__ == "__main__":  # a process of its own, started in this folder: its siblings are named from the one above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measure import sensors
from refusal import RefusalError

FAST = "performance"
Undo = Callable[[], None]  # of typing: that of collections.abc takes no types before Python 3.9


@contextmanager
def locked() -> Iterator[dict[str, Any]]:
    """Hold the clocks fixed; lend what is told of it: `how`, and afterwards `restored`.

    Raises RefusalError (3) where that is not possible, or not allowed.
    """
    told: dict[str, Any] = {}
    guard: Any = subprocess.Popen(
        [sys.executable, "-B", str(Path(__file__).resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        told.update(_line(guard))
        if "how" not in told:
            raise RefusalError(3, "the clocks can't be locked: " + told["error"], told.get("hint", ""))
        yield told
    finally:
        guard.stdin.close()
        told.update(_line(guard))
        guard.wait()


def main() -> None:
    """Fix the clocks, wait until standard input ends, put them back."""
    for name in ("SIGHUP", "SIGINT", "SIGTERM"):
        if hasattr(signal, name):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    try:
        how, undo = _jetson() if shutil.which("jetson_clocks") else _governors()
    except (OSError, subprocess.CalledProcessError) as problem:
        hint = (
            "allow it: a line in sudoers with NOPASSWD for jetson_clocks or cpupower; or measure without --lock-clocks"
        )
        print(json.dumps({"error": str(problem), "hint": hint}), flush=True)
        return
    _say({"how": how})
    sys.stdin.read()
    try:
        undo()
        _say({"restored": True})
    except (OSError, subprocess.CalledProcessError) as problem:
        _say({"restored": False, "error": str(problem)})


def _line(guard: Any) -> dict[str, Any]:
    told = guard.stdout.readline()
    return json.loads(told.decode()) if told else {}


def _say(told: dict[str, Any]) -> None:
    with suppress(OSError):  # whoever asked may be gone; the clocks count, not the word
        print(json.dumps(told), flush=True)


def _sudo(*command: str) -> None:
    """Run a command as root, without a question."""
    prefix = [] if hasattr(os, "geteuid") and os.geteuid() == 0 and not shutil.which("sudo") else ["sudo", "-n"]
    ended = subprocess.run(
        [*prefix, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if ended.returncode:
        said = ended.stdout.decode(errors="replace").strip().split("\n")[-1]
        raise OSError(" ".join([*prefix, *command]) + ": " + said)


def _jetson() -> tuple[str, Undo]:
    kept = os.path.join(tempfile.mkdtemp(prefix="edgespec-clocks-"), "kept")
    _sudo("jetson_clocks", "--store", kept)

    def undo() -> None:
        _sudo("jetson_clocks", "--restore", kept)
        shutil.rmtree(os.path.dirname(kept))

    try:
        _sudo("jetson_clocks")
    except OSError:
        undo()
        raise
    return "jetson_clocks", undo


def _governors() -> tuple[str, Undo]:
    """Set every core's governor to `performance`: in its file where this user may write it, else by cpupower."""
    files = sensors.found("/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")
    if not files:
        raise OSError("this machine has neither jetson_clocks nor a cpufreq governor")
    before = [(file, file.read_text().strip()) for file in files]
    if all(os.access(str(file), os.W_OK) for file in files):

        def put(file: Path, governor: str) -> None:
            file.write_text(governor)
    else:
        if not shutil.which("cpupower"):
            raise OSError("this user may not write " + str(files[0]) + ", and there is no cpupower")

        def put(file: Path, governor: str) -> None:
            _sudo("cpupower", "-c", file.parent.parent.name[len("cpu") :], "frequency-set", "-g", governor)

    def undo() -> None:
        for file, governor in before:
            put(file, governor)

    try:
        for file, _ in before:
            put(file, FAST)
    except OSError:
        undo()
        raise
    return "governor " + FAST, undo


if __name__ == "__main__":
    main()
