"""The program that goes to a device, loaded into this process: it reads, checks and answers here as it does there.

On a device its modules are all there is, and they import one another by short names (`contract`, `model`). Such names may belong to
somebody else here. So each module is loaded under `edgespec.device_program.<name>` and finds its siblings there; `sys.path` and
the modules of other packages stay as they are.
"""

from __future__ import annotations

import builtins
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from edgespec import plugins
from edgespec.errors import EdgespecError, Mismatch, Missing, Mistake

REFUSALS = {2: Mistake, 3: Missing, 4: Mismatch}


def module(name: str) -> ModuleType:
    """Give a module of the device's program, such as "contract" or "runtimes.onnxruntime".

    Raises ImportError where the program has no such module, or where a library that the module needs is not installed.
    """
    parent = name.rpartition(".")[0]
    if parent:
        module(parent)
    full = f"{__name__}.{name}"
    if full in sys.modules:
        return sys.modules[full]
    file = _file(name)
    if file is None:
        if not _place(name).is_dir():
            raise ImportError(f"the device's program has no module {name!r}")
        sys.modules[full] = ModuleType(full)  # an open folder, whose files are loaded one by one
        return sys.modules[full]
    spec = importlib.util.spec_from_file_location(full, file)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    found.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
    sys.modules[full] = found
    try:
        spec.loader.exec_module(found)
    except BaseException:
        del sys.modules[full]
        raise
    return found


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the device's program refuses into the error that its command line ends with."""
    try:
        yield
    except module("refusal").RefusalError as refusal:
        raise refused(refusal) from None


def refused(refusal: Any) -> EdgespecError:
    """Give the error for a refusal of the device's program."""
    return REFUSALS[refusal.code](refusal.answer["error"], refusal.answer["hint"])


def _place(name: str) -> Path:
    return plugins.shipped("export").joinpath(*name.split("."))


def _file(name: str) -> Path | None:
    """Give the file of a module or a folder's `__init__.py`; None where the program has neither."""
    inside = _place(name)
    return next((path for path in (inside.with_suffix(".py"), inside / "__init__.py") if path.is_file()), None)


def _import(
    name: str,
    globals: dict[str, Any] | None = None,
    locals: dict[str, Any] | None = None,
    fromlist: tuple[str, ...] | None = (),
    level: int = 0,
) -> ModuleType:
    """What `import` does inside the program: its own modules first, everything else as usual."""
    top = name.partition(".")[0]
    if level or _file(top) is None:
        return builtins.__import__(name, globals, locals, fromlist or (), level)
    found = module(name)
    for each in fromlist or ():
        if not hasattr(found, each) and _file(f"{name}.{each}") is not None:
            setattr(found, each, module(f"{name}.{each}"))
    return found if fromlist else module(top)
