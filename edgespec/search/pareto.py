"""What a search found: all trials and the front of those that no other beats in everything, as data, as a table, as Markdown.

Chosen by validation alone; what the front's trials do on the test part stands beside it, computed once, when the search is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from edgespec import storage, units, unpacking
from edgespec.errors import Mistake
from edgespec.report import markdown
from edgespec.report.tables import layout
from edgespec.search import OBJECTIVES

FILE, PAGE, SCHEMA = "front.json", "front.md", 1
STATES = ("complete", "ended", "failed", "running", "waiting")
HEAD = [
    "trial",
    "accuracy (validation)",
    "latency",
    "of reference",
    "instructions",
    "size",
    "params",
    "MACs",
    "accuracy (test)",
    "what it drew",
]
SHAPE = layout.Shape(("trial", "accuracy (validation)", "size", "latency", "accuracy (test)", "of reference"), 4)
Found = dict[str, Any]


def front(trials: Sequence[Found], objectives: Sequence[str]) -> list[int]:
    """Give the numbers of the complete trials that no other is as good as in everything and better in something, best accuracy first.

    Of trials that are equal in everything the first stands for all.
    """
    whole = [each for each in trials if each["state"] == "complete" and "same_as" not in each]
    signs = [-1.0 if OBJECTIVES[name] == "maximize" else 1.0 for name in objectives]
    costs = np.array([[s * v for s, v in zip(signs, each["values"], strict=True)] for each in whole])
    kept = [
        each
        for i, (each, mine) in enumerate(zip(whole, costs, strict=True))
        if not ((costs <= mine).all(1) & (costs < mine).any(1)).any() and not (costs[:i] == mine).all(1).any()
    ]
    return [each["number"] for each in sorted(kept, key=lambda each: (-each["accuracy"], each["size"]))]


def write(found: Found, folder: Path) -> None:
    """Write front.json and front.md."""
    storage.write_json(folder / FILE, found)
    storage.write(folder / PAGE, page(found))


def read(folder: Path) -> Found:
    """Read front.json.

    Raises Mistake where there is none, it is damaged, or it is of another version.
    """
    path = folder / FILE
    try:
        found: Found = unpacking.parse_json(path.read_text(encoding="utf-8"))
        if found["schema"] != SCHEMA:
            raise Mistake(f"{path} is of version {found['schema']}, this edgespec reads {SCHEMA}")
        if not all(isinstance(found[key], list) for key in ("trials", "front", "objectives")):
            raise TypeError("its lists are none")
        page(found), table(found)  # what cannot be worded is no front, and is told here rather than where it is shown
    except (FileNotFoundError, NotADirectoryError):
        raise Mistake(
            f"{folder} is not a folder of a search: it holds no {FILE}",
            hint="edgespec search RECIPE --out FOLDER makes one",
        ) from None
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as problem:
        raise Mistake(f"{path} is damaged: {problem}", hint="the same edgespec search writes it anew") from None
    return found


def table(found: Found) -> str:
    """Word the front with all columns."""
    return layout.show(parts(found)[2:], None)


def parts(found: Found) -> list[str | layout.Grid]:
    """Word how the trials ended, give the front as a table, and say what each of its trials drew."""
    rows = front_lines(found)
    drawn = [f"{cells[0]}  {cells[-1]}" for cells in rows]
    return [told(found), "", layout.Grid(HEAD[:-1], [cells[:-1] for cells in rows], SHAPE), "", *drawn]


def front_lines(found: Found) -> list[list[str]]:
    """Word the trials of the front, a cell for each of HEAD."""
    return [line(found, number) for number in found["front"]]


def line(found: Found, number: int) -> list[str]:
    """Word one trial, a cell for each of HEAD."""
    each = of(found, number)
    latency, test = each.get("latency"), found["test"].get(str(number))
    return [
        f"{number:04d}",
        f"{each['accuracy']:.3f} [{each['low']:.3f}, {each['high']:.3f}]",
        units.show_time(latency["ms"] / 1e3) if latency else "-",
        f"{latency['ratio']:.2f}" if latency else "-",
        units.show_count(each["instructions"]) if "instructions" in each else "-",
        units.show_size(each["size"]),
        units.show_count(each["params"]),
        units.show_count(each["macs"]),
        f"{test['accuracy']:.3f} [{test['low']:.3f}, {test['high']:.3f}]" if test else "-",
        said(each["params_drawn"]),
    ]


def of(found: Found, number: int) -> Found:
    """Give one trial."""
    for each in found["trials"]:
        if each["number"] == number:
            return cast(Found, each)
    raise KeyError(f"trial {number}")


def told(found: Found) -> str:
    """Say in one line how the trials ended."""
    states = [each["state"] for each in found["trials"]]
    parts = [f"{states.count(name)} {name}" for name in STATES if name in states]
    judged = f", judged on {by(found)}" if found["judged"] else ""
    return f"{len(states)} trials ({', '.join(parts)}){judged}; front of {', '.join(found['objectives'])}: {len(found['front'])}"


def by(found: Found) -> str:
    """Say what trials are judged on."""
    judged = found["judged"]
    return f"{judged['spectra']} " + (
        f"spectra in {judged['folds']} folds" if "folds" in judged else "validation spectra"
    )


def said(params: dict[str, Any]) -> str:
    """Write what a trial drew in one line, each key by the last words of its place."""
    return ", ".join(f"{_short(name)} {_number(value)}" for name, value in params.items())


def page(found: Found) -> str:
    """Word the search as Markdown: the front, then every trial."""
    rows = [line(found, number) for number in found["front"]]
    others = [
        [
            f"{each['number']:04d}",
            each["state"],
            each.get("why", "") or _values(found, each),
            said(each["params_drawn"]),
        ]
        for each in found["trials"]
    ]
    return "\n".join(
        [
            markdown.plain(f"# Search of {found['recipe']}"),
            "",
            f"{told(found)}.",
            "",
            "Chosen by validation alone. The test part was looked at once, for the trials of the front, when the search was over.",
            *map(markdown.plain, measured(found)),
            "",
            markdown.as_table(HEAD, rows),
            "",
            "## All trials",
            "",
            markdown.as_table(["trial", "state", "result", "what it drew"], others),
            "",
        ]
    )


def measured(found: Found) -> list[str]:
    """Say how latencies were measured, in lines of Markdown; nothing where none was."""
    if not found["target"] or not found["reference_ms"]:
        return []
    hosts = sorted({each["latency"]["host"] for each in found["trials"] if each.get("latency")})
    text = (
        f"Latency on {found['target']}: the ratio to one reference network measured in turns in the same session, times that "
        f"network's median over all sessions ({units.show_time(found['reference_ms'] / 1e3)})."
    )
    mixed = f" Trials ran on {len(hosts)} kinds of machine ({'; '.join(hosts)}): their ratios compare only roughly."
    return ["", text + (mixed if len(hosts) > 1 else "")]


def _values(found: Found, each: Found) -> str:
    if each["state"] != "complete":
        return ""
    pairs = zip(found["objectives"], each["values"], strict=True)
    same = f" (as {each['same_as']:04d})" if "same_as" in each else ""
    return ", ".join(f"{name} {value:.4g}" for name, value in pairs) + same


def _short(name: str) -> str:
    words = [word for word in name.split(".") if not word.isdecimal()]
    return ".".join(words[-2:] if len(words) > 2 else words[-1:])


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
