"""`edgespec ls`: what recipes, steps, models, datasets and targets there are, with their keys; the JSON Schema of recipes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edgespec.cli.console import as_json
from edgespec.cli.program import app
from edgespec.cli.tables import Wide, show_text
from edgespec.errors import Mistake

KINDS = {
    "recipes": "recipes that edgespec brings along",
    "steps": "steps of a recipe: train, distill, prune, quantize and others",
    "models": "networks that a step trains",
    "datasets": "ways to read spectra, for data.load",
    "preprocess": "what is done to a spectrum before the network, for data.preprocess",
    "augment": "how training spectra are varied, for data.augment",
    "targets": "machines and devices that bench and export know",
    "schema": "JSON Schema of recipes, for editors",
}
EDITOR = "yaml-language-server:"  # a first line for editors, not about the recipe
Kind = Annotated[str, typer.Argument(help=f"One of: {', '.join(KINDS)} (default: show these).")]
Check = Annotated[bool, typer.Option("--check", help="Connect to each target. Needs the network.")]
Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("ls", short_help="List recipes, models, steps and targets, with their keys.")
def command(kind: Kind = "", check: Check = False, to_json: Json = False, wide: Wide = False) -> None:
    """List recipes, models, steps, targets and other parts, with every key, its default and its meaning.

    Example: edgespec ls steps

    `edgespec ls schema > recipe.schema.json` writes the JSON Schema (draft-07) with which an editor completes and checks recipes.
    """
    from edgespec import plugins

    if not kind and not check:
        if to_json:
            as_json([{"name": name, "about": about} for name, about in KINDS.items()])
        else:
            show_text("\n".join(f"edgespec ls {name:10}  {about}" for name, about in KINDS.items()), wide)
        return
    if kind and kind not in KINDS:
        raise Mistake(f"there is no list of {kind!r}", hint=plugins.did_you_mean(kind, list(KINDS)))
    if check and kind != "targets":
        raise Mistake(f"--check asks targets, not {kind or 'all lists'}", hint="edgespec ls targets --check")
    if kind == "schema":
        from edgespec.recipe import json_schema

        print(json_schema.text(), end="")
        return
    found = _recipes() if kind == "recipes" else _targets(check) if kind == "targets" else signatures(kind)
    if to_json:
        as_json(found)
        return
    for each in found:
        facts = [each[fact] for fact in ("reached", "file", "told") if kind == "targets" and fact in each]
        about = [f"    {line}" for line in ("\n".join([each["about"], *facts])).split("\n")]
        show_text("\n".join([each["name"], *about, *_keys_told(each.get("keys", []), "    "), ""]), wide)


def _keys_told(keys: list[dict[str, Any]], indent: str) -> list[str]:
    from edgespec.recipe import messages

    lines = []
    for key in keys:
        default = "required" if key["required"] else f"default {messages.shown(key['default'])}"
        lines += [f"{indent}{key['name']}: {key['type']}, {default}", f"{indent}    {key['help']}"]
        lines += _keys_told(key.get("keys", []), indent + "    ")
    return lines


def _recipes() -> list[dict[str, Any]]:
    from edgespec import plugins

    found = []
    for name in plugins.names("recipes"):
        text = plugins.path("recipes", name).read_text(encoding="utf-8")
        head = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
        head = [line for line in head if not line.startswith(EDITOR)]
        found.append({"name": name, "about": head[0] if head else "", "file": f"recipes/{name}.yaml"})
    return found


def _targets(check: bool) -> list[dict[str, Any]]:
    from dataclasses import asdict

    from edgespec.targets import card as target_cards
    from edgespec.targets import runner, ssh

    cards = [target_cards.read(target_cards.origin(name)) for name in target_cards.names()]
    # what lies in the working folder is shown, and run only for whoever names it
    able = [card for card in cards if target_cards.origin(card.name).parent != target_cards.HERE]
    answers = runner.ask(able) if check else {}
    found = []
    for card in cards:
        here = "on this machine" if card.source == "measured" else "on this machine, emulated"
        each = {**asdict(card), "about": card.description}
        each["reached"] = f"{card.runtime} " + (
            here if card.reach == "local" else f"by ssh: {ssh.by_hand(card, 'ssh', '')}"
        )
        if target_cards.is_own(card.name):
            each["file"] = f"your own card: {target_cards.origin(card.name)}"
        if card.name in answers:
            each |= {"answer": answers[card.name], "told": runner.told(answers[card.name])}
        elif check:
            each["told"] = (
                f"not asked: a card of this folder runs where it is named: edgespec bench --target {card.name}"
            )
        found.append(each)
    return found


def signatures(kind: str) -> list[dict[str, Any]]:
    """Give each part of a kind with its sentence and its keys: name, type, default, help."""
    import inspect

    from edgespec.recipe import schema

    found = []
    for name in schema.names(kind):
        made = schema.function(kind, name)
        about = (inspect.getdoc(made) or "").partition("\n\n")[0].replace("\n", " ")
        found.append({"name": name, "about": about, "keys": _keys(made)})
    return found


def _keys(target: Any) -> list[dict[str, Any]]:
    """Give the keys of a function or record, those of a record inside it too."""
    from edgespec.recipe import plain, schema

    found = []
    for key in schema.keys(target):
        required, inside = key.default is schema.REQUIRED, schema.record_of(key.annotation)
        found.append(
            {"name": key.name, "type": key.type_name, "required": required, "help": key.help}
            | {"default": None if required else plain(key.default)}
            | ({"keys": _keys(inside)} if inside else {})
        )
    return found
