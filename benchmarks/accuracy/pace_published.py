"""Run PACE on the COVID serum set as its authors did, over several seeds; the test part is judged with every seed.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.pace_published --seeds 5 --epochs 200

Lu et al. 2024, Anal. Chem. 96(7), 2866, and the code that they published: dim 1024, dropout 0.2, input averaged to 256 points, batch 64, 200
epochs, AdamW 1e-4, cosine down to 1e-6 with T_max 10, stepped once an epoch and never restarted (so the rate swings), a fifth of the training
part for validation (stratified, seed 42 whatever the seed of the run), the epoch of the best validation accuracy. Spectra as published: no scaling.
Where they tested, they averaged to 1024 points first and to 256 then; both inputs are judged here.

With --epochs 10, 30, 50, ... the last epoch is at the smallest rate. Each setting has its own entry in
benchmarks/results/local/pace_published.json; a seed that is there already is not run again.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.tools.results import LOCAL
from edgespec import models, storage
from edgespec.data.readers import locate
from edgespec.models import means
from edgespec.recipe import Call

RESULT = LOCAL / "pace_published.json"
PUBLISHED = 0.92473
SETTING = {
    "dim": 1024,
    "dropout": 0.2,
    "epochs": 200,
    "batch": 64,
    "lr": 1e-4,
    "least": 1e-6,
    "t_max": 10,
    "valid": 0.2,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=SETTING["epochs"])
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    setting = {**SETTING, "epochs": asked.epochs}
    parts = read()
    found: dict[str, Any] = {"published": PUBLISHED, "test": len(parts[3]), "lines": []}
    if asked.out.exists():
        found = json.loads(asked.out.read_text(encoding="utf-8"))
    line = next((each for each in found["lines"] if each["setting"] == setting), None)
    if line is None:
        line = {"setting": setting, "seeds": {}}
        found["lines"].append(line)
    for seed in map(str, range(asked.seeds)):
        if seed not in line["seeds"]:
            line["seeds"][seed] = run(*parts, setting, int(seed))
            storage.write_json(asked.out, found)
        print(f"seed {seed}: {line['seeds'][seed]}", flush=True)
    print("\n\n".join(table(found, each) for each in found["lines"]))


def read() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Give the training part (n, 900) and (n,), then the test part."""
    x, y, test_x, test_y = (
        np.load(locate.find(f"pace_cov/{name}.npy", None)) for name in ("train_x", "train_y", "test_x", "test_y")
    )
    return (
        torch.from_numpy(x).float(),
        torch.from_numpy(y).long(),
        torch.from_numpy(test_x).float(),
        torch.from_numpy(test_y).long(),
    )


def run(x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor, setting: dict[str, Any], seed: int) -> dict[str, Any]:
    """Train once and judge the test part: accuracies of the chosen epoch (both inputs) and of the last."""
    started = time.monotonic()
    learnt, held = train_test_split(np.arange(len(y)), test_size=setting["valid"], stratify=y, random_state=42)
    network = models.build(
        Call("pace", {"dim": setting["dim"], "dropout": setting["dropout"]}), points=256, classes=3, seed=seed
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=setting["lr"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=setting["t_max"], eta_min=setting["least"])
    torch.manual_seed(seed)
    batches = DataLoader(
        TensorDataset(pooled(x, 256)[learnt], y[learnt]), batch_size=setting["batch"], shuffle=True, drop_last=False
    )
    best, chosen, weights = -1.0, 0, copy.deepcopy(network.state_dict())
    for epoch in range(setting["epochs"]):
        network.train()
        for some, named in batches:
            optimiser.zero_grad(set_to_none=True)
            functional.cross_entropy(network(some), named).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        schedule.step()
        valid = accuracy(network, pooled(x, 256)[held], y[held])
        if valid > best:
            best, chosen, weights = valid, epoch + 1, copy.deepcopy(network.state_dict())
    last = accuracy(network, pooled(test_x, 256), test_y)
    network.load_state_dict(weights)
    return {
        "test": accuracy(network, pooled(test_x, 256), test_y),
        "right": word(network, pooled(test_x, 256), test_y),
        "test_by_1024": accuracy(network, pooled(pooled(test_x, 1024), 256), test_y),
        "test_last_epoch": last,
        "valid": best,
        "epoch": chosen,
        "seconds": round(time.monotonic() - started),
    }


def pooled(x: Tensor, places: int) -> Tensor:
    """(n, points) -> (n, places), as adaptive average pooling does, which repeats points where there are fewer than places."""
    return x @ means(x.shape[1], places)


def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    network.eval()
    with torch.inference_mode():
        return round(float((network(x).argmax(1) == y).float().mean()), 4)


def word(network: nn.Module, x: Tensor, y: Tensor) -> str:
    """Give 0 or 1 a spectrum: which ones are named rightly, so that another model can be compared spectrum by spectrum."""
    network.eval()
    with torch.inference_mode():
        return "".join(str(int(each)) for each in network(x).argmax(1) == y)


def table(found: dict[str, Any], line: dict[str, Any]) -> str:
    """Word the result of one setting as Markdown."""
    setting = line["setting"]
    told = f"{setting['epochs']} epochs, smallest rate {setting['least']:g}, {len(line['seeds'])} seeds"
    lines = [f"PACE, {told}, {found['test']} test spectra; published {found['published']:.4f} (one seed)", ""]
    lines += ["| judged | mean | sd | each seed |", "| --- | --- | --- | --- |"]
    for key, title in (
        ("test", "epoch of the best validation, input to 256"),
        ("test_by_1024", "the same, input to 1024, then 256"),
        ("test_last_epoch", "last epoch"),
        ("valid", "validation of the chosen epoch"),
    ):
        values = np.array([each[key] for each in line["seeds"].values()])
        spread = values.std(ddof=1) if len(values) > 1 else float("nan")
        lines.append(
            f"| {title} | {values.mean():.4f} | {spread:.4f} | {', '.join(f'{value:.4f}' for value in values)} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
