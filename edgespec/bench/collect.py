"""Ask a target: fresh processes in which all models are timed in turns, each kept as soon as it is there.

What a cut line or an interrupt leaves lies in `.<target>-partial`; the next call that asks for the same goes on from there.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import storage, unpacking
from edgespec.bench import plausibility, recording, session
from edgespec.bench.session import PROCESS, TWIN, Arrays, Asked, Session
from edgespec.errors import EdgespecError, Mismatch, Unreachable
from edgespec.targets.runner import call, held

SAME = ("python", "numpy", "runtime_version", "system", "machine", "cpu", "governor", "nvpmodel")
"""What a target must still say of itself for its processes to count as one measurement."""
ENERGY_S, PREPARE_S = 60.0, 1800.0
AS_IT_IS = "onnxruntime"  # reads the file as it is: nothing is built before the first call
Part = tuple[dict[str, Any], Arrays]
Say = Callable[[str], None]


def ask(asked: Asked, folder: Path, *, warmup_max_s: float, max_s: float, progress: Say = lambda line: None) -> Session:
    """Measure all models, interleaved, in as many processes as the protocol says.

    folder: where what is kept lies; warmup_max_s, max_s: the longest for each model in each process
    Raises what `device.call` does; Mismatch where a model's outputs are no class scores, or the target can't be believed (`witness`).
    """
    target, kept = asked.target, folder / f".{asked.target.name}-partial"
    with held(target), tempfile.TemporaryDirectory(dir=folder, prefix=".bench-") as name:
        work = Path(name)
        progress(f"{target.name}: {target.runtime}")
        hello = call(target, ["hello", "--runtime", target.runtime], work)
        recording.told(recording.Hello, hello, target.name)
        _put(asked, work)
        key = _key(asked, hello)
        if not _holds(kept, key):
            shutil.rmtree(kept, ignore_errors=True)
        try:
            parts: list[Part] = []
            for i in range(asked.protocol.processes):
                path = kept / f"process-{i}.npz"
                if path.is_file():
                    progress(f"{target.name}: process {i + 1} is kept from before")
                else:
                    facts, arrays = _process(asked, work, parts, warmup_max_s, max_s, progress)
                    storage.write(kept / "request", key)
                    session.write(path, facts, arrays)
                parts.append(session.read(path))
            _request(asked, work, parts, warmup_max_s, max_s)
            energy = _energy(asked, work, kept, progress)
        except EdgespecError as problem:
            if not isinstance(problem, Unreachable):  # only a target that is gone can be there again
                shutil.rmtree(kept, ignore_errors=True)
            raise
    shutil.rmtree(kept, ignore_errors=True)
    return _merged(asked, hello, energy, parts)


def _key(asked: Asked, hello: Mapping[str, Any]) -> str:
    files = {name: storage.file_digest(path) for name, path in asked.models.items()}
    told = [files, asdict(asked.target), asdict(asked.protocol), asked.reference, asked.seed]
    return storage.digest(told, [hello.get(each) for each in SAME], asked.x, asked.y)


def _holds(kept: Path, key: str) -> bool:
    path = kept / "request"
    return path.is_file() and path.read_text(encoding="utf-8") == key


def _put(asked: Asked, work: Path) -> None:
    for i, path in enumerate(asked.files.values()):
        shutil.copyfile(path, work / f"{i}{path.suffix}")
    np.save(work / "spectra.npy", np.ascontiguousarray(asked.x, np.float32))


def _request(asked: Asked, work: Path, parts: Sequence[Part], warmup_max_s: float, max_s: float) -> None:
    """Write what the next process is to do: as many samples a round as the first, models and spectra in another order."""
    names = list(asked.files)
    models: list[dict[str, Any]] = [
        {"name": name, "file": f"{i}{asked.files[name].suffix}"} for i, name in enumerate(names)
    ]
    for each in models if parts else []:
        told = parts[0][0]["models"][each["name"]]
        each |= {"calls": told["calls"], "block": told["block"]}
    turn = len(parts) % len(models)
    request = {
        "runtime": asked.target.runtime,
        "threads": asked.target.threads,
        "spectra": "spectra.npy",
        "models": models[turn:] + models[:turn],
        "warmup_max_ms": warmup_max_s * 1e3,
        "max_seconds": max(max_s, asked.protocol.seconds),
        "seed": asked.seed + len(parts),
        **asked.protocol.request(),
    }
    (work / "request.json").write_text(json.dumps(request), encoding="utf-8")


def _process(asked: Asked, work: Path, parts: Sequence[Part], warmup_max_s: float, max_s: float, progress: Say) -> Part:
    """Let one process measure; the first also starts each model once in a process of its own."""
    target, protocol, files = asked.target, asked.protocol, asked.files
    _request(asked, work, parts, warmup_max_s, max_s)
    cold = parts[0][0]["cold"] if parts else {}
    if not parts and target.runtime != AS_IT_IS:
        progress(f"{target.name}: prepares {len(asked.models)} models")
        call(target, ["prepare", "request.json"], work, timeout_s=PREPARE_S)
    for name in [] if parts else asked.models:
        progress(f"{target.name}: {name} in a fresh process")
        cold[name] = call(target, ["cold", "request.json", "--model", name], work, timeout_s=300)
        recording.told(recording.Cold, cold[name], target.name)
    which = f"process {len(parts) + 1} of {protocol.processes}, " if protocol.processes > 1 else ""
    progress(f"{target.name}: {which}{len(files)} models in turns, {protocol.seconds:g} s each")
    scoring_s = 2 * len(asked.x) * sum(each["first_ms"] for each in cold.values()) / 1e3
    timing_s = len(files) * (warmup_max_s + max(max_s, protocol.seconds))
    begin = time.monotonic()
    answer = call(target, ["bench", "request.json"], work, timeout_s=120 + scoring_s + timing_s)
    passed_s = time.monotonic() - begin
    try:
        facts, arrays = _read(asked, work, answer)
    except (LookupError, TypeError, ValueError, AttributeError, OSError) as problem:
        raise _unreadable(target.name, problem) from problem
    plausibility.latencies({name: each for name, each in arrays.items() if name.endswith(".ns")}, passed_s, target)
    if not parts:
        said = {name: arrays[f"{name}.outputs"] for name in asked.models}
        plausibility.answers(asked.models, asked.x, said, target, work.parent)
    return {**facts, "cold": cold}, arrays


def _read(asked: Asked, work: Path, answer: Mapping[str, Any]) -> Part:
    told = {each["name"]: each for each in answer["models"]}
    arrays = samples_of(_own(work, answer["samples"]), [each["name"] for each in answer["models"]], asked.target.name)
    for name in asked.models:
        arrays[f"{name}.outputs"] = scores_of(_own(work, told[name]["outputs"]), name, len(asked.x), asked.target.name)
    facts = {**{key: answer[key] for key in PROCESS}, "clocks": answer.get("clocks", {}), "models": told}
    recording.told(recording.Measured, facts, asked.target.name)
    return facts, arrays


def _own(work: Path, name: str) -> Path:
    """Give a file that the target wrote into its folder; a name that leads elsewhere is no answer."""
    if Path(name).name != name:
        raise ValueError(f"a file {name!r}")
    return work / name


def _unreadable(target: str, problem: Exception) -> Mismatch:
    return Mismatch(
        f"target {target!r} tells of its measurement what cannot be read: {type(problem).__name__}: {problem}",
        hint="is it the device that you think?",
    )


def arrays_of(path: Path, target: str) -> Arrays:
    """Read the arrays of an .npz file that a target wrote, by name. Raises Mismatch where the file is damaged."""
    try:
        return unpacking.arrays(path)
    except unpacking.DAMAGED_ZIP as problem:
        raise _unreadable(target, problem) from problem


def samples_of(path: Path, names: Sequence[str], target: str) -> Arrays:
    """Read the latencies that a target wrote, (rounds, samples) of each model. Raises Mismatch where the file is damaged or lacks one."""
    held = arrays_of(path, target)
    lacking = [name for i, name in enumerate(names) if f"ns_{i}" not in held]
    if lacking:
        raise _unreadable(target, ValueError(f"{lacking[0]} is not in it"))
    found = {f"{name}.ns": held[f"ns_{i}"] for i, name in enumerate(names)}
    for name, each in found.items():
        if each.ndim != 2 or each.dtype.kind not in "iuf" or not each.size:
            raise _unreadable(target, ValueError(f"{name} is {each.dtype} of shape {each.shape}"))
    return found


def scores_of(path: Path, name: str, n: int, target: str) -> NDArray[Any]:
    """Read a model's answers that a target wrote, (n, classes). Raises Mismatch where the file is damaged or holds something else."""
    try:
        with path.open("rb") as file:
            scores: NDArray[Any] = unpacking.array(file, path.stat().st_size)
    except unpacking.DAMAGED_ZIP as problem:
        raise _unreadable(target, problem) from problem
    if scores.dtype.kind not in "iuf":
        raise _unreadable(target, ValueError(f"{scores.dtype} are no scores"))
    if scores.ndim != 2 or len(scores) != n:
        raise Mismatch(f"{name} answers {n} spectra with {scores.shape}, not with (n, classes) scores")
    broken = int((~np.isfinite(scores)).any(axis=1).sum())
    if broken:
        raise Mismatch(
            f"{name} answers {broken} of {n} spectra with scores that are no numbers",
            hint="a half-precision overflow, or a spectrum that is constant or not finite",
        )
    return scores


def _energy(asked: Asked, work: Path, kept: Path, progress: Say) -> dict[str, dict[str, Any]]:
    """Measure what a call of each model takes, or say why not."""
    if not asked.protocol.energy:
        return {
            name: {"mj": None, "reason": f"mode {asked.protocol.mode} does not measure it"} for name in asked.models
        }
    found: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(asked.models):
        path = kept / f"energy-{i}.json"
        if not path.is_file():
            progress(f"{asked.target.name}: energy of {name}")
            told = call(asked.target, ["energy", "request.json", "--model", name], work, timeout_s=ENERGY_S)
            recording.told(recording.Energy, told, asked.target.name)
            storage.write_json(path, told)
        found[name] = unpacking.parse_json(path.read_text(encoding="utf-8"))
        if found[name]["mj"] is None and not found[name].get("rail"):
            return dict.fromkeys(asked.models, found[name])  # no sensor: none for the others either
    return found


def _merged(asked: Asked, hello: dict[str, Any], energy: dict[str, Any], parts: Sequence[Part]) -> Session:
    outputs = {name: parts[0][1][f"{name}.outputs"] for name in asked.models}
    differing = {
        name: max(int((each.argmax(1) != arrays[f"{name}.outputs"].argmax(1)).sum()) for _, arrays in parts)
        for name, each in outputs.items()
    }
    protocol = asked.protocol
    code = {  # what a compiler made
        name: each["code_bytes"] for name, each in parts[0][0]["models"].items() if "code_bytes" in each
    }
    facts = {
        "target": asked.target.name,
        "runtime": asked.target.runtime,
        "source": asked.target.source,
        "protocol": asdict(protocol),
        "reference": asked.reference,
        "float_of": dict(asked.float_of),
        "seed": asked.seed,
        "against": {name: list(asked.against.get(name, ())) for name in asked.models},
        "worse": {name: dict(each) for name, each in asked.worse.items()},
        "files": {
            name: {"digest": storage.file_digest(path), "size_bytes": code.get(name, path.stat().st_size)}
            for name, path in asked.models.items()
        },
        "hello": hello,
        "cold": parts[0][0]["cold"],
        "energy": energy,
        "differing": differing,
        "processes": [
            {
                **{key: facts[key] for key in (*PROCESS, "clocks", "models")},
                "rounds": len(arrays[f"{asked.reference}.ns"]),
            }
            for facts, arrays in parts
        ],
    }
    names = [*asked.models, TWIN.format(asked.reference)]
    ns = {name: np.concatenate([arrays[f"{name}.ns"] for _, arrays in parts]) for name in names}
    return Session(facts, ns, outputs, asked.y)
