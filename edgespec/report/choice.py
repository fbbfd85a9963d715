"""Which one file of a run a target is to run: every command that ships, judges or asks a file takes it from here.

`report.ships` holds the choice with its reason: `compress` writes it for the targets of the recipe, `bench` for those that it measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgespec.report import Report

if TYPE_CHECKING:
    from edgespec.recipe.gates import Gate
    from edgespec.targets.card import Target

HERE = "local"


def choose(report: Report, gates: Sequence[Gate], card: Target) -> dict[str, Any] | None:
    """Give the file for a target (`variant`), why it is that one, and whether a measurement chose it.

    Recommended by `bench`, else the first that the card prefers and that keeps the promises. None where the card names none of the run's files.
    """
    from edgespec.report import promises  # what it loads takes longer than to read which file was chosen

    rows = [row.variant for row in report.last()]
    advice = report.advice.get(card.name, {})
    if advice.get("variant") in rows:
        return {"variant": advice["variant"], "why": advice["why"], "measured": True}
    fit = [name for name in card.precisions if name in rows]
    if not fit:
        return None
    sound = [name for name in fit if not promises.broken(gates, report, name)]
    name = (sound or fit)[0]
    told = f"{name} is the first that the card of target {card.name!r} prefers"
    if sound and name != fit[0]:
        told += f" and that keeps the promises ({fit[0]}: {promises.broken(gates, report, fit[0])[0]})"
    measured = "no file keeps the promises there" if advice else "not measured there"
    return {"variant": name, "why": f"{told}; {measured}", "measured": False}


def all_of(report: Report, gates: Sequence[Gate], cards: Sequence[Target]) -> dict[str, Any]:
    """Give the choice for each of these targets, by name."""
    found = {card.name: choose(report, gates, card) for card in cards}
    return {name: each for name, each in found.items() if each is not None}


def variant(report: Report, target: str = HERE) -> str | None:
    """Name the file that a target is to run; of a target that the report does not know, the one for this machine. None before any is made."""
    rows = [row.variant for row in report.last()]
    told = [places.get(name, {}).get("variant") for name in (target, HERE) for places in (report.ships, report.advice)]
    return next((name for name in [*told, *rows[:1]] if name in rows), None)


def variants(report: Report, target: str | None = None) -> list[str]:
    """Name all files that the run ships, that for this machine first; with a target only that one's."""
    places = [target] if target else sorted({*report.ships, *report.advice}, key=lambda name: name != HERE) or [HERE]
    return [name for name in dict.fromkeys(variant(report, place) for place in places) if name is not None]
