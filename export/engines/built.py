"""The engine that a bundle's own build_engine.sh left beside the bundle: taken only where its record says that it is of this model and TensorRT.

The record is text, as sh writes it: `tensorrt NUMBER`, then the SHA-256 of the model and of the engine. An engine is code of a kind, so
one whose digest is another is never loaded.
"""

from __future__ import annotations

import os
from pathlib import Path

from engines import cache

SCRIPT, RECORD = "build_engine.sh", ".txt"
AGAIN = "sh build_engine.sh builds it anew"


def find(onnx: str, release: tuple[int, int, int]) -> str:
    """Give the engine of a bundle's model, "" where there is none: EDGESPEC_ENGINE, else the bundle's own path with .engine.

    release: of the TensorRT that is to load it
    Raises ValueError for an engine that has no record, or is of another model, another TensorRT or other bytes.
    """
    folder = Path(onnx).resolve().parent
    named = os.environ.get("EDGESPEC_ENGINE", "")
    engine = Path(named) if named else folder.with_name(folder.name + ".engine")
    if not engine.is_file() or not (folder / SCRIPT).is_file():
        return ""
    try:
        told = (engine.with_name(engine.name + RECORD)).read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        told = []
    if len(told) != 4 or told[0] != "tensorrt":
        raise ValueError(f"{engine} has no record of what it was built of: {AGAIN}")
    if told[2] != cache.digest(Path(onnx)):
        raise ValueError(f"{engine} was built of another model: {AGAIN}")
    if told[3] != cache.digest(engine):
        raise ValueError(f"{engine} has changed since it was built: {AGAIN}")
    if number(told[1]) != release:
        was = ".".join(map(str, number(told[1])))
        raise ValueError(f"{engine} was built by TensorRT {was}, here is {'.'.join(map(str, release))}: {AGAIN}")
    return str(engine)


def number(told: str) -> tuple[int, int, int]:
    """Read the number in trtexec's banner: 8602 is 8.6.2, 101303 is 10.13.3; (0, 0, 0) for anything else."""
    if not told.isdigit() or len(told) > 9:
        return 0, 0, 0
    found = int(told)
    if found > 9999:
        return found // 10000, found // 100 % 100, found % 100
    return found // 1000, found // 100 % 10, found % 100
