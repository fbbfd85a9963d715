"""What leaves the workstation: one folder with the model, its contract, test vectors, a model card, checksums and the program that runs it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgespec import contract, plugins, storage
from edgespec.bundle import model_card, signature
from edgespec.contract import Contract
from edgespec.data.splits import occurrence
from edgespec.errors import Mistake
from edgespec.graph import onnx_file
from edgespec.graph import retarget as instruments
from edgespec.job import Job
from edgespec.pipeline.run import Run
from edgespec.report import Report, choice
from edgespec.spectra import Floats, interpolate
from edgespec.targets import card as cards
from edgespec.targets.card import Target

VECTORS = 32
MODEL, CONTRACT, SPECTRA, CARD, SUMS = (
    "model.onnx", "contract.json", "test_vectors.npz", "MODEL_CARD.md", "SHA256SUMS",
)  # fmt: skip
CHECKED = 256


@dataclass(frozen=True)
class Written:
    """What was written: where, which file of the run, its contract, its size in bytes."""

    folder: Path
    variant: str
    contract: Contract
    size_bytes: int


def write(
    run: Run, out: Path, *, variant: str | None = None, axis: Path | None = None, sign: Path | None = None
) -> Written:
    """Write the bundle of a run into `out`, which is replaced as a whole.

    variant: the file; the one that this machine is to run if not said
    axis: a file with an instrument's own axis, which the graph is then made to take
    sign: a private key, by which all of it is signed
    Raises Mistake for a run without a calibrated file or an unknown variant; what `retarget` raises for the axis, and `signature.sign` for the key.
    """
    check_place(out)
    signature.ready(sign)
    with run.locked():
        job, made, result = run.job, run.model, run.report
        name = choose(run, variant, cards.load(choice.HERE))
        with storage.whole_folder(out) as part:
            path = part / MODEL
            shutil.copyfile(made.path(name), path)
            if axis is not None:
                retarget(path, axis, job, out.parent / f"{out.name}-mismatch.npz")
            written = fill(part, job, result, name)
            seal(part, sign)
    return replace(written, folder=out)


def retarget(path: Path, axis: Path, job: Job, evidence: Path) -> None:
    """Make a model take an instrument's own axis, checked against what it was."""
    before = path.with_name("before.onnx")
    shutil.copyfile(path, before)
    own = instruments.read(axis, contract.load(path))
    instruments.retarget(path, own)
    instruments.check(before, path, job.checked(CHECKED), own, evidence)
    before.unlink()


def fill(part: Path, job: Job, result: Report, name: str, runtimes: Sequence[str] = ("onnxruntime",)) -> Written:
    """Put beside the model, which lies in `part` already, all but the checksums.

    name: the variant that it is; runtimes: that the device's program is to have
    """
    path = part / MODEL
    said = contract.load(path)
    storage.write_json(part / CONTRACT, said.plain())
    storage.write(part / SPECTRA, _vectors(job, path, said))
    storage.write(part / CARD, model_card.text(result, name, said, path.stat().st_size).encode())
    _program(part, runtimes)
    return Written(part, name, said, path.stat().st_size)


def seal(part: Path, sign: Path | None = None) -> None:
    """Write the checksums of all that lies in a bundle, and sign them with it where there is a key."""
    storage.write(part / SUMS, _sums(part).encode())
    if sign is not None:
        signature.sign(part, sign)


def choose(run: Run, variant: str | None, card: Target) -> str:
    """Name the file to ship to a target: the one asked for, else the run's choice for it (`report.choice`).

    Raises Mistake where there is none, or it is not calibrated.
    """
    made = run.model
    able = [name for name, each in made.variants.items() if each.role == "candidate"]
    if variant is not None and variant not in able:
        raise Mistake(f"there is no variant {variant!r} to ship", hint=plugins.did_you_mean(variant, able))
    told = None if variant is not None else choice.choose(run.report, run.plan.gates, card)
    if variant is None and told is None:
        told_of = f"target {card.name!r} takes {', '.join(card.precisions)}; this run made {', '.join(able)}"
        raise Mistake(told_of, hint="name one with --variant")
    name = variant or str(told["variant"])  # type: ignore[index]
    if not made.variants[name].facts.get("reject"):
        raise Mistake(f"{name} is not calibrated: it states no reject score", hint="end the recipe with 'calibrate'")
    return name


def check_place(out: Path) -> None:
    """Raise Mistake where writing would replace something that is no bundle."""
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / SUMS).is_file()):
        raise Mistake(f"{out} is there and is not a bundle: it is not replaced", hint="name another place with --out")


def _vectors(job: Job, path: Path, said: Contract) -> bytes:
    """Take spectra of the test part, evenly over the classes, and what the file answers to them."""
    rows = job.splits.test
    chosen = np.sort(rows[np.argsort(occurrence(job.spectra.y[rows]), kind="stable")][:VECTORS])
    x = _on(job, job.spectra.x[chosen], said)
    out: dict[str, Any] = onnx_file.outputs(path, x, batch=1)
    named = np.array(said.labels)[out["logits"].argmax(1)]
    kept = io.BytesIO()
    np.savez_compressed(kept, spectra=x, label=named, true=np.array(said.labels)[job.spectra.y[chosen]], **out)
    return kept.getvalue()


def _on(job: Job, x: Floats, said: Contract) -> Floats:
    """Bring spectra from the model's own axis to the contract's, where that is another."""
    wanted = said.values()
    if wanted.shape == job.spectra.axis.shape and np.allclose(wanted, job.spectra.axis):
        return x
    order = np.argsort(wanted)
    found = np.empty((len(x), len(wanted)), np.float32)
    for i, row in enumerate(x.astype(np.float64)):
        found[i, order] = interpolate(job.spectra.axis, row, wanted[order])[0]
    return found


def _program(part: Path, runtimes: Sequence[str]) -> None:
    """Put the device-side program beside the model."""
    for name, source in plugins.program(runtimes).items():
        (part / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(source, part / name)


def _sums(part: Path) -> str:
    """Give the checksums of all files, as `sha256sum -c` reads them."""
    files = sorted(path for path in part.rglob("*") if path.is_file() and path.name != SUMS)
    return "".join(f"{storage.file_digest(path)}  {path.relative_to(part).as_posix()}\n" for path in files)
