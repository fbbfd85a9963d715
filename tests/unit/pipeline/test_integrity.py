"""A run folder that somebody sent is read and never followed: links, FIFOs and files of another run are told, and nothing outside is written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command import edgespec

from edgespec import report, storage
from edgespec.errors import Mismatch, Mistake
from edgespec.pipeline import integrity
from edgespec.pipeline.run import Run
from edgespec.runs import gate

Plant = Callable[[Path, Path], None]


def link(name: str) -> Plant:
    def plant(run: Path, mine: Path) -> None:
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(mine)

    return plant


def fifo(name: str) -> Plant:
    def plant(run: Path, mine: Path) -> None:
        (run / name).unlink(missing_ok=True)
        os.mkfifo(run / name)

    return plant


def folder(name: str) -> Plant:
    def plant(run: Path, mine: Path) -> None:
        shutil.rmtree(run / name, ignore_errors=True)
        (run / name).symlink_to(mine.parent)

    return plant


PLANTED = {
    "log.txt": link("log.txt"), ".lock": link(".lock"), "gate.xml": link("gate.xml"), "report.html": link("report.html"),
    "bench": folder("bench"), "bundles": folder("bundles"), "a FIFO": fifo("log.txt"), "a locking FIFO": fifo(".lock"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_link_is_told_and_nothing_is_written_through_it(run_copy: Path, tmp_path: Path, name: str) -> None:
    mine = tmp_path / "mine" / "thesis.tex"
    mine.parent.mkdir()
    mine.write_text("years of work")
    PLANTED[name](run_copy, mine)
    for words in (["gate", "run"], ["export", "run"], ["bench", "run", "--seconds", "0.1"], ["report", "run"]):
        ended = edgespec(tmp_path, *words)
        assert ended.returncode == 2, ended.stderr
        assert "a run folder holds files and folders alone" in ended.stderr
        assert [*mine.parent.iterdir()] == [mine]
        assert mine.read_text() == "years of work"


def test_a_run_that_is_reached_by_a_link_is_its_owners_own_choice(run_copy: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(run_copy)
    assert Run(tmp_path / "latest").report.recipe == "tiny"


def test_a_step_of_another_run_is_noticed(run_copy: Path, tmp_path: Path) -> None:
    other = run_copy / "5-calibrate" / "artifact.json"
    whole = other.read_text()
    for change in (('"temperature": ', '"temperature": 1'), ('"role": "candidate"', '"role": "reference"')):
        assert change[0] in whole
        other.write_text(whole.replace(*change, 1))
        with pytest.raises(Mismatch, match=r"5-calibrate/artifact\.json has changed"):
            _ = Run(run_copy).report
    other.write_text(whole)
    found = report.read(run_copy)
    found.sealed.pop("5-calibrate")
    report.write(found, run_copy)
    with pytest.raises(Mismatch, match="holds no digest of"):
        _ = Run(run_copy).model
    found.sealed |= {"5-calibrate": storage.file_digest(other), "../run/5-calibrate": storage.file_digest(other)}
    report.write(found, run_copy)
    with pytest.raises(Mismatch, match="tells of a step's folder"):
        integrity.check(run_copy, found)


def test_where_nothing_is_left_to_ship_the_gate_does_not_pass(run_copy: Path) -> None:
    shutil.rmtree(run_copy / "5-calibrate")
    with pytest.raises(Mismatch, match="nothing there could be shipped"):
        gate.judge(Run(run_copy), gate.Asked())
    with pytest.raises(Mistake, match="5-calibrate is missing"):
        _ = Run(run_copy).model


def test_what_a_killed_process_left_is_swept_and_nothing_else(run_copy: Path) -> None:
    for name in (".bench-k3l_9aab", "bench/.soak-abcdefgh", ".matrix-12345678", "bench/kept", ".mine"):
        (run_copy / name).mkdir(parents=True)
        (run_copy / name / "a").write_text("a")
    for name in (".report.json.abc_1234", "bench/.local.json.zzzzzzzz", ".lock", ".gitignore", "notes.txt", ".a.b"):
        (run_copy / name).write_text("a")
    with Run(run_copy).locked():
        pass
    left = {path.relative_to(run_copy).as_posix() for path in [*run_copy.iterdir(), *(run_copy / "bench").iterdir()]}
    assert {"bench/kept", ".mine", ".lock", ".gitignore", "notes.txt", ".a.b", "report.json", "recipe.yaml"} <= left
    assert not {name for name in left if "-" in name and name.startswith(".")}
    assert not {".report.json.abc_1234", "bench/.local.json.zzzzzzzz", "bench/.soak-abcdefgh"} & left
