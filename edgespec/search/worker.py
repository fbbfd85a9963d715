"""A worker of a search: runs trials until enough count, then sees to it that the front is judged on the test part, once.

Any number of workers on one folder, or on one database, share the trials.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import yaml
from optuna.trial import TrialState

from edgespec import plugins, report, storage, unpacking
from edgespec import recipe as recipes
from edgespec.bench import instructions
from edgespec.errors import EdgespecError, Missing, Mistake, StorageError, Unreachable
from edgespec.job import ENDING, Progress, Silent
from edgespec.pipeline import compress, preparation
from edgespec.pipeline.step_cache import Store
from edgespec.recipe import Recipe, plain
from edgespec.search import OBJECTIVES, pareto, snapshot, space, study, trial
from edgespec.search.early_stopping import Ended, Rungs
from edgespec.search.pareto import Found
from edgespec.search.space import Space
from edgespec.search.study import Study
from edgespec.search.trial import Setup
from edgespec.targets import card as targets
from edgespec.training import batches

RECIPE, CLAIM, POLL_S, HOPELESS = "recipe.yaml", "search.json", 1.0, 5


def search(
    written: Recipe,
    folder: Path,
    *,
    trials: int,
    url: str | None,
    objectives: Sequence[str],
    target: str,
    grace: int,
    end_early: bool,
    progress: Progress,
    folds: int = 0,
) -> Found:
    """Run trials until so many count, shared with all other workers of the same search; then judge the front on the test part.

    url: of the database that workers share, a file in the folder if not said; grace: seconds of silence after which a worker is dead
    folds: into how many folds everything but the test part is divided, for trials to be judged on; 0 judges them on validation spectra
    Raises Mistakes of the recipe before anything is written, Unreachable or StorageError where the storage is gone.
    """
    card = _check(objectives, target, folds)
    open_ = space.read(written)
    kept_in = study.shown(url) if url else "folder"
    _claim(
        folder,
        written,
        {"objectives": list(objectives), "target": card and card.name, "storage": kept_in, "folds": folds or None},
    )
    job = preparation.prepare(open_.plan, folder, progress)
    ons = [step.keys.get("on") for step in open_.plan.steps]
    setup = Setup(folder, job, trial.rows(job, ons), card, "instructions" in objectives)
    if folds:
        setup = replace(setup, folds=trial.folded(job, open_.plan.data.split, ons, folds))
    key = [plain(written.tree), list(objectives), target if card else "", *([folds] if folds else [])]
    name = f"{written.name}-{storage.digest(*key)}"
    shared = study.connect(url, folder, name, [OBJECTIVES[each] for each in objectives], open_.starts(), grace)
    with shared.at_hand():
        _agree(shared, setup)
        _work(open_, shared, setup, trials, objectives, end_early, progress)
        with storage.turn(folder / ".front.lock"):
            found = snapshot.gather(shared, written.name, objectives, card.name if card else None, trials)
            _hopeful(found)
            for number in found["front"]:
                _judge(shared, folder, pareto.of(found, number), progress)
            found = snapshot.gather(shared, written.name, objectives, card.name if card else None, trials)
            pareto.write(found, folder)
    return found


def _check(objectives: Sequence[str], target: str, folds: int) -> targets.Target | None:
    if folds == 1 or folds < 0:
        raise Mistake(f"--folds {folds}: a trial is judged on two folds or more", hint="--folds 4")
    if not objectives:
        raise Mistake("--objectives names none", hint=f"of {', '.join(OBJECTIVES)}")
    for name in objectives:
        if name not in OBJECTIVES or list(objectives).count(name) > 1:
            what = "stands twice" if name in OBJECTIVES else "is no objective"
            raise Mistake(f"--objectives: {name!r} {what}", plugins.did_you_mean(name, list(OBJECTIVES)))
    if "instructions" in objectives:
        instructions.counter()  # told now where nothing counts here
    return targets.load(target) if "latency" in objectives else None


def _claim(folder: Path, written: Recipe, asked: dict[str, Any]) -> None:
    """Keep the searching recipe, and what it is searched for, in the folder; the folder of another search is left alone."""
    if (folder / "report.json").is_file():
        raise Mistake(f"{folder} is a run's folder, not a search's", hint="name another with --out")
    mine = {"recipe": storage.digest(plain(written.tree)), **asked}
    path = folder / CLAIM
    theirs = unpacking.parse_json(path.read_text(encoding="utf-8")) if path.is_file() else mine
    for key, value in mine.items():
        if theirs.get(key) != value:
            other = (
                "another recipe, or of this one before it was changed"
                if key == "recipe"
                else f"--{key} {theirs[key]}"
                if theirs.get(key) is not None
                else f"no --{key}"
            )
            hint = "name another folder with --out: trials of two searches don't compare"
            raise Mistake(f"{folder} holds the search of {other}", hint)
    if not path.is_file():
        storage.write(folder / RECIPE, yaml.safe_dump(plain(written.tree), sort_keys=False, allow_unicode=True))
        storage.write_json(path, mine)


def _agree(shared: Study, setup: Setup) -> None:
    """Raise Mistake where another worker's trials are judged on other spectra."""
    rows = setup.judges
    mine = {"digest": trial.digest(setup.job, rows), "spectra": len(rows)}
    mine |= {"samples": batches.samples(setup.job, rows), **({"folds": len(setup.folds)} if setup.folds else {})}
    theirs = shared.inner.user_attrs.get("judged")
    if theirs is None:
        shared.inner.set_user_attr("judged", mine)
    elif theirs != mine:
        raise Mistake(
            "this search was begun with other data: its trials were judged on other spectra",
            hint="the same EDGESPEC_DATA on every host; or another --out (and --storage) for the new data",
        )


def _work(
    open_: Space,
    shared: Study,
    setup: Setup,
    trials: int,
    objectives: Sequence[str],
    end_early: bool,
    progress: Progress,
) -> None:
    """Run trials until enough count; wait for those that others run, so that a dead worker's is taken up by whoever is left."""
    while True:
        shared.find_dead()
        count = shared.count()
        if count.done >= trials:
            return
        if count.begun >= trials and not count.waiting:
            time.sleep(POLL_S)
            continue
        shared.inner.sampler = study.sampler(setup.job.seed + len(shared.trials()), max(trials // 4, 4))
        begun = shared.begin()
        if shared.surplus(begun, trials):
            begun.set_user_attr(study.WITHDRAWN, "others began enough")
            shared.end(begun, None, TrialState.FAIL)
            continue
        with shared.alive(begun):
            told = _one(open_, shared, setup, begun, objectives, end_early)
        count = shared.count()
        progress.say(f"trial {study.number(shared.frozen(begun)):04d} ({count.done} of {trials}): {told}")
        found = snapshot.gather(
            shared, open_.recipe.name, objectives, setup.target.name if setup.target else None, trials
        )
        pareto.write(found, setup.folder)
        _hopeful(found)


def _one(
    open_: Space, shared: Study, setup: Setup, begun: optuna.Trial, objectives: Sequence[str], end_early: bool
) -> str:
    """Run one trial to its end, whatever that is, and word it."""
    number = study.number(shared.frozen(begun))
    try:
        plain_recipe = open_.draw(begun)
        found = _same(shared, begun)
        if found is None:
            hearing = _hearing(open_, setup, begun) if end_early else lambda _: None
            found = trial.run(setup, plain_recipe, number, hearing, _Log(setup.folder / "trials" / f"{number:04d}"))
        begun.set_user_attr("found", found)
        shared.end(begun, trial.values(found, objectives))
    except Ended as reason:
        for left in (setup.folder / "trials" / f"{number:04d}").glob(f"*{ENDING}"):
            shutil.rmtree(left)  # nobody goes on with this training
        begun.set_user_attr("ended", str(reason))
        shared.end(begun, None, TrialState.PRUNED)
        return f"ended early: {reason}"
    except optuna.exceptions.UpdateFinishedTrialError:
        return "was too slow to give a sign of life, and another worker took it up"
    except (Missing, Unreachable, StorageError):
        shared.give_back(begun)
        raise
    except EdgespecError as problem:
        begun.set_user_attr(study.FAILED, problem.message)
        shared.end(begun, None, TrialState.FAIL)
        return f"failed: {problem.message}"
    except (KeyboardInterrupt, OSError):
        shared.give_back(begun)
        raise
    return _worded(found, begun.params)


def _same(shared: Study, begun: optuna.Trial) -> dict[str, Any] | None:
    """Give what another trial of the very same recipe was worth, so that nothing is measured twice."""
    for each in shared.trials():
        if each.state == TrialState.COMPLETE and each.params == begun.params and "same_as" not in each.user_attrs:
            begun.set_user_attr("same_as", study.number(each))
            return dict(each.user_attrs["found"])
    return None


def _hearing(open_: Space, setup: Setup, begun: optuna.Trial) -> compress.Hearing:
    """Watch the trainings whose result differs between trials; what all trials share is never ended."""
    return lambda number: Rungs(begun, number, setup.watched) if number >= open_.first_step else None


def _hopeful(found: Found) -> None:
    """Raise Mistake where the first trials all failed: what is wrong is not what they drew."""
    ended = [each for each in found["trials"] if each["state"] not in ("running", "waiting")]
    if len(ended) >= min(HOPELESS, found["asked"]) and all(each["state"] == "failed" for each in ended):
        text = f"all {len(ended)} trials failed; the first: {ended[0]['why']}"
        raise Mistake(text, hint=f"mend the recipe; {pareto.PAGE} of the search's folder names what each failed of")


def _judge(shared: Study, folder: Path, each: dict[str, Any], progress: Progress) -> None:
    """Judge a trial of the front on the test part, if it ran here and nobody did yet."""
    key, place = f"test {each['number']}", folder / each["folder"]
    if key in shared.inner.user_attrs or not (place / trial.VALIDATION).is_file():
        return
    result = judged(place, Store(folder / "steps"), progress)
    row = next(row for row in result.last() if row.variant == each["variant"])
    scores = {name: row.scores[name] for name in ("n", "accuracy", "low", "high", "ece")}
    shared.inner.set_user_attr(key, {**scores, "robust_accuracy": row.robustness.get("mean")})


def judged(place: Path, store: Store, progress: Progress) -> report.Report:
    """Make a trial's run complete: every step kept, and judged on the test part as `edgespec compress` does."""
    progress.say(f"{place}: judged on the test part")
    written = recipes.load(place / RECIPE)
    return compress.compress(written, place, stop=None, progress=_Log(place), store=store, processes=1).report


def _worded(found: dict[str, Any], params: dict[str, Any]) -> str:
    latency = f", {found['latency']['ratio']:.2f} of the reference's time" if found["latency"] else ""
    return f"{found['accuracy']:.3f} on validation{latency}, {found['size'] / 1e3:.1f} kB, {found['seconds']:.0f} s; {pareto.said(params)}"


class _Log(Silent):
    """A Progress that only writes a trial's log: a search's own lines are enough for a terminal."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log.txt"

    def say(self, text: str) -> None:
        """Log one line."""
        storage.log(self.path, text)
