"""Ask one model for everything, batch size by batch size, in a process of its own: another runtime may not even survive its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from measure.bench import read_spectra
from measure.machine import pin
from model import find_runtime, open_model
from refusal import RefusalError


def answers(request: dict[str, Any], name: str, folder: Path) -> dict[str, Any]:
    """Leave `NAME.npz` beside the request: the first output for all spectra by batch size, (n, classes) each.

    A runtime that only builds leaves none; then `answered` is false.
    """
    found = [each for each in request["models"] if each["name"] == name]
    if not found:
        raise RefusalError(2, f"the request has no model {name!r}")
    pin(request["threads"])
    x = np.ascontiguousarray(read_spectra(request["spectra"]))
    runtime = find_runtime(found[0].get("runtime", request["runtime"]))
    told: dict[str, Any] = {"runtime_version": runtime.version(), "answered": getattr(runtime, "ANSWERS", True)}
    try:
        runtime.prepare(found[0]["file"], str(folder), found[0].get("precision", ""))
    except ValueError as error:
        raise RefusalError(2, str(error)) from error
    if not told["answered"]:
        return told
    model = open_model(runtime, found[0], request["threads"], x.shape[1])
    batches = [size for size in request["batches"] if size <= len(x)]
    found_by_size = {str(size): _by(model.infer, x, size) for size in batches}
    np.savez(str(folder / (name + ".npz")), **found_by_size)
    return dict(told, **model.facts, batches=batches)


def all_answers(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Ask every model in this one process, which starts once; a model that is refused is told with its `error`."""
    told: list[dict[str, Any]] = []
    for each in request["models"]:
        try:
            told.append(dict(answers(request, each["name"], folder), name=each["name"]))
        except RefusalError as refusal:
            told.append(dict(refusal.answer, name=each["name"]))
    return {"models": told}


def _by(infer: Any, x: Any, size: int) -> Any:
    """Ask in whole batches; what is left over at the end is asked together with as many of those before it."""
    whole = len(x) // size * size
    parts = [np.array(infer(x[i : i + size])[0]) for i in range(0, whole, size)]
    if whole < len(x):
        parts.append(np.array(infer(x[-size:])[0])[whole - len(x) :])
    return np.concatenate(parts)
