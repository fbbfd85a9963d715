"""What int8 cost each layer of the files that a run ships, as cells of text."""

from __future__ import annotations

from typing import Any

from edgespec.report import Report, Row
from edgespec.report.tables import Table

HEAD = ["layer", "operator", "weights", "agreement", "drop", "divergence"]


def layers(report: Report) -> tuple[list[str], Table]:
    """Give a head and one line a layer, costliest first: what it costs when it alone is int8, and what it is in each file."""
    rows = [row for row in _rounded(report) if row.rounding["layers"]]
    if not rows:
        return [], []
    table = sorted(rows[0].rounding["layers"], key=lambda each: -each["divergence"])
    return [*HEAD, *(row.variant for row in rows)], [_layer(each, rows) for each in table]


def remarks(report: Report) -> list[str]:
    """Say of each file how its ranges were cut, what of it stays in float, and what it lost on the validation part."""
    return [_remark(row) for row in _rounded(report)]


def _rounded(report: Report) -> list[Row]:
    return [row for row in report.last() if row.rounding]


def _layer(each: dict[str, Any], rows: list[Row]) -> list[str]:
    cells = [
        each["layer"],
        each["operator"],
        f"{each['weights']:.1%}",
        f"{each['agreement']:.3f}",
        f"{each['drop']:+.3f}",
    ]
    held = ["float32" if each["layer"] in row.rounding["float_layers"] else "int8" for row in rows]
    return [*cells, f"{each['divergence']:.2g}", *held]


def _remark(row: Row) -> str:
    told = row.rounding
    kept, of = told["float_layers"], len(told["layers"])
    if not of:
        made = "weights in 4 bits, arithmetic in float32: smaller, not faster"
    else:
        many = (
            f"all {of} layers are int8"
            if not kept
            else f"{len(kept)} of {of} layers stay in float32 ({', '.join(kept)})"
        )
        chosen = f", nearest to float32 of {len(told['tried'])}" if len(told["tried"]) > 1 else ""
        made = f"{many}; ranges by {told['method']}{chosen}"
    lost = f"{told['drop']:+.3f} of the accuracy lost and {told['agreement']:.3f} of the labels kept on the validation part"
    return f"{row.variant}: {made}; {lost}{_trained(told)}."


def _trained(told: dict[str, Any]) -> str:
    """Say how near to float32 training with rounding brought the file."""
    if not told.get("training"):
        return ""
    plain, trained = (told["training"][key] for key in ("untrained", "trained"))
    helped = (
        "trained with rounding"
        if told["training"]["helped"]
        else "training with rounding did not help, it is rounded only"
    )
    return f"; {helped}: {trained:.2g} nats from float32 trained, {plain:.2g} untrained"
