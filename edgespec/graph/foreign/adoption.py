"""From somebody else's ONNX file to the files of ours: adapted, laid out for speed, proved to answer the same."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from scipy.special import softmax

from edgespec import storage
from edgespec.artifact import OnnxModel, Variant
from edgespec.contract import stamp
from edgespec.errors import Mismatch, Mistake
from edgespec.graph import assembly, exporter, names, onnx_file
from edgespec.graph.foreign import batch, checks, ends, file, labels, planes, surgery, trial
from edgespec.graph.foreign.ends import Input, Original, Output
from edgespec.job import Job

Array = NDArray[Any]
CHECKED = 256  # training spectra on which the files are compared, one at a time
NEAR, ROUNDING = 1e-5, 2e-6  # of a probability; of the largest logit, where that allows more
COPY = "original.onnx"


@dataclass(frozen=True)
class Told:
    """What the recipe says of the file. labels: of its numbers, in their order; output, answers: which and what, where it must be said."""

    path: Path
    labels: Sequence[str] | None = None
    output: str | None = None
    answers: str = "auto"


def adopt(job: Job, told: Told) -> OnnxModel:
    """Write `model.onnx` (laid out for speed) and `default.onnx` (as it came, within our ends), and keep a copy of the file.

    Raises Mistake for a file that cannot be adopted, Mismatch (exit 4) where ours answer otherwise than the file itself.
    """
    path, front = told.path, job.front()
    source = file.read(path)
    checks.check(source, path)
    taken = ends.of_input(source, path)
    axis = {"low": float(job.spectra.axis[0]), "high": float(job.spectra.axis[-1])}
    ends.check_points(taken, front.points, axis, path)
    trial.run(source, *taken.once(front.points), path)
    said = labels.known(source, path)
    x = job.checked(CHECKED)
    before = exporter.of_front(front)
    prepared = x if before is None else onnx_file.ask(onnx_file.session(before.SerializeToString()), x)
    answers = Original(source, taken, path).ask(prepared)
    classes = len(told.labels or said.names or job.spectra.labels)
    output = ends.of_output(answers, len(x), classes, told.output, told.answers, path)
    names = labels.names(said, told.labels, job.spectra.labels, path)
    columns = labels.order(names, job.spectra.labels, path)
    expected = wanted(answers[output.name], output, names, columns, len(x), path)
    raw = said.names if output.kind == "labels" and said.names else names
    plain, free = networks(source, taken, output, columns, raw, prepared, path)
    variants = _written(job, before, {"float32": fast(free), "default": plain}, x, expected, output)
    shutil.copyfile(path, job.folder / COPY)
    notes = _notes(path, source, taken, output, answers, expected, names, columns)
    for note in notes:
        job.progress.say(note)
    facts = {"opset": checks.opset(free), "notes": notes, "adopted": _facts(path, source, taken, output)}
    return OnnxModel(job.folder, _title(path), front.points, len(columns), variants, facts)


def networks(
    source: onnx.ModelProto,
    taken: Input,
    output: Output,
    columns: Sequence[int],
    names: Sequence[str],
    prepared: Array,
    path: Path,
) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Give the file within our ends as it came, and with its batch free."""
    cut = surgery.cut(source, output)
    cut = replace(cut, model=surgery.raised(cut.model, path))
    network = surgery.network(cut, taken, prepared.shape[1], columns, names)
    free = _freed(network, taken, prepared, path)
    return free if taken.batch > 1 else network, free


def wanted(answer: Any, output: Output, names: Sequence[str], columns: Sequence[int], n: int, path: Path) -> Array:
    """(n, classes): what our probabilities must be, by the file's own answers, in the order of the data's labels."""
    if output.kind == "labels":
        said = [each.decode() if isinstance(each, bytes) else str(each) for each in np.ravel(answer).tolist()]
        numbers = {name: i for i, name in enumerate(names)}
        rows = np.array([numbers.get(each, -1) if each in numbers else _number(each) for each in said])
        logits = surgery.SCORE * (rows[:, None] == np.arange(len(names)))
        return softmax(logits[:, list(columns)], axis=1)  # type: ignore[no-any-return]
    values = ends.flat(answer, n)
    assert values is not None  # `of_output` chose it by its numbers
    if not np.isfinite(values).all():
        raise Mistake(f"{path} answers NaN for training spectra", hint="are they prepared as in its training?")
    if output.columns == 1 and output.kind == "probabilities":
        values = np.concatenate([1 - values, values], axis=1)
    elif output.columns == 1:
        values = np.concatenate([np.zeros_like(values), values], axis=1)
    values = values[:, list(columns)].astype(np.float64)
    if output.kind == "logits":
        return softmax(values, axis=1)  # type: ignore[no-any-return]
    values = np.maximum(values, surgery.TINY)
    return values / values.sum(1, keepdims=True)  # type: ignore[no-any-return]


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdecimal() else -1


def _freed(network: onnx.ModelProto, taken: Input, prepared: Array, path: Path) -> onnx.ModelProto:
    found = batch.freed(network, taken.batch, prepared)
    if found is None:
        fixed = f"a batch of {taken.batch}" if taken.batch else "one spectrum at a time"
        raise Mistake(
            f"{path} is made for {fixed}, and its answers change or fail when that number does",
            hint="export it with a free batch (torch: dynamic_shapes; Keras: input shape (None, ...))",
        )
    return found


def fast(network: onnx.ModelProto) -> onnx.ModelProto:
    """Lay convolutions out for ONNX Runtime's fast layout and fold what is constant; transposes that cancel go."""
    wide = surgery.finished(planes.widened(network))
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save(wide, before)
        onnx_file.fold(before, after)
        folded = onnx.load(after)
    if any(node.domain not in checks.DOMAINS for node in folded.graph.node):
        return wide
    return planes.slimmer(wide, surgery.finished(exporter.slimmed(folded)))


def _written(
    job: Job,
    front: onnx.ModelProto | None,
    networks: dict[str, onnx.ModelProto],
    x: Array,
    wanted: Array,
    output: Output,
) -> dict[str, Variant]:
    variants = {}
    for name, title, role, sizes in (
        ("float32", "model.onnx", "candidate", onnx_file.BATCHES),
        ("default", "default.onnx", "reference", (1,)),
    ):
        whole, path = assembly.joined(front, networks[name]), job.folder / title
        stamp(whole, job.contract())
        whole = names.shortened(whole) if role == "candidate" else names.traceless(whole)
        storage.write(path, whole.SerializeToString())
        evidence = job.folder.parent / f"{name}-mismatch.npz"
        logits = onnx_file.run(path, x, 1)
        difference = check(logits, wanted, title, evidence, x)
        found = onnx_file.parity(path, x, logits, least=1.0, most=1e-3, evidence=evidence, sizes=sizes)
        facts = {"parity": asdict(found), "original": difference, "kernels": onnx_file.kernels(path)}
        variants[name] = Variant(title, role, facts=facts)
    return variants


def check(logits: Array, wanted: Array, title: str, evidence: Path, x: Array) -> float:
    """Give the largest difference of a probability from the file's own. Raises Mismatch beyond NEAR, or rounding."""
    found = softmax(logits.astype(np.float64), axis=1)
    difference = float(np.abs(found - wanted).max())
    if not difference <= max(NEAR, ROUNDING * float(np.abs(logits).max())):
        kept = io.BytesIO()
        np.savez(kept, x=x, source=wanted, answers=found)
        storage.write(evidence, kept.getvalue())
        raise Mismatch(
            f"{title} and the adopted file disagree: a probability differs by {difference:.3g}; {NEAR:g} is tolerated",
            hint=f"the evidence is in {evidence}; `answers:` says what the file's numbers are",
        )
    return difference


def _notes(
    path: Path, source: onnx.ModelProto, taken: Input, output: Output, answers: dict[str, Any], wanted: Array,
    names: Sequence[str], columns: Sequence[int],
) -> list[str]:  # fmt: skip
    """Say what was taken for granted and what a reader must know."""
    found = [f"{path.name}: output {output.name} is taken as {output.kind} of {len(names)} classes"]
    if output.kind == "labels":
        found = [f"{path.name} answers labels alone: no confidence of a single answer is known"]
    if taken.batch:
        found.append(
            f"{path.name}: its batch of {taken.batch} was freed; answers alone, in pairs and 65 at a time agree"
        )
    if operators := checks.learned_domain(source):
        found.append(
            f"{path.name} holds operators of ai.onnx.ml ({', '.join(operators)}): OpenVINO and TensorRT do not run them"
        )
    words = [each for each in answers.values() if isinstance(each, np.ndarray) and each.dtype.kind in "iuUSO"]
    if output.kind != "labels" and len(words) == 1 and words[0].size == len(wanted):
        own = [each.decode() if isinstance(each, bytes) else str(each) for each in words[0].ravel().tolist()]
        ours = [names[columns[i]] for i in wanted.argmax(1)]
        apart = sum(a != b for a, b in zip(own, ours, strict=True))
        if apart and set(own) <= set(names):
            found.append(
                f"{path.name}: its own label is not its largest {output.kind} in {apart} of {len(own)} spectra"
            )
    return found


def _facts(path: Path, source: onnx.ModelProto, taken: Input, output: Output) -> dict[str, Any]:
    return {
        "file": str(path),
        "digest": storage.file_digest(path),
        "bytes": path.stat().st_size,
        "producer": f"{source.producer_name} {source.producer_version}".strip()[:80],
        "opset": checks.opset(source),
        "ai.onnx.ml": checks.learned_domain(source),
        "input": asdict(taken),
        "output": asdict(output),
    }


def _title(path: Path) -> str:
    """Give the file's name, as far as a table can show it."""
    return "".join(mark if mark.isprintable() else "?" for mark in path.stem)[:40] or "adopted"
