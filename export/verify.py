"""`runner.py verify`: is a bundle whole and unchanged, and does it still give the answers that it was sent with?"""

from __future__ import annotations

import argparse
import platform
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

import contract as contracts
from checksums import EXACT, SUMS, Check, compare, walk
from contract import Contract
from model import Loaded, of_bundle, open_model
from refusal import RefusalError

try:
    from lzma import LZMAError
except ImportError:  # a Python built without it, which reads no such zip either
    LZMAError = EOFError  # type: ignore[assignment,misc]

MODEL, CONTRACT, VECTORS = "model.onnx", "contract.json", "test_vectors.npz"
NEEDED = (MODEL, CONTRACT, VECTORS, "MODEL_CARD.md", SUMS, "runner.py")
TOLERANCE = 1e-3  # of the largest logit, probability or score
QUANTIZED = 0.05  # the same, where activations are rounded: processors add int8 products in different ways
UNREADABLE = (
    OSError, ValueError, KeyError, IndexError, EOFError, RuntimeError, OverflowError, MemoryError, SyntaxError,
    struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error, LZMAError,
)  # fmt: skip
LARGEST_VECTORS = 256 * 2**20  # bytes of all test vectors, unpacked


def answer(asked: argparse.Namespace) -> dict[str, Any]:
    """Check a bundle folder; every check is reported. `exit_code` is 4 where one fails.

    Raises RefusalError: 2 where the folder is no bundle, 3 where the runtime is missing.
    """
    folder = asked.bundle
    if asked.threads < 1:
        raise RefusalError(2, "--threads counts from 1", "runner.py verify --help")
    if not folder.is_dir() or not {SUMS, MODEL} & set(walk(folder).files):
        told = f"{folder} is not a bundle: it holds neither {SUMS} nor {MODEL}"
        raise RefusalError(2, told, "name a folder that edgespec export made")
    checks = _files(folder)
    if walk(folder).odd:  # whoever opens one may wait for ever, or read what is no part of the bundle
        checks.append(Check("answers", False, "not asked: the folder holds what is not a file"))
        return _told(folder, checks, "")
    try:
        runtime = of_bundle(asked.runtime, folder)
    except RefusalError as refusal:
        if refusal.code != 2 or all(each.ok for each in checks):
            raise
        checks.append(Check("answers", False, "cannot be compared: " + refusal.answer["error"]))
        return _told(folder, checks, "")
    try:
        if not (folder / MODEL).is_file():
            raise RefusalError(4, f"{folder / MODEL} is not a file", "copy the bundle anew")
        model = open_model(runtime, {"name": MODEL, "file": str(folder / MODEL)}, asked.threads)
        checks += _contract(folder, model)
        checks += _answers(folder, model, contracts.find(model, folder / MODEL))
    except RefusalError as refusal:
        checks.append(Check("answers", False, "cannot be compared: " + refusal.answer["error"]))
    return _told(folder, checks, str(runtime.version()))


def _told(folder: Path, checks: List[Check], version: str) -> Dict[str, Any]:
    ok = all(each.ok for each in checks)
    return {
        "bundle": str(folder),
        "ok": ok,
        "checks": [each._asdict() for each in checks],
        "runtime": version,
        "machine": platform.machine(),
        "exit_code": 0 if ok else 4,
    }


def _files(folder: Path) -> List[Check]:
    """Compare every file with its checksum; a file too many or too few is a check that fails."""
    there = walk(folder).files
    checks = [Check(f"file {name}", False, "missing") for name in NEEDED if name not in there]
    if not any(name.startswith("runtimes/") for name in there):
        checks.append(Check("file runtimes/", False, "missing"))
    return checks + compare(folder)


def _contract(folder: Path, model: Loaded) -> list[Check]:
    """Compare contract.json with the metadata in the model, and both with the graph."""
    checks = []
    inside, path = contracts.of_metadata(model.metadata, MODEL), folder / CONTRACT
    if inside is None:
        checks.append(Check("contract in the model", False, f"{MODEL} has no contract in its metadata"))
    if path.is_file() and inside is not None:
        try:
            beside = contracts.of_file(path)
            differ = sorted(key for key in {*inside, *beside} if inside.get(key) != beside.get(key))
            found = "differs in " + ", ".join(differ) if differ else "the same"
            checks.append(Check("contract.json against the model", not differ, found))
        except RefusalError as refusal:
            checks.append(Check("contract.json against the model", False, refusal.answer["error"]))
    try:
        told = contracts.find(model, folder / MODEL)
        found = f"{len(told.axis)} points, {len(told.labels)} labels"
        checks.append(Check("contract against the graph", True, found))
    except RefusalError as refusal:
        checks.append(Check("contract against the graph", False, refusal.answer["error"]))
    return checks


def _answers(folder: Path, model: Loaded, contract: Contract) -> list[Check]:
    """Ask the model for the test vectors again and compare with what it answered when it was sent."""
    sent = _vectors(folder / VECTORS, contract)
    x = sent["spectra"]
    step = getattr(model.infer, "at_once", 1)  # trtexec is a process a call
    each = [contracts.answer(model, x[i : i + step]) for i in range(0, len(x), step)]
    tolerance = QUANTIZED if b"QuantizeLinear" in (folder / MODEL).read_bytes() else TOLERANCE
    why = f"{tolerance:g} of the largest" + (", an int8 file" if tolerance == QUANTIZED else "")
    logits = np.concatenate([one["logits"] for one in each])
    checks = [_near("logits", logits, sent["logits"], tolerance, why)]
    checks.append(same_labels(logits, sent["label"], contract, tolerance))
    probabilities = np.concatenate([one["probabilities"] for one in each])
    checks.append(_near("probabilities", probabilities, sent["probabilities"], tolerance, why))
    if each[0]["score"] is not None:
        score = np.concatenate([np.reshape(one["score"], (len(one["logits"]), -1)) for one in each])
        checks.append(_near("score", score, sent["score"], tolerance, why))
    elif contract.threshold is not None:
        checks.append(Check("score", False, "the contract has a threshold, the graph answers no score"))
    return checks


def _vectors(path: Path, contract: Contract) -> dict[str, Any]:
    """Read the test vectors. Raises RefusalError 4 where they are not what the contract tells."""
    try:
        if not path.is_file():
            raise OSError("it is not a file")
        with zipfile.ZipFile(str(path)) as archive:
            claimed = sum(each.file_size for each in archive.infolist())
            if claimed > LARGEST_VECTORS:
                raise ValueError(f"it claims {claimed} bytes")
        with open(str(path), "rb") as raw, np.load(raw, allow_pickle=False) as held:
            sent = {key: held[key] for key in ("spectra", "logits", "probabilities", "score", "label")}
    except UNREADABLE as error:
        raise RefusalError(4, f"{path} cannot be read: {error}") from error
    n, points, classes = sent["label"].size, len(contract.axis), len(contract.labels)
    wanted = {"spectra": (n, points), "logits": (n, classes), "probabilities": (n, classes), "label": (n,)}
    wrong = [f"{key} {sent[key].shape}" for key, shape in wanted.items() if sent[key].shape != shape]
    wrong += [
        f"{key} of {sent[key].dtype}"
        for key in ("spectra", "logits", "probabilities", "score")
        if sent[key].dtype.kind != "f"
    ]
    if wrong or not n or sent["label"].dtype.kind != "U":
        raise RefusalError(4, f"{path} does not fit the contract: {', '.join(wrong) or 'no labels'}")
    sent["spectra"] = np.ascontiguousarray(sent["spectra"], np.float32)
    return sent


def _near(what: str, now: Any, sent: Any, tolerance: float, why: str) -> Check:
    """Compare by the largest difference, as a share of the largest number that was sent."""
    if now.shape != sent.shape:
        return Check(what, False, f"{now.shape} now, {sent.shape} when sent", why)
    if not np.isfinite(now).all() or not np.isfinite(sent).all():
        return Check(what, False, "not all numbers are finite", why)
    difference = float(np.abs(now - sent).max()) / max(float(np.abs(sent).max()), 1e-12)
    return Check(what, difference <= tolerance, f"largest difference {difference:.2g}, {len(now)} spectra", why)


def same_labels(logits: Any, sent: Any, contract: Contract, tolerance: float) -> Check:
    """Compare names, not numbers: two labels that changed places are found. A tie within the tolerance is no difference."""
    margin = tolerance * float(np.abs(logits).max())
    number = {label: i for i, label in enumerate(contract.labels)}
    wrong = []
    for row, label in zip(logits, sent.tolist()):
        named = contract.labels[int(row.argmax())]
        tied = label in number and row.max() - row[number[label]] <= margin
        if named != label and not tied:
            wrong.append(f"{label} is now {named}")
    found = (
        f"{len(wrong)} of {len(sent)} differ: {', '.join(sorted(set(wrong))[:3])}" if wrong else f"{len(sent)} the same"
    )
    return Check("labels", not wrong, found, f"{EXACT}, but for ties within {tolerance:g} of the largest logit")
