"""A device runs the program as this machine does: answers, errors, one connection for several calls."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import ssh_server
from ssh_server import Device

from edgespec.errors import EdgespecError, Missing, Mistake, StorageError, Unreachable
from edgespec.targets import card as target_cards
from edgespec.targets import runner as device
from edgespec.targets.card import Target

pytestmark = [
    pytest.mark.skipif(ssh_server.SSHD is None, reason="no sshd here: apt install openssh-server"),
    pytest.mark.usefixtures("swept"),
]


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


SLEEP = "import os, pathlib as p, time; p.Path({flag!r}).write_text(str(os.getpid())); time.sleep(600)"


def gone(flag: Path) -> bool:
    return not Path(f"/proc/{flag.read_text()}").exists()


def test_a_runner_that_takes_too_long_is_killed_there(
    there: Device, work: Path, runner: Any, agent: Any, flag: Path
) -> None:
    runner("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP.format(flag=str(flag)))
    agent("KILL_S = 5.0", "KILL_S = 0.2")
    with pytest.raises(Unreachable, match="gave no answer to 'hello' within 1 s") as caught:
        device.call(there.card(), ["hello"], work, timeout_s=1)
    assert "the device" in caught.value.hint
    assert gone(flag)


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


def test_a_real_runner_without_numpy_or_its_runtime_is_missing(there: Device, work: Path) -> None:
    bare = told(there.card(python=(there.card().python[0], "-S", "-I"), setup="sh export/setup/pi.sh"), work)
    assert (type(bare), "No module named 'numpy'" in bare.message) == (Missing, True)
    assert bare.hint.startswith("there: ")
    assert "-m pip install numpy; sh export/setup/pi.sh" in bare.hint


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
