"""A bundle that is whole passes; every harm that can be done to it is found and named."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_bundle
from command import edgespec
from device_runner import ask, module
from onnx import numpy_helper

from edgespec import contract
from edgespec.errors import Mismatch
from edgespec.runs import predict


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A whole bundle, free to be harmed."""
    return tiny_bundle.write(tmp_path / "bundle")


def verify(folder: Path) -> tuple[int, dict[str, Any]]:
    code, (answer,) = ask(folder.parent, "verify", folder.name)
    return code, answer


def failed(answer: dict[str, Any]) -> dict[str, str]:
    return {each["check"]: each["found"] for each in answer["checks"] if not each["ok"]}


@pytest.mark.parametrize("variant", ["float32", "cpu-int8"])
def test_a_whole_bundle_passes_by_the_program_that_it_carries(tmp_path: Path, variant: str) -> None:
    folder = tiny_bundle.write(tmp_path / "bundle", variant)
    for _ in range(2):  # the second time: it must leave nothing behind
        code, (answer,) = ask(tmp_path, "verify", folder, runner=folder / "runner.py")
        assert code == answer["exit_code"] == 0
        assert answer["ok"]
        assert not failed(answer)
    checks = {each["check"]: each for each in answer["checks"]}
    assert set(checks) >= {"checksum model.onnx", "checksum runner.py", "checksum runtimes/onnxruntime.py"}
    assert set(checks) >= {"contract.json against the model", "contract against the graph"}
    assert set(checks) >= {"logits", "labels", "probabilities", "score"}
    assert all(each["tolerance"] for each in answer["checks"])
    assert checks["logits"]["tolerance"].startswith("0.001" if variant == "float32" else "0.05")
    assert checks["logits"]["found"].endswith("20 spectra")


def swapped_weights(folder: Path) -> None:
    loaded = onnx.load(folder / "model.onnx")
    last = [each for each in loaded.graph.initializer if len(each.dims) == 2][-1]
    last.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(last), last.name))
    onnx.save(loaded, folder / "model.onnx")


def swapped_labels(folder: Path) -> None:
    a, b, *rest = contract.load(folder / "model.onnx").labels
    tiny_bundle.restamp(folder, labels=(b, a, *rest))


def other_labels(folder: Path) -> None:
    told = json.loads((folder / "contract.json").read_text())
    (folder / "contract.json").write_text(json.dumps({**told, "threshold": 0.1}))


def nudged(folder: Path, name: str, share: float) -> None:
    held = np.load(folder / "test_vectors.npz")[name]
    tiny_bundle.vectors(folder, **{name: held + np.float32(share * np.abs(held).max())})


HARMS: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "weights": (swapped_weights, "logits", "largest difference"),
    "two labels change places": (swapped_labels, "labels", "is now"),
    "the contract beside it": (other_labels, "contract.json against the model", "differs in threshold"),
    "logits": (lambda folder: nudged(folder, "logits", 0.002), "logits", "largest difference 0.002"),
    "probabilities": (lambda folder: nudged(folder, "probabilities", 0.02), "probabilities", "largest difference 0.02"),
    "score": (lambda folder: nudged(folder, "score", 0.02), "score", "largest difference 0.02"),
    "too many labels": (lambda folder: tiny_bundle.restamp(folder, labels=("a", "b")), "contract against the graph", "2 labels"),
    "a damaged contract": (lambda folder: (folder / "contract.json").write_text("{"), "contract.json against the model", "damaged"),
    "no metadata": (lambda folder: unstamp(folder), "contract in the model", "no contract"),
    "no vectors": (lambda folder: (folder / "test_vectors.npz").unlink(), "file test_vectors.npz", "missing"),
    "no npz": (lambda folder: (folder / "test_vectors.npz").write_text("x"), "answers", "cannot be read"),
    "pickles": (lambda folder: tiny_bundle.vectors(folder, label=np.array([{}] * 20)), "answers", "cannot be read"),
    "too few vectors": (lambda folder: tiny_bundle.vectors(folder, logits=np.zeros((3, 3))), "answers", "logits (3, 3)"),
    "none at all": (lambda folder: tiny_bundle.vectors(folder, label=np.array([], str), **{
        key: np.zeros((0, width), np.float32) for key, width in (("spectra", 128), ("logits", 3), ("probabilities", 3), ("score", 1))
    }), "answers", "does not fit"),
    "no finite logits": (lambda folder: tiny_bundle.vectors(folder, logits=np.full((20, 3), np.nan, np.float32)), "logits", "finite"),
    "no model": (lambda folder: (folder / "model.onnx").unlink(), "file model.onnx", "missing"),
    "a model of rubbish": (lambda folder: (folder / "model.onnx").write_text("x"), "answers", "cannot be loaded"),
    "no card": (lambda folder: (folder / "MODEL_CARD.md").unlink(), "file MODEL_CARD.md", "missing"),
    "no runtime": (lambda folder: (folder / "runtimes" / "onnxruntime.py").unlink(), "file runtimes/", "missing"),
}  # fmt: skip


def unstamp(folder: Path) -> None:
    loaded = onnx.load(folder / "model.onnx")
    del loaded.metadata_props[:]
    onnx.save(loaded, folder / "model.onnx")


@pytest.mark.parametrize("name", HARMS)
def test_a_harm_is_found_even_where_the_checksums_were_made_anew(bundle: Path, name: str) -> None:
    harm, check, told = HARMS[name]
    harm(bundle)
    tiny_bundle.sums(bundle)
    code, answer = verify(bundle)
    assert code == answer["exit_code"] == 4
    assert not answer["ok"]
    assert told in failed(answer)[check]


@pytest.mark.parametrize(
    "name", ["model.onnx", "runner.py", "contract.json", "test_vectors.npz", "runtimes/onnxruntime.py"]
)
def test_a_byte_that_changed_in_any_file_is_found(bundle: Path, name: str) -> None:
    raw = bytearray((bundle / name).read_bytes())
    raw[-1] ^= 1
    (bundle / name).write_bytes(raw)
    code, answer = verify(bundle)
    assert code == 4
    assert "has changed" in failed(answer)[f"checksum {name}"]


def test_files_too_many_and_too_few_are_found(bundle: Path) -> None:
    (bundle / "spectra" / "axes.py").unlink()
    (bundle / "runtimes" / "extra.py").write_text("")
    sums = bundle / "SHA256SUMS"
    sums.write_text(sums.read_text() + f"{'0' * 64}  ../outside\nno checksum\n")
    code, answer = verify(bundle)
    found = failed(answer)
    assert code == 4
    assert found["checksum spectra/axes.py"] == "missing"
    assert "not listed" in found["checksum runtimes/extra.py"]
    assert len([name for name in found if name.startswith("SHA256SUMS:")]) == 2


def test_what_is_no_file_is_neither_opened_nor_followed(bundle: Path, tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "__init__.py").write_text("raise SystemExit('planted code was run')")
    shutil.copytree(bundle / "measure", planted, dirs_exist_ok=True)
    shutil.rmtree(bundle / "measure")
    (bundle / "measure").symlink_to(planted)
    (bundle / "contract.json").unlink()
    os.mkfifo(bundle / "contract.json")
    (bundle / "extra").symlink_to("/etc/hostname")
    code, answer = verify(bundle)
    found = failed(answer)
    assert code == 4
    for name, kind in (("measure", "a symbolic link"), ("contract.json", "a FIFO"), ("extra", "a symbolic link")):
        assert found[f"file {name}"].startswith(f"is {kind}")
    assert found["answers"].startswith("not asked")


def test_a_bundle_whose_files_have_changed_is_not_asked(bundle: Path, tmp_path: Path) -> None:
    """Whoever asks it is told, here, on the device and in Python; a file that stands alone is asked as it is."""
    raw = (bundle / "model.onnx").read_bytes()
    loaded = onnx.load(bundle / "model.onnx")
    loaded.producer_name = "somebody else"
    onnx.save(loaded, bundle / "model.onnx")
    (tmp_path / "a.txt").write_text("".join(f"{i} {i % 7}\n" for i in range(150, 1173)))
    for place in (bundle, bundle / "model.onnx"):
        code, (answer,) = ask(tmp_path, "predict", str(place), "a.txt")
        assert code == 4
        assert "model.onnx has changed since it was sent" in answer["error"]
    ended = edgespec(tmp_path, "predict", bundle, "a.txt")
    assert ended.returncode == 4
    assert "model.onnx has changed since it was sent" in ended.stderr
    with pytest.raises(Mismatch, match="has changed since it was sent"):
        predict.Model(bundle / "model.onnx")
    (tmp_path / "alone.onnx").write_bytes((bundle / "model.onnx").read_bytes())
    assert ask(tmp_path, "predict", "alone.onnx", "a.txt")[0] == 0
    (bundle / "model.onnx").write_bytes(raw)
    assert ask(tmp_path, "predict", str(bundle), "a.txt")[0] == 0


def test_what_is_no_bundle_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "nowhere"):
        code, (answer,) = ask(tmp_path, "verify", name)
        assert code == 2
        assert "is not a bundle" in answer["error"]


@pytest.mark.parametrize(("second", "kept"), [(0.9, False), (0.9995, True), (1.0, True)])
def test_a_tie_within_the_tolerance_is_no_other_label(second: float, kept: bool) -> None:
    told = module("contract").Contract(None, None, ["a", "b", "c"], 0.8, None, "", {})
    logits = np.array([[1.0, second, 0.0]])
    check = module("verify").same_labels
    assert check(logits, np.array(["b"]), told, 0.001).ok is kept
    assert check(logits, np.array(["a"]), told, 0.001).ok
    assert not check(logits, np.array(["c"]), told, 0.001).ok
    assert not check(logits, np.array(["a label that is not there"]), told, 0.001).ok


def test_edgespec_verify_prints_every_check_with_its_tolerance(bundle: Path) -> None:
    ended = edgespec(bundle.parent, "verify", bundle, "--wide")
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["check", "verdict", "found", "tolerance"]
    assert all(" pass " in line for line in lines[1:-3])
    assert any(line.startswith("logits") and "0.001 of the largest" in line for line in lines)
    swapped_labels(bundle)
    tiny_bundle.sums(bundle)
    ended = edgespec(bundle.parent, "verify", bundle, "--json")
    assert ended.returncode == 4
    told = json.loads(ended.stdout)
    assert not told["ok"]
    assert [each["check"] for each in told["checks"] if not each["ok"]] == ["labels"]
    ended = edgespec(bundle.parent, "verify", bundle.parent)
    assert ended.returncode == 2
    assert "error: " in ended.stderr
