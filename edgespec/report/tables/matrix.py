"""Files against runtimes, as cells of text."""

from __future__ import annotations

from typing import Any

from edgespec import units
from edgespec.report.tables import Table
from edgespec.report.tables.layout import Shape

HEAD = [
    "file",
    "in",
    "verdict",
    "differ",
    "agree",
    "largest dp",
    "agree float32",
    "accuracy",
    "size",
    "p50",
    "ratio",
    "95 % interval",
]
SHAPE = Shape(("file", "in", "verdict", "accuracy", "differ", "size", "p50", "ratio", "agree", "95 % interval"), 4)
LONGEST = 90


def table(matrix: dict[str, Any]) -> Table:
    """One line a file and runtime."""
    return [_line(each) for each in matrix["cells"]]


def notes(matrix: dict[str, Any]) -> list[str]:
    """Say what the columns are, what is not here, and what a runtime refused."""
    cells, host = matrix["cells"], matrix["host"]
    counted = sorted({each["margin"] for each in cells if each["margin"]})
    machine = f"{host['cpu'] or host['machine']}, {', '.join(host['flags'])}"
    timed = f"`ratio`: to {matrix['reference']} in ONNX Runtime, interleaved, one spectrum at a time"
    if matrix["source"] == "emulated":
        timed = "an emulator: how long it takes says nothing, and is not told"
    elif all(each["ratio"] is None for each in cells):
        timed = "nothing was timed"
    found = [
        f"`differ`: spectra of {max(each['n'] for each in cells)} whose label is not the same file's in ONNX Runtime, at batch 1, 2, 65 and 100, "
        f"ties aside (logits nearer than {', '.join(f'{each:g}' for each in counted)} of the largest, by precision); "
        f"{timed}; {machine}"
    ]
    found += [f"not here: {reason}" for reason in matrix["absent"].values()]
    refused = [each for each in cells if each["verdict"] == "refused"]
    found += [f"{_where(each)} refuses {each['variant']}: {_short(each['reason'])}" for each in refused]
    return found


def _line(each: dict[str, Any]) -> list[str]:
    start = [each["variant"], _where(each), each["verdict"]]
    size = units.show_size(each["size_bytes"]) if each["size_bytes"] else "-"
    if each["agreement"] is None:
        return [*start, "-", "-", "-", "-", "-", size, "-", "-", "-"]
    shares = ["-" if each[key] is None else f"{each[key]:.3f}" for key in ("agreement_float", "accuracy")]
    cells = [str(each["disagreements"]), f"{each['agreement']:.3f}", f"{each['probability']:.2g}", *shares, size]
    if each["ratio"] is None:
        return [*start, *cells, "-", "-", "-"]
    low, high = each["ratio_interval"]
    return [*start, *cells, units.show_time(each["p50_ms"] / 1e3), f"{each['ratio']:.2f}", f"{low:.2f} - {high:.2f}"]


def _where(each: dict[str, Any]) -> str:
    return f"{each['runtime']} {each['precision']}".strip()


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
