"""An environment that pip cannot fill says why, and is not taken for a whole one the next time."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.tools import environments
from benchmarks.tools.environments import NotInstalledError
from edgespec import storage


def test_what_cannot_be_installed_has_pips_reason_and_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path))
    missing = [str(tmp_path / "no-such-package.whl")]
    with pytest.raises(NotInstalledError, match="no-such-package"):
        environments.python("none", missing)
    assert not list((tmp_path / "peers").glob(f"*/{environments.WHOLE}"))


def test_a_whole_environment_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path))
    monkeypatch.setattr(
        environments.subprocess, "run", lambda *given, **more: pytest.fail("nothing is installed again")
    )
    import sys

    place = tmp_path / "peers" / f"own-{storage.digest(['a'], sys.version)[:12]}"
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").touch()
    (place / environments.WHOLE).write_text("numpy==2.4.6\n-e somewhere\n")
    program = environments.python("own", ["a"])
    assert environments.versions(program) == {"numpy": "2.4.6"}
