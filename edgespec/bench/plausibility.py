"""Is what a device says believable? Its answers are compared with those of the same files here, its latencies with the time that passed.

A device may be another one than its owner thinks, its runtime may compute something else than the file says, and its clock may stand
still. Accuracy is always that of the device's own answers; this says whether they are the file's answers too.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import unpacking
from edgespec.errors import Mismatch
from edgespec.targets import runner
from edgespec.targets.card import Target

HERE = Target("here", "onnxruntime", description="the workstation, as a witness")
SPECTRA = 256
MARGINS = {"float32": 1e-2, "fp16": 2e-2, "int8": 5e-2}
"""How far apart, as a share of the largest logit, answers to the same spectrum may be; wider than runtimes differ here, as a GPU rounds more."""
TICK_S = 0.1
Array = NDArray[Any]


def answers(models: Mapping[str, Path], x: Array, said: Mapping[str, Array], target: Target, work: Path) -> None:
    """Compare what a target answered with what ONNX Runtime answers here, on at most 256 spectra drawn after it has answered.

    models: variant -> ONNX file, or C code beside its ONNX file; x: (n, points); said: variant -> its scores (n, classes)
    work: where files may lie for a moment
    A spectrum disagrees where another label is named and the two labels' logits are further apart than the margin, or where the
    logits as a whole are two margins apart. Raises Mismatch for the first file with such a spectrum. ONNX Runtime on this very
    machine needs no witness.
    """
    if target.reach == "local" and target.runtime == HERE.runtime and not (target.python or target.provider):
        return
    rows = np.sort(np.random.default_rng().permutation(len(x))[:SPECTRA])
    with tempfile.TemporaryDirectory(dir=work, prefix=".witness-") as name:
        folder = Path(name)
        np.save(folder / "spectra.npy", np.ascontiguousarray(x[rows], np.float32))
        files = {variant: f"{i}.onnx" for i, variant in enumerate(models)}
        witnesses = {variant: _witness(path) for variant, path in models.items()}
        for variant, path in witnesses.items():
            shutil.copyfile(path, folder / files[variant])
        named = [{"name": file.removesuffix(".onnx"), "file": file} for file in files.values()]
        request = {"runtime": HERE.runtime, "threads": 1, "spectra": "spectra.npy", "models": named, "batches": [1]}
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        for variant, file in files.items():
            number = file.removesuffix(".onnx")
            runner.call(HERE, ["answers", "request.json", "--model", number], folder, timeout_s=300)
            own = unpacking.arrays(folder / f"{number}.npz", "1")["1"]
            _compare(variant, own, said[variant][rows], _margin(variant, witnesses[variant]), target)


def _witness(path: Path) -> Path:
    """Give the ONNX file that answers for a model: of C code, the one that it was made of."""
    return path.with_suffix(".onnx") if path.suffix == ".c" else path


def latencies(samples: Mapping[str, Array], passed_s: float, target: Target) -> None:
    """Check that latencies (ns) are numbers above 0, and that all together took no longer than `passed_s`, the time that passed here.

    Raises Mismatch where they can't be true.
    """
    for name, each in samples.items():
        wrong = int((~(np.isfinite(each) & (each > 0))).sum())
        if wrong or not each.size:
            told = (
                f"{wrong} of {each.size} latencies of {name} that no clock gives"
                if each.size
                else f"no latency of {name}"
            )
            raise Mismatch(f"target {target.name!r} tells {told}", hint="is it the device that you think?")
    total_s = sum(float(each.sum()) for each in samples.values()) / 1e9
    if total_s > passed_s + TICK_S:
        raise Mismatch(
            f"target {target.name!r} tells {total_s:.1f} s of calls, and only {passed_s:.1f} s have passed here",
            hint="its clock runs too fast, or it is not the device that you think",
        )


def _margin(variant: str, path: Path) -> float:
    if b"QuantizeLinear" in path.read_bytes():
        return MARGINS["int8"]
    return MARGINS["fp16" if "16" in variant else "float32"]


def _compare(variant: str, own: Array, said: Array, margin: float, target: Target) -> None:
    """Raise Mismatch where `said` can't be what the file answers: (n, classes) both."""
    told = (
        f"target {target.name!r} answers with {said.shape[1:]} scores of {variant}, the file gives {own.shape[1:]} here"
    )
    if said.shape != own.shape:
        raise Mismatch(told, hint="is it the device that you think?")
    scale = np.maximum(np.abs(own).max(axis=1), 1e-12)
    behind = own.max(axis=1) - np.take_along_axis(own, said.argmax(axis=1)[:, None], axis=1)[:, 0]
    apart = np.abs(own - said).max(axis=1) / scale
    wrong = (behind > margin * scale) | ~(apart <= 2 * margin)
    if wrong.any():
        raise Mismatch(
            f"target {target.name!r} answers {int(wrong.sum())} of {len(own)} spectra unlike {variant} does here in ONNX Runtime"
            f" (by up to {np.nanmax(apart):.2g} of the largest logit, {margin:g} is tolerated)",
            hint="is it the device that you think? else its runtime computes something else than the file says: edgespec verify there",
        )
