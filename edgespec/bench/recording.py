"""One file that holds all that a target said: facts as JSON and arrays, in an .npz that can be mailed and judged again anywhere."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import storage
from edgespec.errors import Mistake

FORMAT = 2
FACTS = "facts.json"
Arrays = dict[str, NDArray[Any]]


def write(path: Path, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write facts and arrays under their names; the file is whole or absent."""
    text = json.dumps({"format": FORMAT, **facts}, allow_nan=False)
    content: dict[str, Any] = {FACTS: np.frombuffer(text.encode(), np.uint8), **arrays}
    kept = io.BytesIO()
    np.savez_compressed(kept, **content)
    return storage.write(path, kept.getvalue())


def read(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Read what `write` wrote. Raises Mistake for a file that is something else, damaged, or of another version."""
    hint = "a recording is bench/TARGET.samples.npz of a run folder; edgespec bench makes it"
    try:
        with np.load(path, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        facts = json.loads(bytes(arrays.pop(FACTS)))
    except FileNotFoundError:
        raise Mistake(f"there is no recording {path}", hint) from None
    except (OSError, ValueError, EOFError, KeyError, AttributeError, TypeError, zipfile.BadZipFile) as problem:
        raise Mistake(f"{path} is no recording, or damaged: {problem}", hint) from problem
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise Mistake(f"{path} is not a recording of format {FORMAT}", "measure again: edgespec bench")
    return facts, arrays
