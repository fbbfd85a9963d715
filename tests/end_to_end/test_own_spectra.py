"""A laboratory's own files, as it has them: `new` writes a recipe without any key, `compress` runs it, `predict` answers the same files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command import Ended, edgespec

from edgespec.datasets import minerals
from edgespec.report import read
from edgespec.spectra import Axis, Spectra

CLASSES = ["Albite", "Beryl", "Diopside"]
AXIS = Axis(140, 1200, 266)


def made(n: int) -> Spectra:
    """Generated spectra: n samples a class, one spectrum each."""
    return minerals.load(axis=AXIS, seed=3, samples=n, spectra=1, minerals=CLASSES, drift=0.1)


def csv(found: Spectra, row: int) -> str:
    pairs = zip(found.axis, found.x[row] + 1, strict=True)
    return "Raman shift (cm-1);Counts\n" + "".join(f"{a:.2f};{b:.5f}\n" for a, b in pairs)


def class_folders(folder: Path, found: Spectra) -> Path:
    for row in range(len(found)):
        place = folder / "spectra" / found.labels[found.y[row]] / f"sample {row} - batch A.csv"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(csv(found, row))
    return folder / "spectra"


def sample_folders(folder: Path, found: Spectra) -> Path:
    for row in range(len(found)):
        place = folder / "spectra" / found.labels[found.y[row]] / f"rock {row // 2}" / f"{row}.csv"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(csv(found, row))
    return folder / "spectra"


def listed(folder: Path, found: Spectra) -> Path:
    (folder / "files").mkdir()
    lines = ["file,class,sample"]
    for row in range(len(found)):
        (folder / "files" / f"{row:03}.csv").write_text(csv(found, row))
        lines.append(f"files/{row:03}.csv,{found.labels[found.y[row]]},rock {row // 2}")
    (folder / "list.csv").write_text("\n".join(lines))
    return folder / "list.csv"


def wide_rows(folder: Path, found: Spectra) -> Path:
    head = ["", "class", "sample", *(f"{a:.2f}" for a in found.axis)]
    rows = [
        [str(i), found.labels[found.y[i]], f"rock {i // 2}", *(f"{v + 1:.5f}" for v in x)]
        for i, x in enumerate(found.x)
    ]
    (folder / "table.csv").write_text("\n".join(",".join(row) for row in [head, *rows]))
    return folder / "table.csv"


def wide_columns(folder: Path, found: Spectra) -> Path:
    rows = [["Raman shift", *(f"s{i}" for i in range(len(found)))], ["class", *(found.labels[i] for i in found.y)]]
    rows += [[f"{a:.2f}", *(f"{v + 1:.5f}" for v in found.x[:, i])] for i, a in enumerate(found.axis)]
    (folder / "table.tsv").write_text("\n".join("\t".join(row) for row in rows))
    return folder / "table.tsv"


def ran(folder: Path, *arguments: str | Path, code: int = 0) -> Ended:
    ended = edgespec(folder, *arguments, EDGESPEC_DATA=None, EDGESPEC_HOME=str(folder / "home"))
    assert ended.returncode == code, ended.stderr
    return ended


@pytest.mark.parametrize(
    ("layout", "samples"),
    [(class_folders, None), (sample_folders, 30), (listed, 30), (wide_rows, 30), (wide_columns, None)],
)
def test_a_layout_is_inspected_and_a_recipe_for_it_is_written(
    tmp_path: Path, layout: Callable[[Path, Spectra], Path], samples: int | None
) -> None:
    data = layout(tmp_path, made(20))
    told = json.loads(ran(tmp_path, "data", "inspect", data, "--json").stdout)
    assert (told["spectra"], told["refused"]) == (60, [])
    assert {name: each["spectra"] for name, each in told["classes"].items()} == dict.fromkeys(CLASSES, 20)
    assert told["samples"] == (samples or 0)
    said = ran(tmp_path, "new", "mine.yaml", "--yes", "--data", data).stderr
    assert f"physical samples: {samples or 'unknown'}" in said
    assert ("accuracy is overestimated" in said) == (samples is None)
    assert "step 1: train" in ran(tmp_path, "compress", "mine.yaml", "--dry-run").stdout


def test_forty_spectra_in_folders_run_to_the_end_and_are_predicted(tmp_path: Path) -> None:
    found = made(14)
    data = class_folders(tmp_path, found)
    ran(tmp_path, "new", "mine.yaml", "--yes", "--data", data)
    ran(tmp_path, "compress", "mine.yaml", "--set", "steps.1.fit.epochs=25")
    result = read(tmp_path / "runs" / "mine")
    assert result.data["source"] == "measured"
    assert any("accuracy is overestimated" in note for note in result.data["notes"])
    assert result.last()[-1].accuracy > 0.6
    answers = json.loads(ran(tmp_path, "predict", "runs/mine", data, "--json").stdout)
    named = [each["label"] == Path(each["file"]).parent.name for each in answers["results"]]
    assert len(named) == 42
    assert np.mean(named) > 0.6


def test_too_few_of_a_class_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    data = class_folders(tmp_path, made(14))
    for path in sorted((data / "Beryl").glob("*.csv"))[2:]:
        path.unlink()
    ended = ran(tmp_path, "new", "mine.yaml", "--yes", "--data", data, code=2)
    assert "Beryl" in ended.stderr
    assert not (tmp_path / "mine.yaml").exists()


def test_a_dry_run_refuses_what_a_run_would_refuse(tmp_path: Path) -> None:
    shift = np.arange(150.0, 1150, 10)
    head = ["label", *(f"{each:g}" for each in shift)]
    rows = [[label, *(f"{abs(i - j % 50):g}" for j in range(len(shift)))] for i in range(4) for label in "ab"]
    (tmp_path / "t.csv").write_text("\n".join(",".join(row) for row in [head, *rows]) + "\n")
    recipe = """schema: 1
data:
  load: {table: {path: t.csv%s}}
  axis: {low: 150, high: 1140, points: 64}
  split: {by: spectrum}
steps: [{train: {model: {cnn: {widths: [4]}}, fit: {epochs: 1}}}]
"""
    for extra, code, said in (("", 2, "r.yaml:3: t.csv: its axis says no unit"), (", unit: cm-1", 2, "two labels")):
        (tmp_path / "r.yaml").write_text(recipe % extra)
        dry = edgespec(tmp_path, "compress", "r.yaml", "--dry-run", EDGESPEC_DATA=str(tmp_path))
        real = edgespec(tmp_path, "compress", "r.yaml", EDGESPEC_DATA=str(tmp_path))
        assert (dry.returncode, real.returncode) == (code, code)
        assert said in dry.stderr
        assert dry.stderr.splitlines()[-2:] == real.stderr.splitlines()[-2:]
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").rglob("*.onnx"))
