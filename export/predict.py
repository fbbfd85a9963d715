"""`runner.py predict`: what the spectra in these files are, one answer a line, and a summary."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import contract as contracts
from contract import Contract
from model import Loaded, find_runtime, open_model
from refusal import RefusalError
from spectra import files
from spectra.axes import Wanted
from spectra.checks import ready
from spectra.track import Track

MODEL = "model.onnx"


def answers(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Answer every spectrum, or say why not, and go on; the last object sums up and has the exit code.

    0 all were answered, 2 a spectrum was refused.
    Raises RefusalError where the model itself is no good.
    """
    if asked.top < 1 or asked.threads < 1 or (asked.laser is not None and not 100 < asked.laser < 20_000):
        raise RefusalError(2, "--top and --threads count from 1, --laser is in nm", "runner.py predict --help")
    path = file_of(asked.model)
    runtime = find_runtime(asked.runtime)
    model = open_model(runtime, {"name": path.name, "file": str(path)}, asked.threads)
    contract = contracts.find(model, path)
    wanted = Wanted(asked.unit, asked.laser, contract.technique, contract.intensity)
    listed = files.files(asked.files)
    codes, answered, unknown = [], 0, 0
    for number, name in enumerate(listed, start=1):
        for told in _of_file(name, model, contract, wanted, asked.top):
            codes.append(told.pop("code"))
            answered += "label" in told
            unknown += told.get("flag") == "unknown"
            yield dict(told, number=number, of=len(listed))
    yield {
        "model": str(path),
        "runtime": str(runtime.version()),
        "contract": contract.plain,
        "answered": answered,
        "unknown": unknown,
        "refused": len(codes) - answered,
        "exit_code": max(codes, default=0),
    }


def file_of(given: Path) -> Path:
    """Give the model's file: `given` itself, or that of a bundle folder. Raises RefusalError where there is none."""
    path = given / MODEL if given.is_dir() else given
    if not path.is_file():
        told = f"{given} is no bundle: it holds no {MODEL}" if given.is_dir() else f"there is no file {given}"
        raise RefusalError(2, told, "name an .onnx file, or a folder that edgespec export made")
    return path


def _of_file(
    name: str | RefusalError, model: Loaded, contract: Contract, wanted: Wanted, top: int
) -> Iterator[dict[str, Any]]:
    try:
        if isinstance(name, RefusalError):
            raise name
        tracks = files.read(name, wanted)
    except RefusalError as refusal:
        yield _refused(str(name), refusal)
        return
    for track in tracks:
        try:
            told = _answer(track, model, contract, wanted, top)
        except RefusalError as refusal:
            told = _refused(track.name, refusal)
        yield told


def _refused(name: str, refusal: RefusalError) -> dict[str, Any]:
    return dict(refusal.answer, file=name, code=refusal.code)


def _answer(track: Track, model: Loaded, contract: Contract, wanted: Wanted, top: int) -> dict[str, Any]:
    found = ready(track, contract, wanted)
    with np.errstate(all="ignore"):
        told = contracts.answer(model, found.x)
    probabilities, score = told["probabilities"][0], told["score"]
    if not np.isfinite(probabilities).all() or (score is not None and not np.isfinite(score).all()):
        hint = "divide the intensities by a number, the same for all"
        raise RefusalError(2, f"{track.name}: the model has no finite answer to it", hint)
    order = np.argsort(-told["logits"][0], kind="stable")
    named = [{"label": contract.labels[i], "probability": float(probabilities[i])} for i in order]
    low = None if score is None else float(np.ravel(score)[0])
    flag = None
    if low is not None and contract.threshold is not None:
        flag = "unknown" if low < contract.threshold else "known"
    return {
        "file": track.name,
        "label": named[0]["label"],
        "probability": named[0]["probability"],
        "flag": flag,
        "score": low,
        "runner_up": named[1] if len(named) > 1 else None,
        "top": named[:top],
        "covered": found.covered,
        "range_cm1": [found.low_cm1, found.high_cm1],
        "notes": list(found.notes),
        "code": 0,
    }
