"""Kill `edgespec compress` at random moments of every step, start it again, and compare what it leaves with an undisturbed run.

    python -m benchmarks.robustness.resume [--kills 5] [--stops 6] [--seed 0]

Two lines of small networks on embedded spectra have all steps between them. Each step is killed (SIGKILL) so many times, at a random
moment between its beginning and its end in the undisturbed run; then the line runs to its end, and every model file and every score must
be the undisturbed run's (times apart). Told is, too, how much work each kill cost: the time since the last state on disk, or since the step began.
Then the same command is ended politely (SIGTERM, Ctrl-C) at random moments: exit code and time. States are kept every 2 s rather than 10, so
that these short trainings are gone on with in their middle.
Prints Markdown and writes benchmarks/results/local/resume.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.tools.results import LOCAL
from edgespec import report, storage

FILE = LOCAL / "resume.json"
DATA = """\
schema: 1
seed: 0
data:
  load: {minerals: {samples: 12, spectra: 5}}
  axis: {low: 150, high: 1172, points: 512}
  preprocess: [{highpass: {window: 62}}, signed_sqrt, rms]
  augment: instrument
  split: {by: group, parts: given, valid: 0.15}
steps:
"""
DRSN = "{drsn: {widths: [8, 16], depths: [2, 2], positions: 8}}"
LINES = {
    "distilled": DATA
    + """\
  - train: {on: library, mixup: 0.2, model: [{efficientnet: {width: 0.25}}, {cnn: {widths: [16, 32]}}], fit: {epochs: 6, batch: 64}}
  - distill: {on: site, student: {cnn: {widths: [16, 32]}}, labels: 1 per class, alpha: 1, fit: {epochs: 20, batch: 64}}
  - prune: {on: site, to: {macs: 60 %}, rounds: 2, max_drop: 0.5, round_to: 4, fit: {epochs: 10, batch: 64}}
  - to_onnx
  - qat: {spectra: 64, max_drop: 0.5, min_agreement: 0.5, fit: {epochs: 8, lr: 1.0e-3}}
  - halve
  - calibrate
""",
    "converted": DATA
    + f"""\
  - train: {{on: library, model: {DRSN}, fit: {{epochs: 10, batch: 64}}}}
  - convert_channels: {{on: library, how: narrow, share: 0.5, fit: {{epochs: 8, batch: 64}}}}
  - fuse_lda: {{on: library}}
  - to_onnx
  - quantize: {{spectra: 64, max_drop: 0.5, min_agreement: 0.5}}
  - calibrate
""",
}
LIMIT_S = 3.0
EVERY_S = 2.0
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=5, help="of each step")
    parser.add_argument("--stops", type=int, default=6, help="polite ends of each line")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--line", nargs="+", choices=LINES, default=list(LINES))
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        told = [line(Path(folder), name, asked.kills, asked.stops, chance) for name in asked.line]
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps({"seed": asked.seed, "lines": told}, indent=1) + "\n", encoding="utf-8")
    print(table(told))
    if not all(each["same_files"] and each["same_scores"] and not each["left"] for each in told):
        sys.exit("a killed run left something else than an undisturbed one")


def line(place: Path, name: str, kills: int, stops: int, chance: random.Random) -> dict[str, Any]:
    """Run one line undisturbed, then killed over and over, and give the account."""
    recipe = place / f"{name}.yaml"
    recipe.write_text(LINES[name], encoding="utf-8")
    whole, folder = place / f"{name}-whole", place / f"{name}-killed"
    began = time.monotonic()
    subprocess.run(command(recipe, whole), check=True, **QUIET)  # type: ignore[call-overload]
    undisturbed_s = time.monotonic() - began
    steps = report.read(whole).steps
    killed = []
    for step in steps:
        for _ in range(kills):
            killed += kill(recipe, folder, step["folder"], step["seconds"], chance)
    ended = [stop(recipe, place / f"{name}-stopped", undisturbed_s, chance, i) for i in range(stops)]
    last = subprocess.run(command(recipe, folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    return {
        "line": name,
        "steps": [step["name"] for step in steps],
        "undisturbed_s": round(undisturbed_s, 1),
        "kills": killed,
        "stops": ended,
        "rc": last.returncode,
        "went_on": (folder / "log.txt").read_text(encoding="utf-8").count("goes on in epoch"),
        "same_files": files(folder) == files(whole),
        "same_scores": scores(folder) == scores(whole),
        "differs": list(differences(scores(folder), scores(whole))),
        "left": sorted(each.name for each in folder.rglob("*") if each.suffix in (".part", ".state", ".old")),
    }


def command(recipe: Path, folder: Path) -> list[str]:
    often = (
        f"from edgespec.training import resume; resume.EVERY_S = {EVERY_S}; from edgespec.__main__ import main; main()"
    )
    return [sys.executable, "-c", often, "compress", str(recipe), "--out", str(folder)]


def kill(recipe: Path, folder: Path, step: str, seconds: float, chance: random.Random) -> list[dict[str, Any]]:
    """Kill the run somewhere in a step; [] where it was over before."""
    part, state = folder / f"{step}.part", folder / f"{step}.state"
    shutil.rmtree(folder / step, ignore_errors=True)  # it was over before it could be killed: once more
    shutil.rmtree(
        part, ignore_errors=True
    )  # left by the last kill; the run would remove it too, and it is to say when the step begins
    program = subprocess.Popen(command(recipe, folder), **QUIET)  # type: ignore[call-overload]
    while not part.exists() and program.poll() is None and not (folder / step).exists():
        time.sleep(0.002)
    began, kept = time.time(), newest(state)
    time.sleep(chance.uniform(0, seconds))
    program.send_signal(signal.SIGKILL)
    if program.wait() != -signal.SIGKILL:
        return []
    there = next((each.stem for each in sorted(folder.glob("*.part"))), "between steps")
    since = max(began, newest(state) or kept)
    return [{"asked": step, "in": there, "lost_s": round(time.time() - since, 2) if there == step else None}]


def stop(recipe: Path, folder: Path, seconds: float, chance: random.Random, number: int) -> dict[str, Any]:
    """End a run politely at a random moment after Python has started; tell how it ended and how long that took."""
    how = (signal.SIGTERM, signal.SIGINT)[number % 2]
    if (folder / "report.html").exists():  # it is over
        shutil.rmtree(folder)
    program = subprocess.Popen(
        [sys.executable, "-m", "edgespec", "compress", str(recipe), "--out", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=heard,
    )
    time.sleep(chance.uniform(0.2, min(seconds, 30)))
    began = time.monotonic()
    program.send_signal(how)
    _, said = program.communicate()
    took = round(time.monotonic() - began, 2)
    return {"signal": how.name, "rc": program.returncode, "took_s": took, "said": b"run the same command again" in said}


def heard() -> None:
    """Hear Ctrl-C also where this program was started in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def newest(folder: Path) -> float:
    return max((os.stat(each).st_mtime for each in folder.glob("*.safetensors")), default=0.0)


def files(folder: Path) -> dict[str, str]:
    found = [each for each in sorted(folder.rglob("*")) if each.suffix in (".safetensors", ".onnx")]
    return {str(each.relative_to(folder)): storage.file_digest(each) for each in found}


def scores(folder: Path) -> list[dict[str, Any]]:
    """Give all rows but for what a clock told."""
    return [timeless(vars(row)) for row in report.read(folder).rows]


def timeless(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: timeless(each) for key, each in told.items() if key not in ("seconds", "latency")}
    return [timeless(each) for each in told] if isinstance(told, list) else told


def differences(one: Any, other: Any, at: str = "") -> Iterator[str]:
    """Name every place where two scores differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(set(one) | set(other)):
            yield from differences(one.get(key), other.get(key), f"{at}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from differences(a, b, f"{at}[{i}]")
    elif one != other:
        yield f"{at}: {one} and {other}"


def table(told: list[dict[str, Any]]) -> str:
    lines = ["| line | step | kills | in it | most work lost |", "| --- | --- | --- | --- | --- |"]
    for each in told:
        asked = Counter(one["asked"] for one in each["kills"])
        for step, n in asked.items():
            lost = [one["lost_s"] for one in each["kills"] if one["in"] == step and one["lost_s"] is not None]
            lines.append(f"| {each['line']} | {step} | {n} | {len(lost)} | {max(lost, default=0):.1f} s |")
    stops = [one for each in told for one in each["stops"]]
    good = sum(one["rc"] == 130 and one["said"] and one["took_s"] <= LIMIT_S for one in stops)
    slow = max((one["took_s"] for one in stops), default=0)
    middle = statistics.median([one["took_s"] for one in stops] or [0])
    count = sum(len(each["kills"]) for each in told)
    same = all(each["same_files"] and each["same_scores"] for each in told)
    went_on = sum(each["went_on"] for each in told)
    lines += [
        "",
        f"{count} kills; a training went on in the middle {went_on} times; all model files and scores the undisturbed run's: {same}",
        f"{len(stops)} polite ends: {good} with exit code 130 within {LIMIT_S:g} s (median {middle:.2f} s, longest {slow:.2f} s)",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
