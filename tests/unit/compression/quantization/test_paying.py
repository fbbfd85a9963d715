"""Whether int8 pays is the target's word: which file is kept, that it is asked once, and what is said where none pays."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
import tiny_job
from pydantic import TypeAdapter, ValidationError

from edgespec.bench.paired import Pair
from edgespec.compression.quantization import int8, paying, qdq
from edgespec.compression.quantization.paying import Answer, Tried
from edgespec.errors import Mistake
from edgespec.graph import assembly
from edgespec.job import Job, Silent, Unfinished
from edgespec.steps import quantize
from edgespec.targets import runner


class Heard(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def tried(ratios: list[float], sizes: list[int]) -> list[Tried]:
    pairs = [Pair(each, (each - 0.01, each + 0.01)) for each in ratios]
    rows = zip(pairs, sizes, strict=True)
    return [Tried(i, size, each.ratio, each.interval, each.slower, each.faster) for i, (each, size) in enumerate(rows)]


@pytest.mark.parametrize(
    ("ratios", "sizes", "kept"),
    [
        ([0.50, 0.45, 0.60], [10, 12, 20], 1),  # the fastest
        ([0.46, 0.45, 0.60], [10, 12, 20], 0),  # as fast, and smaller
        ([1.40, 1.02, 1.30], [10, 30, 20], 1),  # as fast as float32, and smaller than it
        ([1.40, 1.10, 1.30], [10, 30, 20], None),  # slower than float32: none
        ([1.053, 1.045], [10, 30], 1),  # near to the fastest is not enough where float32 is faster
    ],
)
def test_the_fastest_is_kept_and_none_that_is_slower_than_float32(
    ratios: list[float], sizes: list[int], kept: int | None
) -> None:
    def pairs(one: int, other: int) -> Pair:
        ratio = ratios[one] / ratios[other]
        return Pair(ratio, (ratio - 0.001, ratio + 0.001))

    assert paying.chosen(tried(ratios, sizes), pairs) == kept


def test_what_is_said_names_time_and_size() -> None:
    files = tuple(tried([1.37, 1.12], [20_000, 25_000]))
    slow = Answer("local", 14.5, 60_000, files, None).told()
    assert slow == (
        "int8 does not pay: the fastest such file, the first 1 of its layers in float32, takes 1.12 (1.11 to 1.13) of float32's time on local "
        "(25 kB instead of 60 kB) and is not made; without `pays` it is"
    )
    fast = Answer("local", 72.0, 455_000, tuple(tried([0.52], [120_000])), 0).told()
    assert fast == "int8 pays: cpu-int8 takes 0.52 (0.51 to 0.53) of float32's time on local (120 kB instead of 455 kB)"
    same = Answer("local", 14.5, 60_000, tuple(tried([1.01], [20_000])), 0).told()
    assert "is as fast as float32" in same
    assert "smaller (20 kB instead of 60 kB)" in same


@pytest.mark.parametrize(("name", "ends"), [("cnn", [0, 1, 2]), ("pace", [0, 1, 5]), ("drsn", [0, 1, 3, 7])])
def test_prefixes_end_where_the_length_changes_and_never_hold_all(name: str, ends: list[int]) -> None:
    network = int8.ready(assembly.network(onnx.load(tiny_job.line(name).float32.path("float32"))))
    layers = [each.name for each in qdq.layers(network)]
    found = paying.prefixes(network)
    assert [len(each) for each in found] == ends
    assert all(each == layers[: len(each)] for each in found)
    assert len(found[-1]) < len(layers)


def _job(tmp_path: Path, heard: Heard) -> Job:
    return replace(
        tiny_job.job(tmp_path / "step"), progress=heard, unfinished=Unfinished(tmp_path / "step.state", "0", heard.say)
    )


def test_the_target_is_asked_once_and_its_word_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paying, "SECONDS", 0.05)
    heard = Heard()
    job, float32 = _job(tmp_path, heard), tiny_job.line("cnn").float32
    keys: dict[str, Any] = {"max_drop": 1.0, "min_agreement": 0.0, "pays": True, "calibration": "minmax"}
    made = quantize.run(job, float32, **keys)
    told = made.facts["pays"]
    assert told["target"] == "local"
    assert [each["first_float"] for each in told["tried"]] == [0, 1, 2]
    assert all(each["ratio"] > 0 and each["size_bytes"] < told["float32_bytes"] for each in told["tried"])
    assert ("cpu-int8" in made.variants) == (told["kept"] is not None)
    said = [line.removeprefix("quantize: ") for line in heard.lines if line.startswith("quantize: int8")]
    assert made.facts["notes"] == said

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("asked again")

    monkeypatch.setattr(runner, "call", refuse)
    monkeypatch.setattr("edgespec.bench.collect.call", refuse)
    assert quantize.run(job, float32, **keys).facts["pays"] == told
    (tmp_path / "step.state" / paying.KEPT).write_text("{", encoding="utf-8")
    with pytest.raises(AssertionError, match="asked again"):
        quantize.run(job, float32, **keys)


@pytest.mark.parametrize(
    ("name", "why"), [("lokal", "unknown target"), ("litert", "not cpu-int8"), ("cortex_m4", "is emulated")]
)
def test_a_target_that_cannot_say_is_refused_where_the_recipe_is_read(name: str, why: str) -> None:
    places = TypeAdapter(quantize.Place)
    assert places.validate_python("local") == "local"
    with pytest.raises(ValidationError, match=why):
        places.validate_python(name)


def test_there_must_be_a_cpu_file_to_ask_about(tmp_path: Path) -> None:
    job, float32 = _job(tmp_path, Heard()), tiny_job.line("cnn").float32
    with pytest.raises(Mistake, match="flavours names portable alone"):
        quantize.run(job, float32, pays=True, flavours=("portable",))


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler here")
def test_c_is_asked_as_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paying, "SECONDS", 0.05)
    job, float32 = _job(tmp_path, Heard()), tiny_job.line("cnn").float32
    keys: dict[str, Any] = {"max_drop": 1.0, "min_agreement": 0.0, "calibration": "minmax"}
    told = quantize.run(job, float32, pays=True, target="c_x86", **keys).facts["pays"]
    assert told["target"] == "c_x86"
    assert all(each["ratio"] > 0 for each in told["tried"])
