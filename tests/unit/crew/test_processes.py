"""Work side by side: the same results, errors and words as one after the other; nothing is left running."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import crew_work
import pytest
import tiny_job
import torch
from crew_work import Lines, Steps
from safetensors import safe_open

from edgespec import own_code
from edgespec.crew import processes as crews
from edgespec.crew.processes import Crew
from edgespec.errors import EdgespecError, Mistake, Mistakes, StorageError
from edgespec.job import Unfinished
from edgespec.recipe import Call
from edgespec.steps import distill, train

NETWORK = """
from torch import nn

class Net(nn.Module):
    def __init__(self, points, classes, width):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(points, width), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(width, classes)
    def features(self, x):
        return self.body(x)
    def forward(self, x):
        return self.head(self.features(x))

def build(*, points, classes, width=4):
    return Net(points, classes, width)
"""
BEGIN_BOTH = """
import sys, threading
sys.path[:0] = {path!r}
import crew_work
from pathlib import Path
from edgespec.crew import processes as crew
crew.SOON_S = 0.0
with crew.Crew(crew_work.Lines(), 2) as members:
    members.begin(crew_work.waits, crew_work.Steps(0), Path({told!r}))
    threading.Event().wait(300)
"""


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes without a wait."""
    monkeypatch.setattr(crews, "SOON_S", 0.0)


def _taken(crew: Crew, count: int = 0) -> None:
    """Wait until other processes have taken all but so many pieces of work."""
    until = time.monotonic() + 60
    while len(crew.waiting) > count and time.monotonic() < until:
        time.sleep(0.01)


def test_one_process_does_all_itself_in_order() -> None:
    heard = Lines()
    with Crew(heard, 1) as crew:
        works = [crew.begin(crew_work.counted, Steps(1, heard), name) for name in "ab"]
        assert crew.results(*works) == [("a", os.getpid()), ("b", os.getpid())]
    assert heard.lines == [
        line for name in "ab" for line in (f"{name}: begins", f"begin {name} 1", "advance 1 step 1", "end")
    ]
    assert not crew.members


def test_what_is_done_soon_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "SOON_S", 60.0)
    with Crew(Lines(), 4) as crew:
        assert crew.results(crew.begin(crew_work.counted, Steps(1), "a")) == [("a", os.getpid())]
        assert not crew.members


@pytest.mark.usefixtures("at_once")
def test_others_work_and_are_told_in_one_line_each() -> None:
    heard = Lines()
    with Crew(heard, 3) as crew:
        works = [crew.begin(crew_work.counted, Steps(2), name) for name in "abc"]
        _taken(crew)
        found = crew.results(*works)
        assert len(crew.members) == 2
    assert [name for name, _ in found] == ["a", "b", "c"]
    assert {process for _, process in found} <= {each.pid for each in crew.members}
    assert all(each.returncode is not None for each in crew.members)
    assert [line for line in heard.lines if line.endswith("begins")] == ["a: begins", "b: begins", "c: begins"]
    told = [line.partition(" (")[0] for line in heard.lines if "beside other work" in line]
    shown = [line.split()[1].rstrip(",") for line in heard.lines if line.startswith("begin ")]
    assert sorted([line.partition(":")[0] for line in told] + shown) == ["a", "b", "c"]


@pytest.mark.usefixtures("at_once")
def test_the_same_errors() -> None:
    expected: dict[str, type[Exception]] = {
        "mistake": Mistake,
        "mistakes": Mistakes,
        "bug": ZeroDivisionError,
        "odd": RuntimeError,
    }
    with Crew(Lines(), 2) as crew:
        works = {kind: crew.begin(crew_work.wrong, Steps(1), kind) for kind in expected}
        _taken(crew)
        problems = {}
        for kind, work in works.items():
            with pytest.raises(expected[kind]) as caught:
                crew.results(work)
            problems[kind] = caught.value
    mistake, mistakes = problems["mistake"], problems["mistakes"]
    assert isinstance(mistake, EdgespecError)
    assert (mistake.message, mistake.hint) == ("it is wrong", "do it right")
    assert isinstance(mistakes, Mistakes)
    assert [(each.message, each.hint) for each in mistakes.found] == [("first", "a"), ("second", "b")]
    assert str(problems["odd"]) == "OddError: cannot be sent"
    assert "crew_work.py" in "".join(problems["bug"].__notes__)


@pytest.mark.usefixtures("at_once")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_process_that_is_killed_is_told() -> None:
    with Crew(Lines(), 2) as crew:
        work = crew.begin(crew_work.dies, Steps(1))
        _taken(crew)
        with pytest.raises(StorageError, match="by signal 9") as caught:
            crew.results(work)
        assert "EDGESPEC_PROCESSES=1" in caught.value.hint
        assert crew.results(crew.begin(crew_work.counted, Steps(0), "after"))[0][0] == "after"


@pytest.mark.usefixtures("at_once")
def test_the_recipes_own_code_and_noise(tmp_path: Path) -> None:
    with Crew(Lines(), 2) as crew, own_code.of(tmp_path / "a.yaml"):
        works = [crew.begin(crew_work.owned, Steps(0)), crew.begin(crew_work.prints, Steps(0))]
        _taken(crew)
        assert crew.results(*works) == [str(tmp_path.resolve()), "done"]


@pytest.mark.usefixtures("at_once")
def test_an_error_here_ends_the_others(tmp_path: Path) -> None:
    told = tmp_path / "told"
    crew = Crew(Lines(), 2)

    def interrupted() -> None:
        with crew:
            crew.begin(crew_work.waits, Steps(0), told)
            _until(told)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [each.poll() is not None for each in crew.members] == [True]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_parent_leaves_nobody(tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = BEGIN_BOTH.format(path=[str(Path(crew_work.__file__).parent)], told=str(told))
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        _until(told)
        parent.send_signal(signal.SIGKILL)
    other, until = int(told.read_text()), time.monotonic() + 20
    while _lives(other) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _lives(other)


def _until(told: Path) -> None:
    until = time.monotonic() + 60
    while not told.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert told.exists()


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(crews.LIMIT, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for threads, expected in (("1", 8), ("3", 2), ("16", 1), ("many", 8)):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        assert crews.allowed() == expected
    monkeypatch.setenv(crews.LIMIT, "3")
    assert crews.allowed() == 3


@pytest.mark.parametrize("said", ["0", "-1", "two", "1.5", "99999999999999999999"])
def test_no_number_of_processes(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(crews.LIMIT, said)
    with pytest.raises(Mistake, match="not a number of processes"):
        crews.allowed()


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Train on so many threads, as the command does."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _trainings(folder: Path, crew: Crew | None) -> dict[str, Any]:
    """Train two teachers and a student with its controls; give weights, reports and kept states, their times left out."""
    found: dict[str, Any] = {}
    state = Unfinished(folder / "state", "digest", print)
    job = replace(tiny_job.job(folder / "train"), crew=crew, unfinished=state.branch("train"))
    models = [Call("./net.py", {"width": 8}), tiny_job.EFFICIENT]  # dropout draws from torch's own generator
    teacher = train.run(job, model=models, on="library", fit=tiny_job.SHORT)
    job = replace(tiny_job.inside(job, "distill"), unfinished=state.branch("distill"))
    made = distill.run(job, teacher, student=models[0], on="site", labels="1 per class", views=2, fit=tiny_job.SHORT)
    for path in sorted(folder.rglob("*.safetensors")):
        with safe_open(path, framework="np") as file:
            found[str(path.relative_to(folder))] = {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118
            course = json.loads((file.metadata() or {}).get("course", "{}"))
            found[f"{path.relative_to(folder)}: course"] = {
                key: each for key, each in course.items() if key != "seconds"
            }
    found["facts"] = re.sub(r"'seconds': [0-9.]+", "", str((teacher.facts, made.facts, made.controls))).replace(
        str(folder), ""
    )
    return found


@pytest.mark.usefixtures("at_once")
def test_trainings_side_by_side_leave_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    with own_code.of(tmp_path / "recipe.yaml"), limited(1):
        expected = _trainings(tmp_path / "one", None)
        monkeypatch.setattr(Crew, "_claimed", lambda *_: False)  # this process takes none of them
        with Crew(Lines(), 2) as crew:
            found = _trainings(tmp_path / "two", crew)
            assert len(crew.members) == 1
    assert len([name for name in found if name.startswith("state") and not name.endswith("course")]) == 6
    assert found == expected
