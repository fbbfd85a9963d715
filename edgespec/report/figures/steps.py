"""What each step cost: accuracy with its interval, and size, step by step."""

from __future__ import annotations

from edgespec import units
from edgespec.report import Report, Row
from edgespec.report.figures.guard import in_place
from edgespec.report.figures.svg import MARKERS, WIDTH, Canvas, colour, logarithmic
from edgespec.report.html_model import Figure, judged, series, table, title


@in_place
def figure(name: str, report: Report) -> Figure | None:
    """Draw each model that a step left, first to last, or give None before the first step."""
    rows = [row for row in report.rows if row.kind in ("step", "control", "variant")]
    rows = [row for row in rows if row.kind != "variant" or row in report.last() or row.step < report.last()[-1].step]
    if not rows:
        return None
    canvas = Canvas(name, f"Accuracy and size of {len(rows)} models, step by step", WIDTH, 70 + 25 * len(rows))
    left, right = canvas.axes(1, 2, sharey=True, width_ratios=(3, 2))
    numbers, known = series(report), {title(row) for row in judged(report)}
    for i, row in enumerate(rows):
        known_row = title(row) in known
        shade = colour(numbers[title(row)]) if known_row and row.kind != "control" else colour("muted")
        shape = MARKERS[numbers[title(row)] % 8] if known_row and row.kind != "control" else "o"
        filled = shade if row.kind != "control" else colour("card")
        left.plot([row.scores["low"], row.scores["high"]], [i, i], color=shade, linewidth=1.6)
        gid = canvas.mark(_words(row), key=title(row))
        left.plot(row.accuracy, i, shape, color=filled, markeredgecolor=shade, markersize=8, gid=gid)
        if row.bytes:
            gid = canvas.mark(f"{title(row)}: {units.show_size(row.bytes)}", key=title(row))
            right.plot([min(each.bytes or row.bytes for each in rows) / 2, row.bytes], [i, i], color=shade, linewidth=5, alpha=0.75,
                       solid_capstyle="butt", gid=gid)  # fmt: skip
    left.set_yticks(range(len(rows)), [_name(row) for row in rows])
    left.set_ylim(len(rows) - 0.4, -0.6)
    left.set_xlabel("accuracy, 95 % interval")
    right.set_xlabel("size")
    right.tick_params(axis="y", length=0)
    weights = [row.bytes for row in rows if row.bytes] or [1]
    logarithmic(right, "x", units.show_size, min(weights) / 2, max(weights) * 1.2, most=3)
    lines = [[_name(row), f"{row.accuracy:.3f}", f"{row.scores['low']:.3f} - {row.scores['high']:.3f}",
              units.show_size(row.bytes) if row.bytes else "-", "-" if row.drop is None else f"{row.drop:+.3f}"] for row in rows]  # fmt: skip
    head = ["model", "accuracy", "95 % interval", "size", "lost against step 1"]
    caption = "From the teacher down. Hollow marks are controls: the same network without the teacher or the original."
    return Figure("Step by step", canvas.svg(), caption, (), table("Accuracy and size, step by step", head, lines))


def _name(row: Row) -> str:
    return f"{row.step} {row.variant or row.name}"


def _words(row: Row) -> str:
    lost = "" if row.drop is None else f", {row.drop:+.3f} lost against step 1"
    return f"{_name(row)} ({row.model}): accuracy {row.accuracy:.3f} ({row.scores['low']:.3f} to {row.scores['high']:.3f}){lost}"
