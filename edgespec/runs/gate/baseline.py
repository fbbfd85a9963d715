"""What a run can be compared by: taken from its folder, kept as a baseline that a person commits, or built anew from a revision.

A baseline is JSON, small enough to be read in a review. It is keyed by the test spectra, by the device and mode of each latency and by
what counted the instructions; another key is told and skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgespec import __version__, contract, report, storage
from edgespec.artifact import OnnxModel
from edgespec.bench import instructions
from edgespec.errors import Missing, Mistake, Unreachable
from edgespec.graph import arithmetic, onnx_file
from edgespec.job import Job, Progress
from edgespec.pipeline.run import Run
from edgespec.report import Report
from edgespec.runs.gate.regression import File, Side

FORMAT = 1
NONE, SHIPPED, ALL = "none", "shipped", "all"
DEVICE = ("cpu", "gpu", "machine", "cores", "runtime", "runtime_version", "driver", "governor", "power_mode")
UPDATE = "edgespec gate --update-baseline writes one, and a person commits it"


def of_run(run: Run, *, count: str | Sequence[str] = NONE) -> Side:
    """Ask all files of a run that may be shipped for the test spectra.

    count: whose instructions are counted, where valgrind is: NONE, SHIPPED, ALL, or variants by name
    Raises Mistake where the run made no ONNX, or its data have changed.
    """
    folder, job, result, model = run.folder, run.job, run.report, run.model
    x, y = run.test
    names = [job.spectra.labels[i] for i in y]
    files = {name: model.path(name) for name, each in model.variants.items() if each.role == "candidate"}
    labels = list(contract.load(next(iter(files.values()))).labels)
    labels += sorted(set(names) - set(labels))
    ships = shipped(model, result)
    chosen = {NONE: [], SHIPPED: ships, ALL: list(files)}[count] if isinstance(count, str) else count
    who, counts = _counted({name: files[name] for name in chosen if name in files}, x, folder, run.progress)
    return Side(
        where=str(folder),
        recipe=result.recipe,
        version=__version__,
        data=_identity(job, names),
        labels=tuple(labels),
        true=tuple(labels.index(each) for each in names),
        files={name: _file(path, x, labels, counts.get(name)) for name, path in files.items()},
        shipped=tuple(ships),
        counted=who,
        latency={name: _latencies(result, name, list(files)) for name in result.bench},
    )


def shipped(model: OnnxModel, result: Report) -> list[str]:
    """Name what a run recommends on the targets that it was measured on; before that, the last that was made."""
    able = [name for name, each in model.variants.items() if each.role == "candidate"]
    advised = dict.fromkeys(each["variant"] for each in result.advice.values())
    return [name for name in advised if name in able] or able[-1:]


def write(side: Side, path: Path) -> None:
    """Keep a baseline."""
    plain = side.plain() | {"where": path.name}
    storage.write(path, json.dumps({"format": FORMAT, **plain}, ensure_ascii=False, allow_nan=False) + "\n")


def read(path: Path) -> Side:
    """Read a baseline. Raises Missing where there is none, Mistake where it is damaged or of another format."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if plain["format"] != FORMAT:
            raise Mistake(
                f"{path} is a baseline of format {plain['format']}, this edgespec reads {FORMAT}", hint=UPDATE
            )
        del plain["format"]
        files = {name: File(**{**each, "named": tuple(each["named"])}) for name, each in plain.pop("files").items()}
        many: dict[str, Any] = {key: tuple(plain.pop(key)) for key in ("labels", "true", "shipped")}
        side = Side(**plain, **many, files=files)
        _check(side)
    except FileNotFoundError:
        raise Missing(f"there is no baseline {path}", hint=UPDATE) from None
    except OSError as problem:
        raise Mistake(f"the baseline {path} cannot be read: {problem.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise Mistake(f"the baseline {path} is damaged: {problem}", hint=UPDATE) from None
    return side


def _check(side: Side) -> None:
    """Raise ValueError where a baseline contradicts itself."""
    top = len(side.labels)
    lists = [side.true, *(each.named for each in side.files.values())]
    if not side.files or not side.shipped or not set(side.shipped) <= set(side.files):
        raise ValueError("it names no file, or ships one that it does not have")
    if len({len(each) for each in lists}) != 1 or not side.true:
        raise ValueError("its lists of names are not of one length")
    if any(not isinstance(i, int) or not 0 <= i < top for each in lists for i in each):
        raise ValueError("a name counts beyond its labels")
    for each in (entry for entries in side.latency.values() for entry in entries):
        low, high = each["p50_interval_ms"]
        if not 0 < low <= each["p50_ms"] <= high or not isinstance(each["device"], dict):
            raise ValueError("a latency makes no sense")


def build(text: str, head: Path, changes: Sequence[str], progress: Progress) -> Path:
    """Give the run folder to compare with: the folder itself, or one built from that revision of the working tree's repository.

    A revision is checked out beside the head's folder, kept by its commit, and compressed with its own recipe, the head's seed and, where
    it is edgespec's own repository, its own code. changes: to that recipe, as `compress --set` takes them
    Raises Mistake where it is neither, or can't be built.
    """
    if (Path(text) / "report.json").is_file():
        return Path(text)
    commit = _git("rev-parse", "--verify", "--quiet", f"{text}^{{commit}}")
    if commit is None:
        raise Mistake(
            f"--against {text}: neither a run folder nor a revision here", hint="a folder with a report.json, or HEAD~1"
        )
    place = head.parent / ".against" / commit[:12]
    made = place / head.name
    if not (made / "report.json").is_file() or not report.read(made).finished:
        progress.say(f"building {text} ({commit[:12]}) in {made}")
        tree = place / "tree"
        if not tree.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            if _git("worktree", "add", "--detach", "--force", str(tree), commit) is None:
                raise Mistake(f"--against {text}: git can't check it out in {tree}", hint="git worktree prune")
        try:
            _compress(text, tree, head, made, changes)
        finally:
            _git("worktree", "remove", "--force", str(tree))
    return made


def _compress(text: str, tree: Path, head: Path, made: Path, changes: Sequence[str]) -> None:
    """Run the revision's recipe, with its code where it has one."""
    made_by = report.read(head)
    name = f"{made_by.recipe}.yaml"
    own = next((path for path in (tree / "recipes" / name, tree / name) if path.is_file()), None)
    sets = [f"--set={each}" for each in (f"seed={made_by.seed}", *changes)] if own else []
    code = {"PYTHONPATH": str(tree)} if (tree / "edgespec" / "__init__.py").is_file() else {}
    command = [sys.executable, "-m", "edgespec", "compress", str((own or head / "recipe.yaml").resolve()), *sets]
    command += ["--out", str(made.resolve())]
    ended = subprocess.run(command, env={**os.environ, **code}, stdout=subprocess.DEVNULL, check=False)
    if ended.returncode:
        raise Mistake(f"--against {text}: its recipe ended with code {ended.returncode}", hint=" ".join(command))


def _git(*words: str) -> str | None:
    try:
        ended = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None


def _counted(
    files: Mapping[str, Path], x: Any, folder: Path, progress: Progress
) -> tuple[dict[str, Any], dict[str, float]]:
    if not files:
        return {}, {}
    try:
        return instructions.count(files, x, folder / "bench", progress.say)
    except (Missing, Unreachable) as absent:
        progress.say(f"note: {absent.message}; {absent.hint}")
        return {}, {}


def _identity(job: Job, names: Sequence[str]) -> str:
    """Digest which spectra were judged; an axis or a preprocessing of another kind leaves them the same spectra."""
    rows, spectra = job.splits.test, job.spectra
    which = spectra.x[rows] if spectra.group is None else [str(each) for each in spectra.group[rows]]
    drawn = job.seed if spectra.source == "embedded" else 0
    return storage.digest(list(names), which, drawn)


def _file(path: Path, x: Any, labels: Sequence[str], count: float | None) -> File:
    """Name the spectra as this file's own contract does."""
    own = contract.load(path).labels
    named = onnx_file.run(path, x).argmax(axis=1)
    params, macs = arithmetic.weigh(path)
    spoken = tuple(labels.index(own[i]) for i in named)
    return File(path.stat().st_size, storage.file_digest(path), params, macs, spoken, count)


def _latencies(result: Report, name: str, able: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "variant": each["variant"],
            "device": device(each),
            "mode": each.get("mode", "quick"),
            **{key: each[key] for key in ("p50_ms", "p50_interval_ms", "noise")},
        }
        for each in result.bench[name]["measurements"]
        if each["variant"] in able and each["source"] == "measured"
    ]


def device(measured: Mapping[str, Any]) -> dict[str, Any]:
    """Give what two latencies must share to be compared."""
    facts = {**measured["host"], **{key: measured[key] for key in ("runtime", "runtime_version") if key in measured}}
    kept = {key: facts[key] for key in DEVICE if facts.get(key) not in (None, "", [])}
    return {**kept, "threads": measured["threads"]}
