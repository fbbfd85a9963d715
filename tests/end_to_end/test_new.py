"""`edgespec new`: what it writes for one's own data runs, and what can't be asked is refused."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import spectrum_files

from edgespec import cli, datasets, recipe
from edgespec.recipe import Call, json_schema, plan
from edgespec.report import Report
from edgespec.spectra import Axis

Edgespec = Callable[..., "Ended"]
SCHEMA = jsonschema.Draft7Validator(json_schema.recipe())
AXIS = Axis(150, 1172, 512)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's spectra in every form that is read: arrays, RRUFF text files in a folder, a task list of them."""
    place = tmp_path_factory.mktemp("lab")
    keys = {"minerals": ["Albite", "Beryl", "Diopside"], "samples": 20, "spectra": 2, "drift": 0.1}
    found = datasets.load(Call("minerals", keys), axis=AXIS, seed=1)
    arrays = {"x": found.x, "y": found.y, "wavenumber": found.axis, "labels": found.labels, "group": found.group}
    np.savez(place / "named.npz", **arrays)
    np.savez(place / "other.npz", I=found.x, kind=found.y, cm=found.axis, rock=found.group)
    (place / "texts").mkdir()
    lines = ["archive,file,mineral,group"]
    for i, (x, label, group) in enumerate(zip(found.x, found.y, found.group, strict=True)):  # type: ignore[arg-type]
        mineral, sample = found.labels[label], f"R{1000 + int(np.flatnonzero(np.unique(found.group) == group)[0]):06d}"
        name = f"{mineral}__{sample}__Raman__532__0__unoriented__Raman_Data_Processed__{i}.txt"
        spectrum_files.rruff(place / "texts" / name, found.axis, x)
        text = (place / "texts" / name).read_text().replace("NAMES=Albite", f"NAMES={mineral}")
        (place / "texts" / name).write_text(text.replace("R040068", sample))
        lines.append(f"texts,{name},{mineral},{sample}")
    (place / "task.csv").write_text("\n".join(lines) + "\n")
    return place


@dataclass(frozen=True)
class Ended:
    """What a command said, and its exit code."""

    code: int
    out: str
    error: str


@pytest.fixture
def edgespec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edgespec:
    """Run a command in this process, in an empty folder, with nobody to ask."""
    monkeypatch.chdir(tmp_path)
    for name in ("new", "compress"):
        importlib.import_module(f"edgespec.cli.{name}")  # adds its command

    def run(*arguments: str, code: int = 0) -> Ended:
        found = cli._run(list(arguments))
        ended = Ended(found, *capsys.readouterr())
        assert ended.code == code, ended.error
        assert "Traceback" not in ended.error
        return ended

    return run


def checked(path: Path) -> plan.Plan:
    """The written recipe, planned, and valid for an editor by the file beside it."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == json_schema.LINE
    assert (path.parent / json_schema.FILE).read_text(encoding="utf-8") == json_schema.text()
    written = recipe.load(path)
    assert [each.message for each in SCHEMA.iter_errors(written.tree)] == []
    return plan.plan(written)


@pytest.mark.parametrize(
    ("data", "load", "samples"),
    [
        ("minerals", "minerals", "240"),
        ("named.npz", "arrays", "60"),
        ("{arrays: {npz: LAB/other.npz, x: I, y: kind, wavenumber: cm}}", "arrays", "unknown"),
        ("texts", "rruff", "60"),
        ("task.csv", "rruff", "60"),
    ],
)
def test_what_is_written_for_each_kind_of_data_is_a_recipe(
    lab: Path, tmp_path: Path, edgespec: Edgespec, data: str, load: str, samples: str
) -> None:
    given = (
        data.replace("LAB", str(lab)) if data.startswith("{") else str(lab / data) if (lab / data).exists() else data
    )
    said = ("--data", given, "--target", "rpi5", "--matters", "size")
    ended = edgespec("new", "mine.yaml", *said)
    assert f"physical samples: {samples}" in ended.error
    assert ended.out == "edgespec compress mine.yaml\n"
    found = checked(tmp_path / "mine.yaml")
    assert found.data.load.name == load
    assert found.targets == ("local", "rpi5")
    assert found.data.split.by == ("spectrum" if samples == "unknown" else "group")
    assert {gate.metric for gate in found.gates} == {"accuracy", "size", "latency_p90"}
    assert "step 2: fuse_lda" in edgespec("compress", "mine.yaml", "--dry-run").out or load != "minerals"


def test_a_written_recipe_runs_to_its_end_and_keeps_what_it_promises(
    lab: Path, tmp_path: Path, edgespec: Edgespec, compress: Callable[..., Report]
) -> None:
    edgespec("new", "mine.yaml", "--yes", "--data", str(lab / "named.npz"), "--axis", "400:650")
    result = compress(tmp_path / "mine.yaml", tmp_path / "run", "steps.1.fit.epochs=6")
    last = result.last()[-1]
    limits = {gate.metric: gate.limit for gate in checked(tmp_path / "mine.yaml").gates}
    assert last.name == "calibrate"
    assert last.bytes <= limits["size"] < 3 * last.bytes
    assert last.accuracy >= limits["accuracy"] > 0.4


@pytest.mark.parametrize(
    ("arguments", "code", "said", "hint"),
    [
        ((), 2, "--data, --target, --matters: not said, and there is no terminal to ask at", "--yes"),
        (("--data", "minerals", "--matters", "size"), 2, "--target: not said", "--target local"),
        (("--json",), 2, "--data, --target, --matters: not said", "--yes"),
        (("--yes", "--target", "rpi55"), 2, "unknown target 'rpi55'", "did you mean 'rpi5'?"),
        (("--yes", "--matters", "sise"), 2, "what matters is not 'sise'", "did you mean 'size'?"),
        (("--yes", "--axis", "150"), 2, "--axis: '150' is not LOW:HIGH", "150:1172"),
        (("--yes", "--axis", "900:100"), 2, "not a window of an axis", "LOW < HIGH"),
        (("--yes", "--axis", "nan:inf"), 2, "not a window of an axis", "LOW < HIGH"),
        (("--yes", "--data", "nowhere.zip"), 3, "nowhere.zip was not found", "EDGESPEC_DATA"),
        (("--yes", "--data", "spectra.foo"), 3, "spectra.foo was not found", "check the name"),
        (("--yes", "--data", __file__), 2, "test_new.py can't be told from its name", ".npz"),
        (("--yes", "there.yaml"), 2, "there.yaml is there already", "--force"),
        (("--yes", "mine"), 2, "a recipe's name ends in .yaml", "mine.yaml"),
        (("--yes", "mine.yaml", "--data", "LAB/other.npz"), 2, "holds no array 'x'", "say which array is which"),
    ],
)
def test_what_is_missing_or_wrong_is_told_and_nothing_is_written(
    lab: Path, tmp_path: Path, edgespec: Edgespec, arguments: tuple[str, ...], code: int, said: str, hint: str
) -> None:
    (tmp_path / "there.yaml").write_text("mine")
    error = edgespec("new", *(each.replace("LAB", str(lab)) for each in arguments), code=code).error
    assert said in error
    assert hint in error.partition("hint:")[2]
    assert {path.name for path in tmp_path.iterdir()} == {"there.yaml"}
    assert (tmp_path / "there.yaml").read_text() == "mine"


def test_tuning_chooses_outside_the_test_part_and_the_recipe_says_what_was_tried(
    lab: Path, tmp_path: Path, edgespec: Edgespec
) -> None:
    given = str(lab / "task.csv")
    ended = edgespec("new", "mine.yaml", "--yes", "--data", given, "--tune", "6s", "--one-instrument")
    text = (tmp_path / "mine.yaml").read_text()
    assert "Chosen by tuning:" in ended.error
    assert "settings in 0." in text.partition("schema:")[0]
    assert "of the 90 spectra outside the test part, by accuracy alone (one instrument)" in " ".join(
        text.replace("#", "").split()
    )
    assert checked(tmp_path / "mine.yaml").steps[0].name == "train"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--tune", "20"), "is not a duration such as '10m'"),
        (("--tune", "1s"), "--tune 1s: too short to train anything"),
        (("--one-instrument",), "--one-instrument says how --tune chooses"),
        (("--tune", "20m", "--model", "a.onnx"), "--tune trains networks, --model brings a trained one"),
    ],
)
def test_a_tuning_that_cannot_be_is_told(more: tuple[str, ...], said: str, tmp_path: Path, edgespec: Edgespec) -> None:
    ended = edgespec("new", "mine.yaml", "--yes", *more, code=2)
    assert said in ended.error
    assert list(tmp_path.iterdir()) == []


def test_force_writes_over_a_recipe_and_leaves_a_schema_of_somebody_else(
    lab: Path, tmp_path: Path, edgespec: Edgespec
) -> None:
    (tmp_path / "there.yaml").write_text("old")
    (tmp_path / json_schema.FILE).write_text('{"title": "another program\'s"}')
    plain = json.loads(edgespec("new", "there.yaml", "--yes", "--json", "--force", "--data", str(lab / "task.csv")).out)
    assert (plain["recipe"], plain["targets"], plain["matters"]) == ("there.yaml", ["local"], "size")
    assert "120 measured spectra" in plain["data"][0]
    assert plan.plan(recipe.load(tmp_path / "there.yaml")).steps
    assert "another program" in (tmp_path / json_schema.FILE).read_text()


def test_on_a_terminal_it_asks_again_until_it_can_go_on(lab: Path, tmp_path: Path) -> None:
    master, slave = os.openpty()
    answers = [
        str(lab / "other.npz"),
        "I",
        "kind",
        "cm",
        "",
        "rock",
        "",
        "wide",
        "200:1100",
        "rpi55",
        "rpi5, local",
        "everything",
        "latency",
        "",
    ]
    os.write(master, "".join(f"{each}\n" for each in answers).encode())
    try:
        command = [sys.executable, "-m", "edgespec", "new"]
        ended = subprocess.run(
            command, cwd=tmp_path, stdin=slave, capture_output=True, text=True, timeout=120, check=False
        )
    finally:
        os.close(slave)
        os.close(master)
    assert ended.returncode == 0, ended.stderr
    error = ended.stderr
    assert "did you mean 'rpi5'?" in error
    assert "what matters is not 'everything'" in error
    assert "--axis: 'wide' is not LOW:HIGH" in error
    found = checked(tmp_path / "other.yaml")
    assert (found.data.load.keys["group"], found.data.load.keys["labels"]) == ("rock", None)
    assert (found.data.axis.low, found.data.axis.high) == (200, 1100)
    assert found.targets == ("local", "rpi5")


def test_a_real_archive_gets_a_recipe(real: Path, tmp_path: Path, edgespec: Edgespec) -> None:
    archive = real / "rruff" / "excellent_unoriented_subset.zip"
    if not archive.exists():
        pytest.skip(f"{archive.name} is not at hand")
    assert "measured spectra, 232 classes" in edgespec("new", "mine.yaml", "--yes", "--data", str(archive)).error
    assert checked(tmp_path / "mine.yaml").data.load.name == "rruff"
