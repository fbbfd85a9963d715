"""One bit of every file of a finished run and of its bundle is turned in turn: which command notices?

    python -m benchmarks.robustness.corruption RUN [--flips N] [--seed N]

RUN: a finished run; it is copied, and its bundle written beside the copy. Each file is hurt N times, at places drawn at random; then every
command that opens the run, or the bundle, is asked. `noticed`: the command ended with exit code 4 and named the file. `same`: it answered as on the
whole run, bit for bit. Anything else, an answer that differs above all, is a failure, and the program ends with 1.
Writes benchmarks/results/robustness/corruption.json.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tools import results
from edgespec import storage
from edgespec.bench import session
from edgespec.bundle import write as bundles
from edgespec.cli import report as report_command
from edgespec.cli import verify as verify_command
from edgespec.errors import EdgespecError
from edgespec.pipeline import provenance, run_folder
from edgespec.pipeline.run import Run
from edgespec.runs import bench, gate, predict

UNREAD = ("report.html", "report.md", "log.txt", ".lock")
Command = Callable[[], Any]


def commands(run: Path, bundle: Path) -> dict[str, Command]:
    """Give what opens a run or a bundle: each answers with something that can be compared."""
    return {
        "predict RUN": lambda: asked(run_folder.model(run)),
        "report": lambda: printed(lambda: report_command.command([run], to_json=True)),
        "gate": lambda: verdicts(run),
        "export": lambda: exported(run),
        "bench --replay": lambda: replayed(run),
        "predict BUNDLE": lambda: asked(run_folder.model(bundle)),
        "verify BUNDLE": lambda: printed(lambda: verify_command.command(bundle, to_json=True)),
    }


def asked(path: Path) -> list[list[float]]:
    """Answer one spectrum that every model takes."""
    model = predict.Model(path)
    x = 1000.0 + 100 * np.cos(np.arange(len(model.axis)) / 5.0)
    return model.predict(x[None].astype(np.float32), refused="keep").probabilities.tolist()


def printed(command: Callable[[], None]) -> str:
    """Give what a command prints."""
    with contextlib.redirect_stdout(io.StringIO()) as told, contextlib.redirect_stderr(io.StringIO()):
        command()
    return told.getvalue()


def verdicts(run: Path) -> list[tuple[str, str]]:
    """Judge the run, and leave its report as it was."""
    before = (run / "report.json").read_bytes()
    try:
        found = gate.judge(Run(run), gate.Asked())
        return [(each["metric"], each["verdict"]) for each in found.report.gates]
    finally:
        (run / "report.json").write_bytes(before)


def exported(run: Path) -> str:
    """Write the run's bundle elsewhere; give the model's digest."""
    with tempfile.TemporaryDirectory() as place:
        bundles.write(Run(run), Path(place) / "bundle")
        return storage.file_digest(Path(place) / "bundle" / bundles.MODEL)


def replayed(run: Path) -> Any:
    """Judge the run's recordings again."""
    found = sorted((run / "bench").glob("*.samples.npz")) if (run / "bench").is_dir() else []
    return [[session.load(each).facts["target"], bench.replay(each, None).advice] for each in found]


def outcome(command: Command, whole: Any, name: str) -> str:
    """Ask a command about what was hurt: "noticed", "same", or what it did instead."""
    try:
        found = command()
    except EdgespecError as problem:
        if problem.exit_code != 4:
            return f"exit code {problem.exit_code}: {problem.message}"
        return "noticed" if Path(name).name in problem.message else f"without the file's name: {problem.message}"
    except SystemExit as ended:
        return f"exit code {ended.code}"
    except Exception as problem:  # noqa: BLE001  (a traceback is what this looks for)
        if type(problem).__name__ == "Exit" and getattr(problem, "exit_code", 0) == 4:
            return "noticed"
        return f"{type(problem).__name__}: {problem}"
    return "same" if found == whole else "another answer"


def table(source: Path, flips: int, seed: int) -> dict[str, dict[str, str]]:
    """Hurt each file in turn: file -> command -> the worst of what it did."""
    chance, found = random.Random(seed), {}
    with tempfile.TemporaryDirectory() as name:
        run, bundle = Path(name) / "run", Path(name) / "bundle"
        shutil.copytree(source, run)
        bundles.write(Run(run), bundle)
        asking = commands(run, bundle)
        whole = {each: command() for each, command in asking.items()}
        shutil.rmtree(run / "bundles", ignore_errors=True)  # each is a bundle: the one beside the run stands for them
        files = [path for folder in (run, bundle) for path in sorted(folder.rglob("*")) if path.is_file()]
        for path in files:
            raw = path.read_bytes()
            place = path.relative_to(name).as_posix()
            if not raw or path.name == ".lock":
                continue
            told: dict[str, set[str]] = {}
            for _ in range(flips):
                at, bit = chance.randrange(len(raw)), 1 << chance.randrange(8)
                path.write_bytes(raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1 :])
                for each, command in asking.items():
                    if (place.split("/")[0] == "bundle") == each.endswith("BUNDLE"):
                        told.setdefault(each, set()).add(outcome(command, whole[each], place))
                path.write_bytes(raw)
            found[place] = {each: worst(some) for each, some in told.items()}
    return found


def worst(some: set[str]) -> str:
    """Give what is least good of what a command did."""
    return next((each for each in sorted(some) if each not in ("noticed", "same")), " or ".join(sorted(some)))


def failures(found: dict[str, dict[str, str]]) -> list[str]:
    """List what was neither noticed nor harmless."""
    good = {"noticed", "same", "noticed or same"}
    return [f"{name}: {each}: {told}" for name, one in found.items() for each, told in one.items() if told not in good]


def text(found: dict[str, dict[str, str]]) -> str:
    """Word the table: a line for each file, who noticed, or why nobody had to."""
    lines = ["| file | noticed by | the same answer from |", "| --- | --- | --- |"]
    for name, one in found.items():
        by = {kind: ", ".join(each for each, told in one.items() if told == kind) for kind in ("noticed", "same")}
        lines.append(f"| {name} | {by['noticed'] or '-'} | {by['same'] or '-'} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--flips", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    found = table(given.run, given.flips, given.seed)
    print(text(found))
    wrong = failures(found)
    flips = given.flips * len(found)
    storage.write_json(
        results.RESULTS / "robustness" / "corruption.json",
        {"machine": provenance.environment(), "run": given.run.name, "flips": flips, "table": found, "failures": wrong},
    )
    print(f"\n{flips} flips in {len(found)} files, {len(wrong)} neither noticed nor harmless", *wrong, sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
