"""What tests train once: kept on disk by the digest of all sources, shared by every process of a session and by later sessions."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from edgespec import plugins, storage
from edgespec.pipeline import provenance

HERE = Path(__file__).parent
ROOT = Path(os.environ.get("EDGESPEC_TEST_CACHE") or HERE.parents[1] / ".pytest_cache" / "made_once")
OLD_S = 24 * 3600


@cache
def key() -> str:
    """Digest the sources, data and helpers that anything is made of, and the libraries' versions."""
    folders = (plugins.PACKAGE, plugins.shipped("export"), HERE)
    files = [path for each in folders for path in sorted(each.rglob("*")) if path.suffix in (".py", ".csv", ".yaml")]
    return storage.digest(*(path.read_bytes() for path in files), provenance.versions())


def folder(name: str, make: Callable[[Path], object]) -> Path:
    """Give the folder `name` as `make` filled it, now or in another process. Nobody writes into it: take a copy."""
    place = ROOT / key() / name
    with storage.turn(ROOT / f"{key()}.{name}.lock"):
        if not place.is_dir():
            _forget_old()
            with storage.whole_folder(place) as part:
                make(part)
    os.utime(place.parent)
    return place


def copy(name: str, make: Callable[[Path], object], to: Path) -> Path:
    """Copy such a folder."""
    shutil.copytree(folder(name, make), to)
    return to


def _forget_old() -> None:
    for each in ROOT.iterdir():
        if time.time() - each.stat().st_mtime > OLD_S:
            shutil.rmtree(each) if each.is_dir() else each.unlink(missing_ok=True)
