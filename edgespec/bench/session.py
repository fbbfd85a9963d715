"""What is asked of a target, and all that it told: enough to judge it again without the target."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import storage, unpacking
from edgespec.bench import recording
from edgespec.bench.measurement import Samples
from edgespec.bench.protocol import Protocol
from edgespec.errors import Mismatch, Mistake
from edgespec.spectra import Floats, Ints
from edgespec.targets.card import Target

TWIN = "{} again"
PROCESS = ("affinity", "clock_ns", "timer_step_ns", "wall_s", "before", "after", "other_cores", "sensors")
FORMAT = 2
FACTS = "facts.json"
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Asked:
    """What is to be measured.

    models: variant -> ONNX file; x: (n, points) spectra as the graph takes them; y: (n,) their labels
    reference: the variant that all are compared with; it is measured twice
    float_of: variant -> its float sibling; seed: the order of the spectra
    against: variant -> what speaks against it before anything is measured: the promises that it breaks
    worse: variant -> another -> why it answers worse than that one
    """

    models: Mapping[str, Path]
    x: Floats
    y: Ints
    target: Target
    reference: str
    float_of: Mapping[str, str]
    protocol: Protocol
    seed: int
    against: Mapping[str, Sequence[str]] = field(default_factory=dict)
    worse: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, Path]:
        """All models, the reference a second time."""
        return {**self.models, TWIN.format(self.reference): self.models[self.reference]}


@dataclass(frozen=True)
class Session:
    """What the target told of all models, by name.

    facts: JSON: the request, `hello`, `cold` and `energy` of each model, `processes` with their `models`
    ns: (rounds, samples) nanoseconds of `calls_per_sample` calls; outputs: (n, classes); y: (n,)
    """

    facts: dict[str, Any]
    ns: dict[str, Samples]
    outputs: Arrays
    y: Ints

    @property
    def host(self) -> dict[str, Any]:
        """The machine's facts, as the first process found and the last left it."""
        first, last = self.facts["processes"][0], self.facts["processes"][-1]
        told = [each["other_cores"] for each in self.facts["processes"] if each["other_cores"] is not None]
        heat = [each["sensors"] for each in self.facts["processes"]]
        sensors = {key: value for key, value in heat[-1].items() if key != "series"}
        sensors |= {"why": list(dict.fromkeys(why for each in heat for why in each["why"]))}
        facts = {key: first[key] for key in PROCESS} | {
            "after": last["after"],
            "sensors": sensors,
            "clocks": last["clocks"],
        }
        facts["wall_s"] = sum(each["wall_s"] for each in self.facts["processes"])
        return {**self.facts["hello"], **facts, "other_cores": float(np.mean(told)) if told else None}

    @property
    def throttled(self) -> bool | None:
        """Was the machine slowed down in any process? None where nothing tells."""
        told = {each["sensors"]["throttled"] for each in self.facts["processes"]}
        return True if True in told else False if False in told else None

    def calls_per_sample(self, name: str) -> int:
        """Give how many calls of a model were timed at once."""
        return int(self.facts["processes"][0]["models"][name]["block"])

    def samples(self, name: str) -> Samples:
        """Give (rounds, samples) nanoseconds a call."""
        block = self.calls_per_sample(name)
        return self.ns[name] if block == 1 else self.ns[name] / block

    def save(self, path: Path) -> Path:
        """Write it as one file."""
        arrays = {f"{name}.ns": each for name, each in self.ns.items()}
        arrays |= {f"{name}.outputs": each for name, each in self.outputs.items()}
        return write(path, self.facts, {**arrays, "labels": self.y})


def load(path: Path) -> Session:
    """Read what `Session.save` wrote. Raises Mistake where it did not."""
    facts, arrays = read(path)
    y = arrays.pop("labels", np.zeros(0))
    parts: dict[str, Arrays] = {"ns": {}, "outputs": {}}
    for title, each in arrays.items():
        name, _, kind = title.rpartition(".")
        parts.setdefault(kind, {})[name] = each
    recording.check(facts, parts["ns"], parts["outputs"], y, TWIN.format(facts.get("reference")), str(path))
    return Session(facts, parts["ns"], parts["outputs"], y)


def write(path: Path, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write facts and arrays under their names; the file is whole or absent."""
    text = json.dumps({"format": FORMAT, **facts}, allow_nan=False)
    content: dict[str, Any] = {FACTS: np.frombuffer(text.encode(), np.uint8), **arrays}
    kept = io.BytesIO()
    np.savez_compressed(kept, **content)
    return storage.write(path, kept.getvalue())


def read(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Read what `write` wrote. Raises Mistake for a file that is something else or of another version, Mismatch for a damaged one."""
    hint = "a recording is bench/TARGET.samples.npz of a run folder; edgespec bench makes it"
    try:
        arrays = unpacking.arrays(path)
        if FACTS not in arrays:
            raise Mistake(f"{path} is not a recording: it holds no {FACTS}", hint)
        facts = unpacking.parse_json(bytes(arrays.pop(FACTS)))
    except FileNotFoundError:
        raise Mistake(f"there is no recording {path}", hint) from None
    except (*unpacking.DAMAGED_ZIP, AttributeError, TypeError) as problem:
        if "Object arrays" in str(problem):
            told = f"{path} is not a recording: it holds Python objects, which are never loaded"
            raise Mistake(told, hint) from problem
        if "not an .npz file" in str(problem):
            raise Mistake(f"{path} is not a recording: not an .npz file", hint) from None
        raise Mismatch(f"{path} is damaged, or no recording: {problem}", hint) from problem
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise Mistake(f"{path} is not a recording of format {FORMAT}", "measure again: edgespec bench")
    return facts, arrays
