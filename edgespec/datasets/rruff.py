"""Raman spectra of minerals as the RRUFF project offers them: text files, its zip archives, or a task list of them.

B. Lafuente, R. T. Downs, H. Yang, N. Stone (2015), "The power of databases: the RRUFF project", in Highlights in
Mineralogical Crystallography, W. De Gruyter, Berlin, pp. 1-30.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from edgespec import datasets
from edgespec.data.checks.copies import TwoLabels
from edgespec.data.readers import archives, gather, locate, task_list
from edgespec.data.readers.gather import Entry
from edgespec.data.readers.rruff_text import Refused, Scan, parse_name, physical_sample
from edgespec.errors import Mistake
from edgespec.plugins import did_you_mean
from edgespec.recipe import Call
from edgespec.spectra import Axis, Spectra

_NAMES = "RRUFF's names are Mineral__SAMPLE__Raman__LASER__ANGLE__ORIENTATION__Raman_Data_KIND__NUMBER.txt"
Kind = Literal["Processed", "RAW", "any"]


def load(
    *,
    axis: Axis,
    seed: int,
    path: str | list[str] | None = None,
    task: str | None = None,
    root: str | None = None,
    npz: str | None = None,
    split: int = 0,
    kind: Kind = "Processed",
    laser: list[int] | None = None,
    minerals: list[str] | None = None,
    min_coverage: float = 0.8,
    refused: Literal["fail", "skip", "stop"] = "fail",
    two_labels: Literal["fail", "first"] = "fail",
    otherwise: Annotated[Call, "datasets"] | None = None,
) -> Spectra:
    """Read RRUFF spectra; labels are minerals, groups are physical samples. Exactly one of `path` and `task`.

    Exact duplicates are dropped; ids that share a spectrum are one group; a spectrum under two labels is an error. Raises
    Mistake with file:line, and Missing (exit 3) where the data are not at hand and no `otherwise` is named.

    path: folders of RRUFF text files, RRUFF's zip archives or an .npz of resampled spectra, one or several.
    task: a csv list of spectra: columns archive (or row), file, mineral, group, and if need be split or split0, split1.
    root: the folder in which relative names are looked up; without it EDGESPEC_DATA, edgespec's own data folder and the working folder.
    npz: the file beside the task list that its column row counts in; without it the only one that fits.
    split: which division of a task list that holds several.
    kind: Processed has RRUFF's background removed, RAW has not (for folders and archives).
    laser: only spectra taken with these lasers, in nm.
    minerals: only these minerals.
    min_coverage: share of the axis that a spectrum must cover; the rest is zero.
    refused: fail where a spectrum cannot be used, or skip such spectra, and those under two labels, and say so; stop is the older word for fail.
    two_labels: fail where a spectrum stands under two labels, or keep the first; data.unknown always keeps the first, as nobody learns its labels.
    otherwise: the data set to take when this one is not at hand.
    """
    if not 0 < min_coverage <= 1:
        raise Mistake(f"rruff: min_coverage is {min_coverage:g}", hint="a share above 0, at most 1")
    try:
        chosen, files = entries(path, task, root, npz, split, kind, laser, minerals)
    except locate.NotFound as absent:
        if otherwise is None:
            raise
        return datasets.stand_in(otherwise, absent.name, axis=axis, seed=seed)
    # order matters to the reading, so `path` and `task` count; where they were found does not
    keys = {"path": path, "task": task, "split": split, "kind": kind, "laser": laser, "minerals": minerals}
    skip = refused == "skip"
    doubt: TwoLabels = "first" if two_labels == "first" else "leave out" if skip else "fail"
    key = datasets.key(files, {**keys, "min_coverage": min_coverage, "skip": skip, "doubt": doubt}, axis, __file__)
    return datasets.cached(key, partial(gather.spectra, chosen, axis, min_coverage, skip=skip, two_labels=doubt))


def entries(
    path: str | list[str] | None = None,
    task: str | None = None,
    root: str | None = None,
    npz: str | None = None,
    split: int = 0,
    kind: Kind = "Processed",
    laser: list[int] | None = None,
    minerals: list[str] | None = None,
) -> tuple[list[Entry], list[Path]]:
    """List what `load` would read with these keys, unread, and the files that it lies in."""
    if (path is None) == (task is None):
        raise Mistake("rruff: wants exactly one of `path` and `task`", hint="path: an archive; task: a csv list")
    if task is None and (npz is not None or split != 0):
        raise Mistake("rruff: `npz` and `split` belong to a `task`", hint="name a task list, or remove them")
    if task is not None:
        found, files = task_list.listing(locate.find(task, root, "rruff"), npz, split)
    else:
        names = [path] if isinstance(path, str) else path or []
        found, files = _listed([locate.find(name, root, "rruff") for name in names], kind)
    return _chosen(found, laser, minerals), files


def _listed(paths: list[Path], kind: Kind) -> tuple[list[Entry], list[Path]]:
    """List the spectra of folders and archives in the order given, names sorted within; also all their files."""
    entries: list[Entry] = []
    for path in paths:
        entries += (
            task_list.whole_npz(path)
            if path.suffix == ".npz"
            else [_entry(path, name, text) for name, text in archives.texts(path).items()]
        )
    kinds = {entry.kind for entry in entries if entry.kind is not None}
    fit = [entry for entry in entries if entry.kind is None or kind in ("any", entry.kind)]
    if not any(entry.kind for entry in fit):
        where = ", ".join(path.name for path in paths) or "an empty list"
        if entries and not kinds:
            raise Mistake(f"{where}: no file is named as RRUFF names them", hint=_NAMES)
        raise Mistake(
            f"{where}: no RRUFF spectrum of kind {kind}", hint=f"there is: {', '.join(sorted(kinds)) or 'none'}"
        )
    return fit, [file for path in paths for file in archives.files(path)]


def _entry(path: Path, name: str, text: archives.Text) -> Entry:
    """Describe a text file by its name; one with another name has no label and is refused when it is read."""
    where = archives.shown(path, name)
    said = parse_name(PurePosixPath(name).name)
    if said is None:
        return Entry(where, partial(_unnamed, where), "", "", origin=path, file=name)
    kind = "RAW" if said.kind.upper() == "RAW" else "Processed"
    read = partial(archives.scan, text, where)
    sample = physical_sample(said.sample)
    return Entry(where, read, said.mineral, sample, laser=said.laser, kind=kind, origin=path, file=name)


def _unnamed(where: str) -> Scan:
    raise Refused(f"{where}: its name says no mineral", _NAMES)


def _chosen(entries: list[Entry], laser: list[int] | None, minerals: list[str] | None) -> list[Entry]:
    known = sorted({entry.mineral for entry in entries if entry.mineral})
    for mineral in minerals or []:
        if mineral not in known:
            hint = did_you_mean(mineral, known)
            raise Mistake(f"rruff: no spectrum of mineral {mineral!r}", hint[:300] + " ..." * (len(hint) > 300))
    if minerals is not None:
        entries = [entry for entry in entries if entry.mineral in minerals]
    lasers = sorted({entry.laser for entry in entries if entry.laser is not None})
    if laser is not None:
        entries = [entry for entry in entries if entry.laser in laser]
    if not entries:
        wanted = f"lasers {laser}" if lasers else "an empty list of minerals"
        raise Mistake(f"rruff: no spectrum fits {wanted}", hint=f"lasers: {', '.join(map(str, lasers)) or 'none'}")
    return entries
