"""A real OpenSSH server as the device: what goes there, what comes back, what is left, and what every failure is called."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ssh_server
from ssh_server import Device

from edgespec import plugins
from edgespec.errors import EdgespecError, Mismatch, Missing, Mistake, StorageError, Unreachable
from edgespec.runs import bench
from edgespec.targets import card as target_cards
from edgespec.targets import connection, ssh
from edgespec.targets import runner as device
from edgespec.targets.card import Target

pytestmark = pytest.mark.skipif(ssh_server.SSHD is None, reason="no sshd here: apt install openssh-server")
ANSWER = "import json, os, sys; print(json.dumps({}))"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    with ssh_server.running(tmp_path_factory.mktemp("device")) as found:
        yield found


@pytest.fixture(autouse=True)
def _swept(there: Device, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test leaves the device as it should be left: unlocked, nothing but the cache."""
    monkeypatch.setenv("EDGESPEC_SSH", there.ssh)
    monkeypatch.setattr(connection, "GREET_S", 20.0)
    yield
    ssh_server.trust(there.folder, "host")
    assert ssh_server.wait(lambda: there.work == [])
    assert {path.name for path in there.home.iterdir()} <= {".cache"}
    assert {path.name for path in (there.home / ".cache").glob("edgespec/*")} <= {"files", "work", "lock"}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put another program in the runner's place."""
    real, export = plugins.shipped, tmp_path / "export"
    export.mkdir()

    def put(program: str) -> None:
        (export / "runner.py").write_text(program)
        monkeypatch.setattr(
            plugins, "shipped", lambda *parts: real(*parts) if "ssh" in parts else export.joinpath(*parts[1:])
        )

    return put


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Change the program that is sent: shorter waits, or a device that lies."""
    program = plugins.shipped("export", "ssh", "agent.py").read_text()

    def change(old: str, new: str) -> None:
        assert old in program
        monkeypatch.setattr(connection, "_agent", lambda: program.replace(old, new).encode())

    return change


def test_a_devices_runner_answers_in_a_copy_of_the_folder(there: Device, work: Path, runner: Any) -> None:
    runner(
        "import json, os, pathlib as p; there = sorted(map(str, p.Path('.').rglob('*')))\n"
        "p.Path('deep').mkdir(exist_ok=True); p.Path('deep/out').write_bytes(bytes(range(256)) * 5000)\n"
        "p.Path('given').write_text('changed')\n"
        "print(json.dumps({'there': there, 'cwd': os.getcwd(), 'cache': os.environ['EDGESPEC_HOME'], 'own': os.environ['OWN']}))\n"
    )
    (work / "sub").mkdir()
    (work / "sub" / "file").write_text("sent")
    (work / "given").write_text("sent")
    told = device.call(there.card(env={"OWN": "in {home}"}), ["hello"], work)
    assert told["there"] == ["given", "sub", "sub/file"]
    assert Path(told["cwd"]).is_relative_to(there.home / ".cache" / "edgespec" / "work")
    assert told["cache"] == f"{there.home}/.cache/edgespec"
    assert told["own"] == f"in {told['cache']}"
    assert (work / "deep" / "out").read_bytes() == bytes(range(256)) * 5000
    assert (work / "given").read_text() == "changed"


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


def test_held_is_one_connection_and_one_folder_for_several_calls(there: Device, work: Path, runner: Any) -> None:
    runner(
        "import json, os, pathlib as p; seen = sorted(each.name for each in p.Path('.').iterdir())\n"
        "p.Path('left').write_text('x' * len(seen)); print(json.dumps({'cwd': os.getcwd(), 'seen': seen}))\n"
    )
    before = (there.folder / "log").read_text().count("Accepted publickey")
    (work / "a").write_text("a")
    with device.held(there.card()), device.held(there.card()):
        one = device.call(there.card(), ["hello"], work)
        (work / "a").unlink()
        (work / "b").write_text("b")
        two = device.call(there.card(), ["hello"], work)
    assert one["cwd"] == two["cwd"]
    assert (one["seen"], two["seen"]) == (["a"], ["b", "left"])
    assert (there.folder / "log").read_text().count("Accepted publickey") == before + 1


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


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    return tmp_path / "flag"


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


def test_a_runner_that_takes_too_long_is_killed_there(
    there: Device, work: Path, runner: Any, agent: Any, flag: Path
) -> None:
    runner("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP.format(flag=str(flag)))
    agent("KILL_S = 5.0", "KILL_S = 0.2")
    with pytest.raises(Unreachable, match="gave no answer to 'hello' within 1 s") as caught:
        device.call(there.card(), ["hello"], work, timeout_s=1)
    assert "the device" in caught.value.hint
    assert gone(flag)


@pytest.mark.usefixtures("heard")
def test_an_interrupt_leaves_nothing_behind(there: Device, work: Path, runner: Any, flag: Path) -> None:
    runner(SLEEP.format(flag=str(flag)))
    waiting = threading.Timer(0, lambda: ssh_server.wait(lambda: flag.exists() and flag.read_text()) and _interrupt())
    waiting.start()
    with pytest.raises(KeyboardInterrupt):
        device.call(there.card(), ["hello"], work)
    assert gone(flag)
    assert there.work == []


@pytest.fixture
def heard() -> Iterator[None]:
    """An interrupt is heard: what a shell started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.usefixtures("heard")
def test_an_interrupt_ends_what_several_targets_do(there: Device, work: Path, runner: Any, flag: Path) -> None:
    runner("import os, pathlib as p, sys, time; p.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(600)")
    cards = [there.card(), Target("local", "onnxruntime")]
    flags = {each.name: flag.with_name(each.name) for each in cards}

    def measured(card: Target) -> dict[str, Any]:
        return device.call(card, [str(flags[card.name])], work)

    both = lambda: all(each.exists() and each.read_text() for each in flags.values())  # noqa: E731
    waiting = threading.Timer(0, lambda: ssh_server.wait(both) and _interrupt())
    waiting.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        bench._everywhere([*cards, dataclasses.replace(cards[1], name="next")], measured)
    assert time.monotonic() - begin < 30
    assert all(ssh_server.wait(lambda each=each: gone(each)) for each in flags.values())


@pytest.mark.parametrize(
    ("program", "kind", "message"),
    [
        ("print('warming up'); print('{}')", Unreachable, "warming up"),
        ("pass", Unreachable, "no answer"),
        ("raise RuntimeError('a bug')", Unreachable, "RuntimeError: a bug"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Unreachable, "SIGKILL"),
        ("raise OSError(28, 'No space left on device')", StorageError, "has no room for more"),
        ('print(\'{"error": "no x", "hint": "get x"}\'); raise SystemExit(3)', Missing, "target 'pi': no x"),
        ('print(\'{"error": "bad x", "hint": ""}\'); raise SystemExit(2)', Mistake, "bad x"),
        ("import os; os.write(2, b'x' * 200_000); os.write(1, b'y' * 200_000); print('{')", Unreachable, "xxx"),
        ("import os; os.write(1, b'\\xff\\xfe' * 50_000)", Unreachable, "printed"),
    ],
)
def test_a_runner_that_fails_there_is_told_as_what_it_is(
    there: Device, work: Path, runner: Any, program: str, kind: type[EdgespecError], message: str
) -> None:
    runner(program)
    with pytest.raises(EdgespecError) as caught:
        device.call(there.card(), ["hello"], work)
    assert type(caught.value) is kind
    assert message in caught.value.message


def told(card: Target, work: Path) -> EdgespecError:
    """What a person is told who calls this device."""
    with pytest.raises(EdgespecError) as caught:
        device.call(card, ["hello"], work)
    assert caught.value.hint
    return caught.value


def test_a_host_key_that_is_not_known_or_has_changed_is_refused(there: Device, work: Path) -> None:
    ssh_server.trust(there.folder)
    unknown = told(there.card(), work)
    assert (unknown.exit_code, "a host key that is not known here" in unknown.message) == (6, True)
    assert f"compare the fingerprint: {there.ssh} device true" in unknown.hint
    ssh_server.trust(there.folder, "other")
    changed = told(there.card(), work)
    assert (changed.exit_code, "another host key than the one that was known" in changed.message) == (6, True)
    assert "ssh-keygen" in changed.hint
    assert (there.folder / "known").read_text() == f"device {(there.folder / 'other.pub').read_text()}"


def test_what_keeps_a_connection_from_being_made(there: Device, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = there.card(user="nobody")
    wrong = told(card, work)
    assert (wrong.exit_code, "does not let nobody in" in wrong.message) == (6, True)
    assert "ssh-copy-id" in wrong.hint
    there_is_none = told(there.card(port=1), work)
    assert (there_is_none.exit_code, "refuses the connection" in there_is_none.message) == (6, True)
    config = there.folder / "elsewhere"
    config.write_text("Host *\n  HostName no-such-host.invalid\n")
    monkeypatch.setenv("EDGESPEC_SSH", f"ssh -F {config}")
    unresolved = told(there.card(), work)
    assert (unresolved.exit_code, "is no host that can be found" in unresolved.message) == (6, True)
    monkeypatch.setenv("EDGESPEC_SSH", "ssh -F nowhere")
    assert "ssh's configuration is not there" in told(there.card(), work).message
    monkeypatch.setenv("EDGESPEC_SSH", "no-such-ssh")
    none = told(there.card(), work)
    assert (none.exit_code, "there is no no-such-ssh here" in none.message) == (3, True)


def test_a_device_that_does_not_answer_in_time(work: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mute = tmp_path / "mute-ssh"
    mute.write_text("#!/bin/sh\nexec sleep 600\n")
    mute.chmod(0o755)
    monkeypatch.setenv("EDGESPEC_SSH", str(mute))
    monkeypatch.setattr(connection, "GREET_S", 0.5)
    begin = time.monotonic()
    silent = told(Target("pi", "onnxruntime", reach="ssh"), work)
    assert (silent.exit_code, "went silent" in silent.message) == (6, True)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (("no-such-python",), Missing, "has no no-such-python"),
        (("{folder}/foreign",), Unreachable, "a program for another processor"),
        (("sh", "-c", 'exec "$0" "$@"', "{folder}/old"), Missing, "Python 3.7.9 is too old: 3.8 or newer is needed"),
        (("true",), Unreachable, "ended before it began"),
    ],
)
def test_a_device_without_a_python_that_will_do(
    there: Device, work: Path, words: tuple[str, ...], kind: type[EdgespecError], message: str
) -> None:
    foreign = there.folder / "foreign"
    foreign.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00" + bytes(44))  # of an aarch64 machine
    old = there.folder / "old"
    old.write_text("#!/bin/sh\necho 'Python 3.7.9 is too old: 3.8 or newer is needed' >&2\nexit 1\n")
    for each in (foreign, old):
        each.chmod(0o755)
    python = tuple(word.replace("{folder}", str(there.folder)) for word in words)
    problem = told(there.card(python=python, setup="sh setup/pi.sh"), work)
    assert type(problem) is kind
    assert message in problem.message
    assert problem.hint


def test_an_old_python_says_so_itself() -> None:
    pretends = "import sys; sys.version_info = (3, 7); sys.version = '3.7.9 of old'\n" + connection.START.format(size=0)
    ended = subprocess.run(["python3", "-c", pretends], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.strip()) == (1, "Python 3.7.9 is too old: 3.8 or newer is needed")


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "tcsh", "fish", "busybox sh", "ksh"])
def test_a_login_shell_hands_the_program_on_as_it_is(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which(shell.split()[0]) is None:
        pytest.skip(f"no {shell} here")
    told = b"import json, os, sys; print(json.dumps([sys.argv[1], os.environ['A'], os.getcwd()]))"
    monkeypatch.setattr(connection, "_agent", lambda: told)
    monkeypatch.setenv("HOME", str(tmp_path))
    odd = "it's an odd `place` of $HOME"
    card = Target("pi", "onnxruntime", python=("python3",), workdir=odd, env={"A": "'{home}' \"*"})
    command = [*shell.split(), "-c", connection._command(card, "token")]
    ended = subprocess.run(command, input=told, capture_output=True, check=True)
    assert json.loads(ended.stdout) == [odd, f"'{odd}' \"*", str(tmp_path)]


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


def test_a_real_runner_without_numpy_or_its_runtime_is_missing(there: Device, work: Path) -> None:
    bare = told(there.card(python=(there.card().python[0], "-S", "-I"), setup="sh export/setup/pi.sh"), work)
    assert (type(bare), "No module named 'numpy'" in bare.message) == (Missing, True)
    assert bare.hint.startswith("there: ")
    assert "-m pip install numpy; sh export/setup/pi.sh" in bare.hint


def test_a_login_that_talks_is_heard_out(there: Device, work: Path, runner: Any) -> None:
    runner(ANSWER)
    says = 'case "$1" in -c) echo "Welcome to the laboratory"; echo {}; printf x;; esac; exec "$0" "$@"'
    talks = ("sh", "-c", says, there.card().python[0])
    assert device.call(there.card(python=talks), ["hello"], work) == {}
    endless = (
        "sh",
        "-c",
        "exec yes welcome",
    )
    assert "talks without end" in told(there.card(python=endless), work).message


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
    with pytest.raises(Unreachable, match="prints what is no answer"):
        device.call(there.card(), ["hello"], work)


def test_the_roll_is_called_over_one_line_a_device(there: Device) -> None:
    cards = [there.card(), dataclasses.replace(there.card(), name="pi_openvino", runtime="no-such-runtime")]
    cards += [target_cards.load("local"), dataclasses.replace(there.card(port=1), name="gone")]
    before = (there.folder / "log").read_text().count("Accepted publickey")
    found = device.ask(cards)
    assert (there.folder / "log").read_text().count("Accepted publickey") == before + 1
    assert device.told(found["pi"]).startswith(f"answers: onnxruntime {found['local']['runtime_version']}, Python 3.")
    assert "there is no runtime 'no-such-runtime'" in device.told(found["pi_openvino"])
    assert "does not answer: target 'gone'" in device.told(found["gone"])
    assert "refuses the connection" in device.told(found["gone"])


def test_predict_stays_here(there: Device) -> None:
    with pytest.raises(Mistake, match="another device"):
        next(device.stream(there.card(), ["predict"]))


@pytest.mark.parametrize(
    ("address", "host", "user", "port"),
    [
        ("orin", "orin", "lab", 22),
        ("pi@192.168.0.7", "192.168.0.7", "pi", 22),
        ("pi@bench-7.local:2222", "bench-7.local", "pi", 2222),
        ("[fe80::7%eth0]:22", "fe80::7%eth0", "lab", 22),
        ("anna@uni.de@gate", "gate", "anna@uni.de", 22),
    ],
)
def test_an_address_takes_the_place_of_the_cards(address: str, host: str, user: str, port: int) -> None:
    card = target_cards.with_host(Target("jetson", "tensorrt", reach="ssh", host="old", user="lab", port=22), address)
    assert (card.name, card.host, card.user, card.port) == ("jetson", host, user, port)


@pytest.mark.parametrize(
    "address", ["", "-oProxyCommand=x", "pi@", "pi@-x", "a b", "pi@host:0", "pi@host:99999", "fe80::7"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Mistake, match="no address of a device"):
        target_cards.with_host(Target("jetson", "tensorrt", reach="ssh"), address)


def test_a_host_is_that_of_the_one_target_that_is_reached_by_ssh() -> None:
    here, there = target_cards.cards(["local", "jetson"], "pi@orin")
    assert (here, there.user, there.host) == (target_cards.load("local"), "pi", "orin")
    assert target_cards.cards(["local", "jetson"]) == [target_cards.load("local"), target_cards.load("jetson")]
    with pytest.raises(Mistake, match="of which of jetson, jetson_7"):
        target_cards.cards(["jetson", "jetson_7"], "orin")
    with pytest.raises(Mistake, match="this machine"):
        target_cards.cards(["local"], "orin")


def test_this_machine_has_no_host() -> None:
    with pytest.raises(Mistake, match="this machine"):
        target_cards.with_host(target_cards.load("local"), "pi@pi")
