"""Spectra that lie in arrays: .npy files, or the arrays of one .npz, .mat or HDF5 file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray

from edgespec import datasets
from edgespec.data.checks import copies, noticed, targets
from edgespec.data.readers import array_axis, array_files, locate, numpy_files
from edgespec.data.readers import labels as label_files
from edgespec.data.readers.measured import Intensity, Said
from edgespec.errors import Mistake
from edgespec.recipe import Call
from edgespec.spectra import LARGEST, TOO_LARGE, Axis, Spectra, Words

Numbers = NDArray[np.float64]
ARRAYS = ("x", "y", "wavenumber", "group", "split", "test_x", "test_y")


@dataclass(frozen=True)
class _Array:
    """An array and its name for messages."""

    where: str
    values: NDArray[Any]


def load(
    *,
    axis: Axis,
    seed: int,
    x: str,
    y: str | None = None,
    wavenumber: str | None = None,
    labels: str | list[str] | None = None,
    group: str | None = None,
    split: str | None = None,
    test_x: str | None = None,
    test_y: str | None = None,
    npz: str | None = None,
    file: str | None = None,
    root: str | None = None,
    unit: Literal["cm-1", "nm", "um"] | None = None,
    laser: Annotated[float, Gt(0)] | None = None,
    technique: str = "",
    intensity: Intensity = "",
    min_coverage: float = 0.8,
    otherwise: Annotated[Call, "datasets"] | None = None,
) -> Spectra:
    """Read spectra from arrays. The keys name .npy files, or with `file` the arrays in it; rows are counted from 0.

    Exact copies are dropped; a spectrum under two labels is an error. Raises Mistake that names the array; Missing
    (exit 3) where the files are not at hand and no `otherwise` is named.

    x: intensities, (n, points).
    y: classes, (n,) whole numbers or names.
    wavenumber: the axis of x in cm-1, (points,), or (n, points), a row a spectrum.
    labels: the names of the classes in order, or a .json file of number and name, or an array of names.
    group: the physical sample of each spectrum, (n,); those of test_x follow those of x.
    split: the part of each spectrum, (n,), such as train and test.
    test_x: intensities of a given test part, (m, points).
    test_y: classes of that test part, (m,).
    npz: the .npz file that holds the arrays; the older name of `file`.
    file: the .npz, .mat (v5 or v7.3) or HDF5 file that holds the arrays; in HDF5 a name is a path, such as "raman/x".
    root: the folder in which relative names are looked up; without it EDGESPEC_DATA, edgespec's own data folder and the working folder.
    unit: of the axis, where it is not cm-1.
    laser: excitation wavelength in nm; needed for Raman spectra on an axis in nm or um.
    technique: what the spectra are, such as Raman or infrared.
    intensity: what x is, such as absorbance; the contract says it, and `predict` brings a file to the same form.
    min_coverage: share of the axis that the spectra must cover; the rest is zero.
    otherwise: the data set to take when this one is not at hand.
    """
    keys = {name: value for name, value in locals().items() if name not in ("axis", "seed", "otherwise")}
    try:
        return every(axis=axis, once=True, **keys)
    except locate.NotFound as absent:
        if otherwise is None:
            raise
        return datasets.stand_in(otherwise, absent.name, axis=axis, seed=seed)


def every(*, axis: Axis, min_coverage: float = 0.8, once: bool = False, **keys: Any) -> Spectra:
    """Read spectra as `load` does with its keys; without `once` also exact copies, whatever their labels."""
    npz, file, root = keys.get("npz"), keys.get("file"), keys.get("root")
    _check(keys, min_coverage)
    if file is not None and npz is not None:
        raise Mistake("arrays: `file` and `npz` name one thing", hint="leave `npz` out")
    wanted = {key: keys[key] for key in ARRAYS if keys.get(key) is not None}
    held = _held(wanted, file or npz, root)
    names = _names(keys.get("labels"), file or npz, root)
    return _spectra(held, names, axis, min_coverage, said_in(keys), once)


def own_axis(keys: Mapping[str, Any]) -> Numbers:
    """Read the axis of the spectra as they are, of the keys of `load`: (points,) in cm-1, increasing."""
    name = keys.get("wavenumber")
    if name is None:
        raise Mistake("arrays: no 'wavenumber' is named", hint="the axis is never guessed: name its array")
    return array_axis.common(_axes(_reader(keys.get("file") or keys.get("npz"), keys.get("root"))(name), said_in(keys)))


def said_in(keys: Mapping[str, Any]) -> Said:
    """Give what the keys say of all spectra: unit, laser, technique, intensities."""
    return Said(**{key: keys[key] for key in Said._fields if key in keys})


def _axes(held: _Array, said: Said) -> array_axis.Axes:
    return array_axis.read(held.values, held.where, said.unit, said.laser, said.technique)


def _check(keys: Mapping[str, Any], min_coverage: float) -> None:
    for key in ("y", "wavenumber"):
        if keys.get(key) is None:
            raise Mistake(f"arrays: no {key!r} is named", hint="classes and axis are never guessed: name their arrays")
    split, test_x, test_y = (keys.get(key) for key in ("split", "test_x", "test_y"))
    if (test_x is None) != (test_y is None):
        raise Mistake("arrays: a test part needs both `test_x` and `test_y`", hint="name both, or neither")
    if test_x is not None and split is not None:
        raise Mistake("arrays: `split` and `test_x` both name a test part", hint="keep one of them")
    if not 0 < min_coverage <= 1:
        raise Mistake(f"arrays: min_coverage is {min_coverage:g}", hint="a share above 0, at most 1")


def _held(wanted: dict[str, str], npz: str | None, root: str | None) -> dict[str, _Array]:
    read = _reader(npz, root)
    return {key: read(name) for key, name in wanted.items()}


def _reader(npz: str | None, root: str | None) -> Callable[[str], _Array]:
    if npz is not None:
        return partial(_from_npz, locate.find(npz, root))
    return partial(_from_npy, root)


def _from_npz(path: Path, name: str) -> _Array:
    return _Array(f"{path.name}!{name}", array_files.member(path, name))


def _from_npy(root: str | None, name: str) -> _Array:
    return _Array(Path(name).name, numpy_files.whole(locate.find(name, root)))


def _names(labels: str | list[str] | None, npz: str | None, root: str | None) -> label_files.Names | None:
    if labels is None:
        return None
    if isinstance(labels, list):
        return label_files.from_list(labels, "labels")
    if labels.lower().endswith(".json"):
        return label_files.from_json(locate.find(labels, root))
    array = _reader(npz, root)(labels)
    return label_files.from_list(array.values.tolist() if array.values.ndim == 1 else [None], array.where)


def _spectra(
    held: dict[str, _Array],
    names: label_files.Names | None,
    axis: Axis,
    min_coverage: float,
    said: Said,
    once: bool,
) -> Spectra:
    axes = _axes(held["wavenumber"], said)
    x, y, part = _joined(held, axes.values.shape[1])
    if not axes.shared and len(axes.values) != len(x):
        wrong = f"{axes.where} has {len(axes.values)} axes, there are {len(x)} spectra"
        raise Mistake(wrong, hint="one axis for all spectra, (points,), or a row for each")
    number, labels = label_files.classes(y, held["y"].where, names)
    targets.check([labels[each] for each in number], held["y"].where, [f"row {row}" for row in range(len(y))])
    group = _words(held["group"], held["x"], len(x)) if "group" in held else None
    told: list[str] = []
    where = np.array(_row_names(held, len(x)), np.str_)
    if once:
        named = [labels[each] for each in number]
        whole = x if axes.shared else np.concatenate([axes.values, x], axis=1)
        rows, group, told = copies.once(whole, named, group, part, where.tolist())
        x, number, where, part = x[rows], number[rows], where[rows], None if part is None else part[rows]
        axes = axes if axes.shared else axes._replace(values=axes.values[rows], turned=axes.turned[rows])
    x = array_axis.upright(x, axes)
    values, covered = array_axis.onto(x, axes, axis, min_coverage)
    lost = [label for position, label in enumerate(labels) if position not in number]
    notes = {
        "no groups are known, so spectra of one physical sample may stand in two parts": group is None,
        f"labels left without a spectrum: {len(lost)} ({', '.join(lost[:3])})": bool(lost),
    }
    told += [
        *array_axis.notes(axes, covered),
        *noticed.of_rows(x, axes.values),
        *(note for note, holds in notes.items() if holds),
    ]
    lasers = None if said.laser is None else np.full(len(values), round(said.laser), np.int64)
    more: dict[str, Any] = {"laser": lasers, "technique": said.technique, "intensity": said.intensity, "where": where}
    return Spectra(values, axis.values(), number, labels, group, part, notes=tuple(told), **more)


def _row_names(held: dict[str, _Array], n: int) -> list[str]:
    """Name the rows of x, then those of test_x: (n,)."""
    own = n - len(held["test_y"].values) if "test_y" in held else n
    behind = held["test_x"].where if "test_x" in held else ""
    return [f"{held['x'].where} row {row}" if row < own else f"{behind} row {row - own}" for row in range(n)]


def _joined(held: dict[str, _Array], points: int) -> tuple[Numbers, NDArray[Any], Words | None]:
    """Put the test part behind the rest: (n, points), (n,), and each spectrum's part where one is given."""
    x = _intensities(_upright(held["x"], points), held["wavenumber"], points)
    y = _classes(held["y"], held["x"], len(x))
    if "split" in held:
        return x, y, _words(held["split"], held["x"], len(x))
    if "test_x" not in held:
        return x, y, None
    test_x = _intensities(_upright(held["test_x"], points), held["wavenumber"], points)
    test_y = _classes(held["test_y"], held["test_x"], len(test_x))
    if (y.dtype.kind == "U") != (test_y.dtype.kind == "U"):
        hint = "both numbers, or both names"
        raise Mistake(f"{held['y'].where} and {held['test_y'].where}: one holds names, the other numbers", hint)
    part = np.repeat(np.array(["train", "test"]), [len(x), len(test_x)])
    return np.concatenate([x, test_x]), np.concatenate([y, test_y]), part


def _upright(held: _Array, points: int) -> _Array:
    """Turn (points, n), as MATLAB's users keep spectra, where only that fits the axis."""
    shape = held.values.shape
    return _Array(held.where, held.values.T) if len(shape) == 2 and shape[0] == points != shape[1] else held


def _intensities(held: _Array, axis: _Array, points: int) -> Numbers:
    x = held.values
    if x.dtype.kind not in "iuf" or x.ndim != 2 or not len(x):
        raise Mistake(f"{held.where}: {x.dtype} of shape {x.shape} are no spectra", hint="(n, points) numbers, n > 0")
    if x.shape[1] != points:
        hint = "the axis of these very spectra is needed"
        raise Mistake(f"{held.where} has {x.shape[1]} points a spectrum, {axis.where} has {points}", hint)
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if len(bad):
        more = f" (and {len(bad) - 1} more rows)" if len(bad) > 1 else ""
        raise Mistake(f"{held.where}: row {bad[0]}{more} holds a value that is not finite", hint="mend or remove it")
    x = x.astype(np.float64)
    large = np.flatnonzero((np.abs(x) > LARGEST).any(axis=1))
    if len(large):
        told = f"{held.where}: row {large[0]} holds {np.abs(x[large[0]]).max():g}, which is too large to count with"
        raise Mistake(told, hint=TOO_LARGE)
    return x


def _classes(held: _Array, x: _Array, n: int) -> NDArray[Any]:
    targets.check_array(held.values, n, held.where)
    return _column(held, x, n)


def _column(held: _Array, x: _Array, n: int) -> NDArray[Any]:
    if held.values.ndim != 1:
        raise Mistake(f"{held.where}: shape {held.values.shape}, but one value a spectrum is wanted", hint=f"({n},)")
    if len(held.values) != n:
        hint = "a list that doesn't match its spectra would mislabel them; find the one that was made with them"
        raise Mistake(f"{held.where} has {len(held.values)} values, {x.where} {n} spectra", hint)
    return held.values


def _words(held: _Array, x: _Array, n: int) -> Words:
    """Give (n,) names, whole numbers as text."""
    values = _column(held, x, n)
    return values if values.dtype.kind == "U" else label_files.whole(values, held.where).astype(np.str_)
