"""Which classes are taken for which by the file to ship, and how much of each class is found: step 1's model against that file."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgespec.report import Report, Row
from edgespec.report.figures.guard import in_place
from edgespec.report.figures.svg import MARKERS, WIDTH, Canvas, colour
from edgespec.report.html_model import Figure, series, shipped, table, title

NAMED = 26  # classes whose names find room beside a drawing
FEW = 13  # classes whose counts find room in their cells
CONFUSION = "Each mark is a class (down) and what it was named (across); on the diagonal it was named rightly. The more of the class, the stronger."
NUMBERED = " Classes stand by their number; each mark tells their names."


@in_place
def confusions(name: str, report: Report) -> list[Figure]:
    """Draw the confusion matrix of the file to ship, where its answers were counted; of step 1's model while there is no file."""
    row = shipped(report) or report.reference()
    return [_confusion(name, report.data["labels"], row)] if row is not None and row.confusion else []


@in_place
def recalls(name: str, report: Report) -> Figure | None:
    """Draw the share of each class that is found, step 1's model against the file to ship; None without both."""
    first, last, labels = report.reference(), shipped(report), report.data["labels"]
    if first is None or last is None or first is last or not (first.confusion and last.confusion):
        return None
    before, after = _recall(first), _recall(last)
    size = _sizes(first)
    order = sorted(before, key=lambda c: (-abs(after.get(c, 0) - before[c]), before[c], labels[c]))
    shown = sorted(order[:NAMED], key=lambda c: (after.get(c, 0) - before[c], before[c]))
    canvas = Canvas(
        name, f"Recall of {len(shown)} classes, {title(first)} against {title(last)}", WIDTH, 80 + 18 * len(shown)
    )
    axes = canvas.axes()
    numbers = series(report)
    for i, c in enumerate(shown):
        pair = (before[c], after.get(c, 0.0))
        axes.plot(pair, [i, i], color=colour("bad" if pair[1] < pair[0] else "good"), linewidth=2.5, zorder=2)
        for row, value, fill in ((first, pair[0], "card"), (last, pair[1], "")):
            gid = canvas.mark(f"{labels[c]}: {title(row)} finds {value:.0%} of {size[c]}", key=title(row))
            shade = colour(numbers[title(row)])
            axes.plot(value, i, MARKERS[numbers[title(row)] % 8], color=colour(fill) if fill else shade, markeredgecolor=shade,
                      markeredgewidth=1.6, markersize=8 if fill else 5, gid=gid, zorder=3 if fill else 4, clip_on=False)  # fmt: skip
    axes.set_yticks(range(len(shown)), [_short(labels[c]) for c in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(min(0.9, *(before[c] for c in shown), *(after.get(c, 0.0) for c in shown)), 1)
    axes.set_xlabel("recall: share of the class that is named rightly")
    lines = [[labels[c], str(size[c]), f"{before[c]:.3f}", f"{after.get(c, 0.0):.3f}", f"{after.get(c, 0.0) - before[c]:+.3f}"]
             for c in order]  # fmt: skip
    head = ["class", "spectra", title(first), title(last), "change"]
    which = (
        "All classes"
        if len(shown) == len(before)
        else f"The {len(shown)} of {len(before)} classes whose recall changed most"
    )
    caption = f"{which}; hollow is {title(first)}, filled {title(last)}, the bar between them red where the class lost."
    legend = [(numbers[title(row)], title(row)) for row in (first, last)]
    return Figure("Recall by class", canvas.svg(), caption, legend, table("Recall by class", head, lines))


def _confusion(name: str, labels: Sequence[str], row: Row) -> Figure:
    wrong = sorted((cell for cell in row.confusion if cell[0] != cell[1]), key=lambda cell: -cell[2])
    mistakes, n = sum(cell[2] for cell in wrong), sum(cell[2] for cell in row.confusion)
    canvas = Canvas(name, f"Confusion matrix of {title(row)}: {mistakes} of {n} spectra named wrongly", WIDTH, WIDTH)
    axes = canvas.axes()
    sizes, few = _sizes(row), len(labels) <= FEW
    room = 250 / max(len(labels), 1)
    for of, named, count in row.confusion:
        text = f"{labels[of]}: {count} of {sizes[of]} named {'rightly' if of == named else labels[named]}"
        share = count / sizes[of]
        width = room * 0.94 if few else max(min(room, 24) * math.sqrt(share), 3.5)
        axes.plot(named, of, "s", markersize=width, color=colour("good" if of == named else "bad"), markeredgewidth=0,
                  alpha=0.15 + 0.5 * share if few else 0.9, gid=canvas.mark(text), clip_on=False)  # fmt: skip
        if few:
            axes.text(named, of, str(count), ha="center", va="center", fontsize=10, color=colour("ink"))
    if len(labels) <= NAMED:
        axes.set_xticks(range(len(labels)), [_short(each) for each in labels], rotation=90)
        axes.set_yticks(range(len(labels)), [_short(each) for each in labels])
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_aspect("equal")
    axes.set_xlabel("named")
    axes.set_ylabel("class")
    lines = [[labels[of], labels[named], str(count)] for of, named, count in wrong]
    made = table(f"Mistakes of {title(row)}, most frequent first", ["class", "named", "spectra"], lines)
    caption = CONFUSION + ("" if len(labels) <= NAMED else NUMBERED)
    return Figure(f"{title(row)}: {mistakes} of {n} wrong", canvas.svg(), caption, (), made)


def _recall(row: Row) -> dict[int, float]:
    size, right = _sizes(row), {cell[0]: cell[2] for cell in row.confusion if cell[0] == cell[1]}
    return {c: right.get(c, 0) / n for c, n in size.items()}


def _sizes(row: Row) -> dict[int, int]:
    found: dict[int, int] = {}
    for of, _, count in row.confusion:
        found[of] = found.get(of, 0) + count
    return found


def _short(label: str) -> str:
    return label if len(label) <= 16 else f"{label[:15]}…"
