"""`edgespec ls` alone lists what it can list; a wrong word is told."""

from __future__ import annotations

import json

import pytest

from edgespec.cli import ls
from edgespec.errors import Mistake


def test_without_a_kind_it_names_every_list(capsys: pytest.CaptureFixture[str]) -> None:
    ls.command()
    told = capsys.readouterr().out
    assert all(f"edgespec ls {kind}" in told for kind in ls.KINDS)
    ls.command(to_json=True)
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == list(ls.KINDS)


def test_every_list_that_it_names_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ls.KINDS:
        ls.command(kind)
        assert capsys.readouterr().out.strip(), kind


@pytest.mark.parametrize(
    ("kind", "check", "said"),
    [
        ("modles", False, "there is no list of 'modles'"),
        ("models", True, "--check asks targets"),
        ("", True, "--check"),
    ],
)
def test_what_it_cannot_list_is_told(kind: str, check: bool, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        ls.command(kind, check=check)
