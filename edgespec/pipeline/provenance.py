"""What made a result: the code, the versions of the libraries and the machine."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from edgespec import __version__, own_code, plugins, storage, unpacking
from edgespec.artifact import RECORD
from edgespec.errors import Missing
from edgespec.recipe import Call, plain

OUTSIDE = {
    "adopt": ("checkpoint", "onnx", "weights")
}  # steps whose result depends on files outside the run, and the keys that name them
LIBRARIES = (
    "torch",
    "torch-pruning",
    "numpy",
    "scipy",
    "scikit-learn",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "safetensors",
)


def code_digest(step: Call) -> str:
    """Digest the source of a step, of the models that its keys name, of the judge, and of all of edgespec that they import.

    Raises Missing where a module that belongs in it is not there: a digest without it would stay the same when that module changes.
    """
    modules = {
        f"edgespec.steps.{step.name}",
        "edgespec.pipeline.report_rows",
        *(f"edgespec.models.{name}" for name in _named_models(step) | _adopted_models(step)),
    }
    digest = _sources_digest(tuple(sorted(modules)))
    own = own_networks(plain(step.keys))
    return storage.digest(digest, own) if own else digest


def own_networks(value: Any) -> list[bytes]:
    """Give the sources of the recipe's own networks that plain values name, however deep."""
    return [own_code.source(name) for name in own_names(value)]


def own_names(value: Any) -> list[str]:
    """Name the recipe's own networks that plain values name, however deep."""
    return sorted(set(_own_names(value)))


def _own_names(value: Any) -> Iterator[str]:
    if isinstance(value, str) and own_code.is_own(value):
        yield value
    for each in value if isinstance(value, list | dict) else ():
        yield from _own_names(each)
        if isinstance(value, dict):
            yield from _own_names(value[each])


def outside(step: Call) -> str:
    """Digest what a step takes from outside the run: files, a folder's weights and record, a teacher's files; "" where there is nothing.

    External data of an ONNX file lie beside it: the files that it names count too.
    """
    paths = _files_of(step)
    return "" if paths is None else storage.digest([(path.name, storage.file_digest(path)) for path in paths])


def files_outside(steps: Any) -> list[Path]:
    """List the files outside the run, and outside its data, that a recipe's steps take something from.

    steps: plain, as they stand in a recipe
    """
    calls = [next(iter(each.items())) for each in steps or () if isinstance(each, dict) and each]
    found = [_files_of(Call(name, keys)) or [] for name, keys in calls if isinstance(keys, dict)]
    return list(dict.fromkeys(path for each in found for path in each))


def _files_of(step: Call) -> list[Path] | None:
    """List the files that a step takes from outside the run; None where it takes nothing that a digest could hold."""
    teacher = plain(step.keys.get("teacher"))
    if isinstance(teacher, dict):
        return _teachers_files(teacher)
    folder = _outside(step)
    if folder is not None and folder.is_file():
        return [folder, *_beside(folder)]
    if folder is None or not (folder / RECORD).is_file():
        return None
    return [path for path in sorted(folder.iterdir()) if path.is_file()]


def _teachers_files(teacher: dict[str, Any]) -> list[Path]:
    """List the files that a teacher from outside is, or is made of: models, answers, steps of runs, files that a command names."""
    command = teacher.get("command")
    words = command[1:] if isinstance(command, list) else []
    for key in ("answers", "onnx", "checkpoint"):
        named = teacher.get(key)
        words += [named] if isinstance(named, str) else named or []
    places = [Path(each) for each in words if isinstance(each, str)]
    inside = [path for place in places if place.is_dir() for path in sorted(place.iterdir())]
    return [path for path in [*places, *inside] if path.is_file()]


@cache
def whole_digest() -> str:
    """Digest the source of all of edgespec."""
    files = sorted(plugins.PACKAGE.rglob("*.py"))
    return storage.digest(*[path.read_bytes() for path in files])


@cache
def versions() -> dict[str, str]:
    """Give the versions of edgespec, Python and the libraries that results depend on."""
    return {
        "edgespec": __version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def environment() -> dict[str, Any]:
    """Give what a reader needs to judge, or to repeat, a run."""
    return {
        "versions": versions(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": sys.version.split()[0],
    }


def _named_models(value: Any) -> set[str]:
    """Names of the models that a step's keys call for, however deep."""
    if isinstance(value, Call):
        own = {value.name} if value.name in plugins.names("models") else set()
        return own | _named_models(list(value.keys.values()))
    if isinstance(value, list | tuple):
        return set().union(*map(_named_models, value)) if value else set()
    return set()


def _adopted_models(step: Call) -> set[str]:
    """Names of the models in the folder outside the run that a step takes; none where it can't be read."""
    folder = _outside(step)
    try:
        made = unpacking.parse_json((folder / RECORD).read_text(encoding="utf-8"))["artifact"] if folder else None
        members = made["keys"].get("members", []) if made else []
        found = {made["model"], *(name for member in members for name in member)} if made else set()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
    return found & set(plugins.names("models"))


def _outside(step: Call) -> Path | None:
    named = [step.keys.get(key) for key in OUTSIDE.get(step.name, ())]
    return next((Path(each) for each in named if isinstance(each, str)), None)


def _beside(model: Path) -> list[Path]:
    """List the files beside an ONNX file whose names stand in it as those of external data."""
    raw = model.read_bytes()
    others = sorted(model.parent.iterdir()) if b"location" in raw else []
    return [each for each in others if each.is_file() and each != model and each.name.encode() in raw]


@cache
def _sources_digest(modules: tuple[str, ...]) -> str:
    seen: dict[str, bytes] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in seen and name != "edgespec":
            seen[name] = _source(name)
            waiting += [name.rpartition(".")[0], *_imports(seen[name].decode())]
    return storage.digest(*[part for name in sorted(seen) for part in (name, seen[name])])


def _imports(source: str) -> list[str]:
    """List the modules of edgespec that a source imports."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "edgespec":
            inside = [f"{node.module}.{each.name}" for each in node.names if not _holds(str(node.module), each.name)]
            found += [str(node.module), *inside]
        elif isinstance(node, ast.Import):
            found += [each.name for each in node.names if each.name.startswith("edgespec.")]
    return found


def _holds(module: str, name: str) -> bool:
    """Tell whether a name that is imported from a module is bound in its source, and so is no module of its own."""
    return _file(f"{module}.{name}") is None and name in _bound(_source(module))


@cache
def _bound(source: bytes) -> frozenset[str]:
    nodes = list(ast.walk(ast.parse(source)))
    return frozenset(getattr(node, key, None) or "" for node in nodes for key in ("id", "name", "asname"))


def _source(module: str) -> bytes:
    path = _file(module)
    if path is None:
        raise Missing(
            f"the digest of sources needs {module}, which is not a module of edgespec in {plugins.PACKAGE}",
            hint="reinstall edgespec; if you renamed the module, rename it in provenance.code_digest too",
        )
    return path.read_bytes()


def _file(module: str) -> Path | None:
    """Give the file of a module; None where there is none."""
    inside = plugins.PACKAGE.parent.joinpath(*module.split("."))
    return next((path for path in (inside.with_suffix(".py"), inside / "__init__.py") if path.is_file()), None)
