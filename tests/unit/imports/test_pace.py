"""Others' checkpoints: the published layout becomes ours with the same answers, anything else is refused and says why."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pace_release
import pytest
import torch
import yaml
from command import edgespec
from safetensors.torch import save_file
from torch import Tensor

from edgespec import artifact, imports, models
from edgespec.artifact import Checkpoint
from edgespec.data import preprocess
from edgespec.errors import Mistake
from edgespec.recipe import Call
from edgespec.spectra import Axis

NAMES = ["Healthy", "Suspected", "COVID-19"]
State = dict[str, Tensor]


def bring(path: Path, **more: Any) -> imports.Imported:
    given = {"pool": 256, "points": 900, "axis": None, "labels": None, **more}
    return imports.bring("pace", path, path.parent / "out", **given)


def saved(folder: Path, content: Any, name: str = "COV.pth") -> Path:
    torch.save(content, folder / name)
    return folder / name


def answers(made: Checkpoint, x: Tensor) -> Tensor:
    with torch.no_grad():
        found: Tensor = models.load(made)(x)
    return found


def refused(path: Path, match: str, **more: Any) -> Mistake:
    """It is a Mistake with a hint, and nothing stands under the final name."""
    with pytest.raises(Mistake, match=match) as caught:
        bring(path, **more)
    assert not (path.parent / "out").exists()
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("points", [900, 512, 100])
def test_the_published_layout_gives_the_published_logits(points: int, tmp_path: Path) -> None:
    state = pace_release.state(depth=3, kernel=7)
    made = bring(saved(tmp_path, state), points=points).checkpoint
    x = torch.randn(4, points)
    torch.testing.assert_close(answers(made, x), pace_release.logits(state, x), rtol=0, atol=1e-5)
    kept, record = artifact.read(tmp_path / "out")
    assert isinstance(kept, Checkpoint)
    assert (kept.model, kept.points, kept.classes, record["step"]) == ("pace", points, 3, "import")
    assert kept.keys["kernel"] == 7
    assert len(kept.facts["source"]["sha256"]) == 64
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["artifact.json", "model.safetensors"]


def plain(folder: Path, state: State) -> Path:
    return saved(folder, {"state_dict": state, "epoch": 199})


def nested(folder: Path, state: State) -> Path:
    return saved(folder, {"model": {f"module.{name}": value for name, value in state.items()}})


def old(folder: Path, state: State) -> Path:
    torch.save(state, folder / "COV.pth", _use_new_zipfile_serialization=False)
    return folder / "COV.pth"


def safe(folder: Path, state: State) -> Path:
    save_file(state, folder / "COV.safetensors")
    return folder / "COV.safetensors"


def half(folder: Path, state: State) -> Path:
    return saved(folder, {name: value.double() if value.ndim else value for name, value in state.items()})


def uncounted(folder: Path, state: State) -> Path:
    return saved(folder, {name: value for name, value in state.items() if "num_batches" not in name})


@pytest.mark.parametrize("write", [plain, nested, old, safe, half, uncounted])
def test_the_usual_wrappings_are_taken_off(write: Callable[[Path, State], Path], tmp_path: Path) -> None:
    state, x = pace_release.state(depth=2), torch.randn(2, 900)
    made = bring(write(tmp_path, state)).checkpoint
    torch.testing.assert_close(answers(made, x), pace_release.logits(state, x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("points", [900, 300])
def test_overlapped_patches_give_the_logits_of_the_authors_option(points: int, tmp_path: Path) -> None:
    state, x = pace_release.state(depth=2), torch.randn(3, points)
    path = saved(tmp_path, state)
    made = bring(path, points=points, overlapped=True).checkpoint
    assert made.keys["overlapped"] is True
    wanted = pace_release.logits(state, x, overlapped=True)
    torch.testing.assert_close(answers(made, x), wanted, rtol=0, atol=1e-5)
    assert not torch.allclose(wanted, pace_release.logits(state, x), atol=1e-3)
    np.save(tmp_path / "axis.npy", np.linspace(2112, 400, points))
    turned = bring(path, points=None, axis=tmp_path / "axis.npy", overlapped=True).checkpoint
    torch.testing.assert_close(answers(turned, x.flip(1)), wanted, rtol=0, atol=1e-5)


def test_overlapped_patches_that_cannot_be_are_told(tmp_path: Path) -> None:
    refused(
        saved(tmp_path, pace_release.state(patch=1)), "patches of 1 point in COV.pth cannot overlap", overlapped=True
    )
    assert bring(saved(tmp_path, pace_release.state(patch=1))).notes == ()
    np.save(tmp_path / "axis.npy", np.linspace(2112, 400, 900))
    (tmp_path / "odd").mkdir()
    path = saved(tmp_path / "odd", pace_release.state(patch=15))
    refused(path, "leave 2 of 255 over", pool=255, axis=tmp_path / "axis.npy", overlapped=True)


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("harmed",)


def test_code_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    state = pace_release.state(depth=1)
    for content in ({**state, "more": Evil()}, torch.nn.Linear(2, 2), {"state_dict": state, "best": np.float64(0.9)}):
        told = refused(saved(tmp_path, content), "which is code: it is refused and nothing of it was run")
        assert "state_dict()" in told.hint
    (tmp_path / "COV.pth").write_bytes(pickle.dumps(Evil(), protocol=2))
    refused(tmp_path / "COV.pth", r"wants \w+\.mkdir to be loaded")
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "COV.pth"))
    refused(tmp_path / "COV.pth", "is a TorchScript program")
    assert not (tmp_path / "harmed").exists()


def test_what_is_no_whole_checkpoint_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, pace_release.state(depth=1))
    whole = path.read_bytes()
    torch.save(pace_release.state(depth=1), path, _use_new_zipfile_serialization=False)
    legacy = path.read_bytes()
    contents = [
        b"",
        b"hello world, this is text\n",
        b"\x89PNG\r\n\x1a\n" + bytes(99),
        bytes(1000),
        b"PK\x03\x04" + bytes(60),
    ]
    contents += [each[: int(len(each) * share)] for each in (whole, legacy) for share in (0.05, 0.5, 0.99)]
    for content in contents:
        path.write_bytes(content)
        refused(path, "is not a checkpoint of PyTorch, or not a whole one")
    for content in (b"", whole, safe(tmp_path, pace_release.state(depth=1)).read_bytes()[:-50]):
        (tmp_path / "COV.safetensors").write_bytes(content)
        refused(tmp_path / "COV.safetensors", "is not a safetensors file, or not a whole one")
    refused(tmp_path / "absent.pth", "there is no file")
    refused(tmp_path, "there is no file")
    for content in (torch.zeros(3), [1, 2], {}, {"epoch": 3}):
        refused(saved(tmp_path, content), "holds no named tensors|is not a tensor of real numbers")


def test_bytes_that_were_flipped_are_never_a_traceback(tmp_path: Path) -> None:
    for zipped in (True, False):
        torch.save(pace_release.state(depth=1, dim=4), tmp_path / "COV.pth", _use_new_zipfile_serialization=zipped)
        raw = (tmp_path / "COV.pth").read_bytes()
        for seed in range(60):
            random, harmed = np.random.default_rng(seed), bytearray(raw)
            for place in random.integers(0, min(len(raw), 4000), 4):
                harmed[place] = random.integers(256)
            (tmp_path / "COV.pth").write_bytes(harmed)
            with contextlib.suppress(Mistake):
                bring(tmp_path / "COV.pth")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda s: {"conv1.weight": torch.zeros(4, 1, 3)}, r"it begins with conv1\.weight \(4, 1, 3\)"),
        (lambda s: {k: v for k, v in s.items() if "backbone.1.Resnet.1" not in k}, r"Resnet\.1\.weight, .* \(and 1 more\) is missing"),
        (lambda s: {**s, "extra.weight": torch.zeros(2)}, r"extra\.weight is not known"),
        (lambda s: {**s, "backbone.1.Conv_1x1.0.weight": torch.zeros(8, 32, 1)}, r"\(8, 32, 1\) instead of \(32, 32, 1\)"),
        (lambda s: {**s, "backbone.1.Resnet.0.weight": torch.zeros(32, 1, 5)}, r"\(32, 1, 5\) instead of \(32, 1, 9\)"),
        (lambda s: {**s, "head.2.weight": torch.zeros(3, 32, 1)}, "is not laid out as PACE"),
        (lambda s: {**s, "backbone.0.Resnet.0.weight": torch.zeros(32, 1, 8)}, "kernel of 8 points"),
        (lambda s: {**s, "backbone.3.Resnet.0.bias": torch.zeros(32)}, "is missing"),
        (lambda s: {**s, "head.2.bias": torch.tensor([0.0, float("nan"), 1.0])}, r"head\.2\.bias holds 1 of 3 values that are not finite"),
    ],
)  # fmt: skip
def test_another_layout_is_told_by_what_differs(change: Callable[[State], State], match: str, tmp_path: Path) -> None:
    refused(saved(tmp_path, change(pace_release.state(depth=2))), match)


def test_an_axis_and_labels_become_facts(tmp_path: Path) -> None:
    path = saved(tmp_path, pace_release.state(depth=1))
    np.save(tmp_path / "axis.npy", np.linspace(400, 2112, 900))
    (tmp_path / "axis.csv").write_text("cm-1\n" + "\n".join(f"{v:.4f}" for v in np.linspace(400, 2112, 900)))
    (tmp_path / "labels.json").write_text(json.dumps({str(i): name for i, name in enumerate(NAMES)}))
    (tmp_path / "labels.txt").write_text("\n".join(NAMES))
    (tmp_path / "labels.csv").write_text("class,name\n" + "\n".join(f"{2 - i},{n}" for i, n in enumerate(NAMES[::-1])))
    for axis, labels in (("axis.npy", "labels.json"), ("axis.csv", "labels.txt"), ("axis.npy", "labels.csv")):
        made = bring(path, points=None, axis=tmp_path / axis, labels=tmp_path / labels)
        facts, _ = artifact.read(made.checkpoint.folder)[0].facts, made.notes
        assert facts["axis"] == {"low": pytest.approx(400), "high": pytest.approx(2112), "points": 900}
        assert facts["labels"] == NAMES
        assert [note.split(" is in no weight")[0] for note in made.notes] == ["whether patches overlap"]


def test_an_uneven_axis_is_noted_and_a_falling_one_turns_the_kernels(tmp_path: Path) -> None:
    state, x = pace_release.state(depth=2), torch.randn(3, 900)
    path = saved(tmp_path, state)
    np.save(tmp_path / "axis.npy", np.rint(np.linspace(400, 2112, 900)))
    assert "not even: up to" in bring(path, axis=tmp_path / "axis.npy").notes[0]
    np.save(tmp_path / "axis.npy", np.linspace(2112, 400, 900))
    made = bring(path, axis=tmp_path / "axis.npy")
    assert "falls" in made.notes[0]
    assert made.checkpoint.facts["axis"] == {"low": 400, "high": 2112, "points": 900}
    torch.testing.assert_close(answers(made.checkpoint, x.flip(1)), pace_release.logits(state, x), rtol=0, atol=1e-5)


def test_labels_and_axes_that_do_not_fit_are_mistakes(tmp_path: Path) -> None:
    path, labels, axis = saved(tmp_path, pace_release.state(depth=1)), tmp_path / "l.txt", tmp_path / "a.npy"
    counts = {"a\nb": "names 2 classes, the checkpoint has 3: class 2 has no name", "a\nb\nc\nd": "class 3 is none"}
    for text, match in {**counts, "a\na\nb": "two classes are named 'a'"}.items():
        labels.write_text(text)
        refused(path, match, labels=labels)
    (tmp_path / "l.csv").write_text("0,a\n1,b\n1,c\n")
    refused(path, r"l\.csv:3", labels=tmp_path / "l.csv")
    (tmp_path / "l.json").write_text("{")
    refused(path, r"l\.json:1", labels=tmp_path / "l.json")
    refused(path, "can't be read", labels=tmp_path / "absent.txt")
    no_axes = [(np.zeros((2, 900)), "is not an axis"), (np.zeros(900), "position 1 does not follow")]
    for values, match in [*no_axes, (np.array(["a"]), "is not an axis")]:
        np.save(axis, values)
        refused(path, match, axis=axis)
    np.save(axis, np.arange(100.0))
    refused(path, "has 100 values, but --points says 900", axis=axis)
    refused(path, "there is no file", axis=tmp_path / "absent.npy")
    refused(path, "how many points a spectrum has is not in COV.pth", points=None)
    refused(path, "pool 250: is not a multiple of the patch of 16", pool=250)


def test_a_folder_that_is_something_else_is_not_replaced_and_an_earlier_import_is(tmp_path: Path) -> None:
    path = saved(tmp_path, pace_release.state(depth=1))
    assert bring(path).checkpoint.keys["depth"] == 1
    assert bring(saved(tmp_path, pace_release.state(depth=2))).checkpoint.keys["depth"] == 2
    (tmp_path / "out" / "artifact.json").write_text("{}")
    with pytest.raises(Mistake, match="is not an imported checkpoint: it is not replaced"):
        bring(path)
    with pytest.raises(Mistake, match="it is not replaced"):
        imports.bring("pace", path, path, pool=256, points=900, axis=None, labels=None)


def test_the_command_tells_what_came_out(tmp_path: Path) -> None:
    saved(tmp_path, pace_release.state(dim=1024))
    command = ("import", "pace", "COV.pth", "--points", "900")
    ended = edgespec(tmp_path, *command)
    assert ended.returncode == 0, ended.stderr
    assert "4,278,275 parameters, 68 M MACs" in ended.stdout
    assert "adopt: {checkpoint: COV}" in ended.stderr
    told = edgespec(tmp_path, *command, "--json")
    found = json.loads(told.stdout)
    assert (found["params"], round(found["macs"] / 1e6, 2), found["keys"]["dim"]) == (4_278_275, 67.96, 1024)
    ended = edgespec(tmp_path, "import", "pac", "COV.pth")
    assert ended.returncode == 2
    assert "did you mean 'pace'?" in ended.stderr


def uneven() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Steps of 1 to 3 cm-1, as those of the published COV spectra."""
    return 400 + np.concatenate([[0.0], np.cumsum(np.tile([1.0, 2, 3, 2], 64)[:255])])


def test_an_uneven_axis_is_kept_and_its_network_answers_as_it_did(tmp_path: Path) -> None:
    axis = uneven()
    np.save(tmp_path / "w.npy", axis)
    state = pace_release.state(depth=2)
    made = bring(saved(tmp_path, state), points=None, axis=tmp_path / "w.npy")
    assert made.checkpoint.facts["axis"]["places"] == axis.tolist()
    assert any("the axis is not even: up to" in note for note in made.notes)
    told = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text())["data"]
    even = Axis(**told["axis"])
    assert (even.low, even.high, even.values()[1] - even.values()[0]) == (400, axis[-1], 1.0)
    front = preprocess.build([Call(*next(iter(each.items()))) for each in told["preprocess"]], even.values())
    x = np.random.default_rng(0).normal(size=(3, len(axis)))
    fine = np.stack([np.interp(even.values(), axis, row) for row in x]).astype(np.float32)
    torch.testing.assert_close(front(torch.from_numpy(fine)), torch.from_numpy(x).float(), rtol=0, atol=1e-4)
    wanted = pace_release.logits(state, torch.from_numpy(x).float())
    torch.testing.assert_close(answers(made.checkpoint, front(torch.from_numpy(fine))), wanted, rtol=0, atol=1e-3)


def test_a_recipe_that_drops_the_uneven_axis_is_refused(tmp_path: Path) -> None:
    axis = uneven()
    np.save(tmp_path / "w.npy", axis)
    bring(saved(tmp_path, pace_release.state(depth=1)), points=None, axis=tmp_path / "w.npy")
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", x=rng.normal(size=(90, 256)), y=np.arange(90) % 3, w=axis)
    told = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text())["data"]
    load = {"arrays": {"file": str(tmp_path / "a.npz"), "x": "x", "y": "y", "wavenumber": "w"}}
    steps = [{"adopt": {"checkpoint": str(tmp_path / "out")}}, "to_onnx"]
    dropped = {"axis": {"low": 400, "high": float(axis[-1]), "points": 256}}
    for name, data, code in (("kept", told, 0), ("dropped", dropped, 2)):
        tree = {"schema": 1, "data": {"load": load, "split": {"by": "spectrum"}, **data}, "steps": steps}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(tree))
        ended = edgespec(tmp_path, "compress", f"{name}.yaml")
        assert ended.returncode == code, ended.stderr
        assert ("axis is uneven, and up to" in ended.stderr) == (code == 2)
        dry = edgespec(tmp_path, "compress", f"{name}.yaml", "--dry-run")
        assert dry.returncode == code, dry.stderr
