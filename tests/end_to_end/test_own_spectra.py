"""A laboratory's own files, as it has them: `new` writes a recipe without any key, `compress` runs it, `predict` answers the same files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import spectrum_files
import vendor_files
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


def named_by_pattern(folder: Path, found: Spectra) -> str:
    (folder / "files").mkdir()
    for row in range(len(found)):
        (folder / "files" / f"{found.labels[found.y[row]]}_rock{row // 2}_{row}.csv").write_text(csv(found, row))
    return json.dumps({"files": {"path": str(folder / "files"), "label": "{label}_{sample}_*"}})


def workbook(folder: Path, found: Spectra) -> Path:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed: edgespec[formats]")
    book = openpyxl.Workbook()
    book.active.append(["class", "sample", *(f"{a:.2f} cm-1" for a in found.axis)])
    for i, x in enumerate(found.x):
        book.active.append([found.labels[found.y[i]], f"rock {i // 2}", *(float(v + 1) for v in x)])
    book.save(folder / "table.xlsx")
    return folder / "table.xlsx"


def parquet(folder: Path, found: Spectra) -> Path:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: edgespec[formats]")
    tables = pytest.importorskip("pyarrow.parquet")
    columns = {f"{a:.2f}": found.x[:, i] + 1 for i, a in enumerate(found.axis)}
    told = {"class": [found.labels[i] for i in found.y], "sample": [f"rock {i // 2}" for i in range(len(found))]}
    tables.write_table(pyarrow.table({**told, **columns}), folder / "table.parquet")
    return folder / "table.parquet"


def matlab(folder: Path, found: Spectra) -> str:
    cells = np.array([found.labels[i] for i in found.y], dtype=object)
    rocks = np.arange(len(found)) // 2
    scipy.io.savemat(
        folder / "a.mat", {"d": {"X": found.x.T + 1, "nm": 1e7 / (1e7 / 785 - found.axis)}, "c": cells, "r": rocks}
    )
    keys = {"file": str(folder / "a.mat"), "x": "d/X", "y": "c", "wavenumber": "d/nm", "group": "r"}
    return json.dumps({"arrays": {**keys, "unit": "nm", "laser": 785}})


def hdf5(folder: Path, found: Spectra) -> str:
    h5py = pytest.importorskip("h5py", reason="h5py is not installed: edgespec[formats]")
    with h5py.File(folder / "a.h5", "w") as file:
        file["raman/x"], file["raman/shift"], file["class"] = found.x + 1, found.axis, found.y
    keys = {"file": str(folder / "a.h5"), "x": "raman/x", "y": "class", "wavenumber": "raman/shift"}
    return json.dumps({"arrays": {**keys, "labels": list(found.labels)}})


def axes_of_their_own(folder: Path, found: Spectra) -> Path:
    """Two instruments: of every second spectrum the axis is another one."""
    axes = np.stack([found.axis if i % 2 else found.axis * 0.999 + 3 for i in range(len(found))])
    x = np.stack([np.interp(axis, found.axis, each) + 1 for axis, each in zip(axes, found.x, strict=True)])
    names = np.array([found.labels[i] for i in found.y])
    np.savez(folder / "a.npz", x=x, y=names, wavenumber=axes, group=np.arange(len(found)) // 2)
    return folder / "a.npz"


def instruments_files(folder: Path, found: Spectra) -> Path:
    """Maps of Renishaw, OPUS, SPC and PerkinElmer in a folder a class: a file is a sample."""
    for row in range(0, len(found), 2):
        place = folder / "spectra" / found.labels[found.y[row]]
        place.mkdir(parents=True, exist_ok=True)
        if row % 4:
            vendor_files.wdf(place / f"{row}.wdf", found.axis, found.x[row : row + 2] + 1, shape=(2, 1), capacity=2)
            continue
        vendor_files.opus(place / f"a.{row}", vendor_files.opus_data(10, found.x[row] + 1, found.axis))
        spectrum_files.spc(place / f"{row}.spc", found.axis, found.x[row + 1] + 1)
    return folder / "spectra"


LAYOUTS: list[tuple[Callable[[Path, Spectra], Path | str], int | None]] = [
    (class_folders, None),
    (sample_folders, 30),
    (listed, 30),
    (named_by_pattern, 30),
    (wide_rows, 30),
    (wide_columns, None),
    (workbook, 30),
    (parquet, 30),
    (matlab, 30),
    (hdf5, None),
    (axes_of_their_own, 30),
    (instruments_files, 45),
]


@pytest.mark.parametrize(("layout", "samples"), LAYOUTS, ids=[each.__name__ for each, _ in LAYOUTS])
def test_a_layout_is_inspected_learnt_from_and_its_model_asked(
    tmp_path: Path, layout: Callable[[Path, Spectra], Path | str], samples: int | None
) -> None:
    found = made(20)
    data = layout(tmp_path, found)
    told = json.loads(ran(tmp_path, "data", "inspect", data, "--json").stdout)
    assert (told["spectra"], told["refused"]) == (60, [])
    assert {name: each["spectra"] for name, each in told["classes"].items()} == dict.fromkeys(CLASSES, 20)
    assert told["samples"] == (samples or 0)
    said = ran(tmp_path, "new", "mine.yaml", "--yes", "--data", data).stderr
    assert f"physical samples: {samples or 'unknown'}" in said
    assert ("is overestimated" in said or "may stand in two parts" in said) == (samples is None)
    dry = ran(tmp_path, "compress", "mine.yaml", "--dry-run").stdout
    assert "data: 60 measured spectra, 3 classes; train " in dry
    ran(tmp_path, "compress", "mine.yaml", "--set", "steps.1.fit.epochs=25")
    for row in (0, 59):
        (tmp_path / f"{row}.csv").write_text(csv(found, row))
    answers = json.loads(ran(tmp_path, "predict", "runs/mine", "0.csv", "59.csv", "--json").stdout)
    assert [each["label"] in CLASSES for each in answers["results"]] == [True, True]


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
