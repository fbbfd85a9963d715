"""Recipes: YAML, bound and planned as `edgespec compress --dry-run` does."""

from __future__ import annotations

import fuzzing

from edgespec import plugins, recipe
from edgespec.recipe import plan, search_ranges

READER = "edgespec/recipe.load, plan.plan"
NAMES = ("rruff_distill", "hard13_search", "minerals192_int4", "drsn_prune")


def seeds() -> list[bytes]:
    return [plugins.path("recipes", name).read_bytes() for name in NAMES]


def feed(raw: bytes) -> None:
    found = recipe.load(fuzzing.written("case.yaml", raw))
    if not search_ranges.found(found):
        plan.plan(found)
