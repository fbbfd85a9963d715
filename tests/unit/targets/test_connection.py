"""A real OpenSSH server as the device: what goes there, what comes back, what is left, and what every failure is called."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import ssh_server
from ssh_server import Device

from edgespec.errors import EdgespecError, Mismatch, StorageError, Unreachable
from edgespec.targets import runner as device
from edgespec.targets import ssh
from edgespec.targets.card import Target

pytestmark = [
    pytest.mark.skipif(ssh_server.SSHD is None, reason="no sshd here: apt install openssh-server"),
    pytest.mark.usefixtures("swept"),
]


ANSWER = "import json, os, sys; print(json.dumps({}))"


def test_nothing_is_sent_twice_and_what_was_spoilt_there_is_sent_again(
    there: Device, work: Path, runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner("import json, pathlib as p; print(json.dumps({'content': p.Path('large').read_text()[:5]}))")
    (work / "large").write_text("large" * 50_000)
    sent: list[int] = []
    real = ssh.Wire.send
    monkeypatch.setattr(ssh.Wire, "send", lambda self, raw: (sent.append(len(raw)), real(self, raw)))
    assert device.call(there.card(), ["hello"], work) == {"content": "large"}
    assert sum(sent) > 250_000
    sent.clear()
    (work / "again").write_text("large" * 50_000)
    assert device.call(there.card(), ["hello"], work) == {"content": "large"}
    assert sum(sent) < 20_000
    spoilt = next(path for path in there.store.values() if path.stat().st_size == 250_000)
    spoilt.write_text("spoil" * 50_000)
    sent.clear()
    assert device.call(there.card(), ["hello"], work) == {"content": "large"}
    assert sum(sent) > 250_000
    assert spoilt.read_text() == "large" * 50_000


def test_a_connection_that_the_user_keeps_open_is_used(there: Device, work: Path, runner: Any, tmp_path: Path) -> None:
    runner(ANSWER)
    config = there.folder / "config"
    kept = config.read_text()
    config.write_text(f"{kept}  ControlPath {tmp_path}/open\n  ControlPersist 60\n")
    master = subprocess.Popen([*there.ssh.split(), "-M", "-N", "device"])
    try:
        assert ssh_server.wait(lambda: (tmp_path / "open").exists())
        before = (there.folder / "log").read_text().count("Accepted publickey")
        assert device.call(there.card(), ["hello"], work) == {}
        assert (there.folder / "log").read_text().count("Accepted publickey") == before
    finally:
        config.write_text(kept)
        master.terminate()
        master.wait()


def test_a_second_client_is_told_who_holds_the_device(there: Device, work: Path, runner: Any) -> None:
    runner(ANSWER)
    told: list[BaseException] = []

    def second() -> None:  # another thread is another client
        try:
            device.call(there.card(), ["hello"], work)
        except EdgespecError as problem:
            told.append(problem)

    with device.held(there.card()):
        other = threading.Thread(target=second)
        other.start()
        other.join()
        device.call(there.card(), ["hello"], work)
    assert isinstance(told[0], StorageError)
    assert told[0].exit_code == 8
    assert f"(pid {os.getpid()}), since" in told[0].message
    assert device.call(there.card(), ["hello"], work) == {}


SLEEP = "import os, pathlib as p, time; p.Path({flag!r}).write_text(str(os.getpid())); time.sleep(600)"


def gone(flag: Path) -> bool:
    return not Path(f"/proc/{flag.read_text()}").exists()


def test_a_line_that_is_cut_leaves_no_process_no_lock_and_no_folder(
    there: Device, work: Path, runner: Any, flag: Path
) -> None:
    runner(SLEEP.format(flag=str(flag)))
    cutting = threading.Thread(
        target=lambda: ssh_server.wait(lambda: flag.exists() and flag.read_text()) and there.cut()
    )
    cutting.start()
    with pytest.raises(Unreachable, match=r"the line to target 'pi'.*was cut") as caught:
        device.call(there.card(), ["hello"], work)
    cutting.join()
    assert caught.value.exit_code == 6
    assert "run the same command again" in caught.value.hint
    assert ssh_server.wait(lambda: gone(flag))
    assert ssh_server.wait(lambda: there.work == [])
    runner(ANSWER)
    assert device.call(there.card(), ["hello"], work) == {}


def test_a_line_that_goes_silent_is_as_good_as_cut(
    there: Device, work: Path, runner: Any, agent: Any, flag: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner(SLEEP.format(flag=str(flag)))
    agent("SILENCE_S = 60.0", "SILENCE_S = 1.5")
    with pytest.raises(Unreachable, match="was cut: it has heard nothing"):  # no beat comes so soon
        device.call(there.card(), ["hello"], work)
    assert gone(flag)
    monkeypatch.setattr(ssh, "BEAT_S", 0.3)
    runner("import time; time.sleep(2); print('{}')")
    assert device.call(there.card(), ["hello"], work) == {}


@pytest.mark.usefixtures("heard")
def test_an_interrupt_leaves_nothing_behind(there: Device, work: Path, runner: Any, flag: Path) -> None:
    runner(SLEEP.format(flag=str(flag)))
    waiting = threading.Timer(0, lambda: ssh_server.wait(lambda: flag.exists() and flag.read_text()) and _interrupt())
    waiting.start()
    with pytest.raises(KeyboardInterrupt):
        device.call(there.card(), ["hello"], work)
    assert gone(flag)
    assert there.work == []


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def told(card: Target, work: Path) -> EdgespecError:
    """What a person is told who calls this device."""
    with pytest.raises(EdgespecError) as caught:
        device.call(card, ["hello"], work)
    assert caught.value.hint
    return caught.value


def test_a_disk_without_room_is_told_and_what_is_half_sent_does_not_count(
    there: Device, work: Path, runner: Any
) -> None:
    runner(ANSWER)
    (work / "large").write_bytes(os.urandom(200_000))
    small = ("sh", "-c", 'ulimit -f 128; exec "$0" "$@"', there.card().python[0])  # blocks of 512 bytes
    full = told(there.card(python=small), work)
    assert type(full) is StorageError
    assert "has no room for more: File too large" in full.message
    assert ".cache/edgespec" in full.hint
    assert device.call(there.card(), ["hello"], work) == {}
    assert not [name for name in there.store if name.endswith(".part")]


def test_what_a_device_that_lost_its_power_has_left_is_swept(there: Device, work: Path, runner: Any) -> None:
    runner(ANSWER)
    device.call(there.card(), ["hello"], work)
    place = there.home / ".cache" / "edgespec"
    (place / "work" / "tmpleft" / "folder").mkdir(parents=True)
    for name, days in {"half.part": 0, "old": 31, "young": 29}.items():
        (place / "files" / name).write_text("x")
        os.utime(place / "files" / name, (time.time() - days * 86400,) * 2)
    device.call(there.card(), ["hello"], work)
    assert there.work == []
    assert {"half.part", "old", "young"} & set(there.store) == {"young"}


def test_a_killed_agent_leaves_the_device_locked_until_its_runner_ends(
    there: Device, work: Path, runner: Any, flag: Path
) -> None:
    runner(SLEEP.format(flag=str(flag)))
    killing = threading.Thread(
        target=lambda: ssh_server.wait(lambda: flag.exists() and flag.read_text()) and kill_parent(flag)
    )
    killing.start()
    with pytest.raises(Unreachable, match="what holds its other end was killed"):
        device.call(there.card(), ["hello"], work)
    killing.join()
    runner(ANSWER)
    with pytest.raises(StorageError, match="in use by"):
        device.call(there.card(), ["hello"], work)
    os.kill(int(flag.read_text()), 9)
    assert ssh_server.wait(lambda: gone(flag))
    assert device.call(there.card(), ["hello"], work) == {}


def kill_parent(flag: Path) -> None:
    stat = Path(f"/proc/{flag.read_text()}/stat").read_text()
    os.kill(int(stat.rpartition(")")[2].split()[1]), 9)


@pytest.mark.parametrize("name", ["../outside", "/tmp/edgespec-outside", "sub/../../outside"])
def test_a_device_can_not_write_outside_the_folder(
    there: Device, work: Path, runner: Any, agent: Any, name: str
) -> None:
    runner("import pathlib as p; p.Path('out').write_text('x'); print('{}')")
    agent("wire.tell(answer, ", f"answer['files'] = {{{name!r}: 1}}; wire.tell(answer, ")
    with pytest.raises(Mismatch, match="a file outside its folder"):
        device.call(there.card(), ["hello"], work)
    assert not list(work.parent.glob("outside"))


@pytest.mark.parametrize("answer", ["rubbish", "[]", "{}", '{"code": "0"}'])
def test_a_device_that_talks_rubbish_is_not_believed(
    there: Device, work: Path, runner: Any, agent: Any, answer: str
) -> None:
    runner(ANSWER)
    agent("wire.tell(answer, ", f"print({answer!r}, flush=True); wire.tell(answer, ")
    with pytest.raises(Unreachable, match="prints what is not an answer"):
        device.call(there.card(), ["hello"], work)
