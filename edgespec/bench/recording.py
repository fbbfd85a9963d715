"""What a recording must hold before anything is judged by it: kinds, ranges, and that its parts speak of the same files, rounds and spectra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Len
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgespec.errors import Mismatch, Mistake

Finite = Annotated[float, Field(allow_inf_nan=False, strict=True)]
Positive = Annotated[Finite, Gt(0), Field(lt=1e15)]
Duration = Annotated[Finite, Ge(0), Field(lt=1e15)]
Whole = Annotated[int, Ge(0), Field(strict=True, lt=2**60)]
Some = Annotated[int, Gt(0), Field(strict=True, lt=2**31)]
Text = Annotated[str, Len(0, 10_000)]
ANEW = "measure again: edgespec bench"


class Part(BaseModel):
    """Something that a device tells; it may tell more."""

    model_config = ConfigDict(extra="allow")


class File(Part):
    """One ONNX file."""

    digest: Text
    size_bytes: Some


class Cold(Part):
    """A fresh process: import, load, first answer."""

    import_ms: Duration
    load_ms: Duration
    first_ms: Duration
    peak_memory: Whole
    peak_memory_before_load: Whole


class Energy(Part):
    """Of one call, or why it was not measured."""

    mj: Finite | None
    reason: Text


class Warmup(Part):
    """How the calls before the timed ones ended."""

    stable: bool


class Model(Part):
    """One file in one process."""

    providers: list[Text]
    threads: Some
    block: Some
    warmup: Warmup


class Reading(Part):
    """What the sensors told at one moment."""

    t: Finite
    mhz: dict[str, Finite | None]
    celsius: dict[str, Finite | None]


class Sensors(Part):
    """What the sensors told meanwhile."""

    throttled: bool | None
    why: list[Text]
    mhz: dict[str, list[Finite]] = {}
    celsius: dict[str, list[Finite]] = {}
    series: list[Reading] = []


class Measured(Part):
    """What a process that measured tells."""

    wall_s: Duration
    other_cores: Annotated[Finite, Ge(0)] | None
    sensors: Sensors
    clocks: dict[str, Any]
    models: dict[str, Model]
    affinity: Any
    clock_ns: Any
    timer_step_ns: Any
    before: Any
    after: Any


class Process(Measured):
    """The same, as it is kept."""

    rounds: Some


class Hello(Part):
    """What a target says of itself."""

    runtime_version: Text
    cores: Some
    load1: Finite | None = None
    cpu: Text | None = None
    flags: list[Text] = []


class Protocol(BaseModel):
    """How it was measured."""

    model_config = ConfigDict(extra="forbid")
    mode: Text
    processes: Some
    seconds: Positive
    least_seconds: Annotated[Finite, Ge(0)]
    min_samples: Whole
    block_us: Annotated[Finite, Ge(0)]
    early_stopping: bool
    energy: bool
    lock_clocks: bool


class Facts(Part):
    """All facts of a recording."""

    target: Annotated[str, Len(1, 200)]
    runtime: Text
    source: Literal["measured", "emulated", "estimated", "deferred"]
    protocol: Protocol
    reference: Text
    float_of: dict[str, Text]
    seed: Whole
    against: dict[str, list[Text]]
    worse: dict[str, dict[str, Text]] = {}
    files: Annotated[dict[str, File], Len(1)]
    hello: Hello
    cold: dict[str, Cold]
    energy: dict[str, Energy]
    differing: dict[str, Whole]
    processes: Annotated[list[Process], Len(1)]


def told(kind: type[Part], what: Any, target: str) -> None:
    """Raise Mismatch where a target tells something else than it is asked for."""
    try:
        kind.model_validate(what)
    except ValidationError as problem:
        raise Mismatch(
            f"target {target!r} tells what cannot be read: {_first(problem)}", hint="is it the device that you think?"
        ) from None


def _first(problem: ValidationError) -> str:
    first = problem.errors(include_url=False)[0]
    return f"{'.'.join(str(each) for each in first['loc'])}: {first['msg']}".removeprefix(": ")


def check(
    facts: Any,
    ns: Mapping[str, NDArray[Any]],
    outputs: Mapping[str, NDArray[Any]],
    y: NDArray[Any],
    twin: str,
    where: str,
) -> None:
    """Raise Mistake, with the place, where a recording can't be what `edgespec bench` wrote.

    ns: (rounds, samples) of each file and of the reference's twin; outputs: (n, classes) of each file; y: (n,)
    """
    try:
        found = Facts.model_validate(facts)
    except ValidationError as problem:
        raise Mistake(f"{where} is not a recording, or damaged: {_first(problem)}", ANEW) from None
    wrong = _names(found, ns, outputs, twin) or _arrays(found, ns, outputs, y)
    if wrong:
        raise Mistake(f"{where} is not a recording, or damaged: {wrong}", ANEW)


def _names(told: Facts, ns: Mapping[str, Any], outputs: Mapping[str, Any], twin: str) -> str:
    files = set(told.files)
    if told.reference not in files or not {*told.float_of, *told.float_of.values()} <= files:
        return "it names a file that it does not have"
    parts: dict[str, Mapping[str, Any]] = {
        "cold": told.cold,
        "energy": told.energy,
        "differing": told.differing,
        "against": told.against,
    }
    parts |= {"outputs": outputs}
    lacking = [part for part, found in parts.items() if not files <= set(found)]
    both = files | {twin}
    lacking += ["latencies"] if not both <= set(ns) else []
    lacking += ["processes"] if any(not both <= set(each.models) for each in told.processes) else []
    return f"{lacking[0]} lack a file" if lacking else ""


def _arrays(told: Facts, ns: Mapping[str, NDArray[Any]], outputs: Mapping[str, NDArray[Any]], y: NDArray[Any]) -> str:
    rounds = sum(each.rounds for each in told.processes)
    for name, each in ns.items():
        if each.ndim != 2 or len(each) != rounds or not each.size or each.dtype.kind not in "iuf":
            return f"the latencies of {name} are no (rounds, samples)"
        if not (np.isfinite(each) & (each > 0)).all():
            return f"latencies of {name} that no clock gives"
    if y.ndim != 1 or not y.size or y.dtype.kind not in "iu":
        return "the labels are no whole numbers"
    for name, each in outputs.items():
        if each.ndim != 2 or len(each) != len(y) or not each.shape[1] or each.dtype.kind not in "iuf":
            return f"the answers of {name} are no (spectra, classes)"
    return ""
