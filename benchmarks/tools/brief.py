"""Networks trained for a moment on generated spectra: for what a file costs, which does not depend on what it has learnt."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HEAD = """\
schema: 1
seed: 0
data:
  load: {{minerals: {{samples: 4, spectra: 8}}}}
  axis: {{low: 150, high: 1172, points: 512}}
  preprocess: [{{highpass: {{window: 62}}}}, signed_sqrt, rms]
  split: {{by: group, test: 0.25, valid: 0.25}}
"""
"""The beginning of their recipe; steps follow, with {model} where the network stands."""
NETWORKS = {
    "cnn 16-32-64": "{cnn: {widths: [16, 32, 64]}}",
    "cnn 32-64-128": "{cnn: {widths: [32, 64, 128]}}",
    "pace 256": "{pace: {dim: 256}}",
    "drsn 12 blocks": "{drsn: {widths: [16, 32, 64]}}",
    "efficientnet 0.25 relu": "{efficientnet: {width: 0.25, activation: relu}}",
}


def each(
    file: Path, networks: dict[str, str], steps: str, chosen: Sequence[str], once: Callable[[str, Path], dict[str, Any]]
) -> dict[str, Any]:
    """Measure each network that is chosen (all if none is) and keep what is found in a JSON file as it comes; give all that it holds.

    once: what measures a recipe's text in a folder of its own
    """
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for title, model in networks.items():
        if chosen and title not in chosen:
            continue
        with tempfile.TemporaryDirectory() as name:
            found[title] = once((HEAD + steps).format(model=model), Path(name))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found
