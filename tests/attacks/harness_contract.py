"""Contracts: of an ONNX file's metadata and of contract.json, by the package and by the device's program."""

from __future__ import annotations

import json

import numpy as np

from edgespec import contract
from edgespec.device_program import module
from edgespec.errors import EdgespecError

READER = "edgespec/contract, export/contract"
KIND = "json"


def seeds() -> list[bytes]:
    told = contract.Contract(
        axis=contract.axis(np.linspace(150, 1172, 32)), labels=("Albite", "Beryl"), preprocess=["rms"], data="embedded", digest="0",
        version="1", window={"low": 150, "high": 1172, "points": 32}, technique="Raman", laser=(785.0,), score="max", threshold=0.5,
        accepts={"samples": 20, "mean": 0.9, "low": 0.5, "asked": 0.95},
    )  # fmt: skip
    uneven = {**told.plain(), "axis": {"values": np.geomspace(150, 1172, 32).tolist()}}
    return [json.dumps(told.plain()).encode(), json.dumps(uneven).encode()]


def feed(raw: bytes) -> None:
    there, refusal = module("contract"), module("refusal").RefusalError
    try:
        plain = json.loads(raw)
    except (ValueError, RecursionError):
        plain = {"axis": raw.decode("latin-1")}
    texts = (
        {f"edgespec.{key}": json.dumps(each) for key, each in plain.items()}
        if isinstance(plain, dict)
        else {"edgespec.axis": "1"}
    )
    ours = theirs = None
    try:
        ours = contract.of_properties(texts, "case.onnx")
    except EdgespecError as problem:
        refused = problem
    try:
        theirs = there.read(there.of_metadata(texts, "case.onnx") or {}, "case.onnx")
        there.doubt(theirs)
    except refusal as problem:
        if ours is None:
            raise refused from problem
    assert theirs is not None or ours is None, "what the package reads, the device reads as well"
    if theirs is not None:
        numbers = [
            theirs.min_coverage,
            *theirs.axis,
            *theirs.window,
            *([theirs.threshold] if theirs.threshold is not None else []),
        ]
        assert np.isfinite(numbers).all()
    if ours is None:
        raise refused
