"""Everything that a machine can refuse, in front of every command: what does edgespec say, and is anything lost?

    python -m benchmarks.robustness.faults [--fault NAME]... [--command NAME]...

A small run is made once. Each command is then started under each fault, on a copy: too few open files, too little memory, files that may not grow, a
full disk, a folder that may not be written, no home folder, a clock that jumps (libfaketime), a run folder that is deleted meanwhile, no folder for
temporary files. Judged is: the exit code (never 70, which is a bug of ours), no traceback, the error in one line with a hint, nothing half-written
left, and that the same command, started again without the fault, ends well.
Writes benchmarks/results/robustness/faults.json after each try, beside what was tried before; ends with 1 where anything failed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmarks.tools.results import RESULTS
from edgespec import storage
from edgespec.pipeline import provenance

FILE = RESULTS / "robustness" / "faults.json"
NOBODY = 65534
CLOCK = Path(tempfile.gettempdir()) / "edgespec-clock"
TINY: dict[str, Any] = {
    "schema": 1,
    "data": {
        "load": {"minerals": {"samples": 20, "spectra": 3, "minerals": ["Albite", "Beryl", "Diopside"]}},
        "axis": {"low": 150, "high": 1172, "points": 128},
        "preprocess": [{"highpass": {"window": 62}}, "signed_sqrt", "rms"],
        "split": {"parts": "given", "valid": 0.3},
    },
    "steps": [
        {"train": {"model": {"cnn": {"widths": [8, 16]}}, "fit": {"epochs": 8, "batch": 32, "lr": 0.01}}},
        "to_onnx",
        "calibrate",
    ],
    "targets": ["local"],
    "gates": {"accuracy": 0.1},
}
COMMANDS = {
    "compress": ["compress", "tiny.yaml", "--out", "run", "--set", "seed=1"],
    "bench": ["bench", "run", "--seconds", "0.1"],
    "gate": ["gate", "run"],
    "export": ["export", "run", "--out", "bundle"],
    "report": ["report", "run"],
    "predict": ["predict", "run", "a.txt"],
    "verify": ["verify", "run/bundles/local"],
    "matrix": ["matrix", "run", "--seconds", "0.1"],
    "new": ["new", "fresh.yaml", "--data", "minerals", "--yes"],
}
STRAY = ("*.part", "*.old", ".bench-*", ".against-*", ".*.tmp", ".report.json.*", ".model.onnx.*")


@dataclass
class Fault:
    """What is refused: limits of the process, its environment, its user, or something that happens to the folder.

    allowed: exit codes that are right beside 0
    """

    about: str
    limits: dict[int, int] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    user: int | None = None
    arrange: Callable[[Path], None] | None = None
    during: Callable[[Path], None] | None = None
    full: bool = False
    allowed: tuple[int, ...] = (2, 3, 6, 8)


def read_only(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH | (0o111 if path.is_dir() else 0))


def deleted(folder: Path) -> None:
    time.sleep(2.0)
    shutil.rmtree(folder / "run", ignore_errors=True)


def set_back(folder: Path) -> None:
    CLOCK.write_text("-1d\n", encoding="utf-8")


def set_ahead(folder: Path) -> None:
    time.sleep(2.0)
    CLOCK.write_text("+3d\n", encoding="utf-8")


def faketime() -> str:
    """Give libfaketime's library, "" where it is not installed."""
    found = [*Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), *Path("/usr/lib/faketime").glob("libfaketime.so.1")]
    return str(found[0]) if found else ""


FAULTS = {
    "12 open files": Fault("RLIMIT_NOFILE 12", limits={resource.RLIMIT_NOFILE: 12}),
    "files of 3 kB": Fault("RLIMIT_FSIZE 3000", limits={resource.RLIMIT_FSIZE: 3000}),
    "files of 40 kB": Fault("RLIMIT_FSIZE 40000", limits={resource.RLIMIT_FSIZE: 40_000}),
    "400 MB of memory": Fault("RLIMIT_AS 400 MB", limits={resource.RLIMIT_AS: 400 * 2**20}),
    "1500 MB of memory": Fault("RLIMIT_AS 1500 MB", limits={resource.RLIMIT_AS: 1500 * 2**20}),
    "a full disk": Fault("a disk that is filled up", full=True),
    "a folder that may not be written": Fault("user nobody, no write permission", user=NOBODY, arrange=read_only),
    "no home": Fault("user without a name, HOME unset", drop=("HOME", "EDGESPEC_HOME", "XDG_CONFIG_HOME"), user=12345),
    "a home that is not there": Fault("HOME=/nowhere", environment={"HOME": "/nowhere"}, drop=("EDGESPEC_HOME",), user=12345),
    "no folder for temporary files": Fault("TMPDIR=/nowhere, user nobody", environment={"TMPDIR": "/proc/nowhere"}),
    "the run is deleted meanwhile": Fault("rm -r run after 2 s", during=deleted),
    "a clock that jumps": Fault("libfaketime: a day back, then three days ahead", arrange=set_back, during=set_ahead, environment={
        "LD_PRELOAD": faketime(), "FAKETIME_TIMESTAMP_FILE": str(CLOCK), "FAKETIME_NO_CACHE": "1"}),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fault", action="append", choices=FAULTS)
    parser.add_argument("--command", action="append", choices=COMMANDS)
    given = parser.parse_args()
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))["found"] if FILE.exists() else {}
    with tempfile.TemporaryDirectory() as place:
        whole = Path(place) / "whole"
        made(whole)
        for name in given.fault or FAULTS:
            for command in given.command or COMMANDS:
                told = tried(whole, FAULTS[name], COMMANDS[command], Path(place))
                found[f"{name}: {command}"] = told
                print(
                    f"{name}: {command}: {told['code']}, {told['said'] or 'well'} {told['wrong']}".rstrip(), flush=True
                )
                wrong = sum(bool(each["wrong"]) for each in found.values())
                kept = {"machine": provenance.environment(), "tried": len(found), "failures": wrong, "found": found}
                storage.write_json(FILE, kept)
    print(f"\n{len(found)} tries, {wrong} failures")
    sys.exit(bool(wrong))


def made(folder: Path) -> None:
    """Make the run that is copied."""
    folder.mkdir()
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY), encoding="utf-8")
    (folder / "a.txt").write_text("".join(f"{i} {100 + i % 17}\n" for i in range(140, 1190)), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "edgespec", "compress", "tiny.yaml", "--out", "run"], cwd=folder, check=True)


def tried(whole: Path, fault: Fault, command: list[str], place: Path) -> dict[str, Any]:
    """Start a command under a fault, then again without it."""
    if fault.environment.get("LD_PRELOAD") == "":
        return {"code": None, "said": "skipped: libfaketime is not installed (apt install libfaketime)", "wrong": ""}
    with folder_of(place, fault.full) as folder:
        if folder is None:
            return {"code": None, "said": "skipped: no disk can be mounted here", "wrong": ""}
        shutil.copytree(whole, folder, dirs_exist_ok=True)
        if fault.user is not None:
            place.chmod(0o755)
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, fault.user, fault.user)
        if fault.arrange:
            fault.arrange(folder)
        if fault.full:
            filled(folder)
        ended = started(command, folder, fault)
        said = ended.stderr.strip().splitlines()
        wrong = judged(ended, fault)
        strays = sorted(path.name for each in STRAY for path in folder.rglob(each))
        if strays:
            wrong.append(f"left {strays[:3]}")
        if fault.during is not deleted:
            wrong += again(command, folder, fault)
    errors = [line for line in said if line.startswith("error: ")]
    return {
        "code": ended.returncode,
        "said": errors[0].replace(sys.prefix, "SITE") if errors else "",
        "wrong": "; ".join(wrong),
    }


def started(command: list[str], folder: Path, fault: Fault | None) -> subprocess.CompletedProcess[str]:
    """Run edgespec in the folder, under the fault if there is one."""
    env = {key: text for key, text in os.environ.items() if key != "EDGESPEC_DATA"}
    env |= {"EDGESPEC_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    if fault:
        env = {key: text for key, text in {**env, **fault.environment}.items() if key not in fault.drop}

    def limited() -> None:
        for which, most in fault.limits.items() if fault else ():
            resource.setrlimit(which, (most, most))
        if fault and fault.user is not None:
            os.setgroups([])
            os.setgid(fault.user)
            os.setuid(fault.user)

    if fault and fault.during:
        threading.Thread(target=fault.during, args=(folder,), daemon=True).start()
    words = [sys.executable, "-m", "edgespec", *command]
    try:
        return subprocess.run(
            words, cwd=folder, env=env, capture_output=True, text=True, errors="replace", timeout=180, check=False,
            preexec_fn=limited,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(words, 124, "", f"no end within {late.timeout} s")


def judged(ended: subprocess.CompletedProcess[str], fault: Fault) -> list[str]:
    """List what is wrong with how a command ended."""
    wrong = []
    if "Traceback" in ended.stderr or ended.returncode == 70:
        last = ended.stderr.strip().splitlines()[-1:] or [""]
        wrong.append(f"a traceback: {last[0][:200]}")
    elif ended.returncode not in (0, *fault.allowed):
        wrong.append(f"exit code {ended.returncode}: {ended.stderr.strip()[-200:]}")
    elif ended.returncode and "hint: " not in ended.stderr:
        wrong.append("no hint")
    return wrong


def again(command: list[str], folder: Path, fault: Fault) -> list[str]:
    """Start it once more, unhindered, and list what is wrong then."""
    if fault.arrange:
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    (folder / "filler").unlink(missing_ok=True)
    ended = started(command, folder, None)
    if ended.returncode not in (0, 2 if command[0] in ("predict", "new") else 0):
        return [f"afterwards {ended.returncode}: {ended.stderr.strip()[-300:]}"]
    return []


@contextmanager
def folder_of(place: Path, small: bool) -> Iterator[Path | None]:
    """Lend a folder, on a small disk of its own if asked."""
    folder = place / "try"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if small and subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        if small:
            subprocess.run(["umount", str(folder)], check=True)  # noqa: S607  (found on PATH, as mount is)


def filled(folder: Path) -> None:
    """Fill the disk but for a few bytes."""
    with contextlib.suppress(OSError), (folder / "filler").open("wb") as file:
        while True:
            file.write(b"\0" * 1024)
            file.flush()


if __name__ == "__main__":
    main()
