"""The tutorials, command by command, as a reader would type them: with a folder of csv files and a model of another program."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import foreign_models as fm
import pytest
import tiny_job
from command import edgespec

from edgespec.datasets import minerals
from edgespec.spectra import Axis

TOP = Path(__file__).parents[2]
PAGES = TOP / "docs" / "tutorials"
ORDER = ["your-own-spectra", "to-a-device", "in-ci", "your-own-model"]


def commands(page: str, kind: str = "console") -> list[str]:
    """Give the lines of a page's blocks of one kind; `console` blocks are run, plain ones need a device or a network."""
    blocks = re.findall(rf"```{kind}\n(.*?)```", (PAGES / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the reader has it: spectra by class and sample, a new spectrum, a classifier trained elsewhere."""
    folder = tmp_path_factory.mktemp("lab")
    classes, axis = ["Albite", "Beryl", "Diopside"], Axis(140, 1200, 266)
    found = minerals.load(axis=axis, seed=3, samples=8, spectra=2, minerals=classes, drift=0.1)
    assert found.group is not None

    def text(row: int) -> str:
        pairs = zip(found.axis, found.x[row] + 1, strict=True)
        return "Raman shift (cm-1),Counts\n" + "".join(f"{a:.2f},{b:.5f}\n" for a, b in pairs)

    for row in range(len(found)):
        place = folder / "spectra" / found.labels[found.y[row]] / f"rock {found.group[row]}" / f"{row}.csv"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text(row))
    (folder / "new_spectrum.csv").write_text(text(0))
    fm.torch_net(tiny_job.job(folder / "job"), folder / "classifier.onnx")
    return folder


def test_the_tutorials_work_word_by_word(lab: Path) -> None:
    ran = []
    for page in ORDER:
        for line in commands(page):
            words = shlex.split(line)
            if words[0] == "edgespec":
                words += (
                    ["--force"] if "--update-baseline" in words else []
                )  # tests run side by side: the page says what to do then
                ended = edgespec(lab, *words[1:], EDGESPEC_DATA=None, EDGESPEC_HOME=str(lab / "home"))
                code, told = ended.returncode, ended.stderr
            else:
                assert words[0] == "python", line
                process = subprocess.run(
                    [sys.executable, *words[1:]], cwd=lab, capture_output=True, text=True, check=False
                )
                code, told = process.returncode, process.stderr
                assert "new_spectrum.csv" in process.stdout, "the device's program answers"
            assert code == 0, f"{page}: {line}\n{told}"
            ran.append(line)
    assert len(ran) > 12
    assert (lab / "baselines" / "mine.json").is_file()
    assert (lab / "runs" / "mine" / "bundles" / "c_x86" / "model.c").is_file()


def test_readmes_recipe_works_on_the_readers_folder_as_it_stands(lab: Path) -> None:
    text = next(
        block for block in re.findall(r"```yaml\n(.*?)```", (TOP / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    )
    (lab / "readme.yaml").write_text(text, encoding="utf-8")
    ended = edgespec(lab, "compress", "readme.yaml", "--dry-run", EDGESPEC_DATA=None, EDGESPEC_HOME=str(lab / "home"))
    assert ended.returncode == 0, ended.stderr


def test_a_recipe_and_its_spectra_can_move_together(lab: Path, tmp_path: Path) -> None:
    away = {"EDGESPEC_DATA": None, "EDGESPEC_HOME": str(tmp_path / "home")}
    assert edgespec(lab, "new", "moved.yaml", "--yes", "--data", "spectra/", **away).returncode == 0
    assert "path: spectra" in (lab / "moved.yaml").read_text()
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(lab / "moved.yaml", tmp_path / "elsewhere")
    shutil.copytree(lab / "spectra", tmp_path / "elsewhere" / "spectra")
    ended = edgespec(tmp_path / "elsewhere", "compress", "moved.yaml", "--dry-run", **away)
    assert ended.returncode == 0, ended.stderr
    shutil.rmtree(tmp_path / "elsewhere" / "spectra")
    ended = edgespec(tmp_path / "elsewhere", "compress", "moved.yaml", "--dry-run", **away)
    assert ended.returncode == 3
    assert "the working folder" in ended.stderr


def test_the_first_run_is_what_make_demo_runs() -> None:
    makefile = (TOP / "Makefile").read_text(encoding="utf-8").replace("$(RUN)", "runs/rruff_distill")
    for line in commands("first-run"):
        words = line.split()
        if words[1] in ("compress", "bench", "gate"):
            assert f"edgespec {words[1]}" in makefile
        assert "rruff_distill" in line or words[1] in ("bench", "gate")


@pytest.mark.parametrize("page", sorted(path.stem for path in PAGES.glob("*.md")))
def test_every_option_that_a_tutorial_names_exists(page: str) -> None:
    for line in [*commands(page), *commands(page, "")]:
        if not line.startswith("edgespec "):
            continue
        words = shlex.split(line.partition("|")[0])
        told = edgespec(TOP, *words[1 : 3 if words[1] == "data" else 2], "--help")
        assert told.returncode == 0, line
        assert all(word in told.stdout for word in words if word.startswith("--") and word != "--"), line
