"""The numbers of JCAMP-DX: plain, packed, squeezed and difference forms, as their standard writes them.

McDonald, Wilks 1988, Applied Spectroscopy 42, 151; corrections in Lampen, Hillig, Davies, Linscheid 1994, Appl. Spectrosc. 48, 1545.
Read here and by no library: jcamp 1.3 stumbles over a repetition behind a squeezed number, and reads "(X++(Y...Y))" as no data.
"""

from __future__ import annotations

import re
from typing import Any

SQUEEZED = {mark: digit for digit, mark in enumerate("@ABCDEFGHI")}
SQUEEZED.update({mark: -digit for digit, mark in enumerate("abcdefghi", start=1)})
DIFFERENCE = {mark: digit for digit, mark in enumerate("%JKLMNOPQR")}
DIFFERENCE.update({mark: -digit for digit, mark in enumerate("jklmnopqr", start=1)})
REPEATED = {mark: count for count, mark in enumerate("STUVWXYZs", start=1)}
# A number with an exponent needs its sign: "488E8306" is 488 and the squeezed 58306.
TOKEN = re.compile(
    r"(?P<plain>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]\d+)?)|(?P<coded>[@A-Ia-i%J-Rj-rS-Zs]\d*\.?\d*)|(?P<missing>\?)|(?P<gap>[\s,;]+)"
)
MOST = 10_000_000  # points; a repetition may say more than memory holds


def line_of(line: str, last: float | None) -> tuple[float, list[float], bool]:
    """Read a line of (X++(Y..Y)): its X, its ordinates, and whether the last of them is a difference.

    last: the ordinate before, where it must be repeated at the begin of this line, because it was a difference
    Raises ValueError with what is wrong, in words.
    """
    numbers: list[float] = []
    kind, step = "", 0.0
    for found in _tokens(line):
        kind, step = _add(numbers, found, kind, step)
    if not numbers:
        raise ValueError("a line without numbers")
    x, ordinates = numbers[0], numbers[1:]
    differs = kind == "difference"
    if last is not None and ordinates:
        if abs(ordinates[0] - last) > 1e-6 * max(1.0, abs(last)):
            raise ValueError(
                f"Y-Check failed: {ordinates[0]:g} at the begin of a line, {last:g} at the end of the one before"
            )
        ordinates = ordinates[1:]
    return x, ordinates, differs


def _add(numbers: list[float], found: Any, kind: str, step: float) -> tuple[str, float]:
    """Add what a token says to the numbers of a line; give the token's kind and, of a difference, its size."""
    text = found.group(0)
    if found.lastgroup == "missing":
        numbers.append(float("nan"))
        return "plain", 0.0
    if found.lastgroup == "plain":
        numbers.append(float(text))
        return "plain", 0.0
    mark, digits = text[0], text[1:]
    if mark in SQUEEZED:
        numbers.append(_signed(SQUEEZED[mark], mark.islower(), digits))
        return "squeezed", 0.0
    if not numbers or not kind:
        raise ValueError(f"{text!r} at the begin of a line")
    if mark in DIFFERENCE:
        step = _signed(DIFFERENCE[mark], mark.islower(), digits)
        numbers.append(numbers[-1] + step)
        return "difference", step
    count = int(f"{REPEATED[mark]}{digits}")
    if count + len(numbers) > MOST:
        raise ValueError(f"{count} repetitions")
    for _ in range(
        count - 1
    ):  # how often the token stands, itself counted: a difference is added again, a number stays
        numbers.append(numbers[-1] + (step if kind == "difference" else 0.0))
    return kind, step


def _signed(digit: int, negative: bool, digits: str) -> float:
    value = float(f"{abs(digit)}{digits}")
    return -value if negative else value


def _tokens(line: str) -> Any:
    place = 0
    while place < len(line):
        found = TOKEN.match(line, place)
        if found is None:
            raise ValueError(f"{line[place : place + 20]!r} is not a number")
        place = found.end()
        if found.lastgroup != "gap":
            yield found


def pairs_of(lines: list[str], count: int, commas: bool) -> list[float]:
    """Read the numbers of (XY..XY), one behind the other.

    count: of pairs as the header says it, 0 where it does not; commas: numbers of the header have decimal commas
    Raises ValueError with what is wrong, in words.
    """
    tokens = [token.rstrip(",") for line in lines for token in re.split(r"[;\s]+", line) if token.strip(",")]
    joined = [token for token in tokens if "," in token]
    if joined and (commas or (len(tokens) == 2 * count and "." not in "".join(tokens))):
        return [_number(token.replace(",", ".")) for token in tokens]
    return [_number(part) for token in tokens for part in token.split(",")]


def _number(text: str) -> float:
    if text == "?":
        return float("nan")
    try:
        if "_" not in text:
            return float(text)
    except ValueError:
        pass
    raise ValueError(f"{text[:20]!r} is not a number")
