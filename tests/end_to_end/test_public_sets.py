"""Public data by name, with the package raman-data itself: from its cache to a recipe, its list, and a network that is not there."""

from __future__ import annotations

from pathlib import Path

import public_sets
import pytest
from command import Ended, edgespec

NOWHERE = "http://127.0.0.1:9"  # a proxy that nobody is
pytestmark = public_sets.needs_package


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with one set in the package's cache."""
    folder = tmp_path_factory.mktemp("person")
    public_sets.locusts(folder)
    return folder


def run(home: Path, *arguments: str) -> Ended:
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NOWHERE)
    places = {
        "HOME": str(home),
        "EDGESPEC_HOME": str(home / "edgespec"),
        "EDGESPEC_DATA": None,
        "EDGESPEC_OFFLINE": None,
    }
    return edgespec(home, *arguments, **places, **proxies, no_proxy="", NO_PROXY="")


def test_a_set_of_the_packages_cache_becomes_a_recipe(home: Path) -> None:
    ended = run(home, "new", "mine.yaml", "--yes", "--data", "{raman_data: {dataset: locust_phase_hemolymph}}")
    assert ended.returncode == 0, ended.stderr
    text = (home / "mine.yaml").read_text(encoding="utf-8")
    assert "load: {raman_data: {dataset: locust_phase_hemolymph}}" in text
    assert "10.5281/zenodo.19653302" in text
    assert run(home, "compress", "mine.yaml", "--dry-run").returncode == 0
    shown = run(home, "data", "inspect", "{raman_data: {dataset: locust_phase_hemolymph}}")
    assert "raman_data: 48 usable spectra, 2 classes, 16 physical samples" in shown.stdout
    again = run(home, "data", "fetch", "raman-data", "locust_phase_hemolymph")  # its arrays are kept now
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip().endswith("edgespec/data/raman-data/locust_phase_hemolymph.npz")
    assert "{raman_data: {dataset: locust_phase_hemolymph}}" in again.stderr


def test_the_list_names_task_source_and_licence(home: Path) -> None:
    narrow = run(home, "data", "fetch", "raman-data").stdout.splitlines()
    assert max(map(len, narrow)) <= 80
    assert narrow[0].split()[:2] == ["set", "task"]
    ended = run(home, "data", "fetch", "raman-data", "--wide")
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["set", "task", "spectra", "source", "licence"]
    [locusts] = [line for line in lines if line.startswith("locust_phase_hemolymph")]
    assert locusts.split()[1:] in (
        ["Classification", "48", "doi.org", "CC", "BY", "4.0"],
        ["Classification", "-", "doi.org", "CC", "BY", "4.0"],
    )
    tasks = [line.split()[1] for line in lines[1:] if len(line.split()) > 3 and line.split()[1].istitle()]
    assert tasks.index("Regression") == tasks.count("Classification")  # what can be learnt from stands first


def test_no_network_is_told_with_the_host_and_leaves_nothing(home: Path) -> None:
    ended = run(home, "data", "fetch", "raman-data", "marine_pathogens_binary", "--tries", "1")
    assert ended.returncode == 6, ended.stderr
    assert "fetching Marine Pathogens" in ended.stderr
    assert "licence: CC BY-NC-SA" in ended.stderr
    assert "gave nothing: ProxyError" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list((home / "edgespec").rglob("*marine*"))
