"""A command called plainly gets what typer would give it, and whatever is not plain goes to typer."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from edgespec import cli
from edgespec.cli import plain_call
from edgespec.cli.program import app

PLAIN = [
    ["predict", "run", "a.txt", "-", "b"],
    ["predict", "run", "--top", "3", "--laser", "532.5", "--csv", "--", "-odd.txt"],
    ["predict", "run", "a.txt", "--unit", "nm", "--threads", "2", "--json", "--watch"],
    ["compress", "a.yaml", "--set", "seed=1", "--set", "steps.2.temperature=3", "--out", "there", "--dry-run"],
    ["compress", "a.yaml", "b.yaml", "--until", "2"],
    ["bench", "run", "--target", "local", "--target", "jetson"],
    ["report", "run", "--json"],
    ["ls", "steps"],
    ["verify", "bundle"],
]
NOT_PLAIN = [
    ["predict", "--help"],
    ["predict"],
    ["predict", "run", "a.txt", "--top", "0"],
    ["predict", "run", "a.txt", "--top", "three"],
    ["predict", "run", "a.txt", "--top=3"],
    ["predict", "run", "a.txt", "--top"],
    ["predict", "run", "a.txt", "--top", "1", "--top", "2"],
    ["predict", "run", "a.txt", "--variant", "--json"],
    ["predict", "run", "a.txt", "--tip", "1"],
    ["predict", "run", "a.txt", "--laser", "nan"],
    ["verify", "a", "b", "c"],
]


def _typers(words: list[str]) -> dict[str, Any]:
    for each in cli.COMMANDS:
        importlib.import_module(f"edgespec.cli.{each}")
    command = typer.main.get_command(app).commands[words[0]]  # type: ignore[attr-defined]
    with command.make_context(words[0], words[1:]) as context:
        found: dict[str, Any] = dict(context.params)
    return found


def _told(value: Any) -> Any:
    """Give a value as any typer tells of it: older ones make paths and lists only as they call the command."""
    if isinstance(value, (list, tuple)):
        return [_told(each) for each in value] or None
    return str(value) if isinstance(value, Path) else value or None


@pytest.mark.parametrize("words", PLAIN, ids=" ".join)
def test_same_as_typer(words: list[str]) -> None:
    command = importlib.import_module(f"edgespec.cli.{words[0]}").command
    defaults = {name: each.default for name, each in inspect.signature(command).parameters.items()}
    plain = {**defaults, **plain_call.keywords(command, words[1:])}
    expected = _typers(words)
    assert {name: _told(each) for name, each in plain.items()} == {name: _told(each) for name, each in expected.items()}
    given = {name: type(_told(value)) for name, value in plain.items()}
    assert given == {name: type(_told(value)) for name, value in expected.items()}, "numbers are numbers"
    annotated = {name: each.annotation for name, each in inspect.signature(command).parameters.items()}
    assert all(isinstance(plain[name], list) for name in plain if plain[name] and "list[" in str(annotated[name]))


@pytest.mark.parametrize("words", NOT_PLAIN, ids=" ".join)
def test_left_to_typer(words: list[str]) -> None:
    with pytest.raises(plain_call.NotPlainError):
        plain_call.keywords(importlib.import_module(f"edgespec.cli.{words[0]}").command, words[1:])


def test_signatures_left_to_typer() -> None:
    def checked(size: Annotated[int, typer.Option("--size", callback=lambda value: value + 1)] = 1) -> None: ...
    def switch(on: Annotated[bool, typer.Option("--on/--off")] = True) -> None: ...
    def unnamed(on: Annotated[bool, typer.Option()] = True) -> None: ...
    def pair(both: Annotated[tuple[int, int], typer.Option("--both")] = (1, 2)) -> None: ...

    for command in (checked, switch, unnamed, pair):
        with pytest.raises(plain_call.NotPlainError):
            plain_call.keywords(command, [])


def test_predict_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    """What typer takes to judge words, and numpy, stay unloaded in the process that waits for the model's."""
    asked = (
        f"from edgespec import cli; cli.run(['predict', {str(tmp_path)!r}, 'a.txt']); import sys; print(*sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert "is neither a bundle nor a run" in ended.stderr
    assert not {"pydantic", "numpy", "edgespec.cli.bench"} & set(ended.stdout.split())


def test_help_keeps_its_order_after_a_plain_call(capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["verify", "nowhere"])
    capsys.readouterr()
    assert cli.run(["--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:")[2]
    assert listed.index("bench") < listed.index("compress") < listed.index("predict") < listed.index("verify")
