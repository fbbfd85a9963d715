"""`runner.py predict`: what the spectra in these files are, one answer a line, and a summary."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import checksums
import contract as contracts
from contract import Contract
from model import Loaded, of_bundle, open_model
from refusal import RefusalError
from spectra import files, lines, watch
from spectra.axes import Wanted
from spectra.checks import ready
from spectra.track import Track

MODEL = "model.onnx"


def answers(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Answer every spectrum, or say why not, and go on; the last object sums up and has the exit code.

    asked.watch: and go on with files that come, until interrupted; asked.stream: spectra on standard input, one a line

    0 all were answered, 2 a spectrum was refused.
    Raises RefusalError where the model itself is no good.
    """
    if asked.stream and (asked.watch or asked.files != [files.STDIN]):
        raise RefusalError(2, "--stream reads standard input alone", "runner.py predict MODEL - --stream")
    if asked.watch and files.STDIN in asked.files:
        raise RefusalError(2, "--watch watches folders, not standard input", "runner.py predict MODEL FOLDER --watch")
    if asked.top < 1 or asked.threads < 1 or (asked.laser is not None and not 100 < asked.laser < 20_000):
        raise RefusalError(2, "--top and --threads count from 1, --laser is in nm", "runner.py predict --help")
    path = file_of(asked.model)
    checksums.unchanged(path.parent)
    runtime = of_bundle(asked.runtime, path.parent)
    model = open_model(runtime, {"name": path.name, "file": str(path)}, asked.threads)
    contract = contracts.find(model, path)
    wanted = Wanted(asked.unit, asked.laser, contract.technique, contract.intensity)
    code, refused, answered, unknown = 0, 0, 0, 0
    try:
        for number, total, told in _asked(asked, model, contract, wanted):
            code = max(code, told.pop("code"))
            answered += "label" in told
            refused += "label" not in told
            unknown += told.get("flag") == "unknown"
            yield dict(told, number=number, of=total)
    except KeyboardInterrupt:
        if not asked.watch:  # a watch has no other end
            raise
    yield {
        "model": str(path),
        "runtime": str(runtime.version()),
        "contract": contract.plain,
        "answered": answered,
        "unknown": unknown,
        "refused": refused,
        "left_out": {} if asked.watch or asked.stream else files.left_out(asked.files),
        "exit_code": code,
    }


def file_of(given: Path) -> Path:
    """Give the model's file: `given` itself, or that of a bundle folder. Raises RefusalError where there is none."""
    path = given / MODEL if given.is_dir() else given
    if not path.is_file():
        told = f"{given} is not a bundle: it holds no {MODEL}" if given.is_dir() else f"there is no file {given}"
        raise RefusalError(2, told, "name an .onnx file, or a folder that edgespec export made")
    return path


def _asked(
    asked: argparse.Namespace, model: Loaded, contract: Contract, wanted: Wanted
) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Answer all that is asked about, with its number and how many there are, 0 where nobody knows."""
    if asked.stream:
        streamed = lines.tracks(sys.stdin.buffer, contract.axis)
        for number, (name, one) in enumerate(streamed, start=1):
            yield (
                number,
                0,
                next(
                    _of_tracks(
                        name, one if isinstance(one, RefusalError) else [one], model, contract, wanted, asked.top
                    )
                ),
            )
        return
    listed = files.files(asked.files) if not asked.watch else watch.names(asked.files)
    total = 0 if asked.watch else len(listed)
    for number, name in enumerate(listed, start=1):
        for told in _of_tracks(str(name), _read(name, wanted), model, contract, wanted, asked.top):
            yield number, total, told


def _read(name: str | RefusalError, wanted: Wanted) -> list[Track] | RefusalError:
    try:
        return name if isinstance(name, RefusalError) else files.read(name, wanted)
    except RefusalError as refusal:
        return refusal


def _of_tracks(
    name: str, tracks: list[Track] | RefusalError, model: Loaded, contract: Contract, wanted: Wanted, top: int
) -> Iterator[dict[str, Any]]:
    if isinstance(tracks, RefusalError):
        yield _refused(name, tracks)
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
    named = [{"label": contract.labels[i], "probability": float(probabilities[i])} for i in order[: max(top, 2)]]
    low = None if score is None else float(np.ravel(score)[0])
    flag, notes = None, list(found.notes)
    if low is not None and contract.threshold is not None:
        flag = "unknown" if low < contract.threshold else "known"
        notes += [contracts.doubt(contract)] if flag == "unknown" and contracts.doubt(contract) else []
    inside = [] if contract.least is None else [k for k in order if k == order[0] or probabilities[k] >= contract.least]
    return {
        "file": track.name,
        "label": named[0]["label"],
        "probability": named[0]["probability"],
        "flag": flag,
        "score": low,
        "runner_up": named[1] if len(named) > 1 else None,
        "top": named[:top],
        "set": [contract.labels[k] for k in inside],
        "set_holds": contract.holds if inside else None,
        "covered": found.covered,
        "range_cm1": [found.low_cm1, found.high_cm1],
        "notes": notes,
        "code": 0,
    }
