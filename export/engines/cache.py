"""What a runtime builds of a model, kept by what it was made of: built once on this machine, never trusted when it has changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORD = ".json"


def place() -> Path:
    """Give the folder: EDGESPEC_PREPARED, else `prepared` in edgespec's cache."""
    own = os.environ.get("EDGESPEC_PREPARED")
    return Path(own) if own else Path.home() / ".cache" / "edgespec" / "prepared"


def digest(path: Path) -> str:
    """Give the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def kept(onnx: str, folder: str, ending: str, facts: dict[str, Any], build: Callable[[Path], None]) -> str:
    """Give the file that `build` makes of a model, made now unless it is there already and whole.

    facts: all that the result depends on beside the model: versions, device, flags
    Beside the file stands its record: the facts and the file's digest. A file that has none, or another digest, is made anew.
    Raises ValueError as `build` does, and where the model or the folder can't be read.
    """
    try:
        wanted = dict(facts, model=digest(Path(onnx)))
        name = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:24]
        path, record = Path(folder) / (name + ending), Path(folder) / (name + RECORD)
        if _whole(path, record, wanted):
            return str(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{os.getpid()}.{path.name}")
        build(part)
        for made in sorted(part.parent.glob(part.stem + ".*")):  # an IR is two files of one name
            os.replace(str(made), str(path.with_suffix(made.suffix)))
        record.write_text(json.dumps(dict(wanted, digest=digest(path))), encoding="utf-8")
    except OSError as error:
        raise ValueError(f"what is built of it cannot be kept in {folder}: {error}") from error
    return str(path)


def _whole(path: Path, record: Path, wanted: dict[str, Any]) -> bool:
    try:
        told = json.loads(record.read_text(encoding="utf-8"))
        return bool(told == dict(wanted, digest=digest(path)))
    except (OSError, ValueError):
        return False
