"""Files that are whole or absent, whatever happens; one process at a time; digests that notice every change."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from edgespec import storage
from edgespec.errors import StorageError

WRITER = """
import itertools, pathlib, sys
from edgespec import storage
for turn in itertools.count():
    storage.write(pathlib.Path(sys.argv[1]), bytes([turn % 256]) * 2_000_000)
    if turn == 1: print("going", flush=True)
"""
FILLER = """
import itertools, pathlib, sys
from edgespec import storage
for turn in itertools.count():
    with storage.whole_folder(pathlib.Path(sys.argv[1])) as part:
        for name in "abc":
            (part / name).write_bytes(bytes([turn % 256]) * 200_000)
    if turn == 1: print("going", flush=True)
"""
HOLDER = """
import pathlib, sys, time
from edgespec import storage
with storage.lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def started(program: str, path: Path) -> subprocess.Popen[str]:
    """Run a program until it says its first word."""
    child = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline().strip() in ("going", "held")
    return child


def killed(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


@pytest.mark.parametrize("wait", [0.003, 0.011, 0.02])
def test_a_file_is_whole_when_its_writer_was_killed(tmp_path: Path, wait: float) -> None:
    path = tmp_path / "file.bin"
    child = started(WRITER, path)
    time.sleep(wait)
    killed(child)
    raw = path.read_bytes()
    assert len(raw) == 2_000_000
    assert len(set(raw)) == 1


@pytest.mark.parametrize("wait", [0.001, 0.005])
def test_a_folder_is_whole_or_absent_when_its_writer_was_killed(tmp_path: Path, wait: float) -> None:
    path = tmp_path / "made"
    child = started(FILLER, path)
    time.sleep(wait)
    killed(child)
    if path.exists():
        held = {name: (path / name).read_bytes() for name in "abc"}
        assert {len(raw) for raw in held.values()} == {200_000}
        assert len({raw[:1] for raw in held.values()}) == 1
    with storage.whole_folder(path) as part:  # and what was left half done is no obstacle
        assert list(part.iterdir()) == []
        (part / "a").write_text("new")
    assert [each.name for each in path.iterdir()] == ["a"]
    assert not path.with_name("made.part").exists()


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = storage.write(tmp_path / "deep" / "file.txt", "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        storage.write(path, "new")
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_failed_does_not_replace_the_old_one(tmp_path: Path) -> None:
    with storage.whole_folder(tmp_path / "made") as part:
        (part / "a").write_text("old")
    with pytest.raises(FileNotFoundError), storage.whole_folder(tmp_path / "made") as part:
        (part / "a").write_text((part / "b").read_text())
    assert (tmp_path / "made" / "a").read_text() == "old"


def test_a_file_that_another_program_has_open_for_a_moment_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where a virus scanner opens each new file."""
    tries, real = [], os.replace

    def busy(source: object, target: object) -> None:
        tries.append(target)
        if len(tries) < 3:
            raise PermissionError(errno.EACCES, "Access is denied")
        real(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr(storage, "BUSY_S", 30.0)
    storage.write(tmp_path / "a.csv", "new")
    assert (tmp_path / "a.csv").read_text() == "new"
    assert len(tries) == 3


def test_a_file_that_stays_open_elsewhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("old")

    def busy(source: object, target: object) -> None:
        raise PermissionError(errno.EACCES, "Access is denied")

    monkeypatch.setattr(os, "replace", busy)
    with pytest.raises(PermissionError):
        storage.write(tmp_path / "a.csv", "new")
    monkeypatch.setattr(storage, "BUSY_S", 0.01)
    with pytest.raises(StorageError, match=r"a\.csv cannot be replaced: another program has it open") as caught:
        storage.write(tmp_path / "a.csv", "new")
    assert caught.value.exit_code == 8
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


def test_json_keeps_its_order_and_refuses_nan(tmp_path: Path) -> None:
    path = storage.write_json(tmp_path / "a.json", {"b": 1, "a": "µ"})
    assert path.read_text(encoding="utf-8") == '{\n "b": 1,\n "a": "µ"\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        storage.write_json(path, {"x": float("nan")})
    assert "µ" in path.read_text(encoding="utf-8")


def test_a_held_folder_tells_who_holds_it_and_is_free_when_that_one_dies(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    child = started(HOLDER, folder)
    try:
        with pytest.raises(StorageError, match=f"pid {child.pid}") as caught, storage.lock(folder):
            pass
        assert caught.value.exit_code == 8
        assert "--out" in caught.value.hint
    finally:
        killed(child)
    with storage.lock(folder):
        assert (folder / ".lock.pid").read_text() == str(os.getpid())
    assert [each.name for each in folder.iterdir()] == [".lock"]


def test_a_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), storage.lock(tmp_path):
        raise RuntimeError
    with storage.lock(tmp_path):
        pass


TURNS = """
import pathlib, sys, time
from edgespec import storage
with storage.turn(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_turn_is_waited_for_and_given_back_by_a_process_that_dies(tmp_path: Path) -> None:
    path, said = tmp_path / "measuring.lock", []
    child = started(TURNS, path)

    def wait() -> None:
        with storage.turn(path):
            said.append("mine")

    waiting = threading.Thread(target=wait)
    waiting.start()
    waiting.join(0.3)
    assert said == [], "the other process holds it"
    killed(child)
    waiting.join(10)
    assert said == ["mine"]


def test_a_lock_file_with_content_is_never_written(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("4711")  # as earlier versions left it
    with storage.lock(tmp_path), storage.turn(tmp_path / "turn"):
        pass
    assert (tmp_path / ".lock").read_text() == "4711"


@pytest.mark.parametrize("said", ["", "12\n13", "9" * 400, "\x1b[2J"])
def test_what_is_no_process_id_is_not_told_as_one(said: str, tmp_path: Path) -> None:
    child = started(HOLDER, tmp_path)
    try:
        (tmp_path / ".lock.pid").write_text(said)
        with pytest.raises(StorageError, match="pid unknown"), storage.lock(tmp_path):
            pass
    finally:
        killed(child)


def plant(kind: str, place: Path, goal: Path) -> None:
    """Put something that is not a plain file in a file's place; a link leads to `goal`."""
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(goal)


PLANTED = [
    pytest.param(
        kind, marks=pytest.mark.skipif(kind == "pipe" and not hasattr(os, "mkfifo"), reason="no named pipes here")
    )
    for kind in ("link", "folder", "pipe")
]


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_lock_is_refused_and_what_it_leads_to_is_left_alone(kind: str, tmp_path: Path) -> None:
    mine, absent = tmp_path / "mine.txt", tmp_path / "absent.txt"
    mine.write_text("my spectra")
    for number, goal in enumerate((mine, absent)):
        run = tmp_path / f"run{number}"
        run.mkdir()
        plant(kind, run / ".lock", goal)
        for held in (storage.lock(run), storage.lock(run, wait=True), storage.turn(run / ".lock")):
            with pytest.raises(StorageError, match="not a plain file") as caught, held:
                pass
            assert caught.value.exit_code == 8
            assert "delete .lock" in caught.value.hint
        plant(kind, run / "log.txt", goal)
        with pytest.raises(StorageError, match=r"log\.txt is not a plain file"):
            storage.log(run / "log.txt", "a line")
    assert mine.read_text() == "my spectra"
    assert not absent.exists()


def test_a_link_that_is_put_there_at_the_last_moment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("my spectra")
    (tmp_path / ".lock").symlink_to(mine)
    real = storage._is_plain
    monkeypatch.setattr(storage, "_is_plain", lambda path, absent=False: absent or real(path))
    for flags in (
        storage.PLAIN_ONLY,
        0,
    ):  # without O_NOFOLLOW, as on Windows, the opened file is compared with the name
        monkeypatch.setattr(storage, "PLAIN_ONLY", flags)
        with pytest.raises(StorageError, match="not a plain file"), storage.lock(tmp_path):
            pass
    assert mine.read_text() == "my spectra"


def test_a_hard_link_is_not_written_through(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("my spectra")
    run = tmp_path / "run"
    run.mkdir()
    for name in (".lock", ".lock.pid", "log.txt"):
        os.link(mine, run / name)
    with storage.lock(run):
        assert mine.read_text() == "my spectra"
        assert (run / ".lock.pid").read_text() == str(os.getpid())
    with pytest.raises(StorageError, match="second name"):
        storage.log(run / "log.txt", "a line")
    assert mine.read_text() == "my spectra"


def test_a_log_has_a_line_with_its_time_for_each_text(tmp_path: Path) -> None:
    for text in ("µ", "b"):
        storage.log(tmp_path / "run" / "log.txt", text)
    lines = (tmp_path / "run" / "log.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == ["µ", "b"]


@pytest.mark.skipif(os.name == "nt", reason="its locks have no such error")
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_refused(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(file: object, how: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("portalocker.portalocker.LOCKER", flock)
    with pytest.raises(StorageError, match="no locks") as caught, storage.lock(tmp_path):
        pass
    assert caught.value.exit_code == 8
    assert "--out" in caught.value.hint
    with pytest.raises(StorageError, match="no locks"), storage.turn(tmp_path / "a.lock"):
        pass


def test_equal_content_has_equal_digests_and_other_content_others() -> None:
    x = np.arange(6, dtype=np.float32)
    parts: list[tuple[object, ...]] = [
        (x,), (x.astype(np.float64),), (x.reshape(2, 3),), (x[::-1].copy(),), (x, x), ("a", "bc"), ("ab", "c"), ("abc",),
        (b"abc",), ({"a": 1, "b": 2},), ({"a": 1, "b": 3},), (1,), ("1",), (None,), (), ([],),
    ]  # fmt: skip
    digests = [storage.digest(*each) for each in parts]
    assert len(set(digests)) == len(digests)
    assert storage.digest({"a": 1, "b": 2}) == storage.digest({"b": 2, "a": 1})
    assert storage.digest(x) == storage.digest(x.copy())
    assert all(len(each) == 16 for each in digests)


def test_home_is_where_the_environment_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage.home() == home
    monkeypatch.delenv("EDGESPEC_HOME")
    assert storage.home() == Path.home() / ".cache" / "edgespec"


def test_a_cache_that_anybody_fills_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("EDGESPEC_HOME", str(place))
    for mode, good in ((0o700, True), (0o775, True), (0o777, False), (0o1777, False)):
        place.chmod(mode)
        if good:
            assert storage.home() == place
        else:
            with pytest.raises(StorageError, match="every user of this machine may write there") as caught:
                storage.home()
            assert "chmod o-w" in caught.value.hint
    place.chmod(0o755)
    owner = place.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    os.chown(place, 4243, -1) if owner == 0 else None
    with pytest.raises(StorageError, match="it belongs to another user"):
        storage.home()
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert storage.home() == place, "root reads what a user owns, as in a container"


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGESPEC_HOME", raising=False)

    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", none)
    with pytest.raises(StorageError, match="has no home folder") as caught:
        storage.home()
    assert "EDGESPEC_HOME" in caught.value.hint
