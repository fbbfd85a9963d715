"""What pruning took, what it cost and what each group of channels was worth, as cells of text and as a picture."""

from __future__ import annotations

import io
from typing import Any

from edgespec import units
from edgespec.report import Report, Row
from edgespec.report.figures.picture import drawing
from edgespec.report.tables import Table

HEAD = ["pruned", "MACs", "of all", "params", "size", "validation", "drop", "latency"]
SIZE = (6.4, 3.8)
NAMED = 12  # groups that a legend can name


def rounds(report: Report) -> Table:
    """One line the unpruned model, one a round: what is left, accuracy on the validation part, what of it was lost, latency at the end."""
    return [line for row in judged(report) for line in _rounds(row)]


def sensitivity(report: Report) -> Table:
    """A head and one line a group: accuracy on the validation part without a share of that group's channels, nothing learnt again."""
    found: Table = []
    for row in judged(report):
        known = row.pruning["sensitivity"]
        found = found or [["group", "channels", *(f"{share:.0%} removed" for share in known["shares"]), "stay"]]
        last, first = row.pruning["rounds"][-1]["widths"], row.pruning["channels"]
        for title, values in known["groups"].items():
            found.append([title, str(first[title]), *(f"{each:.3f}" for each in values), str(last[title])])
    return found


def curves(report: Report) -> str:
    """Draw an SVG of accuracy against the share removed, a line a group, or give "" where nothing was pruned."""
    rows = judged(report)
    if not rows:
        return ""
    figure = drawing(SIZE)
    axes = figure.add_subplot()
    known = rows[-1].pruning["sensitivity"]
    many = len(known["groups"]) > NAMED
    for i, (title, values) in enumerate(known["groups"].items()):
        style: dict[str, Any] = {"color": f"C{i % 10}", "linestyle": "-" if i < 10 else "--", "linewidth": 1.2}
        axes.plot([0, *known["shares"]], [known["before"], *values], marker=".", label=None if many else title, **style)
        if many and values[-1] < known["before"]:
            axes.annotate(
                title, (known["shares"][-1], values[-1]), fontsize=6, xytext=(3, 0), textcoords="offset points"
            )
    axes.set_xlabel("share of a group's channels removed, the weakest first, one group at a time")
    axes.set_ylabel("accuracy on the validation part")
    axes.set_title(f"{report.recipe}: data {report.data['source']}; nothing learnt again", fontsize=9)
    axes.margins(x=0.15)
    axes.grid(alpha=0.3)
    if not many:
        axes.legend(fontsize=7)
    kept = io.BytesIO()
    figure.savefig(kept, format="svg", metadata={"Date": None})
    return kept.getvalue().decode()


def judged(report: Report) -> list[Row]:
    """Give the rows of steps that pruned."""
    return [row for row in report.rows if row.pruning]


def _rounds(row: Row) -> Table:
    known = row.pruning
    before, latency = known["before"], known["latency"]
    found = [_line(f"{row.step} not yet", before, before, f"{known['unpruned']:.3f}", "", "")]
    for number, each in enumerate(known["rounds"], start=1):
        at_end = number == len(known["rounds"])
        drop = f"{each['drop']:+.3f} +- {1.96 * each['drop_error']:.3f}"
        time = f"x {latency['ratio']:.2f} on {latency['target']}" if at_end else ""
        found.append(_line(f"{row.step} round {number}", each, before, f"{each['valid']:.3f}", drop, time))
    return found


def _line(title: str, cost: dict[str, Any], before: dict[str, Any], valid: str, drop: str, time: str) -> list[str]:
    counts = [units.show_count(cost["macs"]), f"{cost['macs'] / before['macs']:.0%}", units.show_count(cost["params"])]
    return [title, *counts, units.show_size(cost["bytes"]), valid, drop, time]
