"""A worker of a search whose trials cost nothing, as a process of its own: what it shares with others is real.

    python search_worker.py WORKERS RECIPE FOLDER URL TRIALS GRACE

Starts so many workers (one import of the libraries for all of them) and prints their process ids; each trial takes a tenth of a second
and leaves a line in FOLDER/ran.txt.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from edgespec import recipe
from edgespec.errors import EdgespecError
from edgespec.job import Silent
from edgespec.recipe import Recipe
from edgespec.search import trial, worker
from edgespec.search.trial import Setup

TAKES_S = 0.1


def main() -> None:
    count, path, folder, url, trials, grace = sys.argv[1:]
    trial.run = quick
    children = []
    for _ in range(int(count)):
        child = os.fork()
        if not child:
            work(Path(path), Path(folder), url, int(trials), int(grace))
        children.append(child)
    print(*children, flush=True)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    print(*codes, flush=True)


def quick(setup: Setup, written: Recipe, number: int, hearing: Any, progress: Any) -> dict[str, Any]:
    """Say who runs which trial, take a while, and be worth what was drawn."""
    setup.folder.mkdir(parents=True, exist_ok=True)
    with (setup.folder / "ran.txt").open("a") as file:
        file.write(f"{number} {os.getpid()}\n")
    time.sleep(TAKES_S)
    lr = written.tree["steps"][0]["train"]["fit"]["lr"]
    found = {"variant": "float32", "accuracy": min(1.0, 0.5 + lr), "low": 0.4, "high": 1.0, "latency": None}
    return found | {"size": int(1e6 * lr), "params": 1, "macs": 1, "seconds": TAKES_S, "folder": f"trials/{number:04d}"}


def work(path: Path, folder: Path, url: str, trials: int, grace: int) -> None:
    """Work until the search is done, and end this process."""
    code = 1
    try:
        found = worker.search(
            recipe.load(path),
            folder,
            trials=trials,
            url=url or None,
            objectives=["accuracy", "size"],
            target="local",
            grace=grace,
            end_early=True,
            progress=Silent(),
        )
        code = 0 if len([each for each in found["trials"] if each["state"] == "complete"]) >= trials else 3
    except EdgespecError as problem:
        print(problem.message, file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
