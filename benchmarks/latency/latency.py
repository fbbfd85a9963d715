"""How fast the recommended file answers, over the plain default ONNX export of the same network.

    python -m benchmarks.latency.latency

Networks of several sizes are trained briefly on the embedded spectra (their answers are checked as always; their accuracy is
not the point), exported, quantised and measured interleaved by `edgespec bench`: one spectrum at a time, one thread.
Prints a Markdown table and writes benchmarks/results/local/latency.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.tools.results import LOCAL

RESULTS = LOCAL
RECIPE = """\
schema: 1
seed: 0
data:
  load: {{minerals: {{samples: 4, spectra: 8}}}}
  axis: {{low: 150, high: 1172, points: {points}}}
  preprocess: [{{highpass: {{window: 62}}}}, signed_sqrt, rms]
  split: {{by: group, test: 0.25, valid: 0.25}}
steps:
  - train: {{model: {model}, fit: {{epochs: 4, batch: 32}}}}
  - to_onnx
  - quantize: {{max_drop: 1}}
  - calibrate
"""
NETWORKS = {
    "cnn 8-16-32, 512 points": ("{cnn: {widths: [8, 16, 32]}}", 512),
    "cnn 16-32-64, 512 points": ("{cnn: {widths: [16, 32, 64]}}", 512),
    "cnn 32-64-128, 512 points": ("{cnn: {widths: [32, 64, 128]}}", 512),
    "efficientnet 0.25, 512 points": ("{efficientnet: {width: 0.25}}", 512),
}


def main() -> None:
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        for title, (model, points) in NETWORKS.items():
            recipe = Path(name) / "latency.yaml"
            recipe.write_text(RECIPE.format(model=model, points=points), encoding="utf-8")
            found[title] = once(recipe, Path(name) / title)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "latency.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    host = next(iter(found.values()))["host"]
    print(f"{host['cpu']}, {', '.join(host['flags'])}\n")
    print("| network | MACs | default | float32 | cpu-int8 | recommended |\n| --- | --- | --- | --- | --- | --- |")
    for title, each in found.items():
        cells = [
            f"{v['ratio']:.2f} [{v['ratio_interval'][0]:.2f}, {v['ratio_interval'][1]:.2f}]"
            for v in each["variants"].values()
        ]
        default = f"{each['default_us']:.1f} us (n = {each['n']})"
        print(f"| {title} | {each['macs'] / 1e6:.2f} M | {default} | {cells[0]} | {cells[1]} | {each['recommended']} |")


def once(recipe: Path, folder: Path) -> dict[str, Any]:
    """Compress and measure one network."""
    run = [sys.executable, "-m", "edgespec"]
    subprocess.run(
        [*run, "compress", str(recipe), "--out", str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    told = subprocess.run(
        [*run, "bench", str(folder), "--seconds", "5", "--json"], check=True, capture_output=True, text=True
    ).stdout
    answer = json.loads(told)
    measured = {each["variant"]: each for each in answer["bench"]["local"]["measurements"]}
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return {
        "macs": next(row["macs"] for row in report["rows"] if row["kind"] == "variant"),
        "n": measured["default"]["n"],
        "default_us": measured["default"]["p50_ms"] * 1e3,
        "variants": {
            name: {key: measured[name][key] for key in ("ratio", "ratio_interval", "noise", "accuracy")}
            for name in ("float32", "cpu-int8")
        },
        "recommended": answer["advice"]["local"]["variant"],
        "host": {key: measured["default"]["host"].get(key) for key in ("cpu", "flags")},
    }


if __name__ == "__main__":
    main()
