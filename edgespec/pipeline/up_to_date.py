"""Tell whether a run is complete and still true, without loading what only the making of it needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgespec import artifact, datasets, report, storage
from edgespec.errors import Mismatch, Missing, Mistake
from edgespec.pipeline import provenance
from edgespec.recipe import Call, Recipe, plain
from edgespec.recipe.plan import load_call
from edgespec.report import Report
from edgespec.spectra import Spectra

DELIVERED = "target.json"  # in each bundle that was written for a target


def look(recipe: Recipe, folder: Path, stop: str | None) -> Report | None:
    """Give the report of a run that is complete and made of the very same recipe, code, versions and data, else None.

    Whatever is wrong with the recipe, the data or the folder is told, with its place, when the run is made anew.
    """
    try:
        found = report.read(folder)
        if not found.finished:
            return None
        call, axis = load_call(recipe)
        spectra = datasets.load(call, axis=axis, seed=recipe.tree.get("seed", 0))
        if found.finished != fingerprint(recipe, spectra, stop):
            return None
        for step in found.steps:
            artifact.read(folder / step["folder"])
    except (Mistake, Mismatch, Missing, TypeError, ValueError, KeyError):
        return None
    return found


def delivered(report: Report, folder: Path, targets: Sequence[str]) -> bool:
    """Tell whether the bundles for these targets that a report tells of are still there."""
    told = [report.bundles.get(name) for name in targets]
    return all(each and (not each["folder"] or (folder / each["folder"] / DELIVERED).is_file()) for each in told)


def fingerprint(recipe: Recipe, spectra: Spectra, stop: str | None) -> str:
    """Digest all that a run's result depends on."""
    steps = recipe.tree.get("steps")
    made_by = (provenance.whole_digest(), provenance.versions(), _outside(steps), provenance.own_networks(steps))
    return storage.digest(plain(recipe.tree), data_digest(spectra), *made_by, stop)


def _outside(steps: Any) -> list[str]:
    """Digest the folders outside the run that its steps take something from."""
    calls = [next(iter(each.items())) for each in steps or () if isinstance(each, dict) and each]
    return [provenance.outside(Call(name, keys)) for name, keys in calls if isinstance(keys, dict)]


def data_digest(spectra: Spectra) -> str:
    """Digest everything that the spectra are: intensities, axis, labels, samples, given parts."""
    more = [each.astype(str).tolist() for each in (spectra.group, spectra.part) if each is not None]
    return storage.digest(spectra.x, spectra.axis, spectra.y, list(spectra.labels), more)
