"""Build what a request's models need before they can run here, and keep it: an engine, an IR; what needs nothing is told too."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from engines import cache
from model import find_runtime
from refusal import RefusalError


def prepare(request: dict[str, Any]) -> dict[str, Any]:
    """Prepare every model. Tells of each the file that will be loaded, its digest and size, and how long it took.

    Raises RefusalError 2 where a runtime refuses a model, with the model's name.
    """
    told = []
    for each in request["models"]:
        runtime = find_runtime(each.get("runtime", request["runtime"]))
        began = time.perf_counter()
        try:
            file = Path(runtime.prepare(each["file"], str(cache.place()), each.get("precision", "")))
        except ValueError as error:
            told_wrong = f"model {each['name']!r} cannot be prepared: {error}"
            raise RefusalError(2, told_wrong, "the runtime says so") from error
        facts = {"name": each["name"], "file": file.name, "digest": cache.digest(file), "bytes": file.stat().st_size}
        told.append(dict(facts, seconds=time.perf_counter() - began, runtime_version=runtime.version()))
    return {"models": told}
