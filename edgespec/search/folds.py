"""Cross-validate a recipe inside its training data: each fold is the test part of the recipe's own line of steps.

A test part that the data set gives is taken away first, so whatever is chosen here was chosen without it. Folds keep physical
samples whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edgespec import own_code, storage, unpacking
from edgespec import recipe as recipes
from edgespec.data import splits
from edgespec.errors import Mismatch, Mistake
from edgespec.job import Job, Progress, Silent
from edgespec.pipeline import preparation
from edgespec.pipeline.up_to_date import fingerprint
from edgespec.recipe import Call, Split
from edgespec.recipe.plan import Plan, plan, until
from edgespec.search import cluster, fold, remote_task
from edgespec.search.folds_table import table
from edgespec.spectra import Ints

FORMAT = 1
Take = Callable[[int, dict[str, Any]], None]


@dataclass(frozen=True)
class Training:
    """One training: the fold that is its test part, of which division, and its seed."""

    repeat: int
    fold: int
    seed: int
    test: Ints

    @property
    def name(self) -> tuple[int, int, int]:
        """Name it among all of a result."""
        return self.repeat, self.fold, self.seed


@dataclass(frozen=True)
class Line:
    """What is cross-validated. told: what the result says about all trainings"""

    checked: Plan
    job: Job
    steps: tuple[Call, ...]
    told: dict[str, Any]
    trainings: list[Training]


@dataclass(frozen=True)
class Asked:
    """How a recipe is cross-validated.

    folds: into how many the data are divided; repeats: how many divisions; seeds: trainings of each fold
    until: number or name of the last step that runs
    valid: share of what is learnt from that is kept for validation, 0 for none; as the recipe says if not said
    baselines: also fit the linear models and the nearest neighbour; robust: judge all models on perturbed spectra too
    """

    folds: int = 5
    repeats: int = 1
    seeds: int = 1
    until: str | None = None
    valid: float | None = None
    baselines: bool = True
    robust: bool = False


def validate(
    path: Path,
    change: Sequence[str],
    asked: Asked,
    file: Path,
    progress: Progress,
    *,
    only: int = 0,
    scheduler: str = "",
) -> dict[str, Any]:
    """Run the recipe's steps with each fold as the test part; fold f of repeat r learns with a seed of its own.

    change: to the recipe, as `--set` takes them
    file: where the result lies, written after each fold; folds that are there already, of the same recipe, code and data, are kept
    only: number of the one training that is run, from 1; scheduler: of the Dask cluster whose workers run one training each
    Raises Mistakes of the recipe, and Mistake where there are fewer physical samples than folds.
    """
    _check(asked, only)
    valid = [f"data.split.valid={asked.valid}"] if asked.valid else []
    written = recipes.load(path, [*change, *valid])
    with own_code.of(written.path):
        line = _line(plan(written), path, change, asked, progress)
        kept = {(each["repeat"], each["fold"], each["seed"]): each for each in _kept(file, line.told["key"])}
        found: list[dict[str, Any] | None] = [kept.get(each.name) for each in line.trainings]
        open_ = [i for i, each in enumerate(found) if each is None and only in (0, i + 1)]
        progress.begin(f"folds of {path.stem}", len(found))

        def take(i: int, each: dict[str, Any]) -> None:
            found[i] = each
            storage.write_json(file, _result(line, found))
            last = list(each["right"])[-1]
            progress.advance(sum(one is not None for one in found), f"{last} {each['right'][last]} of {each['n']}")

        if scheduler:
            _on_cluster(line, change, asked, open_, take, scheduler, progress)
        else:
            for i in open_:
                take(i, _train(line, line.trainings[i], asked))
    progress.end()
    storage.write_json(file, _result(line, found))
    return _result(line, found)


def _result(line: Line, found: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    return {**line.told, "folds": [each for each in found if each is not None]}


def _line(checked: Plan, path: Path, change: Sequence[str], asked: Asked, progress: Progress) -> Line:
    """Read the data and divide it: what all trainings share, and each of them."""
    steps, split = checked.steps[: until(checked, asked.until)], checked.data.split
    with tempfile.TemporaryDirectory() as name:
        whole = preparation.prepare(checked, Path(name), Silent())
    if whole.spectra.source == "embedded":
        progress.say(preparation.LOUD)
    job = fold.inside(whole, split)
    key = storage.digest(asdict(asked), fingerprint(checked.recipe, job.spectra, asked.until))
    told = _about(path, change, asked, split, steps, whole, job) | {"key": key}
    trainings = [
        Training(repeat, number, checked.seed + (repeat * asked.folds + number) * asked.seeds + again, test)
        for repeat, number, again, test in _divisions(job, split, asked)
    ]
    return Line(checked, job, steps, told, trainings)


def _train(line: Line, one: Training, asked: Asked) -> dict[str, Any]:
    """Run the steps around one fold and judge what they make on it."""
    parts = splits.around(line.job.spectra, line.checked.data.split, one.test, one.seed)
    mine = replace(line.job, splits=fold.unheld(parts) if asked.valid == 0 else parts, seed=one.seed)
    robust: fold.Robust | None = {} if asked.robust else None
    right = fold.once(mine, line.steps, asked.baselines, robust)
    learnt = len(mine.splits.rows(None))
    return {
        "repeat": one.repeat,
        "fold": one.fold,
        "seed": one.seed,
        "n": len(one.test),
        "learnt": learnt,
        "right": right,
        **({} if robust is None else {"robust": robust}),
    }


def _on_cluster(
    line: Line,
    change: Sequence[str],
    asked: Asked,
    open_: Sequence[int],
    take: Take,
    scheduler: str,
    progress: Progress,
) -> None:
    """Have each open training run by a worker, as `edgespec folds --only`; taken is what stands on the same recipe, code and data."""
    more = [("--until", asked.until), ("--valid", asked.valid)]
    words = [f"--folds={asked.folds}", f"--repeats={asked.repeats}", f"--seeds={asked.seeds}"]
    words += [f"{name}={value}" for name, value in more if value is not None]
    words += ["--robust"] if asked.robust else []
    words += ["--baselines" if asked.baselines else "--no-baselines", *(f"--set={each}" for each in change)]

    def task(i: int) -> cluster.Task:
        def took(content: bytes) -> None:
            with tempfile.TemporaryDirectory() as name:
                remote_task.unpack(content, Path(name))
                theirs = _kept(next(Path(name).iterdir()), line.told["key"])
            if [(each["repeat"], each["fold"], each["seed"]) for each in theirs] != [line.trainings[i].name]:
                hint = "the same data on every host (EDGESPEC_DATA)"
                raise Mismatch(f"fold {i + 1}: the worker had other data than this machine", hint)
            take(i, theirs[0])

        name = f"fold {i + 1} of {len(line.trainings)}"
        call = ("folds", "{recipe}", *words, f"--only={i + 1}", "--out", "{result}")
        return cluster.Task(name, line.checked.recipe, call, took)

    cluster.run([task(i) for i in open_], scheduler, progress)


def read(path: Path) -> dict[str, Any]:
    """Read a result. Raises Mistake where there is none, or the file is none."""
    try:
        found = unpacking.parse_json(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT or not found["folds"]:
            raise ValueError(f"its format is {found['format']}, with {len(found['folds'])} folds")
        table(found)
    except FileNotFoundError:
        raise Mistake(f"there is no {path}", hint="edgespec folds RECIPE --out FILE writes one") from None
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as problem:
        raise Mistake(f"{path} is not a result of edgespec folds: {problem!r}") from None
    return dict(found)


def _check(asked: Asked, only: int) -> None:
    trainings = asked.folds * asked.repeats * asked.seeds
    if not 0 <= only <= trainings:
        raise Mistake(f"--only {only}: the trainings are 1 to {trainings}", hint="folds x repeats x seeds")
    for name, least in (("folds", 2), ("repeats", 1), ("seeds", 1)):
        if getattr(asked, name) < least:
            raise Mistake(f"--{name} {getattr(asked, name)}: at least {least} is wanted")
    if asked.valid is not None and not 0 <= asked.valid < 1:
        raise Mistake(f"--valid {asked.valid}: is not a share", hint="--valid 0.15, or 0 for none")


def _kept(file: Path, key: str) -> list[dict[str, Any]]:
    try:
        found = unpacking.parse_json(file.read_text(encoding="utf-8"))
        return list(found["folds"]) if found["key"] == key else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _divisions(job: Job, split: Split, asked: Asked) -> Iterator[tuple[int, int, int, Ints]]:
    """Give repeat, fold, training of it, and the rows that are its test part."""
    for repeat in range(asked.repeats):
        for number, test in enumerate(splits.folds(job.spectra, split, asked.folds, repeat)):
            for again in range(asked.seeds):
                yield repeat, number, again, test


def _about(
    path: Path, change: Sequence[str], asked: Asked, split: Split, steps: tuple[Call, ...], whole: Job, job: Job
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "recipe": path.stem,
        "change": list(change),
        "until": steps[-1].name,
        "valid": split.valid if asked.valid is None else asked.valid,
        "source": job.spectra.source,
        "spectra": len(job.spectra),
        "left_out": len(whole.spectra) - len(job.spectra),
        "samples": None if job.spectra.group is None else len(set(job.spectra.group.tolist())),
        "notes": [note for note in job.splits.notes if "one sample only" not in note],
    }
