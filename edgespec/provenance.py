"""What made a result: the code, the versions of the libraries and the machine."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Any

from edgespec import __version__, plugins, storage
from edgespec.recipe import Call

LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "onnx", "onnxruntime", "onnxscript", "safetensors")


def code_digest(step: Call) -> str:
    """Digest the source of a step, of the models that its keys name, of the judge, and of all of edgespec that they import."""
    modules = {
        f"edgespec.steps.{step.name}",
        "edgespec.rows",
        *(f"edgespec.models.{name}" for name in _named_models(step)),
    }
    return _sources_digest(tuple(sorted(modules)))


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


@cache
def _sources_digest(modules: tuple[str, ...]) -> str:
    seen: dict[str, bytes] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if path is None or name in seen:
            continue
        seen[name] = path.read_bytes()
        waiting += _imports(seen[name].decode())
    return storage.digest(*[part for name in sorted(seen) for part in (name, seen[name])])


def _imports(source: str) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("edgespec"):
            found += [str(node.module), *(f"{node.module}.{each.name}" for each in node.names)]
        elif isinstance(node, ast.Import):
            found += [each.name for each in node.names if each.name.startswith("edgespec.")]
    return found


def _file(module: str) -> Path | None:
    inside = plugins.PACKAGE.parent.joinpath(*module.split("."))
    for path in (inside.with_suffix(".py"), inside / "__init__.py"):
        if path.is_file() and module != "edgespec":
            return path
    return None
