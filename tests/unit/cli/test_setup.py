"""`edgespec setup`: a script that a wheel has no path for is printed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command import edgespec

from edgespec import plugins
from edgespec.targets import card


@pytest.mark.parametrize("name", plugins.names("setup"))
def test_it_is_printed_as_it_is_and_is_shell(tmp_path: Path, name: str) -> None:
    ended = edgespec(tmp_path, "setup", name)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == plugins.path("setup", name).read_text()
    assert subprocess.run(["sh", "-n"], input=ended.stdout, text=True, check=False).returncode == 0


def test_another_name_is_told(tmp_path: Path) -> None:
    ended = edgespec(tmp_path, "setup", "jetsn")
    assert (ended.returncode, "did you mean 'jetson'?" in ended.stderr) == (2, True)


def test_no_message_names_a_path_that_a_wheel_has_not() -> None:
    cards = [card.load(name) for name in card.names()]
    assert {each.name for each in cards if "edgespec setup" in each.setup} >= {
        "jetson",
        "jetson_5_1",
        "rpi5",
        "arm64_emulated",
    }
    assert not [each.name for each in cards if "export/" in each.setup]
