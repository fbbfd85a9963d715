"""The shared memory of a search: Optuna's, in a file of the search's folder or in a database that many hosts reach.

A trial whose worker dies (kill -9, a lost host) is found by its heartbeat and taken up again by whoever comes first, under its own
number and in its own folder, so that none is lost and none counts twice.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import random
import socket
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from edgespec.errors import EdgespecError, Missing, Mistake, StorageError, Unreachable
from edgespec.storage import turn

FILE = "search.sqlite3"
AGAIN = 2  # how often a trial that took its worker down is taken up again
CONNECT_S, LOCKED_S, TRIES = 10, 60, 8
DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
FAILED, WITHDRAWN = "error", "withdrawn"
ORIGINAL, HISTORY = "failed_trial", "retry_history"  # Optuna's own names
GONE = (sqlalchemy.exc.DBAPIError, optuna.exceptions.StorageInternalError)


@dataclass(frozen=True)
class Count:
    """How a search stands. done: trials that count; running, waiting: those that will."""

    done: int
    running: int
    waiting: int

    @property
    def begun(self) -> int:
        """All that count or will."""
        return self.done + self.running + self.waiting


@dataclass(frozen=True)
class Study:
    """One search's trials, wherever they are kept.

    url: as SQLAlchemy takes it; grace: seconds without a sign after which a worker is taken for dead
    """

    inner: optuna.Study
    storage: RDBStorage
    url: str
    grace: int

    @contextlib.contextmanager
    def at_hand(self) -> Iterator[None]:
        """Turn what a database that is gone raises into an error for the user's eyes."""
        try:
            yield
        except GONE as problem:
            raise lost(self.url, problem) from None

    def trials(self) -> list[FrozenTrial]:
        """Give all trials, by number."""
        return self.inner.get_trials(deepcopy=False)

    def begin(self) -> optuna.Trial:
        """Begin a trial: one that waits to be taken up again, else a new one."""
        with _quiet():
            trial = self.inner.ask()
        trial.set_user_attr("worker", worker())
        return trial

    @contextlib.contextmanager
    def alive(self, trial: optuna.Trial) -> Iterator[None]:
        """Give signs of life while a trial runs."""
        over = threading.Event()

        def beat() -> None:
            with contextlib.suppress(*GONE):  # the trial's own next word to the storage tells it
                while not over.is_set():
                    self.storage.record_heartbeat(trial._trial_id)
                    over.wait(max(self.grace / 6, 0.5))

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(CONNECT_S)

    def end(self, trial: optuna.Trial, values: Sequence[float] | None, state: TrialState | None = None) -> None:
        """Write down how a trial ended; what another worker took up meanwhile is the other's."""
        with contextlib.suppress(ValueError, optuna.exceptions.UpdateFinishedTrialError):
            self.inner.tell(trial, values, state)

    def give_back(self, trial: optuna.Trial) -> None:
        """End a trial that was interrupted, to be taken up again."""
        trial.set_user_attr(WITHDRAWN, "interrupted")
        self.end(trial, None, TrialState.FAIL)
        frozen = self.frozen(trial)
        _queue(self.inner, frozen, frozen.system_attrs.get(HISTORY, []))

    def frozen(self, trial: optuna.Trial) -> FrozenTrial:
        """Give a running trial as the storage has it."""
        return self.storage.get_trial(trial._trial_id)

    def find_dead(self) -> None:
        """Have the trials of dead workers taken up again."""
        with _quiet():
            optuna.storages.fail_stale_trials(self.inner)
        now = datetime.datetime.now()
        for each in self.trials():  # killed before its first sign of life
            silent = each.state == TrialState.RUNNING and "worker" not in each.user_attrs and each.datetime_start
            if silent and (now - silent).total_seconds() > self.grace:
                with contextlib.suppress(ValueError, optuna.exceptions.UpdateFinishedTrialError):
                    self.inner.tell(each.number, state=TrialState.FAIL)
                    _again(self.inner, each)  # only who ended it comes here

    def count(self) -> Count:
        """Count what is done, what runs and what waits."""
        states = [_standing(each) for each in self.trials()]
        return Count(*(states.count(name) for name in ("done", "running", "waiting")))

    def surplus(self, trial: optuna.Trial, trials: int) -> bool:
        """Tell whether others began enough trials in the same moment."""
        earlier = [each for each in self.trials() if each.number < trial.number and _standing(each)]
        return len(earlier) >= trials


def number(trial: FrozenTrial) -> int:
    """Give the number that a trial keeps however often it is taken up again."""
    return int(trial.system_attrs.get(ORIGINAL, trial.number))


def counting(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Give the trials that count, or will: not those killed and taken up again under another entry, nor those begun by one too many."""
    return [each for each in trials if _standing(each)]


def worker() -> str:
    """Name this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def connect(
    url: str | None, folder: Path, name: str, directions: list[str], first: dict[str, Any], grace: int
) -> Study:
    """Open the study of that name, made where it is not there yet; who makes it says what is tried first.

    url: of a database, a file in `folder` if not said
    Raises Mistake for what is no URL, Missing without its driver, Unreachable where it does not answer.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    full = f"sqlite:///{folder / FILE}" if url is None else _url(url)
    keys: dict[str, Any] = {"pool_pre_ping": True}
    if full.startswith("sqlite"):
        keys["connect_args"] = {"timeout": LOCKED_S}
    elif full.startswith("postgresql"):
        keys["connect_args"] = {"connect_timeout": CONNECT_S}
    try:
        with turn(folder / ".storage.lock"):
            storage = _open(full, keys, grace)
        study = _study(storage, name, directions, first)
    except (ImportError, sqlalchemy.exc.NoSuchModuleError) as problem:
        what = f"{shown(full)} needs a database driver that is not installed here: {problem}"
        raise Missing(what, hint='pip install "edgespec[search]"; PostgreSQL is what is tested') from None
    except GONE as problem:
        raise lost(full, problem) from None
    return Study(study, storage, full, grace)


def _open(url: str, keys: dict[str, Any], grace: int) -> RDBStorage:
    """Open the database; where workers of several hosts make its tables in the same moment, all but one find them half made."""
    tries = 0
    while True:
        try:
            with _quiet():
                return RDBStorage(
                    url,
                    engine_kwargs=keys,
                    heartbeat_interval=max(grace // 6, 1),
                    grace_period=grace,
                    heartbeat_stale_trial_callback=_again,
                )
        except (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.ProgrammingError):
            tries += 1
            if tries == TRIES:
                raise
            time.sleep(random.uniform(0.1, 1))  # noqa: S311  (so that two workers do not meet again)


def lost(url: str, problem: Exception) -> EdgespecError:
    """Say that a storage does not answer."""
    why = str(getattr(problem, "orig", None) or problem.__cause__ or problem).strip().splitlines()
    what = f"the storage {shown(url)} does not answer: {why[0] if why else type(problem).__name__}"
    if url.startswith("sqlite"):
        return StorageError(what, hint="is the disk full, or the file read-only? Then run the same command again")
    return Unreachable(
        what, hint="start the database, then run the same command again: nothing is lost that was finished"
    )


def shown(url: str) -> str:
    """Write a URL without its password. Raises Mistake for what is no URL."""
    return sqlalchemy.engine.make_url(_url(url)).render_as_string(hide_password=True)


def sampler(seed: int, first: int) -> optuna.samplers.BaseSampler:
    """Give the sampler: tree-structured Parzen estimators (Bergstra et al. 2011; for several objectives Ozaki et al. 2022).

    first: trials that are drawn at random before it learns
    """
    with _quiet():
        return optuna.samplers.TPESampler(
            multivariate=True, group=True, constant_liar=True, n_startup_trials=first, seed=seed
        )


def _study(storage: RDBStorage, name: str, directions: list[str], first: dict[str, Any]) -> optuna.Study:
    try:
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=[optuna.study.StudyDirection[each.upper()] for each in directions],
        )
    except optuna.exceptions.DuplicatedStudyError:
        return optuna.load_study(storage=storage, study_name=name)
    study.enqueue_trial(first)
    return study


def _standing(trial: FrozenTrial) -> str:
    """Give "done", "running" or "waiting"; "" for what does not count: killed and taken up again, or begun by one too many."""
    if trial.state in (TrialState.RUNNING, TrialState.WAITING):
        return trial.state.name.lower()
    if trial.state != TrialState.FAIL or FAILED in trial.user_attrs:
        return "done"
    given_up = len(trial.system_attrs.get(HISTORY, [])) >= AGAIN and WITHDRAWN not in trial.user_attrs
    return "done" if given_up else ""


def _again(study: optuna.Study, trial: FrozenTrial) -> None:
    """Queue a trial whose worker died, unless it took down as many workers as may be: then it counts, as one without a result."""
    history = trial.system_attrs.get(HISTORY, [])
    if len(history) < AGAIN:
        _queue(study, trial, [*history, trial.number])


def _queue(study: optuna.Study, trial: FrozenTrial, history: list[int]) -> None:
    told = {key: trial.system_attrs[key] for key in ("fixed_params",) if key in trial.system_attrs}
    study.add_trial(
        optuna.create_trial(
            state=TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            system_attrs={**told, ORIGINAL: number(trial), HISTORY: history},
        )
    )


def _url(text: str) -> str:
    kind, colon, rest = text.partition("://")
    full = f"{DRIVERS.get(kind, kind)}{colon}{rest}"
    try:
        sqlalchemy.engine.make_url(full)
    except sqlalchemy.exc.ArgumentError:
        raise Mistake(
            f"--storage {text}: no URL of a database", hint="postgresql://user@host/database, or leave it out"
        ) from None
    return full


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's remarks on what is experimental to ourselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.filterwarnings("ignore", message="Heartbeat of storage")  # `alive` gives it
        yield
