"""Code beside a recipe: who may run it, and how it is loaded. Opening a finished run or a bundle never does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType

from edgespec.errors import Mistake

FOLDER: ContextVar[Path | None] = ContextVar("folder", default=None)
"""The folder of the recipe that is run; None where no code of a recipe's own may be run."""
MADE: dict[tuple[str, str], ModuleType] = {}
BEGINS, ENDS = "./", ".py"


@contextmanager
def of(recipe: Path) -> Iterator[None]:
    """Let a recipe's own code be run: its run was asked for by name.

    The copy of a recipe in a run folder runs none: a run that somebody sent is data, and so is what lies beside its files.
    """
    folder = recipe.resolve().parent
    token = FOLDER.set(None if (folder / "report.json").is_file() else folder)
    try:
        yield
    finally:
        FOLDER.reset(token)


def is_own(name: str) -> bool:
    """Tell a file of the recipe's own from a name of ours."""
    return name.startswith(BEGINS) and name.endswith(ENDS)


def allowed() -> bool:
    """Tell whether such code may be run now."""
    return FOLDER.get() is not None


def source(name: str) -> bytes:
    """Read the file. Raises Mistake where it may not be run, is not there, or lies outside the recipe's folder."""
    folder = FOLDER.get()
    if folder is None:
        hint = "run the recipe anew: edgespec compress RECIPE; ONNX files of its run need no code of it"
        raise Mistake(f"{name} is a network of a recipe's own, and only a run of that recipe runs its code", hint)
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise Mistake(f"{name} lies outside the recipe's folder {folder}", hint="put the file beside the recipe")
    try:
        return path.read_bytes()
    except OSError as problem:
        raise Mistake(
            f"{name} cannot be read in {folder}: {problem.strerror}", hint="a file beside the recipe"
        ) from None


def load(name: str, wanted: str) -> ModuleType:
    """Run the file and give its module, once for the same content; wanted: the function that it must have.

    Raises Mistake with the line where its code is wrong.
    """
    raw = source(name)
    key = (name, hashlib.sha256(raw).hexdigest())
    if key in MADE:
        return MADE[key]
    module = ModuleType(f"edgespec_own_{key[1][:16]}")
    module.__file__ = str(Path(str(FOLDER.get())) / name)
    try:
        exec(compile(raw, module.__file__, "exec", dont_inherit=True), module.__dict__)  # noqa: S102  (the user's own; only `compress` does)
    except SyntaxError as problem:
        raise Mistake(f"{name}:{problem.lineno}: {problem.msg}", hint="mend that line") from None
    except Exception as problem:  # noqa: BLE001  (somebody's own code may raise anything)
        raise Mistake(f"{name}: {type(problem).__name__}: {problem}", hint=f"python {name} shows where") from None
    if not callable(getattr(module, wanted, None)):
        raise Mistake(f"{name} has no function {wanted!r}", hint=f"def {wanted}(*, points, classes, ...): ...")
    MADE[key] = module
    return module
