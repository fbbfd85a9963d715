"""`edgespec export`: a folder that can be checked, replaced and never mistaken for something else."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from command import edgespec

from edgespec import contract, report
from edgespec.bundle import write as bundles
from edgespec.errors import Mistake
from edgespec.graph import onnx_file
from edgespec.pipeline.run import Run


def made(run: Path, out: Path, **more: object) -> bundles.Written:
    keys = {"variant": None, "axis": None, **more}
    return bundles.write(Run(run), out, **keys)  # type: ignore[arg-type]


def test_the_bundle_holds_what_it_promises(run_copy: Path, tmp_path: Path) -> None:
    done = made(run_copy, tmp_path / "b")
    names = {path.relative_to(done.folder).as_posix() for path in done.folder.rglob("*") if path.is_file()}
    assert {"model.onnx", "contract.json", "test_vectors.npz", "MODEL_CARD.md", "SHA256SUMS", "runner.py"} <= names
    assert [name for name in names if name.startswith("runtimes/")] == ["runtimes/onnxruntime.py"]
    assert {name for name in names if name.endswith(".py") and "/" not in name} == {
        f"{each}.py"
        for each in ("runner", "model", "contract", "checksums", "deadline", "predict", "verify", "refusal")
    }
    assert {"spectra/files.py", "measure/bench.py", "engines/cache.py"} <= names
    assert not [
        name for name in names if name.partition("/")[0] in ("ssh", "targets", "setup") or "__pycache__" in name
    ]
    sums = dict(reversed(line.split("  ")) for line in (done.folder / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == names - {"SHA256SUMS"}
    for name, expected in sums.items():
        assert hashlib.sha256((done.folder / name).read_bytes()).hexdigest() == expected
    plain = json.loads((done.folder / "contract.json").read_text())
    assert contract.of_plain(plain, "contract.json") == contract.load(done.folder / "model.onnx") == done.contract
    with np.load(done.folder / "test_vectors.npz") as held:
        out = onnx_file.outputs(done.folder / "model.onnx", held["spectra"], batch=1)
        for name in ("logits", "probabilities", "score"):
            np.testing.assert_array_equal(held[name], out[name])
        assert held["label"].tolist() == [done.contract.labels[i] for i in out["logits"].argmax(1)]
        assert len(set(held["true"].tolist())) == 3, "spectra of every class"


def test_the_card_has_front_matter_and_the_figures_of_the_report(run_copy: Path, tmp_path: Path) -> None:
    done = made(run_copy, tmp_path / "b")
    text = (done.folder / "MODEL_CARD.md").read_text()
    front = yaml.safe_load(text.split("---\n")[1])
    row = next(each for each in report.read(run_copy).last() if each.variant == done.variant)
    assert front["model-index"][0]["results"][0]["metrics"][0] == {"type": "accuracy", "value": row.accuracy}
    assert front["spectral"]["window"] == [150.0, 1172.0]
    assert "data: embedded" in text
    assert "Albite, Beryl, Diopside" in text


def test_an_axis_goes_into_graph_contract_and_test_vectors(run_copy: Path, tmp_path: Path) -> None:
    own = np.linspace(1300, 100, 300)
    np.savetxt(tmp_path / "axis.csv", own)
    done = made(run_copy, tmp_path / "b", axis=tmp_path / "axis.csv")
    np.testing.assert_allclose(done.contract.values(), own, atol=1e-6)
    assert onnx.load(done.folder / "model.onnx").graph.input[0].type.tensor_type.shape.dim[1].dim_value == 300
    plain = made(run_copy, tmp_path / "plain")
    with np.load(done.folder / "test_vectors.npz") as here, np.load(plain.folder / "test_vectors.npz") as there:
        assert here["spectra"].shape == (len(there["spectra"]), 300)
        assert (here["label"] == there["label"]).mean() > 0.9


def test_a_named_variant_is_taken_and_an_unknown_one_refused(run_copy: Path, tmp_path: Path) -> None:
    assert made(run_copy, tmp_path / "b", variant="cpu-int8").variant == "cpu-int8"
    assert made(run_copy, tmp_path / "b").variant == "float32", "replaced as a whole; int8 never unasked"
    with pytest.raises(Mistake, match="no variant 'int4'"):
        made(run_copy, tmp_path / "c", variant="int4")
    with pytest.raises(Mistake, match="no variant 'default'"):
        made(run_copy, tmp_path / "c", variant="default")
    assert not (tmp_path / "c").exists()


def test_nothing_else_is_replaced(run_copy: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    for place in (tmp_path / "mine", tmp_path / "mine" / "thesis.tex"):
        with pytest.raises(Mistake, match="is not a bundle"):
            made(run_copy, place)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"


def test_a_run_that_ends_before_calibrate_is_told_so(
    run_copy: Path, tmp_path: Path, compress: Callable[..., report.Report]
) -> None:
    compress(tmp_path / "tiny.yaml", run_copy, stop="quantize")
    with pytest.raises(Mistake, match="not calibrated") as caught:
        made(run_copy, tmp_path / "b")
    assert "calibrate" in caught.value.hint


def test_the_command_says_what_it_wrote(run_copy: Path, tmp_path: Path) -> None:
    command = ("export", run_copy, "--out", tmp_path / "b", "--json")
    told = edgespec(tmp_path, *command)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["contract"]["labels"] == ["Albite", "Beryl", "Diopside"]
    wrong = edgespec(tmp_path, *command, "--axis", "nowhere.csv")
    assert wrong.returncode == 2
    assert "nowhere.csv cannot be read" in wrong.stderr


def test_the_bundle_verifies_and_answers_where_edgespec_is_not(run_copy: Path, tmp_path: Path) -> None:
    done = made(run_copy, tmp_path / "b")
    x = np.load(done.folder / "test_vectors.npz")
    np.savetxt(tmp_path / "one.csv", np.c_[done.contract.values(), x["spectra"][0]], delimiter=",")
    elsewhere = {"cwd": tmp_path, "env": {"PATH": "/usr/bin"}, "capture_output": True, "text": True, "timeout": 120}
    program = [sys.executable, "-P", str(done.folder / "runner.py")]
    told = subprocess.run([*program, "verify", str(done.folder)], check=False, **elsewhere)  # type: ignore[call-overload]
    assert told.returncode == 0, told.stdout
    assert json.loads(told.stdout)["ok"]
    told = subprocess.run([*program, "predict", str(done.folder), "one.csv"], check=False, **elsewhere)  # type: ignore[call-overload]
    answer = json.loads(told.stdout.splitlines()[0])
    assert (told.returncode, answer["label"]) == (0, str(x["label"][0]))
    assert answer["score"] == pytest.approx(float(x["score"][0, 0]), abs=1e-4)
    assert answer["flag"] == ("unknown" if answer["score"] < (done.contract.threshold or 0) else "known")


@pytest.mark.parametrize("name", ["model.onnx", "contract.json", "test_vectors.npz", "runner.py"])
def test_a_changed_byte_is_found(name: str, run_copy: Path, tmp_path: Path) -> None:
    done = made(run_copy, tmp_path / "b")
    raw = bytearray((done.folder / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (done.folder / name).write_bytes(raw)
    told = edgespec(tmp_path, "verify", "--wide", done.folder)
    assert told.returncode == 4
    assert name in told.stdout


def test_a_wrong_order_of_labels_is_found_even_with_new_checksums(run_copy: Path, tmp_path: Path) -> None:
    done = made(run_copy, tmp_path / "b")
    swapped = dataclasses.replace(done.contract, labels=("Beryl", "Albite", "Diopside"))
    model = onnx.load(done.folder / "model.onnx")
    contract.stamp(model, swapped)
    onnx.save(model, done.folder / "model.onnx")
    (done.folder / "contract.json").write_text(json.dumps(swapped.plain()))
    (done.folder / "SHA256SUMS").write_text(bundles._sums(done.folder))
    command = [sys.executable, "-m", "edgespec", "verify", str(done.folder), "--json"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert told.returncode == 4
    wrong = [each["check"] for each in json.loads(told.stdout)["checks"] if not each["ok"]]
    assert wrong == ["labels"]
