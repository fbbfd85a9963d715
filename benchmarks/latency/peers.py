"""One network in everybody's runtime, side by side: spectrum to label, and the bare network; accuracy of the same outputs, bytes, start, memory.

    EDGESPEC_DATA=... python -m benchmarks.latency.peers runs/NAME [--rounds 60] [--repeats 3] [--only PEER ...]

NAME is a finished run of a recipe whose student is a network, with `to_onnx` (rruff_distill, rruff10). Each peer has an environment of its own, made
below edgespec's cache folder at the first call (8 GB in all, minutes), and one worker process there, pinned to one core, one thread. In each round
every file has one turn of 5 ms in shuffled order; a ratio is of the medians of the two turns of a round, and its interval is a bootstrap of
rounds (95 %). All is repeated in fresh processes. A peer without preprocessing in its file has numpy's beside it, timed with it. What does
not install or does not take the network is a row with its reason. LiteRT needs its converter: edgespec setup litert | sh.
Prints a Markdown table and writes benchmarks/results/latency/peers.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.latency import peer_files as files
from benchmarks.latency import peer_list
from benchmarks.latency.peer_files import CannotBeMadeError
from benchmarks.latency.peer_list import BARE, OURS
from benchmarks.tools import environments
from benchmarks.tools.results import RESULTS
from edgespec.errors import EdgespecError
from edgespec.job import Silent
from edgespec.pipeline.run import Run

FILE = RESULTS / "latency" / "peers.json"
TURN_MS, SPECTRA, RESAMPLES, START_S = 5.0, 128, 2000, 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], help="environments or names")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgespec-peers-") as name:
        found = measured(Run(asked.run, Silent()), Path(name), asked)
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    kept[found["run"]] = found
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(table(found))


def measured(run: Run, work: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Make all files, ask and time them."""
    x, y = run.test
    np.save(work / "spectra.npy", np.ascontiguousarray(x, np.float32))
    rows = _prepared(run, work)
    wanted = [
        each
        for each in peer_list.peers(run, work, rows)
        if not asked.only or {each.environment, each.name} & set(asked.only)
    ]
    lost: dict[str, str] = {}
    items: dict[str, dict[str, Any]] = {}
    programs: dict[str, Path] = {}
    for peer in wanted:
        print(f"{peer.name} ...", file=sys.stderr, flush=True)
        try:
            programs[peer.environment] = peer_list.python(peer.environment)
            file = peer.make(work)
            own = (
                {} if peer.whole or peer.name.startswith("bare") else {"front": files.front(run.model.path("float32"))}
            )
            items[peer.name] = {"name": peer.name, "runtime": peer.runtime, "file": str(file), "bytes": _bytes(file), "points": x.shape[1],
                                "environment": peer.environment, "bare": peer.name.startswith("bare"), **own, **peer.more}  # fmt: skip
        except (CannotBeMadeError, environments.NotInstalledError, EdgespecError, ValueError, RuntimeError) as problem:
            lost[peer.name] = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
    ns, answers = _timed(items, programs, work, asked, lost)
    cold = {name: each for name in ns if (each := _cold(items[name], programs, work)) is not None}
    found = {name: _row(items[name], ns, answers[name], y, cold.get(name)) for name in ns}
    versions = {name: environments.versions(each) for name, each in programs.items() if name != "torch"}
    return {"run": run.folder.name, "data": run.report.data["source"], "machine": _machine(), "n": len(x), "rounds": asked.rounds * asked.repeats,
            "rows": found, "lost": lost, "versions": versions}  # fmt: skip


def _prepared(run: Run, work: Path) -> Path:
    """Give prepared training spectra, for those that quantise; and the test spectra so, for the bare networks."""
    from edgespec.training import batches

    rows = run.job.splits.rows(None)[:SPECTRA]
    for name, chosen in (("train.npy", rows), ("prepared.npy", run.job.splits.test)):
        np.save(work / name, np.ascontiguousarray(batches.prepared(run.job, chosen).numpy(), np.float32))
    return work / "train.npy"


def _timed(
    items: dict[str, Any], programs: dict[str, Path], work: Path, asked: argparse.Namespace, lost: dict[str, str]
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Time all in shuffled turns; give the median nanoseconds of each turn, round by round, and the outputs."""
    order, ns, answers = random.Random(0), {name: [] for name in items}, {}
    for repeat in range(asked.repeats):
        workers = {(each["environment"], each["bare"]): None for each in items.values()}
        workers = {key: _Worker(programs[key[0]], _items(items, key, work)) for key in workers}
        for name, each in list(items.items()):
            out = work / f"answers-{len(answers)}.npy"
            told = workers[each["environment"], each["bare"]].ask(do="open", name=name, out=str(out))
            if "error" in told:
                lost[name] = told["error"]
                items.pop(name), ns.pop(name, None)
            elif name not in answers:
                answers[name] = np.load(out)
        for i in range(asked.rounds):
            names = list(items)
            order.shuffle(names)
            for name in names:
                each = items[name]
                told = workers[each["environment"], each["bare"]].ask(do="turn", name=name, ms=TURN_MS, first=i * 7)
                ns[name].append(told["ns"])
        print(f"repeat {repeat + 1} of {asked.repeats}", file=sys.stderr, flush=True)
        for worker in workers.values():
            worker.close()
    return ns, answers


def _items(items: dict[str, Any], key: tuple[str, bool], work: Path) -> Path:
    path = work / f"{key[0]}-{key[1]}.json"
    mine = [each for each in items.values() if (each["environment"], each["bare"]) == key]
    path.write_text(
        json.dumps({"spectra": str(work / ("prepared.npy" if key[1] else "spectra.npy")), "items": mine}),
        encoding="utf-8",
    )
    return path


class _Worker:
    def __init__(self, program: Path, items: Path) -> None:
        command = _command(program, items)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, **what: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(what) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        found: dict[str, Any] = json.loads(line) if line else {"error": "its process died"}
        return found

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


def _command(program: Path, items: Path) -> list[str]:
    core = max(os.sched_getaffinity(0))
    return [str(program), str(Path(__file__).with_name("peer_worker.py")), str(items), str(core)]


def _cold(item: dict[str, Any], programs: dict[str, Path], work: Path) -> dict[str, Any] | None:
    """Start one file in a fresh process: nanoseconds to its first answer, and the largest memory of the process."""
    command = _command(
        programs[item["environment"]], _items({item["name"]: item}, (item["environment"], item["bare"]), work)
    )
    ended = subprocess.run(
        [*command, "cold", item["name"]], capture_output=True, text=True, timeout=START_S, check=False
    )
    return json.loads(ended.stdout) if ended.returncode == 0 and ended.stdout else None


def _row(
    item: dict[str, Any], ns: dict[str, list[float]], found: Any, y: Any, cold: dict[str, Any] | None
) -> dict[str, Any]:
    against = BARE if item["bare"] else OURS
    ratios = (
        np.array(ns[item["name"]]) / np.array(ns[against]) if against in ns else np.full(len(ns[item["name"]]), np.nan)
    )
    drawn = np.median(np.random.default_rng(0).choice(ratios, (RESAMPLES, len(ratios))), axis=1)
    return {"us": float(np.median(ns[item["name"]])) / 1e3, "ratio": float(np.median(ratios)), "against": against,
            "interval": [float(each) for each in np.percentile(drawn, [2.5, 97.5])], "accuracy": float((found.argmax(1) == y).mean()),
            "bytes": item["bytes"], "cold": cold}  # fmt: skip


def _bytes(file: Path) -> int:
    beside = file.with_suffix(".bin")
    return file.stat().st_size + (
        beside.stat().st_size if file.suffix in (".xml", ".param") and beside.is_file() else 0
    )


def _machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return {"cpu": named, "cores": os.cpu_count(), "flags": [each for each in ("avx2", "avx512f", "avx512_vnni") if each in flags],
            "load": os.getloadavg()[0]}  # fmt: skip


def table(found: dict[str, Any]) -> str:
    """One line a peer: the whole files, then the bare networks, then what is not there and why."""
    machine = found["machine"]
    lines = [f"{found['run']}: {machine['cpu']}, {machine['cores']} cores, {', '.join(machine['flags'])}, load {machine['load']:.1f}; "
             f"{found['rounds']} rounds, {found['n']} test spectra", ""]  # fmt: skip
    lines += ["| file | ratio | us | accuracy | bytes | first answer | memory |", "| --- " * 7 + "|"]
    for name, row in found["rows"].items():
        cold = row["cold"]
        start = [f"{cold['ns'] / 1e6:.0f} ms", f"{cold['bytes'] / 1e6:.0f} MB"] if cold else ["-", "-"]
        ratio = f"{row['ratio']:.2f} [{row['interval'][0]:.2f}, {row['interval'][1]:.2f}]"
        lines.append(
            "| "
            + " | ".join([name, ratio, f"{row['us']:.1f}", f"{row['accuracy']:.3f}", str(row["bytes"]), *start])
            + " |"
        )
    lines += [f"| {name} | not measured: {why} | | | | | |" for name, why in found["lost"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
