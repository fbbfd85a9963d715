"""What int8 and float16 take and still agree on, file by file and runtime by runtime, over the plain default ONNX export.

    python -m benchmarks.latency.quantisation [NETWORK]...

Networks of the bars' kinds are trained briefly on the embedded spectra (their answers are checked as always; their accuracy is not
the point), exported, halved, quantised to both flavours with every layer in int8, and compared by `edgespec matrix`: one spectrum
at a time, one thread, all files and runtimes in turns in one process. OpenVINO and TensorRT-RTX are there with their extras only.
Prints a Markdown table and adds to benchmarks/results/local/quantisation.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.tools.results import LOCAL

FILE = LOCAL / "quantisation.json"
SECONDS = "3"
RECIPE = """\
schema: 1
seed: 0
data:
  load: {{minerals: {{samples: 4, spectra: 8}}}}
  axis: {{low: 150, high: 1172, points: 512}}
  preprocess: [{{highpass: {{window: 62}}}}, signed_sqrt, rms]
  split: {{by: group, test: 0.25, valid: 0.25}}
steps:
  - train: {{model: {model}, fit: {{epochs: 3, batch: 32}}}}
  - to_onnx
  - halve
  - quantize: {{flavours: [cpu, portable], max_drop: 1, min_agreement: 0, max_float: 0}}
"""
NETWORKS = {
    "cnn 16-32-64": "{cnn: {widths: [16, 32, 64]}}",
    "cnn 32-64-128": "{cnn: {widths: [32, 64, 128]}}",
    "pace 256": "{pace: {dim: 256}}",
    "drsn 12 blocks": "{drsn: {widths: [16, 32, 64]}}",
    "efficientnet 0.25 relu": "{efficientnet: {width: 0.25, activation: relu}}",
}


def main(chosen: list[str]) -> None:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    for title, model in NETWORKS.items():
        if not chosen or title in chosen:
            with tempfile.TemporaryDirectory() as name:
                found[title] = once(RECIPE.format(model=model), Path(name))
            FILE.parent.mkdir(parents=True, exist_ok=True)
            FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))


def once(recipe: str, folder: Path) -> dict[str, Any]:
    """Compress one network and compare its files."""
    (folder / "network.yaml").write_text(recipe, encoding="utf-8")
    run, out = [sys.executable, "-m", "edgespec"], str(folder / "run")
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*run, "compress", str(folder / "network.yaml"), "--out", out], check=True, **quiet)
    ended = subprocess.run(
        [*run, "matrix", out, "--seconds", SECONDS, "--json"], capture_output=True, text=True, check=False
    )
    if ended.returncode not in (0, 4):
        sys.exit(ended.stderr)
    told: dict[str, Any] = json.loads(ended.stdout)
    report = json.loads((folder / "run" / "report.json").read_text(encoding="utf-8"))
    macs = next(row["macs"] for row in report["rows"] if row["kind"] == "variant")
    return {"macs": macs, "exit_code": ended.returncode, **told}


def table(found: dict[str, Any]) -> str:
    """One line a network, file and runtime that answered."""
    host = next(iter(found.values()))["host"]
    lines = [f"{host['cpu']}, {', '.join(host['flags'])}", ""]
    lines += [
        "| network | MACs | file | runtime | ratio | n | differ | agree with float32 | bytes |",
        "| --- " * 9 + "|",
    ]
    for title, each in found.items():
        for cell in each["cells"]:
            if cell["ratio"] is None:
                continue
            low, high = cell["ratio_interval"]
            where = f"{cell['runtime']} {cell['precision']}".strip()
            cells = [
                title,
                f"{each['macs'] / 1e6:.2f} M",
                cell["variant"],
                where,
                f"{cell['ratio']:.2f} [{low:.2f}, {high:.2f}]",
            ]
            cells += [str(cell[key]) for key in ("samples", "disagreements")]
            cells += [f"{cell['agreement_float']:.3f}", str(cell["size_bytes"])]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
