"""Tables and notes laid out for the width of a terminal.

A table has more columns than most terminals hold. Each table names its columns in the order of their importance. The least important
columns are left out until the table fits; long names are wrapped and shortened last. Without a width nothing is left out or wrapped.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from edgespec.errors import visible
from edgespec.report.columns import LEFT, columns, measured

GAP = 2  # spaces between two columns, as `columns` sets them
NARROWEST = 40  # a terminal that says less is taken for this wide: no table is readable below
SHORTEST = 8  # a column of words is not narrowed further: an important column is left out instead
HANG = 2  # indent of a wrapped line
PLAIN_WIDTH = 80  # where the output is no terminal and COLUMNS is not set
HIDDEN = "Some columns are left out. --wide prints all columns."


@dataclass(frozen=True)
class Shape:
    """What a table gives up on a narrow terminal.

    order: names of columns, the most important first. Columns that are not named come last, from left to right
    keep: how many of the first names stay on every terminal
    wraps: columns whose texts may be wrapped, with the least width that each needs
    """

    order: tuple[str, ...] = ()
    keep: int = 1
    wraps: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """A table of cells of text, with its shape."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    shape: Shape = Shape()


def screen() -> int:
    """Give the width of the output: COLUMNS where it is set, else the terminal's, else 80 where the output is no terminal."""
    return max(shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns, NARROWEST)


def show(parts: Sequence[str | Grid], width: int | None) -> str:
    """Word texts and tables one below the other, each line within `width` columns; None: nothing is left out or wrapped.

    An empty text is an empty line. Where a table lost columns, the last line says so.
    """
    lines: list[str] = []
    hidden = False
    for part in parts:
        if isinstance(part, Grid):
            text, widths = table(part, width)
            lines.append(text)
            hidden = hidden or is_cut(part, widths)
        else:
            lines.append(wrapped(part, width))
    return "\n".join([*lines, *(["", wrapped(HIDDEN, width)] if hidden else [])])


def wrapped(text: str, width: int | None) -> str:
    """Wrap each line of a text at spaces, with a hanging indent; None: leave the text as it is."""
    if width is None:
        return text
    return "\n".join(line for each in text.split("\n") for line in wrap(_flat(each), width, HANG))


def wrap(text: str, width: int, hang: int = 0) -> list[str]:
    """Break one line into lines of at most `width` columns, after the first with an indent of `hang`; a longer word is cut."""
    words = text.lstrip(" ")
    first = " " * min(len(text) - len(words), width // 2)
    later = first + " " * hang
    lines, line, gap, empty = [], first, "", True
    for token in re.findall(r" +|[^ ]+", words):
        if token[0] == " ":
            gap = token
            continue
        for piece in _pieces(token, width - len(later)):
            if not empty and measured(line + gap + piece) > width:
                lines.append(line)
                line, gap = later, ""
            line, gap, empty = line + gap + piece, "", False
    return [*lines, line]


def shorten(word: str, width: int) -> str:
    """Cut the middle out of a word that takes more than `width` columns: its start and its end tell it from others."""
    if measured(word) <= width:
        return word
    front = _start(word, max((width - 2) // 2, 1))
    end = _start(word[::-1], max((width - 3) // 2, 1))[::-1]
    return f"{front}...{end}"


def _start(text: str, width: int) -> str:
    """Give the longest start of a text that fits, at least one character."""
    end = min(len(text), width) or 1
    while end > 1 and measured(text[:end]) > width:
        end -= 1
    return text[:end]


def _pieces(word: str, width: int) -> Iterator[str]:
    """Cut a word into pieces that fit; a word that fits stays whole."""
    place = 0
    while place < len(word):
        piece = _start(word[place : place + max(width, 1)], width)
        yield piece
        place += len(piece)


def table(grid: Grid, width: int | None, before: Mapping[int, int] | None = None) -> tuple[str, dict[int, int]]:
    """Lay out a table; give its columns too: place -> width.

    before: the columns of an earlier part of this table. Then the rows follow it, without the names of the columns.
    """
    head = list(grid.head)
    rows = [list(row) if width is None else [_flat(cell) for cell in row] for row in grid.rows]
    if width is None:
        found = [max(measured(cell) for cell in column) for column in zip(head, *rows, strict=True)]
        widths = {i: max(each, (before or {}).get(i, 0)) for i, each in enumerate(found)}
    else:
        widths = dict(before or _widths(head, rows, grid.shape, width))
    places = sorted(widths)
    lines: list[list[str]] = []
    for row in rows if before else (head, *rows):
        lines += _lines([row[i] for i in places], [widths[i] for i in places])
    # a long name of a column is wrapped too, so the names are among the lines, and the line of whole names is left out
    text = columns([head[i] for i in places], lines, [widths[i] for i in places])
    return text.split("\n", 1)[1], widths


def is_cut(grid: Grid, widths: Mapping[int, int]) -> bool:
    """Tell whether columns that hold something were left out. widths: of the columns that were not"""
    return any(i not in widths and not _is_empty(grid.rows, i) for i in range(len(grid.head)))


def _flat(text: str) -> str:
    """Give a text as a terminal shows it, in one line."""
    return visible(text).replace("\n", " ").replace("\t", " ")


def _lines(cells: Sequence[str], widths: Sequence[int]) -> list[list[str]]:
    """Break the cells of a row into lines, so that each fits its column."""
    broken = []
    for cell, width in zip(cells, widths, strict=True):
        if measured(cell) <= width:
            broken.append([cell])
            continue
        whole = re.sub(r"[^ ]+", lambda word, w=width: shorten(word.group(), w), cell)  # type: ignore[misc]
        broken.append(wrap(whole, width, HANG if width > 2 * SHORTEST else 0))
    height = max(len(each) for each in broken)
    return [[each[i] if i < len(each) else "" for each in broken] for i in range(height)]


def _widths(head: Sequence[str], rows: Sequence[Sequence[str]], shape: Shape, width: int) -> dict[int, int]:
    """Choose the columns that fit, with their widths: place -> width."""
    natural = [max(measured(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    least = [min(full, shape.wraps.get(name, full)) for name, full in zip(head, natural, strict=True)]
    order = _order(head, shape)
    kept = order[: max(shape.keep, 1)]
    chosen = {i: least[i] for i in kept}
    for i in order[len(kept) :]:
        if not _is_empty(rows, i) and _total(chosen) + GAP + least[i] <= width:
            chosen[i] = least[i]
    _narrow(chosen, head, order, width)
    for i in order:  # what is left goes to the columns that were to be wrapped
        if i in chosen and chosen[i] < natural[i]:
            chosen[i] = min(natural[i], chosen[i] + width - _total(chosen))
    return chosen


def _narrow(chosen: dict[int, int], head: Sequence[str], order: Sequence[int], width: int) -> None:
    """Narrow the widest columns of words until the important columns fit; where that is not enough, leave out the last of them."""
    while _total(chosen) > width:
        words = sorted((i for i in chosen if head[i] in LEFT and chosen[i] > SHORTEST), key=chosen.__getitem__)
        if words:
            next_width = chosen[words[-2]] if len(words) > 1 else SHORTEST
            step = max(chosen[words[-1]] - max(next_width, SHORTEST), 1)
            chosen[words[-1]] -= min(step, _total(chosen) - width)
        elif len(chosen) > 1:
            del chosen[next(i for i in reversed(order) if i in chosen)]
        else:
            chosen.update(dict.fromkeys(chosen, width))


def _order(head: Sequence[str], shape: Shape) -> list[int]:
    """Give the places of the columns, the most important first; of two with one name the left one is the more important."""
    rank = {name: i for i, name in enumerate(shape.order)}
    firsts = [name not in head[:i] for i, name in enumerate(head)]
    return sorted(range(len(head)), key=lambda i: (rank.get(head[i], len(rank)), not firsts[i], i))


def _is_empty(rows: Sequence[Sequence[str]], place: int) -> bool:
    return bool(rows) and all(row[place] in ("", "-") for row in rows)


def _total(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)
