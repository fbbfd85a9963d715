"""Write the generated pages of docs/reference/: every command, every key of a recipe, the Python API.

    python .ci/reference.py            writes the pages; tests/conventions/test_reference.py checks that they are up to date

What stands there is what the program itself says: help texts, signatures and docstrings.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

import edgespec
from edgespec import cli
from edgespec.cli import ls
from edgespec.cli.program import app

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
HEAD = "<!-- written by .ci/reference.py: change the docstring, not this page -->\n"
KINDS = {
    "steps": "The steps of a recipe, in `steps:`.",
    "models": "Networks: `train: {model: ...}`, `distill: {student: ...}`.",
    "datasets": "Where spectra come from: `data: {load: ...}`.",
    "preprocess": "What is done to a spectrum before the network, in `data: {preprocess: [...]}`.",
    "augment": "How training spectra are varied, in `data: {augment: ...}`.",
}


def pages() -> dict[str, str]:
    """Give the text of each page by its file name."""
    return {"commands.md": commands(), "recipe-keys.md": recipe_keys(), "api.md": api()}


def commands() -> str:
    """Give the page of all commands, in the order of the help."""
    for each in cli.COMMANDS:
        importlib.import_module(f"edgespec.cli.{each}")
    root: Any = typer.main.get_command(app)
    lines = [HEAD, "# Commands", "", "`edgespec COMMAND --help` prints the same text.", ""]
    for name, command in sorted(_flat(root)):
        lines += [f"## edgespec {name}", "", *_paragraphs(command.help or ""), *_options(command)]
    return _joined(lines)


def _flat(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _flat(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _paragraphs(text: str) -> list[str]:
    """Give the help with its examples as code."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        said = " ".join(paragraph.split())
        lines += [f"    {said.removeprefix('Example: ')}" if said.startswith("Example: ") else _plain(said), ""]
    return lines


def _options(command: Any) -> list[str]:
    rows = []
    for each in command.params:
        if each.name in ("help", "install_completion", "show_completion"):
            continue
        argument = each.param_type_name == "argument"
        words = [str(each.metavar or each.name).upper()] if argument else [*each.opts, *each.secondary_opts]
        title = f"`{', '.join(words)}`"
        default = (
            "" if each.default in (None, (), [], False) or callable(each.default) else f" (default: {each.default})"
        )
        said = _plain(" ".join((each.help or "").split()))
        rows.append(f"| {title} | {said}{'' if '(default' in said else default} |")
    return ["| argument or option | meaning |", "| --- | --- |", *rows, ""] if rows else []


def recipe_keys() -> str:
    """Give the page of all keys of a recipe."""
    lines = [HEAD, "# Keys of a recipe", "", "`edgespec ls steps` prints the same text.", ""]
    for kind, about in KINDS.items():
        lines += [f"## {kind}", "", about, ""]
        for each in ls.signatures(kind):
            lines += [f"### {each['name']}", "", _plain(each["about"]), ""]
            rows = [_key(key) for key in each["keys"]]
            lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |", *rows, ""] if rows else []
    return _joined(lines)


def _key(key: dict[str, Any]) -> str:
    default = "required" if key["required"] else f"`{key['default']}`"
    return f"| `{key['name']}` | {_plain(key['type'])} | {_plain(default)} | {_plain(key['help'])} |"


def api() -> str:
    """Give the page of what `import edgespec` offers."""
    lines = [HEAD, "# Python API", "", "[Examples](../python-api.md).", ""]
    for name in sorted(each for each in dir(edgespec) if not each.startswith("_") and each in edgespec.__all__):
        found = getattr(edgespec, name)
        lines += _entry(f"edgespec.{name}", found, 2)
        if inspect.isclass(found):
            for member, value in vars(found).items():
                if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                    lines += _entry(f"{name}.{member}", value.fget if isinstance(value, property) else value, 3)
    return _joined(lines)


def _entry(name: str, found: Any, level: int) -> list[str]:
    said = inspect.getdoc(found) or ""
    signature = "" if inspect.isclass(found) else str(inspect.signature(found)).replace("'", "")
    return [
        f"{'#' * level} `{name}`",
        "",
        *([f"    {name.rpartition('.')[2]}{signature}", ""] if signature else []),
        *map(_plain, said.splitlines()),
        "",
    ]


def _plain(text: str) -> str:
    """Keep Markdown and its tables from reading signs as their own."""
    return re.sub(r"(?<!`)<(\w+)>(?!`)", r"&lt;\1&gt;", text).replace("|", "\\|").replace("[", "\\[")


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")
