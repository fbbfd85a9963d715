"""How the answers of `edgespec predict` are printed: as a table at the end, or each at once as a line, as CSV or JSON."""

from __future__ import annotations

import csv
import os
import sys
from typing import Any, TextIO

from edgespec.cli.console import json_text
from edgespec.errors import visible

COLUMNS = (
    "file",
    "label",
    "probability",
    "flag",
    "score",
    "runner_up",
    "runner_up_probability",
    "set",
    "covered",
    "error",
    "hint",
)
HEAD = ["file", "label", "probability", "flag", "runner-up", "one of", "covered"]
NAMED = 3  # labels of a set that a table names
FORMULA = ("=", "+", "-", "@", "\t", "\r")
MOST = 20  # refusals that are told one by one
Answer = dict[str, Any]


def clean(answer: Answer) -> Answer:
    """Make the texts of an answer printable."""
    return {key: shown(value) if isinstance(value, str) else value for key, value in answer.items()}


def is_refused(answer: Answer) -> bool:
    """Tell a refusal from an answer."""
    return "error" in answer


def print_head() -> None:
    """Print the names of the columns of CSV."""
    _writer(sys.stdout).writeheader()


def print_row(answer: Answer) -> None:
    """Print a line of CSV; `error` says why there is no answer."""
    write_row(sys.stdout, answer)
    sys.stdout.flush()


def write_row(out: TextIO, answer: Answer) -> None:
    """Write a line of CSV. A text that a spreadsheet would take for a formula gets a ' in front; numbers stay numbers."""
    filled = {key: "" if value is None else value for key, value in answer.items()}
    if not is_refused(answer):
        other = answer["runner_up"] or {"label": "", "probability": ""}
        filled |= {"runner_up": other["label"], "runner_up_probability": other["probability"]}
        filled["set"] = "; ".join(answer.get("set", []))
    _writer(out).writerow({key: harmless(value) for key, value in filled.items()})


def harmless(cell: Any) -> Any:
    """Keep a spreadsheet from running a text that begins as a formula does, and from taking a carriage return for a new row."""
    if not isinstance(cell, str):
        return cell
    text = visible(cell)
    return f"'{text}" if cell.lstrip(" ").startswith(FORMULA) else text


def print_json_line(answer: Answer) -> None:
    """Print an answer or a refusal as a line of JSON."""
    print(json_text(answer), flush=True)


def print_line(answer: Answer) -> None:
    """Print an answer as one line of text at once, a refusal as an error."""
    if is_refused(answer):
        print_refused(answer)
        return
    print("  ".join(cells(answer)), flush=True)
    for note in answer.get("notes", []):
        print(f"note:  {answer['file']}: {shown(note)}", file=sys.stderr)


def print_refused(answer: Answer) -> None:
    """Print why there is no answer, and what to do."""
    print(visible(f"error: {answer['error']}\nhint:  {answer['hint']}"), file=sys.stderr, flush=True)


def print_left_out(counted: dict[str, int]) -> None:
    """Print which files of the folders are not read, by their ending."""
    if counted:
        told = ", ".join(f"{shown(ending)} {count}" for ending, count in counted.items())
        print(f"note:  files left out, by their ending: {told}", file=sys.stderr)


def print_some_refused(first: list[Answer], count: int, *, every: bool) -> None:
    """Print the first refusals, and how many more there are; every: all of them stand on standard output already."""
    for each in first:
        print_refused(each)
    if count > len(first):
        where = "above" if every else "with --csv or --json"
        print(f"error: and {count - len(first)} more were refused ({where})", file=sys.stderr)


def _writer(out: TextIO) -> csv.DictWriter[str]:
    return csv.DictWriter(out, COLUMNS, extrasaction="ignore", lineterminator="\n")


def cells(each: Answer) -> list[str]:
    """Give an answer as the cells of a row of the table."""
    others = ", ".join(f"{other['label']} {other['probability']:.3f}" for other in each["top"][1:]) or "-"
    flag, label = each["flag"] or "-", each["label"]
    if flag == "unknown":  # a name alone would be believed
        label = f"unknown (nearest {label})"
    return [each["file"], label, f"{each['probability']:.3f}", flag, others, one_of(each), f"{each['covered']:.0%}"]


def one_of(each: Answer) -> str:
    """Word a set of labels with the chance that it holds the right one: "Albite or Anorthite, 95 %"; "-" where the model has no sets.

    An answer that is flagged unknown has no such chance: the sets are for substances that the model learnt.
    """
    named, chance = each.get("set") or [], each.get("set_holds")
    if not named or each["flag"] == "unknown":
        return "-"
    rest = len(named) - NAMED
    words = [*named[:NAMED], f"{rest} more"] if rest > 0 else named
    listed = " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return f"{listed}, {chance:.0%}"


def shown(text: str) -> str:
    """Make a name printable: bytes that are no UTF-8, and marks that would move the cursor."""
    whole = os.fsencode(text).decode("utf-8", errors="replace")
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in whole)
