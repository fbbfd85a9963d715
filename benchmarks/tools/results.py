"""Where results of this machine lie."""

from __future__ import annotations

from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"
LOCAL = RESULTS / "local"
RECIPES = Path(__file__).parents[2] / "recipes"
