"""What `edgespec new --tune` chooses on five sets, beside what `edgespec new` drafts without it.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.tuned [SET ...] [--tune 5m] [--seeds 3]

| set | spectra | test part |
| --- | --- | --- |
| rruff10, hard13 | ten and thirteen minerals | drawn by physical sample |
| minerals192 | 192 minerals | the set's own, by physical sample |
| bacteria6 | raw counts of six species, 600 to 1800 cm-1 | scans held back |
| pace_cov | serum, three classes | the set's own 93 spectra |

Setting and draft are trained alike, with the same seeds, and judged once on the test part, which tuning never sees. A difference is
paired, its interval by physical sample. What is finished is kept in
benchmarks/results/local/tuned.json. The budget is wall time: a busy machine tries less.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tools import paired
from benchmarks.tools.results import LOCAL
from edgespec import storage, units
from edgespec.authoring import draft, survey
from edgespec.authoring.survey import Survey
from edgespec.errors import EdgespecError
from edgespec.job import Job
from edgespec.recipe.schema import Binder
from edgespec.recipe.setting import Setting
from edgespec.search import fold
from edgespec.search.tuning import choose, settings

FILE = LOCAL / "tuned.json"
SETS: dict[str, tuple[dict[str, Any], tuple[float, float] | None]] = {
    "hard13": ({"rruff": {"task": "rruff_hard13.csv"}}, None),
    "rruff10": ({"rruff": {"task": "rruff10.csv"}}, None),
    "pace_cov": (
        {
            "arrays": {
                **{key: f"pace_cov/{key}.npy" for key in ("test_x", "test_y", "wavenumber")},
                **{
                    "x": "pace_cov/train_x.npy",
                    "y": "pace_cov/train_y.npy",
                    "labels": "pace_cov/label.json",
                    "technique": "Raman",
                },
            }
        },
        (400, 2112),
    ),
    "bacteria6": (
        {
            "arrays": {
                **{
                    "file": "bacteria6/bacteria6.npz",
                    "x": "X",
                    "y": "y",
                    "wavenumber": "axis",
                    "labels": "label_names",
                },
                **{"group": "scan", "technique": "Raman"},
            }
        },
        (600, 1800),
    ),
    "minerals192": ({"rruff": {"task": "minerals192.csv"}}, None),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", nargs="*", help=", ".join(SETS))
    parser.add_argument("--tune", default="5m", metavar="TIME")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    for name in asked.set or SETS:
        judge(name, units.duration(asked.tune), asked.seeds)
    print(table(known()))


def judge(name: str, budget: float, seeds: int) -> None:
    """Tune, then train both settings with each seed; what is kept is not done again."""
    found = look(name)
    kept = known().get(name, {})
    own = draft.setting(found, "size")
    job = Job(found.spectra, found.splits, own.preprocess, own.augment, Path(), 0)
    if "told" not in kept:
        space = settings.space(own, "size", len(found.splits.rows(None)))
        tuned = choose.tune(job, found.split, space, budget, one_instrument=found.fragile)
        kept = {
            "told": tuned.told(),
            "chosen": tuned.chosen.setting.plain(),
            "fragile": found.fragile,
            "linear": list(tuned.linear),
        }
        keep(name, kept)
    group = found.spectra.group
    test = found.splits.test
    sample = test.astype(str) if group is None else group[test]
    kept |= {"n": len(test), "learnt": len(found.splits.rows(None)), "sample": [str(each) for each in sample]}
    for seed in range(seeds):
        for title, taken in (("draft", own), ("tuned", Setting.read(kept["chosen"]))):
            if f"{title} {seed}" not in kept:
                right = trained(replace(job, seed=seed), taken)
                kept[f"{title} {seed}"] = paired.packed(right)
                keep(name, kept)
                print(f"{name} {title} {seed}: {right.mean():.3f}", file=sys.stderr)


def look(name: str) -> Survey:
    """Read a set as `edgespec new` does."""
    call, ends = SETS[name]
    if name == "bacteria6":
        call = _one_axis(call)
    found = survey.survey(Binder(str).call("datasets", call, (), ""), ends)
    if found.spectra.source != "measured":
        sys.exit("set EDGESPEC_DATA to the folder of the real spectra")
    return found


def _one_axis(call: dict[str, Any]) -> dict[str, Any]:
    """Write the spectra with the one axis that all scans of bacteria6 have."""
    place = Path(tempfile.gettempdir()) / "bacteria6_one_axis.npz"
    with np.load(Path(os.environ["EDGESPEC_DATA"]) / "bacteria6" / "bacteria6.npz") as held:
        arrays = {key: held[key] for key in ("X", "y", "scan", "label_names")}
        np.savez(place, axis=held["axis_cm1"][0], **arrays)
    return {"arrays": {**call["arrays"], "file": str(place)}}


def trained(job: Job, taken: Setting) -> Any:
    """Train a setting; give which test spectra are named rightly."""
    own = replace(job, preprocess=taken.preprocess, augment=taken.augment)
    bound = [Binder(str).call("steps", step, (), "") for step in taken.steps()]
    with tempfile.TemporaryDirectory() as name:
        *_, (_, own, made) = fold.through(own, bound, Path(name))
        return paired.right(own, made)


def known() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def keep(name: str, found: dict[str, Any]) -> None:
    storage.write_json(FILE, {**known(), name: found})


def table(found: dict[str, Any]) -> str:
    lines = ["| set | test spectra | draft | tuned | difference | best linear, folds | chosen |", "| --- " * 7 + "|"]
    for name, each in found.items():
        seeds = sorted(int(key.split()[1]) for key in each if key.startswith("tuned "))
        pairs = [_pair(each, seed) for seed in seeds]
        same = all(each[f"tuned {seed}"] == each[f"draft {seed}"] for seed in seeds)
        drafted, tuned = (np.mean([getattr(pair, side).mean() for pair in pairs]) for side in ("other", "mine"))
        told = [
            f"{drafted:.3f}",
            f"{tuned:.3f}",
            "the draft's own was chosen" if same else paired.by_sample(pairs).worded(),
            f"{each['linear'][0]} {each['linear'][1]:.3f}",
        ]
        lines.append(f"| {name} | {each['n']} | {' | '.join(told)} | {Setting.read(each['chosen'])} |")
    return "\n".join(lines)


def _pair(each: dict[str, Any], seed: int) -> paired.Pair:
    mine, other = (paired.unpacked(each[f"{title} {seed}"], each["n"]) for title in ("tuned", "draft"))
    return paired.Pair(mine, other, np.array(each["sample"]), each["learnt"])


if __name__ == "__main__":
    try:
        main()
    except EdgespecError as problem:
        sys.exit(f"{problem.message}; {problem.hint}")
