"""`edgespec ls`: what recipes, steps, models, datasets and targets there are, with their keys."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edgespec.cli import app
from edgespec.cli.show import as_json
from edgespec.errors import Mistake

KINDS = ["recipes", "steps", "models", "datasets", "preprocess", "augment", "targets"]
Kind = Annotated[str, typer.Argument(help=f"One of: {', '.join(KINDS)}.")]
Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("ls", short_help="List what there is of a kind, with all keys.")
def command(kind: Kind, to_json: Json = False) -> None:
    """List what there is of a kind, with every key, its default and its sentence.

    Example: edgespec ls steps
    """
    from edgespec import plugins

    if kind not in KINDS:
        raise Mistake(f"there is no list of {kind!r}", hint=plugins.did_you_mean(kind, KINDS))
    found = _recipes() if kind == "recipes" else _targets() if kind == "targets" else _signatures(kind)
    if to_json:
        as_json(found)
        return
    for each in found:
        print(f"{each['name']}\n    {each['about']}")
        for key in each.get("keys", []):
            default = "required" if key["required"] else f"default {key['default']}"
            print(f"    {key['name']}: {key['type']}, {default}\n        {key['help']}")
        print()


def _recipes() -> list[dict[str, Any]]:
    from edgespec import plugins

    found = []
    for name in plugins.names("recipes"):
        text = plugins.path("recipes", name).read_text(encoding="utf-8")
        head = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
        found.append({"name": name, "about": head[0] if head else "", "file": f"recipes/{name}.yaml"})
    return found


def _targets() -> list[dict[str, Any]]:
    from dataclasses import asdict

    from edgespec import target

    cards = [target.load(name) for name in target.names()]
    return [
        {**asdict(card), "about": f"{card.description} (runtime {card.runtime}, reached: {card.reach})"}
        for card in cards
    ]


def _signatures(kind: str) -> list[dict[str, Any]]:
    import inspect

    from edgespec import schema
    from edgespec.recipe import plain

    found = []
    for name in schema.names(kind):
        made = schema.function(kind, name)
        keys = [
            {"name": key.name, "type": key.type_name, "required": key.default is schema.REQUIRED, "help": key.help}
            | {"default": None if key.default is schema.REQUIRED else plain(key.default)}
            for key in schema.keys(made)
        ]
        about = (inspect.getdoc(made) or "").partition("\n\n")[0].replace("\n", " ")
        found.append({"name": name, "about": about, "keys": keys})
    return found
