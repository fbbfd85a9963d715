"""Workers that share a search: no trial lost, none counted twice, whoever is killed; on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

optuna = pytest.importorskip("optuna", reason="optuna is not installed: pip install 'edgespec[dev]'")

from optuna.trial import TrialState  # noqa: E402

from edgespec import recipe  # noqa: E402
from edgespec.errors import EdgespecError, Missing, Mistake, StorageError, Unreachable  # noqa: E402
from edgespec.job import Silent  # noqa: E402
from edgespec.search import pareto, study, trial, worker  # noqa: E402

RECIPE = """schema: 1
data:
  load: {minerals: {minerals: [Albite, Beryl], samples: 6, spectra: 2}}
  axis: {low: 150, high: 1172, points: 64}
  split: {by: group, valid: 0.3}
steps:
  - train: {model: {cnn: {widths: [2, 4]}}, fit: {epochs: 1, lr: {between: [1.0e-4, 1.0e-1], log: true}}}
  - to_onnx
"""
WORKERS = Path(__file__).parents[2] / "helpers" / "search_workers.py"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "open.yaml").write_text(RECIPE, encoding="utf-8")
    return tmp_path / "open.yaml"


def connect(folder: Path, url: str | None = None, grace: int = 60) -> study.Study:
    folder.mkdir(exist_ok=True)
    return study.connect(url, folder, "s", ["maximize", "minimize"], {"x": 0.5}, grace)


def draw(shared: study.Study, **attrs: Any) -> optuna.Trial:
    begun = shared.begin()
    begun.suggest_float("x", 0, 1)
    for key, value in attrs.items():
        begun.set_user_attr(key, value)
    return begun


def counts(shared: study.Study) -> tuple[int, int, int]:
    found = shared.count()
    return found.done, found.running, found.waiting


def test_what_is_tried_first_is_what_the_recipe_starts_with_and_every_end_is_counted(tmp_path: Path) -> None:
    shared = connect(tmp_path)
    assert counts(shared) == (0, 0, 1)
    first = draw(shared)
    assert first.params == {"x": 0.5}
    shared.end(first, [0.9, 1.0])
    shared.end(draw(shared), None, TrialState.PRUNED)
    shared.end(draw(shared, error="no network"), None, TrialState.FAIL)
    assert counts(shared) == (3, 0, 0)
    running = draw(shared)
    assert counts(shared) == (3, 1, 0)
    assert counts(connect(tmp_path)) == (3, 1, 0), "another worker sees the same"
    assert shared.surplus(running, 3)
    assert not shared.surplus(running, 4)


def test_what_was_interrupted_waits_under_its_own_number_with_what_it_drew(tmp_path: Path) -> None:
    shared = connect(tmp_path)
    shared.end(draw(shared), [0.9, 1.0])
    interrupted = draw(shared)
    for _ in range(4):  # however often
        shared.give_back(interrupted)
        assert counts(shared) == (1, 0, 1)
        again = draw(shared)
        assert again.params == interrupted.params
        assert study.number(shared.frozen(again)) == 1
        interrupted = again
    shared.end(interrupted, [0.5, 0.5])
    assert counts(shared) == (2, 0, 0)
    assert [study.number(each) for each in study.counting(shared.trials())] == [0, 1]


def test_the_dead_are_found_taken_up_and_after_the_third_time_given_up(tmp_path: Path) -> None:
    shared = connect(tmp_path, grace=1)
    drawn = []
    for _ in range(1 + study.AGAIN):
        begun = draw(shared)
        drawn.append(begun.params)
        shared.storage.record_heartbeat(begun._trial_id)
        assert counts(shared) == (0, 1, 0)
        shared.find_dead()
        assert counts(shared) == (0, 1, 0), "it gave a sign just now"
        time.sleep(2.1)
        shared.find_dead()
        shared.end(begun, [1.0, 1.0])  # it was not dead after all: too late
    assert counts(shared) == (1, 0, 0)
    assert drawn == [{"x": 0.5}] * 3
    assert [(study.number(each), each.state) for each in study.counting(shared.trials())] == [(0, TrialState.FAIL)]


def test_a_worker_that_died_before_its_first_sign_is_found_too(tmp_path: Path) -> None:
    shared = connect(tmp_path, grace=1)
    with study._quiet():
        shared.inner.ask()
    time.sleep(1.2)
    shared.find_dead()
    assert counts(shared) == (0, 0, 1)
    assert draw(shared).params == {"x": 0.5}


def test_a_living_worker_is_not_taken_for_dead(tmp_path: Path) -> None:
    shared = connect(tmp_path, grace=1)
    begun = draw(shared)
    with shared.alive(begun):
        time.sleep(2.5)
        shared.find_dead()
        assert counts(shared) == (0, 1, 0)


@pytest.mark.parametrize(
    ("url", "kind", "told"),
    [
        ("postgresql://nobody:secret@127.0.0.1:1/x", Unreachable, r"postgresql\+psycopg://nobody:\*\*\*@127.0.0.1:1/x does not"),
        ("oracle://here/x", Missing, "needs a database driver"),
        ("quatsch://here/x", Missing, "needs a database driver"),
        ("nonsense", Mistake, "no URL of a database"),
        ("sqlite:////nowhere/at/all.sqlite3", StorageError, "unable to open"),
    ],
)  # fmt: skip
def test_a_storage_that_is_not_there_is_told_with_its_remedy(
    tmp_path: Path, url: str, kind: type[EdgespecError], told: str
) -> None:
    with pytest.raises(kind, match=told) as caught:
        connect(tmp_path, url)
    assert "secret" not in caught.value.message
    assert caught.value.hint


def test_a_storage_that_goes_in_the_middle_is_told_too(tmp_path: Path) -> None:
    shared = connect(tmp_path)
    (tmp_path / study.FILE).write_bytes(b"no database any more" * 1000)
    with pytest.raises(StorageError, match="does not answer"), shared.at_hand():
        draw(shared)


def run_here(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> pareto.Found:
    given: dict[str, Any] = {
        "trials": 6,
        "url": None,
        "objectives": ["accuracy", "size"],
        "target": "local",
        "grace": 60,
    }
    ran = more.pop("ran", quick)
    monkeypatch.setattr(trial, "run", ran)
    return worker.search(recipe.load(path), folder, end_early=True, progress=Silent(), **{**given, **more})


def quick(setup: Any, written: Any, number: int, hearing: Any, progress: Any) -> dict[str, Any]:
    lr = written.tree["steps"][0]["train"]["fit"]["lr"]
    found = {"variant": "float32", "accuracy": 0.5 + lr, "low": 0.4, "high": 1.0, "latency": None, "seconds": 0.0}
    return found | {"size": int(1e6 * lr), "params": 1, "macs": 1, "folder": f"trials/{number:04d}"}


def test_a_search_ends_with_so_many_trials_and_goes_on_when_more_are_asked(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_here(path, tmp_path / "s", monkeypatch)
    assert [each["number"] for each in first["trials"]] == list(range(6))
    assert first["trials"][0]["params_drawn"] == {"steps.1.train.fit.lr": pytest.approx(10**-2.5)}
    more = run_here(path, tmp_path / "s", monkeypatch, trials=8)
    assert more["trials"][:6] == first["trials"]
    assert len(more["trials"]) == 8
    assert pareto.read(tmp_path / "s") == more


def test_a_trial_that_fails_counts_and_a_search_where_all_fail_ends(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(setup: Any, written: Any, number: int, *more: Any) -> dict[str, Any]:
        if number % 2:
            raise Mistake("the loss is no longer a number")
        return quick(setup, written, number, *more)

    found = run_here(path, tmp_path / "some", monkeypatch, ran=some)
    assert [each["state"] for each in found["trials"]] == ["complete", "failed"] * 3
    assert found["trials"][1]["why"] == "the loss is no longer a number"
    assert not {1, 3, 5} & set(found["front"])

    def none(*given: Any) -> dict[str, Any]:
        raise Mistake("no network")

    with pytest.raises(Mistake, match="all 5 trials failed; the first: no network"):
        run_here(path, tmp_path / "none", monkeypatch, ran=none, trials=30)


def test_interrupted_it_goes_on_with_the_same_trial(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[float] = []

    def interrupted(setup: Any, written: Any, number: int, *more: Any) -> dict[str, Any]:
        drawn.append(written.tree["steps"][0]["train"]["fit"]["lr"])
        if number == 2 and len(drawn) == 3:
            raise KeyboardInterrupt
        return quick(setup, written, number, *more)

    with pytest.raises(KeyboardInterrupt):
        run_here(path, tmp_path / "s", monkeypatch, ran=interrupted)
    found = run_here(path, tmp_path / "s", monkeypatch, ran=interrupted)
    numbers = [each["number"] for each in found["trials"]]
    assert len(numbers) == len(set(numbers)) == 6
    assert numbers[:3] == [0, 1, 2]
    assert drawn[2] == drawn[3]
    assert len(drawn) == 7


def test_a_worker_that_was_only_slow_leaves_its_trial_to_who_took_it_up(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []

    @contextlib.contextmanager
    def one_sign(self: study.Study, begun: optuna.Trial) -> Iterator[None]:
        self.storage.record_heartbeat(begun._trial_id)
        yield

    def slow(setup: Any, written: Any, number: int, *more: Any) -> dict[str, Any]:
        ran.append(number)
        if ran == [0]:
            time.sleep(2.1)
            run_here(path, tmp_path / "s", monkeypatch, ran=slow, grace=1)  # the other worker
        return quick(setup, written, number, *more)

    monkeypatch.setattr(study.Study, "alive", one_sign)
    found = run_here(path, tmp_path / "s", monkeypatch, ran=slow, grace=1)
    numbers = [each["number"] for each in found["trials"]]
    assert ran[:2] == [0, 0]
    assert len(ran) == 7
    assert len(numbers) == len(set(numbers)) == 6
    assert {each["state"] for each in found["trials"]} == {"complete"}


def test_another_recipe_and_other_data_are_refused(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_here(path, tmp_path / "s", monkeypatch, trials=1)
    with monkeypatch.context() as patch:
        patch.setattr(trial, "digest", lambda job, rows: "other")
        with pytest.raises(Mistake, match="judged on other spectra"):
            run_here(path, tmp_path / "s", monkeypatch, trials=2)
    with pytest.raises(Mistake, match="holds the search of --objectives"):
        run_here(path, tmp_path / "s", monkeypatch, objectives=["accuracy"])
    with pytest.raises(Mistake, match="holds the search of --storage folder"):
        run_here(path, tmp_path / "s", monkeypatch, url="postgresql://u@127.0.0.1:1/x")
    path.write_text(RECIPE.replace("1.0e-1", "2.0e-1"), encoding="utf-8")
    with pytest.raises(Mistake, match="the search of another recipe"):
        run_here(path, tmp_path / "s", monkeypatch)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report.json").write_text("{}")
    with pytest.raises(Mistake, match="is a run's folder"):
        run_here(path, tmp_path / "run", monkeypatch)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A real PostgreSQL on loopback, run by a user without rights, in a folder that goes afterwards."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    named = shutil.which("initdb")
    if not found and not named:
        pytest.skip("PostgreSQL is not installed here (Debian: apt-get install postgresql)")
    programs = (found[-1] if found else Path(str(named))).parent
    folder = Path(tempfile.mkdtemp(prefix="edgespec-postgres-"))  # pytest's own are closed to other users
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        try:
            nobody = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres here")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet: dict[str, Any] = {"cwd": folder, "check": True, "capture_output": True, "timeout": 120, **user}
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    data = folder / "data"
    subprocess.run([programs / "initdb", "-D", data, "-A", "trust", "-U", "edgespec", "-N"], **quiet)
    start = [programs / "pg_ctl", "-D", data, "-w", "-o", settings, "-l", folder / "log.txt", "start"]
    subprocess.run(start, **{**quiet, "capture_output": False, "stdout": subprocess.DEVNULL})
    yield f"postgresql://edgespec@127.0.0.1:{port}/postgres"
    subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **{**quiet, "check": False})
    shutil.rmtree(folder, ignore_errors=True)


SHARED = """schema: 1
data:
  load: {minerals: {minerals: [Albite, Beryl, Diopside], samples: 20, spectra: 3}}
  axis: {low: 150, high: 1172, points: 64}
  split: {by: group, valid: 0.3}
steps:
  - train: {model: {cnn: {widths: [4], kernel: 5, positions: 8}}, fit: {epochs: 2, batch: 32}}
  - to_onnx
  - calibrate: {score: confidence, accept: {between: [0.5, 0.99]}}
"""
TRIALS, SILENT_S = 6, 6


def stopped_in_a_trial(folder: Path, workers: set[int]) -> tuple[int, Path]:
    """Stop a worker that is in the middle of a trial, not its first; give its process id and the trial's folder."""
    ends = time.monotonic() + 200
    while time.monotonic() < ends:
        for lock in sorted(folder.glob("trials/*/.lock"))[3:]:
            done = lock.with_name(trial.VALIDATION)
            try:
                pid = lock.with_name(".lock.pid").read_text()
            except FileNotFoundError:  # nobody holds it
                continue
            if done.exists() or int(pid) not in workers:
                continue
            os.kill(int(pid), signal.SIGSTOP)
            if not done.exists() and lock.with_name("recipe.yaml").exists():
                return int(pid), lock.parent
            os.kill(int(pid), signal.SIGCONT)
        time.sleep(0.01)
    raise AssertionError("no worker was met in the middle of a trial")


def test_of_four_workers_one_is_killed_and_no_trial_is_lost_none_counted_twice(tmp_path: Path, postgres: str) -> None:
    (tmp_path / "shared.yaml").write_text(SHARED, encoding="utf-8")
    folder = tmp_path / "s"
    command = [sys.executable, WORKERS, "4", tmp_path / "shared.yaml", folder, postgres, TRIALS, SILENT_S]
    with subprocess.Popen([str(each) for each in command], stdout=subprocess.PIPE, text=True) as group:
        assert group.stdout is not None
        workers = {int(each) for each in group.stdout.readline().split()}
        victim, interrupted = stopped_in_a_trial(folder, workers)
        os.kill(victim, signal.SIGKILL)
        codes = list(map(int, group.stdout.readline().split()))
    assert sorted(codes) == [-signal.SIGKILL, 0, 0, 0]
    found = pareto.read(folder)
    assert found["storage"].startswith("postgresql+psycopg://edgespec@127.0.0.1")
    numbers = [each["number"] for each in found["trials"]]
    assert len(numbers) == len(set(numbers)) == TRIALS, "none lost, none counted twice"
    assert {each["state"] for each in found["trials"]} == {"complete"}
    again = next(each for each in found["trials"] if each["folder"] == f"trials/{interrupted.name}")
    assert not again["worker"].endswith(f":{victim}"), "another worker took it up"
    assert len({each["worker"] for each in found["trials"]}) >= 2
    weights = [(folder / each["folder"] / "1-train" / "model.safetensors").stat().st_ino for each in found["trials"]]
    assert len(set(weights)) == 1, "what all trials share was trained once"
    assert list(found["test"]) == [str(number) for number in found["front"]]
