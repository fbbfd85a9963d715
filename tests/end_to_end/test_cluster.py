"""Trainings on a Dask cluster of two worker processes, one of them killed while it works: the same results as here."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import edgespec

from edgespec import storage
from edgespec.search import compare

distributed = pytest.importorskip("distributed", reason="distributed is not installed: edgespec[cluster]")
psutil = pytest.importorskip("psutil")

TREE: dict[str, Any] = {
    "schema": 1,
    "data": {
        "load": {"minerals": {"samples": 20, "spectra": 3, "minerals": ["Albite", "Beryl"], "drift": 0.1}},
        "axis": {"low": 150, "high": 1172, "points": 64},
        "preprocess": ["rms"],
    },
    "steps": [{"train": {"model": {"./my_net.py": {"width": 4}}, "fit": {"epochs": 3, "batch": 16}}}, "to_onnx"],
}
NET = """
from torch import nn


def build(*, points, classes, width: int = 4):
    return nn.Sequential(nn.Linear(points, width), nn.ReLU(), nn.Linear(width, classes))
"""
FOLDS = ["folds", "--folds", "2", "--until", "train", "--no-baselines", "--json"]
CLOCKS = {"seconds", "kept", "latency"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A scheduler and two workers, each a process with one thread and its nanny."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as found:
        yield found


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "my_net.py").write_text(NET)
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(TREE, sort_keys=False))
    return path


def content(run: Path) -> dict[str, Any]:
    """What a run says and holds, clocks aside: bytes of each model file, and the report."""
    found: dict[str, Any] = {
        path.relative_to(run).as_posix(): path.read_bytes()
        for path in run.rglob("*")
        if path.suffix in (".onnx", ".safetensors", ".npz") or path.name in ("recipe.yaml", "environment.json")
    }
    told = json.loads((run / "report.json").read_text())
    del told["seal"], told["sealed"]  # they are over the clocks too
    return found | {"report": timeless(told)}


def timeless(told: Any) -> Any:
    if isinstance(told, list):
        return [timeless(each) for each in told]
    if isinstance(told, dict):
        return {key: timeless(value) for key, value in told.items() if key not in CLOCKS}
    return told


def folds_with_a_kill(recipe: Path, folder: Path, cluster: Any) -> Any:
    """Cross-validate on the cluster and kill a worker that works, once."""
    with distributed.Client(cluster, set_as_default=False) as client:
        pids = list(client.run(os.getpid).values())
    killed: list[int] = []
    watcher = threading.Thread(target=kill_one_that_works, args=(pids, killed), daemon=True)
    watcher.start()
    ended = edgespec(folder, *FOLDS, recipe, "--out", "there.json", "--scheduler", cluster.scheduler_address)
    watcher.join(5)
    assert len(killed) == 2, "a worker was killed while it worked"
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(killed[1]).wait(20)  # its training ends with it
    return ended


def kill_one_that_works(pids: list[int], killed: list[int]) -> None:
    """Wait until a worker has a training under way, and kill the worker as the kernel would."""
    while not killed:
        for pid in pids:
            with contextlib.suppress(psutil.Error):  # gone between two questions
                for child in psutil.Process(pid).children():
                    if "edgespec.search.remote_task" in child.cmdline() and child.cpu_times().user > 1:
                        os.kill(pid, signal.SIGKILL)
                        killed += [pid, child.pid]
                        return
        time.sleep(0.05)


def test_a_killed_worker_s_training_is_done_again_and_the_result_is_the_same(
    recipe: Path, tmp_path: Path, cluster: Any
) -> None:
    there = folds_with_a_kill(recipe, tmp_path, cluster)
    assert there.returncode == 0, there.stderr
    words = [*FOLDS, recipe]
    one = edgespec(tmp_path, *words, "--out", "here.json", "--only", "2")
    assert one.returncode == 0, one.stderr
    assert [each["fold"] for each in json.loads(one.stdout)["folds"]] == [1]
    here = edgespec(tmp_path, *words, "--out", "here.json")
    assert here.stdout == there.stdout
    assert (tmp_path / "here.json").read_bytes() == (tmp_path / "there.json").read_bytes()


def test_a_run_of_a_worker_is_the_one_made_here(recipe: Path, tmp_path: Path, cluster: Any) -> None:
    models = [f"{{./my_net.py: {{width: {width}}}}}" for width in (4, 5)]
    out = tmp_path / "runs" / "compare"
    words = ["compare", recipe, *(f"--model={each}" for each in models), "--scheduler", cluster.scheduler_address]
    names = [each.name for each in compare.entries([recipe], models, [])]
    for model, place in zip(models, (out / names[0] / "0", tmp_path / "here"), strict=True):
        made = edgespec(tmp_path, "compress", recipe, "--set=seed=0", f"--set=steps.1.model={model}", "--out", place)
        assert made.returncode == 0, made.stderr
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    ended = edgespec(tmp_path, *words)
    assert ended.returncode == 0, ended.stderr
    assert len(kept) == 1
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items()), "what was finished is not made again"
    assert content(out / names[1] / "0") == content(tmp_path / "here")


def test_a_training_that_no_worker_survives_is_told(recipe: Path, tmp_path: Path, cluster: Any) -> None:
    cluster.scheduler.allowed_failures = 0
    ended = folds_with_a_kill(recipe, tmp_path, cluster)
    assert ended.returncode == 6
    assert "of 2: each worker that took it up died" in ended.stderr


def test_another_process_in_the_folder_is_told(recipe: Path, tmp_path: Path) -> None:
    with storage.lock(tmp_path / "out"):
        words = ["repeat", recipe, "--out", "out", "--scheduler", "tcp://127.0.0.1:1"]
        ended = edgespec(tmp_path, *words)
    assert (ended.returncode, "in use by another" in ended.stderr) == (8, True)
