"""Several processes of one measurement: kept one by one, taken up again, judged together, and judged again from the recording."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgespec.bench import collect, protocol, session
from edgespec.bench import measure as bench_measure
from edgespec.bench.measurement import Measurement
from edgespec.bench.protocol import Protocol
from edgespec.errors import Mistake, Unreachable
from edgespec.targets import card as cards

LOCAL = cards.load("local")
FIVE = replace(protocol.MODES["standard"], seconds=3, energy=False)
X, Y = np.ones((4, 8), np.float32), np.array([0, 1, 2, 0])
HELLO = {"runtime_version": "1.0", "cores": 2, "cpu": "a"}


class Device:
    """A target that answers at once: 40 rounds of 5 samples; process i is slower by `drift[i]`, `dies` says in which call it is gone."""

    def __init__(self, drift: Sequence[float] = (0,) * 5, dies: int = 99, version: str = "1.0") -> None:
        self.drift, self.dies, self.version = drift, dies, version
        self.asked: list[dict[str, Any]] = []
        self.energy = iter([{"mj": 0.5, "reason": "VDD_IN", "rail": "VDD_IN"}] * 99)
        self.labels = np.eye(3)[[0, 1, 2, 0]]

    def __call__(self, card: Any, arguments: Sequence[str], folder: Path, timeout_s: float = 0) -> dict[str, Any]:
        if arguments[0] == "hello":
            return {**HELLO, "runtime_version": self.version}
        if arguments[0] == "cold":
            return {"import_ms": 1, "load_ms": 2, "first_ms": 3, "peak_memory_before_load": 10, "peak_memory": 30}
        if arguments[0] == "energy":
            return next(self.energy)
        request = json.loads((folder / "request.json").read_text())
        if len(self.asked) == self.dies:
            raise Unreachable("the line is cut")
        self.asked.append(request)
        rng, models, arrays = np.random.default_rng(len(self.asked)), [], {}
        for i, each in enumerate(request["models"]):
            fast = 0.5 if each["name"] == "fast" else 1.0
            block = each.get("block", 4 if fast < 1 else 1)
            ns = 5e4 * fast * (1 + self.drift[request["seed"] % 5]) * block * rng.normal(1, 0.01, (40, 5))
            arrays[f"ns_{i}"] = ns.astype(np.int64)
            np.save(folder / f"outputs-{i}.npy", self.labels)
            facts = {"name": each["name"], "outputs": f"outputs-{i}.npy", "providers": ["CPU"], "threads": 1}
            models.append({**facts, "warmup": {"stable": True}, "calls": 5, "block": block})
        np.savez(folder / "samples.npz", **arrays)
        sensors = {"n": 3, "throttled": False, "why": [], "mhz": {}, "celsius": {}, "series": []}
        facts = dict.fromkeys(("affinity", "clock_ns", "timer_step_ns", "wall_s", "before", "after", "other_cores"), 0)
        return {**facts, "samples": "samples.npz", "sensors": sensors, "models": models}


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / f"{name}.onnx" for name in ("default", "fast")}
    for name, path in found.items():
        path.write_bytes(name.encode())
    return found


def measure(
    models: dict[str, Path], device: Device, monkeypatch: pytest.MonkeyPatch, how: Protocol = FIVE, **more: Any
) -> list[Measurement]:
    monkeypatch.setattr(collect, "call", device)
    folder = models["fast"].parent / "bench"
    return bench_measure.measure(models, X, Y, LOCAL, folder, reference="default", float_of={}, protocol=how, **more)


def kept(models: dict[str, Path]) -> list[str]:
    return sorted(path.name for path in (models["fast"].parent / "bench" / ".local-partial").glob("*"))


def test_standard_is_five_processes_judged_together(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(drift=(0, 0, 0, 0, 0.5))
    default, fast = measure(models, device, monkeypatch)
    assert len(device.asked) == 5
    assert (fast.mode, fast.processes, fast.seconds, fast.n, fast.rounds) == ("standard", 5, 3, 5 * 200, 200)
    assert [each["seed"] for each in device.asked] == [0, 1, 2, 3, 4]
    assert len({tuple(model["name"] for model in each["models"]) for each in device.asked}) == 3, "the order turns"
    assert device.asked[1]["models"][0]["calls"] == 5, "all processes take as many samples as the first"
    assert fast.calls_per_sample == 4
    assert fast.p50_ms == pytest.approx(0.025, rel=0.02), "a block of four is told as one call"
    assert fast.ratio == pytest.approx(0.5, rel=0.02)
    medians = np.array([1, 1, 1, 1, 1.5])
    assert fast.process_cov == pytest.approx(medians.std(ddof=1) / medians.mean(), rel=0.05)
    assert any("the processes' medians differ" in each for each in fast.warnings)
    assert fast.p50_interval_ms[1] > 0.03, "one process in five is slower by half: the interval knows"
    assert fast.ratio_interval[1] < 0.52, "what slows both does not count in their ratio"
    assert fast.p_value is not None
    assert fast.p_value < 1e-6
    assert default.p_value is None
    assert (fast.energy_mj, fast.energy_note) == (None, "mode standard does not measure it")
    assert kept(models) == []


def test_a_cut_line_loses_one_process_and_the_same_request_goes_on(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unreachable):
        measure(models, Device(dies=3), monkeypatch)
    assert kept(models) == ["process-0.npz", "process-1.npz", "process-2.npz", "request"]
    again = Device()
    lines: list[str] = []
    found = measure(models, again, monkeypatch, progress=lines.append)
    assert [each["seed"] for each in again.asked] == [3, 4]
    assert (found[1].processes, found[1].n) == (5, 1000)
    assert sum("kept from before" in line for line in lines) == 3
    assert kept(models) == []


def test_an_interrupt_keeps_what_was_measured_too(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(Device):
        def __call__(self, *given: Any, **more: Any) -> dict[str, Any]:
            if len(self.asked) == 2:
                raise KeyboardInterrupt
            return super().__call__(*given, **more)

    with pytest.raises(KeyboardInterrupt):
        measure(models, Impatient(), monkeypatch)
    assert kept(models) == ["process-0.npz", "process-1.npz", "request"]
    assert len(list((models["fast"].parent / "bench").iterdir())) == 1


@pytest.mark.parametrize("change", ["file", "spectra", "mode", "version", "seed"])
def test_what_was_measured_of_something_else_is_not_taken_up(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    with pytest.raises(Unreachable):
        measure(models, Device(dies=3), monkeypatch)
    again, how, seed = Device(version="1.1" if change == "version" else "1.0"), FIVE, int(change == "seed")
    if change == "file":
        models["fast"].write_bytes(b"another")
    if change == "spectra":
        monkeypatch.setattr(sys.modules[__name__], "X", X + 1)
    if change == "mode":
        how = replace(FIVE, seconds=4)
    measure(models, again, monkeypatch, how, seed=seed)
    assert len(again.asked) == 5


def test_processes_that_answer_differently_are_told(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    class Fickle(Device):
        def __call__(self, *given: Any, **more: Any) -> dict[str, Any]:
            if len(self.asked) == 3:
                self.labels = np.eye(3)[[0, 1, 1, 0]]
            return super().__call__(*given, **more)

    found = measure(models, Fickle(), monkeypatch)
    assert any("the processes answer 1 spectra with different labels" in each for each in found[1].warnings)


def test_mlperf_is_one_process_of_single_calls_with_an_early_stopping_p90(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    how = replace(protocol.named("mlperf"), energy=False)
    device = Device()
    fast = measure(models, device, monkeypatch, how)[1]
    (request,) = device.asked
    assert (request["seconds"], request["block_us"]) == (600, 0)
    assert request["max_seconds"] >= 600
    assert not any("not mode" in each for each in fast.warnings)
    plain = measure(models, Device(), monkeypatch, protocol.QUICK)[1]
    assert fast.p90_ms is not None
    assert plain.p90_ms is not None
    assert fast.p90_ms > plain.p90_ms, "the estimate leaves room for what 200 queries can't know"
    assert fast.p90_interval_ms is not None
    assert fast.p90_interval_ms[0] <= fast.p90_ms <= fast.p90_interval_ms[1]


@pytest.mark.parametrize(("mode", "seconds"), [("standard", 1.0), ("mlperf", 60.0)])
def test_less_than_a_mode_asks_for_is_told(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch, mode: str, seconds: float
) -> None:
    how = replace(protocol.named(mode, seconds=seconds), energy=False)
    found = measure(models, Device(), monkeypatch, how)
    assert all(any(f"not mode {mode}" in line for line in each.warnings) for each in found)


def test_an_unknown_mode_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="unknown mode 'standart'") as caught:
        protocol.named("standart")
    assert "standard" in caught.value.hint


def test_energy_is_of_every_model_or_has_its_reason(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    found = measure(models, Device(), monkeypatch, replace(FIVE, energy=True))
    assert [(each.energy_mj, each.energy_note) for each in found] == [(0.5, "VDD_IN")] * 2
    without = Device()
    without.energy = iter([{"mj": None, "reason": "no power sensor"}])
    found = measure(models, without, monkeypatch, replace(FIVE, energy=True))
    assert [(each.energy_mj, each.energy_note) for each in found] == [(None, "no power sensor")] * 2


def test_a_recording_is_judged_again_to_the_same_measurements(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = measure(models, Device(drift=(0, 0.1, 0, 0, 0)), monkeypatch, against={"fast": ["too large"]})
    mailed = (tmp_path / "bench" / "local.samples.npz").rename(tmp_path / "mailed.npz")
    monkeypatch.setattr(collect, "call", None)
    for path in models.values():
        path.unlink()
    told, again = bench_measure.replay(mailed)
    assert again == found
    assert told.facts["against"] == {"default": [], "fast": ["too large"]}


WRONG: tuple[Any, ...] = (None, True, -1, 0, 1e308, "x", [], {}, [[]], {"a": 1}, 10**400)


def places(plain: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List every place of a JSON value."""
    inner = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    return [here, *(place for key, each in inner for place in places(each, (*here, key)))]


def test_a_recording_with_anything_else_anywhere_is_judged_or_refused(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measure(models, Device(), monkeypatch, protocol.QUICK)
    facts, arrays = session.read(tmp_path / "bench" / "local.samples.npz")
    path, refused, tried = tmp_path / "changed.npz", 0, 0
    for place in places(facts)[1:]:
        for wrong in WRONG:
            changed = copy.deepcopy(facts)
            inner = changed
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = wrong
            session.write(path, {key: each for key, each in changed.items() if key != "format"}, arrays)
            tried += 1
            try:
                bench_measure.replay(path)
            except Mistake:  # any other error fails the test
                refused += 1
    assert refused > tried / 2


@pytest.mark.parametrize("content", [b"", b"rubbish", "old", "version", "pickle"])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "a.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "old":
        np.savez(path, **{"float32.ns": np.ones((2, 2))})
    elif content == "version":
        session.write(path, {}, {})
        facts = json.dumps({"format": 1}).encode()
        np.savez(path, **{session.FACTS: np.frombuffer(facts, np.uint8)})
    else:
        np.savez(path, **{session.FACTS: np.array([{}], dtype=object)})
    with pytest.raises(Mistake, match=r"a\.npz") as caught:
        bench_measure.replay(path)
    assert "allow_pickle" not in caught.value.message
    with pytest.raises(Mistake, match="there is no recording"):
        bench_measure.replay(tmp_path / "nowhere.npz")
