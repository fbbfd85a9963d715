"""Does int8 pay on a target, and from which stage on? Asked of the target itself: the float file and int8 files in turns in one session.

Where the first layers have few channels their int8 kernels do little and each of their tensors is rounded and laid out anew: a file whose first
stages stay in float may be the faster one.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import onnx

from edgespec import storage, units
from edgespec.bench import measure, paired, session
from edgespec.bench.paired import Pair
from edgespec.compression.quantization import qdq, sensitivity
from edgespec.compression.quantization.ranges import Range
from edgespec.compression.quantization.sensitivity import Judge, Promises, Settled
from edgespec.errors import BrokenPromise, Mismatch
from edgespec.graph import assembly, compatibility, exporter, names, onnx_file
from edgespec.job import Job
from edgespec.targets import card as cards

FLOAT = "float32"
SECONDS, SPECTRA = 1.0, 64
KEPT = "pays.json"  # what the target said, beside the unfinished step


@dataclass(frozen=True)
class Tried:
    """A file that was asked about: how many of the first layers stay in float, and its latency beside the float file's.

    ratio: of the latencies, with its 95 % interval; slower, faster: than the float file, by more than 5 % and beyond chance
    """

    first_float: int
    size_bytes: int
    ratio: float
    interval: tuple[float, float]
    slower: bool
    faster: bool

    def words(self) -> str:
        """Give the ratio with its interval."""
        return f"{self.ratio:.2f} ({self.interval[0]:.2f} to {self.interval[1]:.2f})"


@dataclass(frozen=True)
class Answer:
    """What the target said: every file tried, and which of them is kept (its place in `tried`); None where float32 is faster than all."""

    target: str
    float32_us: float
    float32_bytes: int
    tried: tuple[Tried, ...]
    kept: int | None

    def told(self) -> str:
        """Word the outcome, and what the smaller size would cost where none is kept."""
        best = self.tried[self.kept if self.kept is not None else _fastest(self.tried)]
        size = f"{units.show_size(best.size_bytes)} instead of {units.show_size(self.float32_bytes)}"
        first = f", the first {best.first_float} of its layers in float32," if best.first_float else ""
        time = f"{best.words()} of float32's time on {self.target}"
        if self.kept is None:
            return f"int8 does not pay: the fastest such file{first} takes {time} ({size}) and is not made; without `pays` it is"
        if best.faster:
            return f"int8 pays: cpu-int8{first} takes {time} ({size})"
        return f"int8 is as fast as float32: cpu-int8{first} takes {time}, and is smaller ({size})"


def settle(
    job: Job,
    origin: Path,
    network: onnx.ModelProto,
    ranges: Mapping[str, Range],
    judge: Judge,
    table: Sequence[Mapping[str, Any]],
    promises: Promises,
    target: str,
) -> tuple[Settled | None, Answer]:
    """Give the fastest int8 network on the target that keeps its promises, None where the float file is faster than all; and what was asked.

    origin: the float file; network: its network, `ready`; table: what `sensitivity.scan` gave
    Raises BrokenPromise where no network keeps its promises, and what `measure` raises.
    """
    card = cards.load(target)
    measure.check_timed(card)
    whole = assembly.unanswered(onnx.load(origin))
    settled: list[tuple[int, Settled]] = []
    files = {FLOAT: whole.SerializeToString()}
    broken: BrokenPromise | Mismatch | None = None
    for first in prefixes(network):
        try:
            found = sensitivity.settle("cpu", network, ranges, judge, table, promises, always=first)
            content = _whole(job, whole, found.network)
        except (BrokenPromise, Mismatch) as problem:
            broken = broken or problem
            job.progress.say(
                f"quantize: int8 with the first {len(first)} layers in float32 is not asked about: {problem.message}"
            )
            continue
        if all(set(found.floats) != set(other.floats) for _, other in settled):
            settled.append((len(first), found))
            files[f"int8 {len(first)}"] = content
    if not settled:
        assert broken is not None
        raise broken
    answer = _kept(job, target, files) or _asked(job, target, files, [first for first, _ in settled])
    job.progress.say(f"quantize: {answer.told()}")
    return (None if answer.kept is None else settled[answer.kept][1]), answer


def prefixes(network: onnx.ModelProto) -> list[list[str]]:
    """Give the layers that may stay in float together: none, then those of the first stage, of the first two, and so on, never all.

    The layer that takes the spectrum is a stage; further ones end where the number of positions changes from a layer to the next. Layers of one
    position on the way (squeeze-and-excitation, thresholds) belong to the stage that they are in.
    """
    sizes, makers = onnx_file.shapes(network), {node.name: node for node in network.graph.node}
    layers = [each.name for each in qdq.layers(network)]
    places = [_positions(makers[name], sizes) for name in layers]
    for i, place in enumerate(places):
        if i and place == 1 and max(places[i:]) > 1:
            places[i] = places[i - 1]
    ends = [i + 1 for i in range(len(layers) - 1) if i == 0 or places[i] != places[i + 1]]
    return [[], *(layers[:end] for end in ends)]


def chosen(tried: Sequence[Tried], pairs: Callable[[int, int], Pair]) -> int | None:
    """Choose among files: the smallest of those that cannot be told to be slower than the fastest; None where that one is slower than float32.

    pairs: the latency of one place over another's
    """
    fastest = _fastest(tried)
    close = [i for i in range(len(tried)) if not pairs(i, fastest).slower and not tried[i].slower]
    return min(close, key=lambda i: (tried[i].size_bytes, tried[i].ratio)) if close else None


def _fastest(tried: Sequence[Tried]) -> int:
    return min(range(len(tried)), key=lambda i: tried[i].ratio)


def _positions(node: onnx.NodeProto, sizes: Mapping[str, list[int]]) -> int:
    shape = sizes.get(node.output[0], [])
    return shape[-1] if node.op_type == "Conv" and shape else shape[-2] if len(shape) > 2 else 1


def _whole(job: Job, model: onnx.ModelProto, network: onnx.ModelProto) -> bytes:
    """Give the file of a rounded network. Raises Mismatch where ONNX Runtime would not run a rounded convolution in int8."""
    joined = assembly.joined(assembly.front(model), exporter.slimmed(network))
    joined.metadata_props.extend(model.metadata_props)
    made: bytes = names.shortened(joined).SerializeToString()
    with tempfile.TemporaryDirectory(dir=job.folder, prefix=".kernels-") as name:
        path = Path(name) / "cpu-int8.onnx"
        path.write_bytes(made)
        onnx_file.check_kernels(path)
    return made


def _asked(job: Job, target: str, files: Mapping[str, bytes], first: Sequence[int]) -> Answer:
    """Let the target time all files in turns; keep its answer beside the unfinished step."""
    rows = job.splits.rows(None, valid=True)
    rows = (rows if len(rows) else job.splits.rows(None))[:SPECTRA]
    x, y = job.spectra.x[rows], job.spectra.y[rows]
    with tempfile.TemporaryDirectory(dir=job.folder, prefix=".bench-") as name:
        work, paths = Path(name), dict[str, Path]()
        for i, (title, content) in enumerate(files.items()):
            paths[title] = work / f"{i}.onnx"
            paths[title].write_bytes(content)
        card = cards.load(target)
        found = measure.measure(
            compatibility.as_run(paths, card, work / "sent"), x, y, card, work / "bench", reference=FLOAT, float_of={}, seconds=SECONDS,
            seed=job.seed, progress=job.progress.say,
        )  # fmt: skip
        pair = paired.of_session(session.load(work / "bench" / f"{target}.samples.npz"))
    titles = [title for title in files if title != FLOAT]
    beside = [pair(title, FLOAT) for title in titles]
    tried = tuple(
        Tried(many, len(files[title]), each.ratio, each.interval, each.slower, each.faster)
        for many, title, each in zip(first, titles, beside, strict=True)
    )
    kept = chosen(tried, lambda one, other: pair(titles[one], titles[other]))
    answer = Answer(target, found[0].p50_ms * 1e3, len(files[FLOAT]), tried, kept)
    if job.unfinished is not None:
        told = {"files": _key(target, files), "answer": asdict(answer)}
        job.unfinished.keep(job.unfinished.folder / KEPT, json.dumps(told).encode())
    return answer


def _kept(job: Job, target: str, files: Mapping[str, bytes]) -> Answer | None:
    """Give what the target said of the very same files before the step was interrupted: a choice is measured once."""
    try:
        if job.unfinished is None:
            return None
        told = json.loads((job.unfinished.folder / KEPT).read_text(encoding="utf-8"))
        if told["files"] != _key(target, files):
            return None
        said = told["answer"]
        tried = tuple(Tried(**{**each, "interval": tuple(each["interval"])}) for each in said["tried"])
        return replace(Answer(**{**said, "tried": tried}))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _key(target: str, files: Mapping[str, bytes]) -> str:
    return storage.digest(
        target, *(part for title, content in files.items() for part in (title, storage.digest(content.hex())))
    )
