"""Every network of `models/` on the same spectra, split and training: accuracy, robustness, bytes, latency.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.any_model [--out FOLDER] [TASK ...]

| task | spectra |
| --- | --- |
| rruff10 | ten minerals, 723 spectra |
| hard13 | thirteen minerals that are easily confused, 194 spectra |
| minerals192 | 192 minerals, 1,837 spectra; its given test part |

Each network has the keys that it has if nothing is said, and is trained as recipes/minerals192.yaml trains (AdamW, batches of 64; hard13: 100
epochs, the others 60), quantised where it can be and calibrated. The learning rate of each is the better of two on the validation part of
minerals192, 20 epochs with a seed that no line of the table has. Then `edgespec compare` runs all of them, one seed; each is measured in turns with
its own default export and the linear models. Its csv is kept as benchmarks/results/local/any_model-TASK.csv.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.tools.results import LOCAL
from edgespec import plugins, storage
from edgespec import recipe as recipes
from edgespec.evaluation import scoring
from edgespec.job import Silent
from edgespec.pipeline import preparation
from edgespec.recipe.plan import plan

RATES = LOCAL / "any_model-rates.json"
MODELS = (
    "cnn",
    "deepcnn",
    "drsn",
    "efficientnet",
    "lstm",
    "mlp",
    "pace",
    "ramannet",
    "repdwnet",
    "resnet",
    "sanet",
    "vit",
)
CHOICES, CHOSEN_WITH, CHOSEN_FOR = (3e-3, 1e-3), 100, 20
SHIFT = {"rruff10": ("5", "3", "0.06"), "hard13": ("4", "0.6", "0.03"), "minerals192": ("4", "0.6", "0.03")}
SPLIT = {
    "rruff10": "{by: group, test: 0.25, valid: 0.15}",
    "hard13": "{by: group, test: 0.25, valid: 0.1}",
    "minerals192": "{by: group, parts: given, valid: 0.1, valid_from: 4}",
}
FILES = {"rruff10": "rruff10.csv", "hard13": "rruff_hard13.csv", "minerals192": "minerals192.csv"}
EPOCHS = {"rruff10": 60, "hard13": 100, "minerals192": 60}
LINE = """\
schema: 1
seed: {seed}
data:
  load: {{rruff: {{task: {file}}}}}
  axis: {{low: 150, high: 1172, points: 512}}
  preprocess: [{{highpass: {{window: 62}}}}, signed_sqrt, rms]
  augment: {{instrument: {{shift: {shift}, stretch: 0.003, blur: 4, tilt: 0.25, drift: {drift}, noise: {noise}}}}}
  split: {split}
steps:
  - train: {{model: {model}, fit: {{epochs: {epochs}, batch: 64, lr: {rate}}}}}
{more}"""
QUANTIZE = "  - quantize: {max_drop: 1, min_agreement: 0}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="*", help=", ".join(FILES))
    parser.add_argument("--out", type=Path, default=Path("runs") / "any_model")
    asked = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    rates = chosen()
    for task in asked.task or FILES:
        folder = asked.out / task
        folder.mkdir(parents=True, exist_ok=True)
        lines = [line(folder, task, name, rates[name], 0, rest(name)) for name in MODELS]
        command = [
            sys.executable,
            "-m",
            "edgespec",
            "compare",
            *map(str, lines),
            "--target",
            "local",
            "--out",
            str(folder),
        ]
        subprocess.run(command, check=True)
        storage.write(LOCAL / f"any_model-{task}.csv", (folder / "compare.csv").read_text(encoding="utf-8"))


def chosen() -> dict[str, float]:
    """Give each network's learning rate, from the validation part of minerals192."""
    found = json.loads(RATES.read_text(encoding="utf-8")) if RATES.exists() else {}
    for name in MODELS:
        if name not in found:
            with tempfile.TemporaryDirectory() as place:
                found[name] = {str(rate): validated(Path(place), name, rate) for rate in CHOICES}
            storage.write_json(RATES, found)
            print(f"{name}: {found[name]}", file=sys.stderr)
    return {name: float(max(each, key=lambda rate: each[rate])) for name, each in found.items()}


def validated(place: Path, name: str, rate: float) -> float:
    """Train once and give the share of the validation spectra that are named rightly."""
    checked = plan(recipes.load(line(place, "minerals192", name, rate, CHOSEN_WITH, "", CHOSEN_FOR)))
    job = preparation.prepare(checked, place, Silent())
    if job.spectra.source != "measured":
        sys.exit("set EDGESPEC_DATA to the folder of the real spectra")
    (train,) = checked.steps
    folder = place / f"{name}-{rate}"
    folder.mkdir()
    made = plugins.find("steps", train.name).run(job.inside(folder), **train.keys)
    rows = job.splits.rows(None, valid=True)
    return float(np.mean(scoring.answers(job, made, rows).argmax(1) == job.spectra.y[rows]))


def line(place: Path, task: str, name: str, rate: float, seed: int, more: str, epochs: int = 0) -> Path:
    """Write a network's recipe."""
    shift, drift, noise = SHIFT[task]
    keys = {"file": FILES[task], "shift": shift, "drift": drift, "noise": noise, "split": SPLIT[task]}
    text = LINE.format(
        **keys, seed=seed, model=f"{{{name}: {{}}}}", epochs=epochs or EPOCHS[task], rate=rate, more=more
    )
    path = place / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def rest(name: str) -> str:
    """Give what follows training: RepDwNet's branches are folded, an LSTM's weights fit no int8."""
    folded = "  - reparameterise\n" if name == "repdwnet" else ""
    return (
        f"{folded}  - to_onnx\n{'' if name == 'lstm' else QUANTIZE}  - calibrate: {{score: energy}}\ntargets: [local]\n"
    )


if __name__ == "__main__":
    main()
