"""How far estimates are off: each small network left out in turn, and the networks of all recipes.

    python -m benchmarks.latency.estimating [--target local] [--sessions 3] [--seconds 1] [--files FOLDER]

The small networks and, untrained, every network that a recipe names (for 512 points, 192 classes, behind the recipe's own preprocessing)
are measured in one session, all in turns, as float32 and cpu-int8; this some times over. Each session fits to its small networks alone.
Prints a table and writes benchmarks/results/<target>/estimating.json. FOLDER keeps the files for another time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tools import results
from edgespec import models, plugins, recipe
from edgespec.bench import measure
from edgespec.data import preprocess
from edgespec.recipe import Call, search_ranges
from edgespec.recipe.plan import plan
from edgespec.runs import estimate, estimate_features, estimate_models
from edgespec.runs.estimate_features import Features
from edgespec.spectra import Floats
from edgespec.targets import card as cards
from edgespec.targets.card import Target

RESULTS = results.RESULTS
CLASSES = 192


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", default="local")
    parser.add_argument("--sessions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--files", type=Path)
    asked = parser.parse_args()
    card = cards.load(asked.target)
    with tempfile.TemporaryDirectory() as name:
        folder = asked.files or Path(name)
        small, whole, x = written(folder)
        counted = {name: estimate_features.of(path) for name, path in {**small, **whole}.items()}
        sessions = []
        for i in range(asked.sessions):
            sessions.append(session(small, whole, counted, x, card, folder, asked.seconds, seed=i))
            result = {"target": card.name, "seconds": asked.seconds, **summary(sessions), "sessions": sessions}
            place = RESULTS / card.name / "estimating.json"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    show(result)


def written(folder: Path) -> tuple[dict[str, Path], dict[str, Path], Floats]:
    """Write the small networks and the recipes', where they are not there yet."""
    marker = folder / "spectra.npy"
    if not marker.exists():
        (folder / "small").mkdir(parents=True, exist_ok=True)
        (folder / "whole").mkdir(exist_ok=True)
        _, x = estimate_models.write(folder / "small")
        for name, call, front in networks():
            built = models.build(call, points=estimate_models.AXIS.points, classes=CLASSES, seed=0).eval()
            estimate_models.pair(
                built, preprocess.build(front, estimate_models.AXIS.values()), folder / "whole", name, x
            )
        np.save(marker, x)
    small, whole = ({path.stem: path for path in sorted((folder / each).glob("*.onnx"))} for each in ("small", "whole"))
    return small, whole, np.load(marker)


def networks() -> Iterator[tuple[str, Call, tuple[Call, ...]]]:
    """Give each network that a shipped recipe names once, and what prepares its spectra there."""
    seen = set()
    for name in plugins.names("recipes"):
        made = recipe.load(plugins.path("recipes", name))
        checked = plan(search_ranges.resolved(made, search_ranges.found(made), search_ranges.starts))
        for step in checked.steps:
            for key in ("model", "student"):
                found = step.keys.get(key, [])
                for call in [found] if isinstance(found, Call) else found:
                    told = json.dumps(recipe.plain([call, list(checked.data.preprocess)]))
                    if told not in seen:
                        seen.add(told)
                        yield f"{name} {call.name} {len(seen)}", call, checked.data.preprocess


def session(
    small: dict[str, Path], whole: dict[str, Path], counted: dict[str, Features], x: Floats, card: Target, folder: Path,
    seconds: float, seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Measure all in turns, fit to the small ones, and say how far the estimates of the others are off."""
    files, y = {**small, **whole}, np.zeros(len(x), dtype=int)
    first = next(iter(small))
    found = measure.measure(
        files, x, y, card, folder / "bench", reference=first, float_of={}, seconds=seconds, seed=seed, progress=print
    )
    ms = {each.variant: each.p50_ms for each in found}
    fits = estimate.fitted({name: {"p50_ms": ms[name], **asdict(counted[name])} for name in small})
    told: dict[str, Any] = {"host": dict(found[0].host), "noise": max(each.noise for each in found), "fits": {}}
    for kind, fit in fits.items():
        of_kind = [name for name in whole if counted[name].kind == kind]
        errors = {name: fit.ms(counted[name]) / ms[name] - 1 for name in of_kind}
        told["fits"][kind] = {**asdict(fit), "whole": errors}
    return {**told, "p50_us": {name: 1e3 * each for name, each in ms.items()}}


def summary(sessions: list[dict[str, Any]]) -> dict[str, Any]:
    """Give mean, smallest and largest over the sessions."""
    found = {}
    for kind in sessions[0]["fits"]:
        fits = [each["fits"][kind] for each in sessions]
        whole = [np.abs(list(each["whole"].values())) for each in fits]
        figures = {
            "left_out_mean": [each["mean"] for each in fits],
            "left_out_p90": [each["p90"] for each in fits],
            "recipes_mean": [float(each.mean()) for each in whole],
            "recipes_largest": [float(each.max()) for each in whole],
        }
        spread = {key: [float(np.mean(each)), min(each), max(each)] for key, each in figures.items()}
        found[kind] = {"n": fits[0]["n"], "recipes_n": len(whole[0]), **spread}
    return found


def show(result: dict[str, Any]) -> None:
    count = len(result["sessions"])
    print(f"\n| files on {result['target']} | left out: mean | 9 of 10 within | recipes' networks: mean | largest |")
    print("| --- | --- | --- | --- | --- |")
    for kind in result["sessions"][0]["fits"]:
        cells = [
            f"{mean:.1%} ({low:.1%} - {high:.1%})"
            for mean, low, high in (
                result[kind][key] for key in ("left_out_mean", "left_out_p90", "recipes_mean", "recipes_largest")
            )
        ]
        print(
            f"| {kind} (n = {result[kind]['n']}, {result[kind]['recipes_n']}; {count} sessions) | {' | '.join(cells)} |"
        )


if __name__ == "__main__":
    main()
