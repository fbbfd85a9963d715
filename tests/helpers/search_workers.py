"""Workers of a search as processes of their own, with one import of the libraries for all of them.

    python search_workers.py WORKERS RECIPE FOLDER URL TRIALS GRACE

Prints the process ids, and at the end how each worker ended.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edgespec import recipe
from edgespec.errors import EdgespecError
from edgespec.job import Silent
from edgespec.search import worker


def main() -> None:
    count, path, folder, url, trials, grace = sys.argv[1:]
    children = []
    for _ in range(int(count)):
        child = os.fork()
        if not child:
            work(Path(path), Path(folder), url, int(trials), int(grace))
        children.append(child)
    print(*children, flush=True)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    print(*codes, flush=True)


def work(path: Path, folder: Path, url: str, trials: int, grace: int) -> None:
    """Work until the search is done, and end this process."""
    code = 1
    try:
        worker.search(
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
        code = 0
    except EdgespecError as problem:
        print(problem.message, file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
