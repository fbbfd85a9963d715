"""A program as a teacher: where its arguments go, how its failures are told, and that nothing of it is left behind."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from edgespec.compression.teachers import program
from edgespec.errors import Missing, Mistake
from edgespec.job import Silent


def run(folder: Path, *command: str, limit_s: float = 30.0) -> None:
    program.run(command, folder / "q.npz", folder / "a.npz", folder / "log.txt", limit_s, Silent())


def written(folder: Path, text: str) -> str:
    (folder / "ask.py").write_text(text)
    return str(folder / "ask.py")


@pytest.mark.parametrize("named", [False, True])
def test_it_gets_both_names(tmp_path: Path, named: bool) -> None:
    script = written(tmp_path, "import sys; open(sys.argv[-1], 'w').write(' '.join(sys.argv[1:])); print('done')")
    more = ("--in={questions}", "{answers}") if named else ()
    run(tmp_path, sys.executable, script, *more)
    said = (tmp_path / "a.npz").read_text().split()
    assert said == [f"--in={tmp_path}/q.npz" if named else f"{tmp_path}/q.npz", f"{tmp_path}/a.npz"]
    assert (tmp_path / "log.txt").read_text() == "done\n"


def test_python_is_ours_where_no_other_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = written(tmp_path, "import sys; open(sys.argv[-1], 'w').write(sys.executable)")
    monkeypatch.setenv("PATH", "")
    run(tmp_path, "python", script)
    assert (tmp_path / "a.npz").read_text() == sys.executable


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print('no gpu'); raise SystemExit(3)", r"ended with code 3\n  no gpu"),
        ("raise ValueError('what?')", r"ended with code 1(.|\n)*ValueError: what\?"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9"),
        ("print('\\xff' * 10)", r"left no a\.npz"),
    ],
)
def test_a_failure_is_told_with_what_it_printed(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Mistake, match=said) as caught:
        run(tmp_path, sys.executable, written(tmp_path, text))
    assert caught.value.hint


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="nowhere cannot be run"):
        run(tmp_path, "nowhere")


def test_a_program_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    child = "import subprocess, sys, time; c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); " \
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(c.pid)); time.sleep(60)"  # fmt: skip
    begun = time.monotonic()
    with pytest.raises(Mistake, match="took longer than 1 s"):
        run(tmp_path, sys.executable, "-c", child, limit_s=1.0)
    assert time.monotonic() - begun < 30
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text():
            break
        time.sleep(0.05)
    else:
        os.kill(pid, 9)
        raise AssertionError("its child goes on")


@pytest.mark.skipif(os.name == "nt", reason="it stands in for Windows' own program")
def test_without_groups_of_processes_windows_own_program_ends_the_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "System32" / "taskkill.exe"
    tool.parent.mkdir()
    tool.write_text(f"#!{sys.executable}\nimport os, sys\nopen({str(tmp_path / 'said')!r}, 'w').write(' '.join(sys.argv[1:]))\n"
                    "os.kill(int(sys.argv[-1]), 9)\n")  # fmt: skip
    tool.chmod(0o755)
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    monkeypatch.delattr(os, "killpg")
    with pytest.raises(Mistake, match=r"took longer than 0\.5 s"):
        run(tmp_path, sys.executable, "-c", "import time; time.sleep(60)", limit_s=0.5)
    assert (tmp_path / "said").read_text().startswith("/T /F /PID ")
    run(tmp_path, sys.executable, written(tmp_path, "import sys; open(sys.argv[-1], 'w').close()"))
