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
from pathlib import Path
from typing import Any

from benchmarks.tools import brief
from benchmarks.tools.results import LOCAL

FILE = LOCAL / "quantisation.json"
SECONDS = "3"
STEPS = """\
steps:
  - train: {{model: {model}, fit: {{epochs: 3, batch: 32}}}}
  - to_onnx
  - halve
  - quantize: {{flavours: [cpu, portable], max_drop: 1, min_agreement: 0, max_float: 0}}
"""


def main(chosen: list[str]) -> None:
    print(table(brief.each(FILE, brief.NETWORKS, STEPS, chosen, once)))


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
