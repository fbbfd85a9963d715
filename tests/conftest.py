"""What all tests share: real spectra where they are at hand, a cache folder of their own, one thread."""

from __future__ import annotations

import copy
import functools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

# one thread for torch and BLAS, here and in every process that a test starts, before any import below loads them
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

# ruff: noqa: E402
import hypothesis
import pytest
import tiny_run

from edgespec.report import Report
from edgespec.report.figures import guard

hypothesis.settings.register_profile("house", deadline=None, max_examples=60, database=None)  # machines are shared
hypothesis.settings.load_profile("house")
guard.STRICT = True  # in this process a drawing that fails is an error


# The files that take longest, handed out first: no core is left with one of them at the end while the others idle.
LONG = (
    "end_to_end/test_main_job.py",
    "end_to_end/test_line.py",
    "end_to_end/test_search.py",
    "end_to_end/test_regression.py",
    "end_to_end/test_emulated.py",
    "end_to_end/test_transfer.py",
    "end_to_end/test_measured.py",
    "end_to_end/test_windows_imitated.py",
    "end_to_end/test_browser.py",
    "end_to_end/test_own_spectra.py",
    "end_to_end/test_cluster.py",
    "unit/search/test_compare.py",
    "unit/search/test_repeat.py",
    "unit/search/test_worker.py",
    "unit/graph/test_retarget.py",
)
TESTS = Path(__file__).parent

# With --quick, what does not train is left out too where it waits for other processes and clocks, or draws pages by the dozen.
SLOW = (
    "conventions/test_automation.py",
    "unit/bench",
    "unit/data/fetch",
    "unit/export/measure",
    "unit/report/test_html.py",
    "unit/search/test_cluster.py",
    "unit/search/test_remote_task.py",
    "unit/search/test_repeat.py",
    "unit/search/test_worker.py",
    "unit/targets/test_connection.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out what trains, exports, installs or waits")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the long files first, as `make test` hands them out (--no-loadscope-reorder), the longest of all foremost."""
    if gone := [name for name in (*LONG, *SLOW) if not (TESTS / name).exists()]:
        raise pytest.UsageError(f"tests/conftest.py names {', '.join(gone)}: not there any more")
    place = {TESTS / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path, len(LONG)))
    if config.getoption("--quick"):
        slow = {TESTS / name for name in SLOW}
        left_out = [item for item in items if slow & {item.path, *item.path.parents}]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(scope="session", autouse=True)
def _cheaper(request: pytest.FixtureRequest) -> Iterator[None]:
    """Exports take half their time; with --quick, what begins to train or export, or installs a runtime, is skipped there and then."""
    with pytest.MonkeyPatch.context() as patch:
        if request.config.getoption("--quick"):
            for place, what in EXPENSIVE.items():
                patch.setattr(place, functools.partial(_skip, what))
        else:
            _read_torchs_operators_once(patch)
        yield


def _read_torchs_operators_once(patch: pytest.MonkeyPatch) -> None:
    """Torch reads what it can export from source anew at each export, half of the export's time: here once a process."""
    from torch.onnx._internal.exporter import _registration

    registry = _registration.ONNXRegistry
    patch.setattr(registry, "from_torchlib", staticmethod(functools.cache(registry.from_torchlib)))


EXPENSIVE = {
    "made_once.folder": "it takes a network that is trained once",
    "edgespec.training.loop._one_epoch": "it trains a network",
    "edgespec.graph.exporter._quietly": "it exports a network",
    "other_runtimes.installed": "it installs another runtime",
}


def _skip(what: str, *_: Any, **__: Any) -> NoReturn:
    pytest.skip(what)


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Point EDGESPEC_HOME at a fresh folder: nobody's real cache is read or filled."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGESPEC_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real spectra that EDGESPEC_DATA names; the test is skipped without it."""
    named = os.environ.get("EDGESPEC_DATA")
    if not named:
        pytest.skip("EDGESPEC_DATA is not set: no real spectra here")
    folder = Path(named)
    if not folder.is_dir():
        pytest.skip(f"EDGESPEC_DATA={named} is not a folder")
    return folder


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without real spectra."""
    monkeypatch.delenv("EDGESPEC_DATA", raising=False)


@pytest.fixture
def tiny_tree() -> dict[str, Any]:
    """The tiny recipe, each test's own, to be changed at will."""
    return copy.deepcopy(tiny_run.TINY)


@pytest.fixture(scope="session")
def write_recipe() -> Callable[[Path, dict[str, Any]], Path]:
    """Write a recipe from plain values."""
    return tiny_run.write


@pytest.fixture(scope="session")
def compress() -> Callable[..., Report]:
    """Run a recipe in this process."""
    return tiny_run.run


@pytest.fixture(scope="session")
def undisturbed() -> Path:
    """The folder of a run that nothing disturbed; `tiny.yaml` lies beside it. Nobody writes into it."""
    return tiny_run.undisturbed()


@pytest.fixture
def run_copy(undisturbed: Path, tmp_path: Path) -> Path:
    """A copy of it, free to be harmed."""
    shutil.copytree(undisturbed, tmp_path / "run")
    shutil.copyfile(undisturbed.parent / "tiny.yaml", tmp_path / "tiny.yaml")
    return tmp_path / "run"


@pytest.fixture
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data and caches are looked for in the test's own folder alone."""
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("EDGESPEC_DATA", raising=False)


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, with a folder `data` in which data may lie."""
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EDGESPEC_DATA", str(tmp_path / "data"))
