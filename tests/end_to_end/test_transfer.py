"""A run on another instrument: what is judged, what is left out, what a correction brings back, and every refusal."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_run
from command import edgespec

from benchmarks.tools import resealed
from edgespec import datasets, plugins, recipe, report, storage
from edgespec.authoring import data_argument
from edgespec.datasets import minerals
from edgespec.errors import Mistake
from edgespec.pipeline.run import Run
from edgespec.recipe import Call
from edgespec.report import Report, markdown
from edgespec.runs import transfer
from edgespec.spectra import Axis, Spectra

MINERALS = ["Almandine", "Grossular", "Pyrope", "Spessartine"]
KEYS: dict[str, Any] = {"minerals": MINERALS, "samples": 20, "spectra": 3, "drift": 0.1}
WIDE = Axis(100, 1250, 1151)
Compress = Callable[..., Report]
Write = Callable[[Path, dict[str, Any]], Path]


@pytest.fixture(scope="module")
def garnets(tmp_path_factory: pytest.TempPathFactory, write_recipe: Write, compress: Compress) -> Path:
    """A run whose bands lie close to one another, so that the axis matters."""
    tree, place = copy.deepcopy(tiny_run.TINY), tmp_path_factory.mktemp("garnets")
    tree["data"]["load"] = {"minerals": KEYS}
    model = {"cnn": {"widths": [8, 16]}}
    tree["steps"] = [{"train": {"model": model, "fit": {"epochs": 15, "batch": 32, "lr": 0.01}}}, "to_onnx"]
    compress(write_recipe(place / "garnets.yaml", tree), place / "run")
    return place / "run"


def elsewhere(path: Path, a: float = 0, b: float = 1, **more: Any) -> str:
    """The same rocks on an instrument whose reading v truly is a + b v, as an .npz; gives its name."""
    found = datasets.load(Call("minerals", {**KEYS, "axis_error": 0.0, **more.pop("keys", {})}), axis=WIDE, seed=0)
    arrays = {"x": found.x, "y": np.array(found.labels)[found.y], "wavenumber": (WIDE.values() - a) / b}
    arrays |= {"group": found.group, **more}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return str(path)


def judged(folder: Path, data: str, **more: Any) -> dict[str, Any]:
    keys: dict[str, Any] = {"name": "other", "lasers": [], "references": 5, "draws": 3, "seed": 0, **more}
    return transfer.transfer(Run(folder), data_argument.call(data), **keys).transfer[keys["name"]]


def of(record: dict[str, Any], correction: str, variant: str = "float32") -> dict[str, Any]:
    (row,) = [row for row in record["rows"] if (row["correction"], row["variant"]) == (correction, variant)]
    return row


def test_a_wrong_axis_costs_accuracy_and_the_affine_correction_brings_it_back(garnets: Path, tmp_path: Path) -> None:
    true, moved = (
        judged(garnets, elsewhere(tmp_path / f"{a}.npz", a, b), references=6) for a, b in ((0, 1), (14, 1.004))
    )
    right = of(true, "none")["all"]["accuracy"]
    assert right > 0.85
    assert of(moved, "none")["all"]["accuracy"] < right - 0.3
    back = of(moved, "affine")["all"]
    assert back["accuracy"] > right - 0.05
    assert back["gain"] == pytest.approx(back["accuracy"] - of(moved, "none")["all"]["accuracy"], abs=0.02)
    assert of(moved, "affine")["unseen"]["gain"] > 0.1
    assert abs(of(true, "affine")["all"]["gain"]) < 0.03
    assert of(moved, "pds")["all"]["gain"] > 0.2
    for draw in moved["draws"]:
        found = draw["corrections"]["affine"]
        assert found["middle_cm1"] == pytest.approx(14 + 0.004 * 661, abs=1.5)
        assert found["stretch"] == pytest.approx(1.004, abs=0.003)
        assert (found["pairs"], found["class_means"]) == (6, 0)


def test_references_are_of_the_training_part_and_never_count(garnets: Path, tmp_path: Path) -> None:
    record = judged(garnets, elsewhere(tmp_path / "o.npz"), references=8)
    # 20 samples a mineral, 4 of them for testing: 64 seen, 16 unseen; three spectra each
    assert (record["data"]["spectra"], record["data"]["samples"]) == (240, 80)
    assert (record["seen_samples"], record["paired_samples"]) == (64, 64)
    assert record["home"]["float32"]["n"] == 48
    unseen, every = of(record, "none")["unseen"], of(record, "none")["all"]
    assert (unseen["n"], unseen["samples"]) == (48, 16)
    assert unseen["range"] == [unseen["accuracy"]] * 2, "no reference is drawn from what the model has not seen"
    drawn = [draw["references"] for draw in record["draws"]]
    assert [len(set(each)) for each in drawn] == [8, 8, 8]
    assert drawn[0] != drawn[1]
    for each in drawn:
        assert sorted(name.partition("-")[0] for name in each) == sorted(MINERALS * 2), "classes have their turn"
    assert every["n"] <= 240
    again = judged(garnets, elsewhere(tmp_path / "o.npz"), references=8)
    assert again == record
    other = judged(garnets, elsewhere(tmp_path / "o.npz"), references=8, seed=1)
    assert other["draws"] != record["draws"]


def test_what_is_left_beside_the_references_is_all_that_counts(garnets: Path, tmp_path: Path) -> None:
    record = judged(garnets, elsewhere(tmp_path / "o.npz"), references=79, draws=1)
    assert of(record, "none")["all"]["n"] == 3
    assert of(record, "none")["all"]["samples"] == 1
    assert len(record["draws"][0]["references"]) == 79


def test_what_is_the_runs_own_or_of_another_class_is_left_out_and_counted(garnets: Path, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="all spectra of DATA are the run's own"):
        judged(garnets, f"{{minerals: {json.dumps(KEYS)}}}")
    mixed = {**KEYS, "minerals": [*MINERALS, "Albite"], "samples": 20}
    with pytest.raises(Mistake, match="all spectra of DATA are the run's own"):
        judged(garnets, f"{{minerals: {json.dumps(mixed)}}}")
    record = judged(garnets, elsewhere(tmp_path / "o.npz", keys={"minerals": ["Albite", "Beryl", *MINERALS]}))
    assert record["left_out"] == {"unknown_classes": {"Albite": 60, "Beryl": 60}, "own_spectra": 0}
    assert record["data"]["spectra"] == 240
    assert any("left out: 120 (Albite, Beryl)" in note for note in record["notes"])


def test_fewer_classes_keep_their_own_labels(garnets: Path, tmp_path: Path) -> None:
    record = judged(garnets, elsewhere(tmp_path / "o.npz", keys={"minerals": ["Spessartine", "Grossular"]}))
    assert record["data"]["classes"] == 2
    assert of(record, "none")["all"]["accuracy"] > 0.8


def test_without_a_common_sample_the_axis_alone_is_fitted_on_class_means(garnets: Path, tmp_path: Path) -> None:
    names = np.repeat(np.array([f"elsewhere-{i}" for i in range(80)]), 3)
    record = judged(garnets, elsewhere(tmp_path / "o.npz", 14, 1.004, group=names))
    assert (record["seen_samples"], record["paired_samples"]) == (0, 0)
    assert {of(record, each)["unmeasured"] for each in ("ds", "pds")} == {"no sample was measured on both"}
    assert of(record, "affine")["unseen"]["gain"] > 0.1
    assert record["draws"][0]["corrections"]["affine"]["class_means"] == 5
    assert of(record, "none")["unseen"] == of(record, "none")["all"]
    few = judged(garnets, elsewhere(tmp_path / "o.npz"), references=2)
    assert "3 are needed" in of(few, "ds")["unmeasured"]


def test_where_samples_are_not_known_nothing_is_said_about_what_was_seen(garnets: Path, tmp_path: Path) -> None:
    record = judged(garnets, elsewhere(tmp_path / "o.npz", group=None))
    assert record["seen_samples"] is None
    assert of(record, "none")["unseen"] is None
    assert of(record, "none")["all"]["n"] == 240
    assert any("can't be told" in note for note in record["notes"])


def test_teacher_and_every_file_are_judged_and_all_is_written_down(run_copy: Path, tmp_path: Path) -> None:
    keys = {"minerals": ["Albite", "Beryl", "Diopside"]}
    record = judged(run_copy, elsewhere(tmp_path / "o.npz", 3, keys=keys))
    assert [row["variant"] for row in record["rows"][::4]] == ["teacher (torch)", "float32", "cpu-int8"]
    assert list(record["home"]) == ["teacher (torch)", "float32", "cpu-int8"]
    assert [row["correction"] for row in record["rows"][:4]] == ["none", "affine", "ds", "pds"]
    assert json.loads((run_copy / "transfer" / "other.json").read_text()) == record
    told = report.read(run_copy)
    assert told.transfer == {"other": record}
    assert set(record) == {
        "format", "name", "seed", "references", "data", "trained_on", "left_out", "seen_samples", "paired_samples", "notes",
        "draws", "home", "rows", "versions",
    }  # fmt: skip
    assert set(record["data"]) == {"load", "lasers", "source", "digest", "spectra", "samples", "classes", "notes"}
    for row in record["rows"]:
        for scope in ("all", "unseen"):
            found = row[scope]
            assert found["low"] - 1e-9 <= found["accuracy"] <= found["high"] + 1e-9
            assert found["range"][0] - 1e-9 <= found["accuracy"] <= found["range"][1] + 1e-9
            assert len(found["draws"]) == 3
    text = markdown.write(told, run_copy).read_text()
    assert "## Another instrument" in text
    assert "| cpu-int8 | pds |" in text
    documented = (plugins.PACKAGE.parent / "docs" / "report.md").read_text()
    for name in (*record, *record["data"], *record["rows"][0], *record["rows"][0]["all"], *record["draws"][0]):
        assert f"`{name}`" in documented or f".{name}`" in documented, name


def test_what_was_judged_is_kept_while_the_files_are_the_same(
    run_copy: Path, tmp_path: Path, compress: Compress
) -> None:
    judged(run_copy, elsewhere(tmp_path / "o.npz", keys={"minerals": ["Albite", "Beryl"]}))
    assert compress(run_copy.parent / "tiny.yaml", run_copy).transfer
    assert not compress(run_copy.parent / "tiny.yaml", run_copy, "steps.2.distill.temperature=3").transfer


@pytest.mark.parametrize("what", ["references", "draws"])
def test_nothing_to_fit_on_is_refused(garnets: Path, tmp_path: Path, what: str) -> None:
    with pytest.raises(Mistake, match=f"--{what} 0") as told:
        judged(garnets, elsewhere(tmp_path / "o.npz"), **{what: 0})
    assert told.value.hint


def test_data_that_cannot_be_judged_are_refused(garnets: Path, tmp_path: Path) -> None:
    data = elsewhere(tmp_path / "o.npz")
    for more, said in (
        ({"references": 80}, "have 80 physical samples of known classes, none is left"),
        ({"lasers": [785]}, "--laser 785: DATA have no spectrum that was taken with it"),
        ({"data": elsewhere(tmp_path / "b.npz", keys={"minerals": ["Albite", "Beryl"]})}, "no class that the model knows"),
        ({"data": elsewhere(tmp_path / "c.npz", wavenumber=np.linspace(900, 2000, 1151))}, "covers 27% of the axis"),
    ):  # fmt: skip
        with pytest.raises(Mistake, match=said) as told:
            judged(garnets, **{"data": data, **more})
        assert told.value.hint
    assert not list(garnets.glob("transfer/*.tmp"))


def test_another_technique_is_refused(garnets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = minerals.load

    @functools.wraps(read)
    def load(**keys: Any) -> Spectra:
        return dataclasses.replace(read(**keys), technique="infrared" if keys["noise"] == 0.1 else "Raman")

    monkeypatch.setattr(minerals, "load", load)
    with pytest.raises(Mistake, match="DATA are infrared spectra, the model was trained on Raman"):
        judged(garnets, f"{{minerals: {json.dumps({**KEYS, 'noise': 0.1})}}}")


def test_changed_training_data_are_refused(run_copy: Path, tmp_path: Path) -> None:
    path = run_copy / "recipe.yaml"
    resealed.recipe(run_copy, path.read_text().replace("drift: 0.1", "drift: 0.2"))
    with pytest.raises(Mistake, match="have changed since"):
        judged(run_copy, elsewhere(tmp_path / "o.npz"))


def test_the_command_prints_a_table_and_the_same_as_json(garnets: Path, tmp_path: Path) -> None:
    data = Path(elsewhere(tmp_path / "hand held.npz")).name
    shown = edgespec(tmp_path, "transfer", str(garnets), data, "--draws", "2", "--name", "mine", "--wide")
    assert shown.returncode == 0, shown.stderr
    assert "float32  its own instrument" in shown.stdout
    assert "64 of them seen in training; 5 references, 2 draws (seed 0)" in shown.stdout
    told = edgespec(tmp_path, "transfer", str(garnets), data, "--draws", "2", "--json")
    plain = json.loads(told.stdout)
    assert plain["name"] == "hand_held"
    kept = json.loads((garnets / "transfer" / "mine.json").read_text())
    assert kept["rows"] == plain["rows"]


def rubbish(here: Path) -> None:
    (here / "zip.zip").write_bytes(b"rubbish")
    (here / "a.npz").write_bytes(b"rubbish")
    np.savez(here / "b.npz", spectra=np.zeros((2, 3)))
    (here / "list.csv").write_text("archive,of,use\n1,2,3\n")
    (here / "wide.csv").write_text("nothing,of,use\n1,2,3\n")
    (here / "a.yaml").write_text("rruff: {path: x.zip, lasr: [532]}\n")
    (here / "b.yaml").write_bytes(b"\xff\xfe")
    (here / "x.txt").write_text("1, 2\n")
    (here / "x.pdf").write_bytes(b"%PDF-1.7")
    (here / "empty").mkdir()


REFUSED = [
    ("zip.zip", 2, "zip.zip: not a whole zip archive"),
    ("a.npz", 2, "a.npz: is not a numpy .npz file"),
    ("b.npz", 2, "b.npz: holds no array 'x'"),
    ("list.csv", 2, "list.csv:1: has no column 'file'"),
    ("a.yaml", 2, "a.yaml:1: DATA: unknown key 'lasr'"),
    ("b.yaml", 2, "b.yaml: byte 0 is not text in UTF-8"),
    ("c.yaml", 2, "c.yaml can't be read: No such file"),
    ("wide.csv", 2, "16 are wanted"),
    ("x.txt", 2, "holds no spectra"),
    ("x.pdf", 2, "how to read x.pdf can't be told from its name"),
    ("empty", 2, "no file of spectra in this folder"),
    ("nowhere.zip", 3, "nowhere.zip was not found"),
    ("nowhere", 3, "nowhere was not found"),
    ("{minerals: {samples: many}}", 2, "command line: DATA: 'samples': 'many' is not a whole number"),
    ("{mineral: {}}", 2, "unknown dataset 'mineral'"),
    ("{minerals: ", 2, "command line:1: not YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "code", "said"), REFUSED, ids=[each[0] for each in REFUSED])
@pytest.mark.usefixtures("no_data")
def test_data_that_cannot_be_read_are_told_with_their_exit_code(
    garnets: Path, tmp_path: Path, data: str, code: int, said: str
) -> None:
    rubbish(tmp_path)
    ended = edgespec(tmp_path, "transfer", str(garnets), data)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert said in ended.stderr
    assert "hint: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_bad_arguments_are_told_with_their_exit_code(garnets: Path, tmp_path: Path) -> None:
    data = Path(elsewhere(tmp_path / "o.npz")).name
    for arguments, said in (
        ([str(tmp_path), data], "is not a run folder"),
        ([str(garnets), data, "--laser", "red"], "--laser"),
        ([str(garnets), data, "--name", "../x"], "--name ../x"),
        ([str(garnets), data, "--references", "0"], "--references 0"),
        ([str(garnets)], "Missing argument 'DATA'"),
    ):
        ended = edgespec(tmp_path, "transfer", *arguments)
        assert (ended.returncode, ended.stdout) == (2, ""), arguments
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr
    with storage.lock(garnets):
        assert edgespec(tmp_path, "transfer", str(garnets), data).returncode == 8


def test_real_spectra_of_another_laser_are_judged(
    real: Path, tmp_path: Path, tiny_tree: dict[str, Any], write_recipe: Write, compress: Compress
) -> None:
    archive = str(real / "rruff" / "excellent_unoriented_subset.zip")
    names = recipe.load(plugins.path("recipes", "laser532")).tree["data"]["load"]["rruff"]["minerals"]
    tiny_tree["data"]["load"] = {"rruff": {"path": archive, "laser": [532], "minerals": names}}
    tiny_tree["data"]["split"] = {"test": 0.25, "valid": 0.15}
    fit = {"epochs": 40, "batch": 16, "lr": 0.01}
    tiny_tree["steps"] = [{"train": {"model": {"cnn": {"widths": [8, 16]}}, "fit": fit}}, "to_onnx"]
    compress(write_recipe(tmp_path / "a.yaml", tiny_tree), tmp_path / "run")
    data = f"{{rruff: {{path: {archive}, minerals: {json.dumps(names)}}}}}"
    record = judged(tmp_path / "run", data, lasers=[780, 785])
    assert record["trained_on"]["lasers"] == [532]
    assert record["data"]["lasers"] == [780, 785]
    assert 0 < record["seen_samples"] < record["data"]["samples"]
    assert of(record, "none")["all"]["accuracy"] > 0.6
    assert of(record, "ds")["unmeasured"] == ""
    both = judged(tmp_path / "run", data)
    assert both["left_out"]["own_spectra"] > 50, "its own 532 nm spectra are no other instrument's"
    with pytest.raises(Mistake, match="--laser 633") as told:
        judged(tmp_path / "run", data, lasers=[633])
    assert told.value.hint == "lasers: 514, 532, 780, 785"
