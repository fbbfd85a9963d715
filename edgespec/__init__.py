"""edgespec: from a trusted spectral classifier to the smallest file that still tells the truth on the instrument."""

import importlib
from typing import Any

__version__ = "0.2.0"
__all__ = ["Model", "Predictions", "Run", "compress", "load_model", "open_run"]
_HOMES = {"Model": "edgespec.runs.predict", "Predictions": "edgespec.runs.predict"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'edgespec' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "edgespec.api")), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
