"""What a worker runs, and what it sends back."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgespec.search import remote_task


def test_a_folder_and_a_file_come_back_as_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "1-train"
    folder.mkdir(parents=True)
    (folder / "a.bin").write_bytes(bytes(range(256)))
    (tmp_path / "run" / ".lock").touch()
    (tmp_path / "run" / ".lock.pid").write_text("1")
    remote_task.unpack(remote_task.pack(tmp_path / "run"), tmp_path / "there")
    assert (tmp_path / "there" / "1-train" / "a.bin").read_bytes() == bytes(range(256))
    assert not list((tmp_path / "there").glob(".lock*"))
    remote_task.unpack(remote_task.pack(folder / "a.bin"), tmp_path / "one")
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["a.bin"]


def test_nothing_is_written_outside_the_folder(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("../outside", "x")
    remote_task.unpack(held.getvalue(), tmp_path / "in")
    assert not (tmp_path / "outside").exists()


def test_a_command_is_run_beside_its_files_and_its_code_is_given(tmp_path: Path) -> None:
    assert remote_task._run(["ls", "nothing"], tmp_path, {"OMP_NUM_THREADS": "1"}, lambda: False) == 2
    assert "nothing" in (tmp_path / "told").read_text()


def test_what_nobody_wants_any_more_is_ended(tmp_path: Path) -> None:
    code = remote_task._run(["predict", "-", "--stream"], tmp_path, {}, lambda: True)
    assert code in (remote_task.GONE, 2)  # ended, or sooner than asked


def test_data_of_the_asking_machine_are_looked_for_only_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, str] = {}

    def program(command: list[str], env: dict[str, str], **_: object) -> subprocess.Popen[bytes]:
        seen.clear()
        seen.update(env)
        return real(["true"])

    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", program)
    monkeypatch.delenv("EDGESPEC_DATA", raising=False)
    remote_task._run([], tmp_path, {"data": str(tmp_path)}, lambda: False)
    assert seen["EDGESPEC_DATA"] == str(tmp_path)
    remote_task._run([], tmp_path, {"data": str(tmp_path / "nowhere")}, lambda: False)
    assert "EDGESPEC_DATA" not in seen
    monkeypatch.setenv("EDGESPEC_DATA", "own")
    remote_task._run([], tmp_path, {"data": str(tmp_path)}, lambda: False)
    assert seen["EDGESPEC_DATA"] == "own"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells a child of its parent's death on Linux only")
def test_a_command_whose_worker_is_gone_does_not_begin() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "edgespec.search.remote_task", str(os.getpid() + 1), "ls"], check=False
    )
    assert ended.returncode == remote_task.GONE % 256
