"""What can be wrong with a cluster is told with its remedy, and nothing of a wrong result takes a run's name."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_run
import yaml
from heard import Heard

from edgespec import recipe as recipes
from edgespec.errors import EdgespecError, Mismatch, Missing, Mistake, Unreachable
from edgespec.job import Silent
from edgespec.search import cluster, remote_task
from edgespec.search.cluster import Task, Training

distributed = pytest.importorskip("distributed", reason="distributed is not installed: edgespec[cluster]")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return tiny_run.write(tmp_path / "tiny.yaml", tiny_run.TINY)


@pytest.fixture
def here() -> Iterator[Any]:
    """A cluster in this process: one worker with one thread."""
    quiet = {"dashboard_address": None, "silence_logs": 50}
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, **quiet) as found:
        yield found


def task(recipe: Path, words: tuple[str, ...], took: Any = lambda _: None) -> Task:
    return Task(words[0], recipes.load(recipe), words, took)


@pytest.mark.parametrize(
    ("address", "kind", "code"),
    [("", Mistake, 2), ("nonsense", Mistake, 2), ("foo://x:1", Mistake, 2), ("h:x", Mistake, 2), ("127.0.0.1:1", Unreachable, 6)],
)  # fmt: skip
def test_no_scheduler_is_told(
    recipe: Path, address: str, kind: type[EdgespecError], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE_S", 0.2)
    with pytest.raises(kind) as caught:
        cluster.run([task(recipe, ("ls",))], address, Silent())
    assert (caught.value.exit_code, bool(caught.value.hint)) == (code, True)


def test_without_dask_the_extra_is_named(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(Missing) as caught:
        cluster.compress([Training(recipe, (), tmp_path / "out" / "a")], "tcp://h:1", tmp_path / "out", Silent())
    assert caught.value.hint == 'pip install "edgespec[cluster]"'
    assert not (tmp_path / "out").exists()


def test_a_command_that_fails_ends_with_its_code_and_its_words(recipe: Path, here: Any) -> None:
    heard = Heard()
    with pytest.raises(EdgespecError, match=r"gate on .* ended with code 2, as told above") as caught:
        cluster.run([task(recipe, ("gate", "nowhere"))], here.scheduler_address, heard)
    assert caught.value.exit_code == 2
    assert any("nowhere" in line for line in heard.lines)


def test_a_scheduler_that_goes_is_told_and_what_came_is_kept(recipe: Path, here: Any) -> None:
    took: list[bytes] = []

    def take(content: bytes) -> None:
        took.append(content)
        here.close()

    tasks = [task(recipe, ("ls", "recipes"), take) for _ in range(2)]
    with pytest.raises(Unreachable, match="is gone"):
        cluster.run(tasks, here.scheduler_address, Silent())
    assert len(took) == 1


def test_another_version_is_told_whenever_the_worker_comes(
    recipe: Path, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = remote_task.facts()
    with distributed.Client(here, set_as_default=False) as client:
        with pytest.raises(Mismatch, match=r"numpy .* \(here 0\)") as caught:
            cluster._check(client, {**facts, "numpy": "0"}, "a", Silent())
        assert caught.value.exit_code == 4
        asked = cluster._request(task(recipe, ("ls",)), {**facts, "numpy": "0"})
        found = client.submit(cluster._sent(), asked, pure=False).result(timeout=60)
    with pytest.raises(Mismatch, match=r"numpy .* \(here 0\)"):
        cluster._refuse(found, task(recipe, ("ls",)), Silent())


def test_a_worker_without_edgespec_is_told_also_when_it_comes_late(recipe: Path, tmp_path: Path) -> None:
    packages = Path(sysconfig.get_paths()["purelib"])
    (tmp_path / "packages").mkdir()
    for path in packages.iterdir():
        if "edgespec" not in path.name:
            (tmp_path / "packages" / path.name).symlink_to(path)
    quiet = {"dashboard_address": None, "silence_logs": 50}
    with distributed.LocalCluster(n_workers=0, processes=False, protocol="tcp", **quiet) as empty:
        python = Path(sys.base_prefix) / "bin" / "python3"
        command = [python, "-m", "dask", "worker", empty.scheduler_address, "--no-nanny", "--no-dashboard"]
        env = {**os.environ, "PYTHONPATH": str(tmp_path / "packages")}
        heard = Heard()
        with subprocess.Popen(
            command, cwd=tmp_path, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as worker:
            try:
                for _ in ("late", "there before"):
                    with pytest.raises(Missing, match="has no edgespec that works: No module named 'edgespec'"):
                        cluster.run([task(recipe, ("ls",))], empty.scheduler_address, heard)
            finally:
                worker.terminate()
    assert [line for line in heard.lines if "no worker yet" in line]


def test_what_a_recipe_names_is_sent_and_what_cannot_be_is_told(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tree = yaml.safe_load(recipe.read_text())
    tree["steps"] = [{"adopt": {"onnx": "models/a.onnx"}}, {"distill": {"teacher": {"command": ["python", "ask.py"]}}}]
    (tmp_path / "models").mkdir()
    for name in ("models/a.onnx", "ask.py", "tiny.yaml"):
        (tmp_path / name).write_text(yaml.safe_dump(tree) if name == "tiny.yaml" else name)
    found = cluster.files(recipes.load(recipe))
    assert sorted(found) == ["_recipe/tiny.yaml", "ask.py", "models/a.onnx"]
    assert found["models/a.onnx"] == b"models/a.onnx"
    monkeypatch.setattr(cluster, "SENT", 10)
    with pytest.raises(Mistake, match="are sent"):
        cluster.files(recipes.load(recipe))
    tree["steps"] = [{"adopt": {"onnx": "../a.onnx"}}]
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.onnx").write_text("a")
    (tmp_path / "deep" / "r.yaml").write_text(yaml.safe_dump(tree))
    monkeypatch.chdir(tmp_path / "deep")
    with pytest.raises(Mistake, match="lies above this folder"):
        cluster.files(recipes.load(tmp_path / "deep" / "r.yaml"))


def test_a_run_on_other_data_takes_no_name(undisturbed: Path, recipe: Path, tmp_path: Path) -> None:
    wanted = Training(recipe, ("seed=0", "data.load.minerals.drift=0.2"), tmp_path / "out" / "0")
    made = cluster._training(wanted)
    assert made is not None
    with pytest.raises(Mismatch, match="had other data than this machine") as caught:
        made.take(remote_task.pack(undisturbed))
    assert caught.value.exit_code == 4
    assert not wanted.folder.exists()


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x05\x06" + bytes(18)])
def test_rubbish_takes_no_name(recipe: Path, tmp_path: Path, content: bytes) -> None:
    made = cluster._training(Training(recipe, (), tmp_path / "out" / "0"))
    assert made is not None
    with pytest.raises(EdgespecError):
        made.take(content)
    assert not (tmp_path / "out" / "0").exists()


def test_a_finished_run_is_no_task(undisturbed: Path, tmp_path: Path) -> None:
    assert cluster._training(Training(undisturbed.parent / "tiny.yaml", (), undisturbed)) is None
