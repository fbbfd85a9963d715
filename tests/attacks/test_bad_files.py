"""Bad files as commands meet them: one line with where, what and how to mend it, the right exit code, and no traceback."""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fuzzing
import numpy as np
import onnx
import pace_release
import pytest
import small_onnx
import spectrum_files
import torch
from command import Ended, edgespec
from device_runner import module

from edgespec import contract, device_program, unpacking
from edgespec.bench import collect
from edgespec.data.readers import archives, numpy_files
from edgespec.datasets import arrays
from edgespec.errors import EdgespecError, Mismatch, Mistake, StorageError, Unreachable
from edgespec.runs import predict
from edgespec.spectra import Axis
from edgespec.targets import card, runner
from edgespec.targets.card import Target

RECIPE = """schema: 1
seed: 0
data:
  load: {load}
  axis: {{low: 150, high: 1172, points: 64}}
steps:
  - train: {{model: {{cnn: {{widths: [4]}}}}}}
"""


def told(ended: Ended, code: int, *words: str) -> None:
    """A command ended with this code and says these words, a hint among its lines, and no traceback."""
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "\x1b" not in ended.stderr + ended.stdout
    for word in (*words, "hint:"):
        assert word in ended.stderr


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


def npy(array: Any) -> bytes:
    held = io.BytesIO()
    np.save(held, array)
    return held.getvalue()


def test_one_budget_holds_for_all_members_of_a_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "LEAST_UNPACKED", 1_000_000)
    bomb = {f"{i}.txt": bytes(300_000) for i in range(8)}
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = zipped(tmp_path / "bomb.zip", bomb, method)
        with pytest.raises(Mistake, match=r"bomb\.zip: not a whole zip archive \(it claims 8 members") as caught:
            archives.texts(path)
        assert "fetch" in caught.value.hint
    with pytest.raises(Mistake, match=r"bomb\.npz: not a whole file \(it claims"):
        numpy_files.names(zipped(tmp_path / "bomb.npz", bomb))


def test_a_zip_of_an_unknown_version_or_method_is_told(tmp_path: Path) -> None:
    raw = zipped(tmp_path / "a.zip", {"a.txt": b"1, 2\n" * 40}).read_bytes()
    at = raw.rindex(b"PK\x01\x02")
    for offset, value in ((6, 99), (10, 97)):
        (tmp_path / "a.zip").write_bytes(raw[: at + offset] + bytes([value]) + raw[at + offset + 1 :])
        with pytest.raises(Mistake, match=r"a\.zip.*: not a whole zip archive"):
            archives.check(tmp_path / "a.zip")


@pytest.mark.parametrize("shape", [(2**40,), (2**62, 2**62), (10,), (-1,)], ids=str)
def test_an_array_whose_header_lies_is_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    header = repr({"descr": "<f8", "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    raw = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(800)
    (tmp_path / "x.npy").write_bytes(raw)
    with pytest.raises(Mistake, match=r"x\.npy: not a whole file \(.*header"):
        numpy_files.whole(tmp_path / "x.npy")
    zipped(tmp_path / "x.npz", {"x.npy": raw})
    with pytest.raises(Mistake, match=r"x\.npz!x: not a whole file"):
        numpy_files.member(tmp_path / "x.npz", "x")


@pytest.mark.parametrize("value", [2e18, 1e23, -1e30, 3.5e38, float("inf"), float("nan")])
def test_intensities_that_cannot_be_counted_with_are_not_learnt(value: float, tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((4, 80))
    x[2, 40] = value
    np.savez(tmp_path / "a.npz", x=x, y=[0, 1, 0, 1], axis=np.linspace(100, 1300, 80))
    with pytest.raises(Mistake, match=r"a\.npz!x: row 2 .*(too large|not finite)") as caught:
        arrays.load(axis=Axis(150, 1172, 64), seed=0, x="x", y="y", wavenumber="axis", file="a.npz", root=str(tmp_path))
    assert caught.value.hint


def test_a_table_of_such_intensities_ends_the_command(tmp_path: Path) -> None:
    axis = np.linspace(100, 1300, 40)
    rows = [",".join(["label", *map(str, axis)])]
    rows += [
        ",".join(["ab"[i % 2], *(["1e23"] * 40 if i == 3 else map(str, np.sin(axis / (i + 50)) + 2))]) for i in range(6)
    ]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    (tmp_path / "r.yaml").write_text(RECIPE.format(load=f"{{table: {{path: t.csv, root: {tmp_path}, unit: cm-1}}}}"))
    told(edgespec(tmp_path, "compress", "r.yaml"), 2, "t.csv: spectrum 4", "1e+23 is too large to count with")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threshold", "NaN"), ("threshold", "Infinity"), ("threshold", '"0.5"'), ("temperature", "NaN"), ("temperature", "0"),
        ("temperature", "1e999"), ("min_coverage", "NaN"), ("min_coverage", "-1"), ("laser", "[NaN]"),
        ("axis", '{"start": NaN, "step": 1, "points": 32}'), ("window", '{"low": 1, "high": Infinity, "points": 32}'),
        ("window", '{"low": 9, "high": 1, "points": 32}'), ("axis", '{"start": 0, "step": 1, "points": 1e15}'),
        ("labels", '["a\\u001b[31m", "b", "c"]'), ("labels", '["a\\u202eb", "b", "c"]'), ("labels", "[[], 1, 2]"),
    ],
)  # fmt: skip
def test_a_contract_that_disarms_a_check_is_refused_here_and_on_the_device(
    key: str, value: str, tmp_path: Path
) -> None:
    model = onnx.load_from_string(small_onnx.model())
    for each in model.metadata_props:
        if each.key == f"edgespec.{key}":
            each.value = value
    path = tmp_path / "m.onnx"
    onnx.save(model, path)
    with pytest.raises(Mismatch, match=r"m\.onnx: its contract is damaged") as caught:
        contract.load(path)
    assert caught.value.hint
    if key != "laser":  # the device's program has no use for it
        spectrum_files.table(tmp_path / "s.csv")
        told(edgespec(tmp_path, "predict", "m.onnx", "s.csv"), 4, "m.onnx: its contract is damaged")


def test_a_loop_without_an_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "endless.onnx").write_bytes(small_onnx.endless())
    monkeypatch.setattr(device_program.module("deadline"), "LONGEST_S", 0.3)
    with pytest.raises(Mismatch, match=r"endless\.onnx' gives no answer within 0\.3 s"):
        predict.load(tmp_path / "endless.onnx")
    (tmp_path / "good.onnx").write_bytes(small_onnx.model())
    assert predict.load(tmp_path / "good.onnx").labels == small_onnx.LABELS


def bundle(folder: Path, **files: bytes) -> Path:
    for name, content in {**small_onnx.files(), **files}.items():
        (folder / name).write_bytes(content)
    return folder


def verified(folder: Path) -> dict[str, Any]:
    module("refusal")
    found: dict[str, Any] = module("verify").answer(argparse.Namespace(bundle=folder, runtime="onnxruntime", threads=1))
    return found


@pytest.mark.parametrize("name", ["MODEL_CARD.md", "model.onnx", "test_vectors.npz", "SHA256SUMS"])
def test_a_pipe_in_a_bundle_is_a_check_that_fails(name: str, tmp_path: Path) -> None:
    bundle(tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    found = verified(tmp_path)
    assert found["exit_code"] == 4
    assert [each for each in found["checks"] if not each["ok"] and name in each["check"] + each["found"]]


@pytest.mark.parametrize(
    "vectors",
    [
        b"", b"PK\x05\x06" + bytes(18), b"\x80\x04.", npy(np.ones(3)),
        small_onnx.files()["test_vectors.npz"][:900], small_onnx.files()["test_vectors.npz"].replace(b"<f4", b"|O8"),
    ],
    ids=["empty", "no member", "pickle", "npy", "cut", "objects"],
)  # fmt: skip
def test_damaged_test_vectors_are_a_check_that_fails(vectors: bytes, tmp_path: Path) -> None:
    found = verified(bundle(tmp_path, **{"test_vectors.npz": vectors}))
    assert found["exit_code"] == 4
    (failed,) = [each for each in found["checks"] if each["check"] == "answers"]
    assert "test_vectors.npz" in failed["found"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('runtime: onnxruntime\nreach: ssh\nhost: "a\\0b"\n', "'host'"),
        ('runtime: onnxruntime\nworkdir: "a\\0b"\n', "'workdir'"),
        ('runtime: onnxruntime\ndescription: "\\e[2J"\n', "'description'"),
        ('runtime: onnxruntime\nenv: {"A=B": c}\n', "'env'"),
        ('runtime: onnxruntime\nenv: {A: "c\\0"}\n', "'env'"),
        ("runtime: onnxruntime\ngflops: .inf\n", "'gflops'"),
        ("runtime: onnxruntime\ngflops: .nan\n", "'gflops'"),
    ],
)
def test_a_card_that_no_process_can_take_is_refused_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / "mine.yaml").write_text(text)
    with pytest.raises(Mistake, match=rf"mine\.yaml:{text.count(chr(10))}: {said}"):
        card.read(tmp_path / "targets" / "mine.yaml")


def answering(folder: Path, script: str) -> Target:
    return Target("far", "onnxruntime", python=("sh", "-c", script))


def test_an_answer_without_an_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.ssh, "LONGEST", 200_000)
    with pytest.raises(Unreachable, match="talks without end"):
        runner.call(answering(tmp_path, "yes"), ["hello"], tmp_path)
    with pytest.raises(Unreachable, match="talks without end"):
        runner.call(answering(tmp_path, "yes >&2"), ["hello"], tmp_path)


@pytest.mark.parametrize("printed", ["{}", '{"runtime": 1}', "[]", '{"runtime": NaN}', "{" * 5000])
def test_an_answer_that_says_nothing_is_no_answer(printed: str, tmp_path: Path) -> None:
    (tmp_path / "printed").write_text(printed)
    found = runner.ask([answering(tmp_path, f"cat {tmp_path / 'printed'}")])["far"]
    assert found["error"]
    assert found["hint"]
    assert runner.told(found)


@pytest.mark.parametrize(
    "raw", [b"", b"PK\x03\x04", b"\x80\x04.", fuzzing.seeds("device_arrays")[0][:300], npy(np.array(["a"]))]
)
def test_arrays_that_a_device_sends_back_damaged_are_told_of_it(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "back").write_bytes(raw)
    with pytest.raises(Mismatch, match="target 'far' tells of its measurement what cannot be read") as caught:
        collect.samples_of(tmp_path / "back", ["a"], "far")
    assert caught.value.hint
    with pytest.raises(Mismatch, match="target 'far' tells"):
        collect.scores_of(tmp_path / "back", "a", 3, "far")


def test_a_limit_on_the_size_of_files_is_told(tmp_path: Path) -> None:
    """RLIMIT_FSIZE, as a queue of a cluster sets it."""
    torch.save(pace_release.state(), tmp_path / "COV.pth")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, before[1]))
    try:
        ended = edgespec(tmp_path, "import", "pace", "COV.pth", "--points", "512", "--out", "made")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    told(ended, 8, "larger than this system allows")
    assert not (tmp_path / "made").exists()


def test_a_file_name_and_a_label_do_not_reach_the_terminal_raw(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(small_onnx.model())
    spectrum_files.table(tmp_path / "a\x1b[31m\u202eb.csv")
    (tmp_path / "\x9b2J.csv").write_text("rubbish")
    names = [path.name for path in tmp_path.glob("*.csv")]
    for options in ([], ["--csv"], ["--json"]):
        ended = edgespec(tmp_path, "predict", *options, "m.onnx", *names)
        assert ended.returncode == 2
        for mark in "\x1b\x9b\u202e":
            assert mark not in ended.stdout + ended.stderr


def test_a_bad_file_does_not_end_the_batch(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(small_onnx.model())
    spectrum_files.table(tmp_path / "good.csv")
    for name in ("jdx", "spc", "wdf", "opus", "sp", "txt"):
        raw = fuzzing.seeds(name)[0]
        ending = "0" if name == "opus" else name
        (tmp_path / f"cut.{ending}").write_bytes(raw[: len(raw) // 2])
    os.mkfifo(tmp_path / "pipe.npy")
    ended = edgespec(
        tmp_path, "predict", "--json", "m.onnx", *(each.name for each in sorted(tmp_path.glob("cut.*"))), "good.csv"
    )
    assert ended.returncode == 2
    plain = json.loads(ended.stdout)
    assert [each["file"] for each in plain["results"]][-1] == "good.csv"
    assert len(plain["refused"]) >= 5
    assert all(each["error"] and each["hint"] for each in plain["refused"])


@pytest.mark.parametrize("read", [numpy_files.whole, numpy_files.names], ids=["npy", "npz"])
def test_a_pipe_for_data_is_refused_at_once(read: Callable[[Path], object], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    with pytest.raises((StorageError, EdgespecError), match="not a file"):
        read(tmp_path / "x")
