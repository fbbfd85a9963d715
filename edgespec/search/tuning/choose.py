"""Choose a setting by folds inside the training part, within a budget of time. The test part is never looked at.

Optuna draws the settings (tree-structured Parzen estimators, Bergstra et al. 2011) and ends those that fall behind after one and two folds
(successive halving, Jamieson, Talwalkar 2016, arXiv:1502.07943). The best few are judged once more on another division, because the best of many
is partly luck. Of those within one standard error of the most accurate (Breiman et al. 1984) the most accurate on perturbed spectra wins; where
the model is for one instrument, the most accurate of all does. The draft's own setting stays unless the winner is ahead of it by more than a
standard error.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import optuna

from edgespec.errors import Mistake
from edgespec.job import Job
from edgespec.recipe import Split
from edgespec.search.tuning.judge import Judge
from edgespec.search.tuning.settings import Space
from edgespec.search.tuning.tried import Tried, Tuned, choose

FOLDS, FINALISTS, RESERVED = 4, 4, 0.3  # RESERVED: share of the budget that the second division may take
TRIES = 5  # settings that may fail before none could be judged
REPEATS = 100  # settings drawn in a row that were tried before, after which none is left


def tune(
    job: Job, split: Split, space: Space, budget: float, *, one_instrument: bool = False, count: int = FOLDS
) -> Tuned:
    """Try settings until the budget is over, and give them with the best first.

    job: all data, divided; its preprocessing and augmentation are not used. budget: in seconds of wall time
    Raises Mistake where not even the draft's own setting could be judged, or there are too few samples for the folds.
    """
    known = np.setdiff1d(np.arange(len(job.spectra)), job.splits.test)
    inner = replace(job, spectra=job.spectra[known])
    line = Judge(inner, split, count, budget, one_instrument)
    tried = _search(line, space)
    _final(line, tried)
    whole = [each for each in tried if len(each.clean) >= count]
    if not whole:
        raise Mistake("no setting could be judged on all folds in this time", hint="a longer --tune, or none")
    start = next(each for each in tried if each.setting == space.start)
    best = choose(whole, start, one_instrument)
    rest = sorted((each for each in tried if each is not best and each.clean), key=_order, reverse=True)
    job.progress.end()
    failed = [each for each in tried if not each.clean]
    return Tuned(
        [best, *rest, *failed], start, count, len(known), line.spent(), one_instrument, line.linear(space.start)
    )


def _search(line: Judge, space: Space) -> list[Tried]:
    """Draw settings while there is time; one that falls behind is ended after a fold or two.

    The first is judged on all folds whatever the time; the second is the draft's own.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(multivariate=True, n_startup_trials=10, seed=line.job.seed)
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    for each in space.starts():
        study.enqueue_trial(each)

    def unjudged(found: list[Tried]) -> bool:
        """Is none judged on all folds yet, or the draft's own not at all?"""
        return len(found) < 2 or (len(found) < TRIES and not any(len(each.clean) >= line.count for each in found))

    found: list[Tried] = []
    seen, again = set[str](), 0
    while again < REPEATS and (unjudged(found) or not line.over(0, 1 - RESERVED)):
        trial = study.ask()
        tried = Tried(space.draw(trial), [], [], [])
        if str(tried.setting) in seen:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            again += 1
            continue
        seen.add(str(tried.setting))
        again = 0
        whole = not any(len(each.clean) >= line.count for each in found)
        found.append(tried)
        study.tell(trial, *_rungs(line, trial, tried, whole=whole))
    return found


def _rungs(
    line: Judge, trial: optuna.Trial, tried: Tried, *, whole: bool
) -> tuple[float | None, optuna.trial.TrialState]:
    """Judge a setting fold by fold until it falls behind or the time is over; on all folds whatever the time where it must be `whole`."""
    for number in range(line.count):
        if number and not whole and line.over(tried.seconds, 1 - RESERVED):
            return None, optuna.trial.TrialState.FAIL
        try:
            line.judge(tried, number)
        except Mistake as problem:  # a loss that is no number, components that the spectra do not have
            tried.failed = problem.message
            tried.clean.clear()
            return None, optuna.trial.TrialState.FAIL
        trial.report(tried.accuracy, number + 1)
        if number + 1 < line.count and trial.should_prune():
            return None, optuna.trial.TrialState.PRUNED
    return tried.accuracy, optuna.trial.TrialState.COMPLETE


def _final(line: Judge, tried: Sequence[Tried]) -> None:
    """Judge the best settings on a second division, as long as there is time for all of them."""
    whole = sorted((each for each in tried if len(each.clean) == line.count), key=_order, reverse=True)[:FINALISTS]
    kept: list[Tried] = []
    for each in whole:
        if line.over(line.count * sum(one.seconds for one in (*kept, each))):
            break
        kept.append(each)
    if len(kept) < 2:
        return
    for each in kept:
        for number in range(line.count, 2 * line.count):
            line.judge(each, number)


def _order(tried: Tried) -> tuple[int, float]:
    return len(tried.clean), tried.accuracy
