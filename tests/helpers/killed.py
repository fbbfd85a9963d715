"""Programs that are killed at a moment of their work, not of the clock: a watcher beside them may itself be late."""

import signal
import subprocess
import sys
from pathlib import Path

# The kernel ends the process when it has used a little more processor time: no line of Python runs in between, as with SIGKILL.
PROGRAM = """
import signal, sys
_, name, left, soon, *command = sys.argv
left = int(left)

def watch(event, args):
    global left
    if event in ("open", "os.mkdir", "os.rename") and any(str(each).endswith(name) for each in args):
        left -= 1
        if left == 0:
            signal.setitimer(signal.ITIMER_PROF, float(soon))

sys.addaudithook(watch)
from edgespec.training import resume
resume.EVERY_S = 0
sys.argv = ["edgespec", *command]
from edgespec.cli import main
main()
"""


def killed_at(name: str, command: list[str], times: int = 1, soon_s: float = 1e-3, cwd: Path | None = None) -> None:
    """Run edgespec until a path that ends with `name` is made for the `times`-th time, and `soon_s` of processor time more.

    States of training are written after each epoch here.
    """
    program = [sys.executable, "-c", PROGRAM, name, str(times), str(soon_s), *command]
    ended = subprocess.run(program, cwd=cwd, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == -signal.SIGPROF, f"not killed: {ended.returncode}\n{ended.stderr[-2000:]}"
