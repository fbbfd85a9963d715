"""What OpenSSH and a login say is told as what it is: host keys, no Python, no answer, a shell that talks."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import ssh_server
from ssh_server import Device

from edgespec.errors import EdgespecError, Missing, Unreachable
from edgespec.runs import bench
from edgespec.targets import connection
from edgespec.targets import runner as device
from edgespec.targets.card import Target

pytestmark = [
    pytest.mark.skipif(ssh_server.SSHD is None, reason="no sshd here: apt install openssh-server"),
    pytest.mark.usefixtures("swept"),
]


ANSWER = "import json, os, sys; print(json.dumps({}))"


def gone(flag: Path) -> bool:
    return not Path(f"/proc/{flag.read_text()}").exists()


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
