"""Which targets answer, and with which version of their runtime."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from edgespec.errors import EdgespecError
from edgespec.targets import connection, runner
from edgespec.targets.card import Target

LIMIT_S = 30.0


def ask(cards: Iterable[Target]) -> dict[str, dict[str, Any]]:
    """Say hello to targets, all devices at once, by name: what the runner tells of itself, or `error` and `hint`."""
    devices: dict[Any, list[Target]] = {}
    for card in cards:
        devices.setdefault(connection.place(card) if card.reach == "ssh" else None, []).append(card)
    with ThreadPoolExecutor(max(1, len(devices))) as crowd:
        return {name: told for each in crowd.map(_device, devices.values()) for name, told in each.items()}


def told(answer: Mapping[str, Any]) -> str:
    """Word an answer, and what to do where there is none."""
    if "error" in answer:
        hint = f"\n    hint: {answer['hint']}" if answer["hint"] else ""
        return f"does not answer: {answer['error']}{hint}"
    return f"answers: {answer['runtime']} {answer['runtime_version']}, Python {answer['python']}, {answer['machine']}"


def _device(cards: list[Target]) -> dict[str, dict[str, Any]]:
    """Ask the targets of one device one after the other, over one line."""
    found: dict[str, dict[str, Any]] = {}
    try:
        with runner.held(cards[0]), tempfile.TemporaryDirectory() as work:
            for card in cards:
                found[card.name] = _hello(card, Path(work))
    except EdgespecError as problem:
        found |= {
            card.name: {"error": problem.message, "hint": problem.hint} for card in cards if card.name not in found
        }
    return found


def _hello(card: Target, work: Path) -> dict[str, Any]:
    try:
        return runner.call(card, ["hello", "--runtime", card.runtime], work, timeout_s=LIMIT_S)
    except EdgespecError as problem:
        return {"error": problem.message, "hint": problem.hint}
