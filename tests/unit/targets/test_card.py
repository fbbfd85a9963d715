"""Cards that are read or refused, and a runner that answers, refuses, dies or talks rubbish."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from edgespec import plugins
from edgespec.cli import ls
from edgespec.errors import EdgespecError, Missing, Mistake, Unreachable
from edgespec.targets import card as cards
from edgespec.targets import runner


@pytest.mark.parametrize("name", plugins.names("targets"))
def test_a_card_that_ships_is_read(name: str) -> None:
    card = cards.load(name)
    assert card.name == name
    assert card.runtime in plugins.names("runtimes")
    assert card.description
    assert "float32" in card.precisions


def test_an_unknown_target_says_which_was_meant() -> None:
    with pytest.raises(Mistake, match="unknown target 'locl'") as caught:
        cards.load("locl")
    assert "'local'" in caught.value.hint


@pytest.mark.parametrize(
    ("card", "message", "hint"),
    [
        ("runtime: onnxruntime\ntreads: 2", "unknown key 'treads'", "did you mean 'threads'?"),
        ("runtime: onnxruntim", "unknown runtime 'onnxruntim'", "did you mean 'onnxruntime'?"),
        ("runtime: onnxruntime\nreach: lokal", "unknown reach 'lokal'", "did you mean 'local'?"),
        ("runtime: onnxruntime\nthreads: two", "'threads': 'two' is not a number of threads", ""),
        ("runtime: onnxruntime\nthreads: true", "'threads': True is not", ""),
        ("runtime: onnxruntime\nthreads: 0", "'threads': 0 is not", ""),
        ("runtime: onnxruntime\nprecisions: float32", "'precisions': 'float32' is not a list of names", ""),
        ("runtime: onnxruntime\nprecisions: []", "'precisions'", ""),
        ("runtime: [a]", "'runtime': ['a'] is not text", ""),
        ("threads: 1", "'runtime' is missing", "onnxruntime"),
        ("name: other\nruntime: onnxruntime", "unknown key 'name'", ""),
        ("- runtime", "is not a card", "runtime"),
        ("", "is not a card", "runtime"),
        ("runtime: [", ":1: not YAML", "brackets"),
        ("runtime: onnxruntime\nreach: ssh\nport: pi", ":3: 'port': 'pi' is not a number", ""),
        ("runtime: onnxruntime\nhost: -oProxyCommand=x", ":2: 'host': '-oProxyCommand=x' is no host", "alias"),
        ("runtime: onnxruntime\nuser: a b", "'user': 'a b' is no user", ""),
        ("runtime: onnxruntime\nport: 65536", "'port': 65536 is not a port", ""),
        ("runtime: onnxruntime\njetpack: 6.2", "'jetpack': 6.2 is not text", ""),
        ("runtime: onnxruntime\njetpack: '6.1'", "unknown jetpack '6.1'", "6.2"),
        ("runtime: onnxruntime\nenv: [A]", "is not a list of names and texts", ""),
        ("runtime: onnxruntime\npython: python3", "is not a list of words", ""),
    ],
)
def test_a_wrong_card_is_refused_with_its_file(tmp_path: Path, card: str, message: str, hint: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(card)
    with pytest.raises(Mistake) as caught:
        cards.read(file)
    assert str(file) in caught.value.message
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_card_gives_what_it_says_and_defaults_for_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("runtime: onnxruntime\nthreads: 2\nprecisions: [float32, fp16]\n")
    wanted = cards.Target("mine", "onnxruntime", threads=2, precisions=("float32", "fp16"))
    assert cards.read(file) == wanted
    assert wanted.reach == "local"


def test_a_users_own_card_stands_before_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cards, "NAMED", set())
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    at_home, here = tmp_path / "settings" / "edgespec" / "targets", tmp_path / "targets"
    for folder, threads in ((at_home, 2), (here, 3)):
        folder.mkdir(parents=True)
        (folder / "bench7.yaml").write_text(f"runtime: onnxruntime\nthreads: {threads}\n")
    (at_home / "local.yaml").write_text("runtime: onnxruntime\nthreads: 4\n")
    assert {"bench7", "local"} <= set(cards.names())
    (here / "local.yaml").write_text("runtime: onnxruntime\nthreads: 5\n")
    (here / "only.yaml").write_text("runtime: onnxruntime\n")
    assert (cards.load("bench7").threads, cards.load("local").threads) == (2, 4), "nobody named them"
    with pytest.raises(Mistake, match="nobody asked for it by name") as caught:
        cards.load("only")
    assert "--target only" in caught.value.hint
    assert cards.name("bench7", "rpi5") == [Path("targets/bench7.yaml")]
    assert cards.name_all({"targets": ["only"], "gates": [{"latency_p90": {"bench7": 1}}]}) == [
        Path("targets/bench7.yaml"), Path("targets/only.yaml"),
    ]  # fmt: skip
    assert (cards.load("bench7").threads, cards.load("local").threads) == (3, 4)
    (here / "local.yaml").unlink()
    ls.command("targets")
    told = capsys.readouterr().out
    assert "your own card: targets/bench7.yaml" in told
    assert "onnxruntime on this machine" in told
    assert "your own card: targets/jetson.yaml" not in told
    assert "tensorrt by ssh: ssh jetson" in told
    (here / "bench7.yaml").unlink()
    assert cards.load("bench7").threads == 2


LOCAL = cards.Target("here", "onnxruntime")


def test_call_gives_the_runners_answer(tmp_path: Path) -> None:
    assert runner.call(LOCAL, ["hello", "--runtime", "onnxruntime"], tmp_path)["runtime"] == "onnxruntime"


def test_what_the_runner_refuses_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"target 'here'.*nowhere\.json"):
        runner.call(LOCAL, ["bench", "nowhere.json"], tmp_path)


def test_a_cards_words_start_python_with_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "first.py").write_text(
        "import json, os, sys; print(json.dumps({'words': sys.argv[1:], 'set': os.environ['PLACE'], 'path': os.environ['PATH']}))"
    )
    words = (sys.executable, "{home}/first.py")
    card = dataclasses.replace(LOCAL, python=words, env={"PLACE": "in {home}"})
    told = runner.call(card, ["hello"], tmp_path)
    assert told["words"][-1] == "hello"
    assert told["words"][0].endswith("runner.py")
    assert told["set"] == f"in {tmp_path / 'home'}"
    assert told["path"]


def test_a_card_tells_its_runtime_through_the_environment() -> None:
    assert LOCAL.variables == {}
    card = dataclasses.replace(LOCAL, provider="CUDAExecutionProvider", env={"A": "b"})
    assert card.variables == {"EDGESPEC_PROVIDER": "CUDAExecutionProvider", "A": "b"}
    card = dataclasses.replace(LOCAL, runtime="tensorrt", trtexec="/opt/trtexec")
    assert card.variables == {"EDGESPEC_TRTEXEC": "/opt/trtexec"}
    assert dataclasses.replace(card, env={"EDGESPEC_TRTEXEC": "mine"}).variables == {"EDGESPEC_TRTEXEC": "mine"}


def test_a_python_that_is_not_here_is_missing_with_what_brings_it(tmp_path: Path) -> None:
    card = dataclasses.replace(LOCAL, python=("no-such-python",), setup="make python")
    with pytest.raises(Missing, match="needs no-such-python") as caught:
        runner.call(card, ["hello"], tmp_path)
    assert caught.value.hint == "make python"


@pytest.mark.parametrize(
    ("program", "kind", "message", "hint"),
    [
        ("print('warming up'); print('{}')", Unreachable, "warming up", "runner.py"),
        ("print('[' * 100000)", Unreachable, "no answer", ""),
        ("print('[1]')", Unreachable, "[1]", ""),
        ("pass", Unreachable, "no answer", ""),
        ("raise RuntimeError('a bug')", Unreachable, "RuntimeError: a bug", "runner.py"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Unreachable, "SIGKILL", "memory"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", Unreachable, "SIGILL", "instruction"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", Unreachable, "SIGSEGV", "onnxruntime"),
        ("import time; time.sleep(60)", Unreachable, "within 1 s", ""),
        ('print(\'{"error": "no x", "hint": "get x"}\'); raise SystemExit(3)', Missing, "no x", "get x"),
        ('print(\'{"error": "bad x", "hint": ""}\'); raise SystemExit(2)', Mistake, "bad x", ""),
        ("print('{}'); raise SystemExit(2)", Unreachable, "code 2", ""),
    ],
)
def test_a_runner_that_fails_is_told_as_what_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    kind: type[EdgespecError],
    message: str,
    hint: str,
) -> None:
    (tmp_path / "runner.py").write_text(program)
    monkeypatch.setattr(plugins, "shipped", lambda *parts: tmp_path / parts[-1])
    with pytest.raises(EdgespecError) as caught:
        runner.call(LOCAL, ["hello"], tmp_path, timeout_s=1 if "sleep" in program else 60)
    assert type(caught.value) is kind
    assert message in caught.value.message
    assert "here" in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [(0xC000001D, "died of 0xc000001d", "instruction"), (0xC0000005, "died of 0xc0000005", "crashed")],
)
def test_a_crash_under_windows_is_told_by_its_code(
    code: int, message: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_here", lambda *given: runner.Ended(code, b"", ""))
    with pytest.raises(Unreachable, match=message) as caught:
        runner.call(LOCAL, ["hello"], tmp_path)
    assert hint in caught.value.hint


def test_a_target_can_not_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        LOCAL.threads = 4  # type: ignore[misc]
