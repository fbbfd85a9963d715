"""Spectra in JCAMP-DX (McDonald, Wilks 1988, Applied Spectroscopy 42, 151), read by the library jcamp."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from typing import Any

import numpy as np

from refusal import RefusalError
from spectra.axes import Wanted, laser_in, unit_in
from spectra.text import Track

RECORD = re.compile(r"^[ \t]*##(.*?)=(.*)$")
NUMBERS = ("FIRSTX", "LASTX", "NPOINTS", "XFACTOR", "YFACTOR")
DATA = ("XYDATA", "XYPOINTS")
CODED = re.compile(r"[0-9.,;+\-EeA-Za-z@%\s]*")
DAMAGED = (ArithmeticError, AttributeError, LookupError, MemoryError, NameError, TypeError, ValueError)


def is_jcamp(decoded: str) -> bool:
    """Tell JCAMP-DX by its own record."""
    return re.search(r"^[ \t]*##JCAMP[-_ ]?(?:DX|CS)\s*=", decoded, re.M | re.I) is not None


def tracks(decoded: str, where: str, wanted: Wanted) -> list[Track]:
    """Read the one spectrum of a file. Raises RefusalError: several blocks, another technique, damage, no library."""
    lines = [line.partition("$$")[0].rstrip() for line in decoded.split("\n")]
    records = [(_key(found.group(1)), found.group(2).strip(), i) for i, found in _records(lines)]
    said = {key: value for key, value, _ in reversed(records)}  # the first of each
    _one_block(records, where)
    technique, model = said.get("DATATYPE", ""), wanted.technique
    if technique and model and model.lower() not in technique.lower():
        told = f"{where}: its DATA TYPE is {technique!r}, the model was trained on {model} spectra"
        raise RefusalError(2, told, "another model, or another file")
    data = next((i for key, _, i in records if key in DATA), None)
    if data is None:
        kind = "a peak list" if "PEAKTABLE" in said else "no XYDATA"
        raise RefusalError(2, f"{where}: holds {kind}, so no spectrum", "export the whole spectrum, not its peaks")
    axis, x = _read(lines, said, data, where)
    laser = laser_in("\n".join(f"{key} {value}" for key, value, _ in records))
    return [Track(where, axis, x, (), unit_in(said.get("XUNITS", "")), laser)]


def _records(lines: list[str]) -> list[tuple[int, Any]]:
    found = ((i, RECORD.match(line)) for i, line in enumerate(lines))
    return [(i, match) for i, match in found if match]


def _key(label: str) -> str:
    """Labels are compared without case, blanks, - / and _, as the standard says."""
    return re.sub(r"[\s\-/_]", "", label).upper()


def _one_block(records: list[tuple[str, str, int]], where: str) -> None:
    titles = [value for key, value, _ in records if key == "TITLE"]
    links = sum(key == "DATATYPE" and value.upper() == "LINK" for key, value, _ in records)
    if len(titles) > 1:
        named = ", ".join(repr(title) for title in titles[min(links, 1) :][:8])
        hint = "save each block as a file of its own"
        raise RefusalError(
            2, f"{where}: holds {len(titles) - min(links, 1)} blocks, one spectrum is wanted: {named}", hint
        )


def _read(lines: list[str], said: dict[str, str], data: int, where: str) -> tuple[Any, Any]:
    """Hand the library the records that it needs and the data: it stumbles over others that go on over several lines."""
    try:
        import jcamp
    except ImportError as error:
        hint = f"{sys.executable} -m pip install jcamp"
        raise RefusalError(3, f"{where}: is JCAMP-DX, which needs the library jcamp: {error}", hint) from error
    damaged = f"{where}:{data + 1}: its data are damaged"
    form = re.sub(r"\s", "", lines[data].partition("=")[2]).upper()
    kind = "XYDATA" if form == "(X++(Y..Y))" else "XYPOINTS"
    end = next((i for i in range(data + 1, len(lines)) if lines[i].lstrip().startswith("##")), None)
    if end is None:
        raise RefusalError(
            2, f"{where}:{len(lines)}: stops without ##END=, so it was cut short", "fetch the file again"
        )
    body = [line for line in lines[data + 1 : end] if line.strip()]
    odd = [i for i in range(data + 1, end) if not CODED.fullmatch(lines[i])]
    if odd:
        raise RefusalError(
            2, f"{where}:{odd[0] + 1}: {lines[odd[0]].strip()[:40]!r} is no data", "fetch the file again"
        )
    count = said.get("NPOINTS", "")
    if not count.isdecimal() or int(count) > 40 * sum(map(len, body)):
        raise RefusalError(2, f"{where}: its NPOINTS is {count or 'missing'}", "fetch or export the file again")
    records = [f"##{key}={said[key]}" for key in NUMBERS if key in said]
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            found = jcamp.read([*records, f"##{kind}={form}", *body, "##END="])
        axis, x = np.array(found["x"], dtype=np.float64), np.array(found["y"], dtype=np.float64)
    except DAMAGED as error:
        raise RefusalError(2, f"{damaged}: {error}", "fetch or export the file again") from error
    if printed.getvalue() or len(x) != int(count) or len(axis) != len(x):
        told = printed.getvalue().strip().split("\n")[0] or f"{len(x)} points, NPOINTS is {count}"
        raise RefusalError(2, f"{damaged}: {told}", "fetch or export the file again")
    return axis, x
