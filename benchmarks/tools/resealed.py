"""Change what a run says and seal it again, as if edgespec had written it so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgespec import artifact, storage
from edgespec import report as reports


def report(folder: Path, **changes: Any) -> None:
    """Change keys of a run's report."""
    path = folder / "report.json"
    plain = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({**plain, reports.SEAL: reports.seal(plain)}), encoding="utf-8")


def sealed(plain: Any) -> Any:
    """Give the same JSON with its seal."""
    return {**plain, reports.SEAL: reports.seal(plain)} if isinstance(plain, dict) else plain


def recipe(folder: Path, text: str) -> None:
    """Give a run another recipe."""
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    report(folder, recipe_digest=storage.digest(text))


def step(folder: Path, name: str) -> None:
    """Seal a step of a run as its files are now."""
    place = folder / name / artifact.RECORD
    record = json.loads(place.read_text(encoding="utf-8"))
    record["files"] = {each: storage.file_digest(folder / name / each) for each in record["files"]}
    place.write_text(json.dumps(record), encoding="utf-8")
    sealed = json.loads((folder / "report.json").read_text(encoding="utf-8"))["sealed"]
    report(folder, sealed={**sealed, name: storage.file_digest(place)})
