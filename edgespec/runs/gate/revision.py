"""What `gate --against` names: a run folder, or a revision whose recipe is found, followed through renames, and compressed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgespec import report, storage
from edgespec.errors import BrokenPromise, Mismatch, Missing, Mistake
from edgespec.job import Progress
from edgespec.report import Report

ALIKE = "-M40%"  # how much of a file may change with its name
NEW = "a recipe that is new has nothing to be compared with: gate without --against; or --recipe-there PATH"


class NotComparable(BrokenPromise):
    """There is nothing that a run could be compared with: its promises against it are unmeasured."""


@dataclass(frozen=True)
class Revision:
    """A commit of the repository at `top`; text: as it was named."""

    text: str
    commit: str
    top: Path


def find(text: str) -> Path | Revision:
    """Give the run folder, or the revision, that a user names; nothing has run before this is known.

    Raises Mistake where it is neither; Missing, with the command that fetches it, where the clone is shallow.
    """
    if (Path(text) / "report.json").is_file():
        return Path(text)
    top = _git(Path.cwd(), "rev-parse", "--show-toplevel")
    if top is None:
        raise Mistake(
            f"--against {text}: no run folder, and this is not a git repository", hint="a folder with a report.json"
        )
    commit = _git(Path(top), "rev-parse", "--verify", "--quiet", f"{text}^{{commit}}")
    if commit is not None:
        return Revision(text, commit, Path(top))
    if _git(Path(top), "rev-parse", "--is-shallow-repository") == "true":
        raise Missing(
            f"--against {text}: this clone is shallow and does not hold it",
            hint="git fetch --unshallow origin; in a workflow: actions/checkout with fetch-depth: 0",
        )
    raise Mistake(
        f"--against {text}: neither a run folder nor a revision here", hint="a folder with a report.json, or HEAD~1"
    )


def recipe_there(revision: Revision, result: Report, named: str | None) -> str:
    """Give the path that the run's recipe has in a revision, from the top of the repository.

    named: `--recipe-there`. Raises Mistake where that is not in the revision, NotComparable where the recipe is not.
    """
    if named is not None:
        if not _holds(revision, named):
            raise Mistake(
                f"--recipe-there {named}: {revision.text} holds no such file", hint="a path from the repository's top"
            )
        return named
    mine = result.recipe_file
    if not mine or mine.startswith("../"):
        raise NotComparable(
            f"the run's recipe ({mine or 'its place is not known'}) lies outside of this repository", hint=NEW
        )
    if _holds(revision, mine):
        return mine
    moved = _moved(revision, mine)
    if moved is None:
        raise NotComparable(f"{revision.text} holds no {mine}, and no file that was renamed to it", hint=NEW)
    return moved


def build(
    revision: Revision, recipe: str, head: Path, result: Report, changes: Sequence[str], progress: Progress
) -> Path:
    """Give the run folder of a revision, kept by its commit beside the head's folder.

    The revision's recipe runs with the head's seed and, where the repository is edgespec's own, with the revision's code.
    changes: to that recipe, as `compress --set` takes them. Raises Mistake where it can't be checked out or does not run.
    """
    kept = head.parent / ".against" / revision.commit[:12]
    made = kept / storage.digest(recipe, result.seed, list(changes)) / head.name
    if _finished(made):
        return made
    progress.say(f"building {revision.text} ({revision.commit[:12]}), {recipe}, in {made}")
    tree = (kept / "tree").absolute()
    kept.mkdir(parents=True, exist_ok=True)
    _git(revision.top, "worktree", "prune")
    if (
        not tree.is_dir()
        and _git(revision.top, "worktree", "add", "--detach", "--force", str(tree), revision.commit) is None
    ):
        raise Mistake(f"--against {revision.text}: git can't check it out in {tree}", hint="git worktree prune")
    try:
        _compress(revision, tree, recipe, result.seed, made, changes)
    finally:
        _git(revision.top, "worktree", "remove", "--force", str(tree))
    report.upgrade(made)
    return made


def _finished(made: Path) -> bool:
    try:
        return bool(report.read(made).finished)
    except (Mistake, Mismatch):
        return False


def _compress(revision: Revision, tree: Path, recipe: str, seed: int, made: Path, changes: Sequence[str]) -> None:
    """Run the revision's recipe, with its code where it has one."""
    sets = [f"--set={each}" for each in (f"seed={seed}", *changes)]
    code = {"PYTHONPATH": str(tree)} if (tree / "edgespec" / "__init__.py").is_file() else {}
    command = [sys.executable, "-m", "edgespec", "compress", str(tree / recipe), *sets, "--out", str(made.absolute())]
    ended = subprocess.run(command, env={**os.environ, **code}, stdout=subprocess.DEVNULL, check=False)
    if ended.returncode:
        raise Mistake(
            f"--against {revision.text}: its recipe {recipe} ended with code {ended.returncode}, as told above",
            hint="mend that revision's recipe, or compare with another",
        )


def _holds(revision: Revision, path: str) -> bool:
    return _git(revision.top, "cat-file", "-e", f"{revision.commit}:{path}") is not None


def _moved(revision: Revision, mine: str) -> str | None:
    """Give the name that a file had in a revision, by what it holds; a file that is not yet under version control counts too."""
    told = _git(revision.top, "diff", "--name-status", ALIKE, "--diff-filter=R", "-z", revision.commit, "HEAD")
    words = (told or "").split("\0")
    for kind, before, after in zip(words[::3], words[1::3], words[2::3], strict=False):
        if kind.startswith("R") and after == mine:
            return before
    return _alike(revision, mine)


def _alike(revision: Revision, mine: str) -> str | None:
    """Give the recipe of a revision that shares most lines with a file here, if it shares most of them."""
    try:
        lines = set((revision.top / mine).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return None
    there = (_git(revision.top, "ls-tree", "-r", "--name-only", "-z", revision.commit) or "").split("\0")
    best, most = None, 0.4
    for name in (each for each in there if each.endswith((".yaml", ".yml"))):
        if (revision.top / name).is_file():
            continue  # it is still here: another recipe
        theirs = set((_git(revision.top, "show", f"{revision.commit}:{name}") or "").splitlines())
        share = len(lines & theirs) / max(len(lines | theirs), 1)
        if share > most:
            best, most = name, share
    return best


def _git(top: Path, *words: str) -> str | None:
    try:
        command = ["git", "-C", str(top), *words]
        ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    except (OSError, UnicodeDecodeError):
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None
