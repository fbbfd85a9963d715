"""Does int8 pay in ONNX Runtime here, and from which stage on? What `quantize: {pays: true}` asks, for networks of several sizes.

    python -m benchmarks.latency.paying [NETWORK]...

Networks are trained briefly on the embedded spectra (their accuracy is not the point) and quantised with `pays: true`, all files in turns, one
spectrum at a time, one thread. Prints a Markdown table and adds to benchmarks/results/local/paying.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.tools import brief
from benchmarks.tools.results import LOCAL

FILE = LOCAL / "paying.json"
STEPS = """\
steps:
  - train: {{model: {model}, fit: {{epochs: 2, batch: 32}}}}
  - to_onnx
  - quantize: {{max_drop: 1, min_agreement: 0, max_float: 0, pays: true}}
"""
NETWORKS = {"cnn 8-16-32": "{cnn: {widths: [8, 16, 32]}}", **brief.NETWORKS}


def main(chosen: list[str]) -> None:
    print(table(brief.each(FILE, NETWORKS, STEPS, chosen, once)))


def once(recipe: str, folder: Path) -> dict[str, Any]:
    """Compress one network and give what the target said."""
    (folder / "network.yaml").write_text(recipe, encoding="utf-8")
    command = [sys.executable, "-m", "edgespec", "compress", str(folder / "network.yaml"), "--out", str(folder / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    told = json.loads((folder / "run" / "3-quantize" / "artifact.json").read_text(encoding="utf-8"))
    answer: dict[str, Any] = told["artifact"]["facts"]["pays"]
    return answer


def table(found: dict[str, Any]) -> str:
    """One line a network: float32, then int8 from each stage on."""
    lines = ["| network | float32 | int8 over float32, by the layers that stay in float | kept |", "| --- " * 4 + "|"]
    for title, each in found.items():
        cells = [
            f"{one['first_float']}: {one['ratio']:.2f} [{one['interval'][0]:.2f}, {one['interval'][1]:.2f}], {one['size_bytes'] / 1e3:.0f} kB"
            for one in each["tried"]
        ]
        kept = "float32" if each["kept"] is None else f"int8, {each['tried'][each['kept']]['first_float']} in float"
        size = f"{each['float32_us']:.1f} us, {each['float32_bytes'] / 1e3:.0f} kB"
        lines.append(f"| {title} | {size} | {'; '.join(cells)} | {kept} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
