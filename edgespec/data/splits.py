"""Divide spectra into training, validation and test parts that share no physical sample."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.errors import Mistake
from edgespec.recipe import Split
from edgespec.spectra import Ints, Spectra, Words

TEST_NAMES = ("test", "dev")
VALID_NAMES = ("valid", "validation", "val")
BY_SPECTRUM = "split by spectrum as the recipe says: the same physical sample may stand on both sides, which flatters"


@dataclass(frozen=True)
class Splits:
    """Row numbers of each part; the training parts may have names that steps choose by `on:`.

    train, valid: part name -> rows; both have the same names
    """

    train: dict[str, Ints]
    valid: dict[str, Ints]
    test: Ints
    notes: tuple[str, ...] = field(default=())

    @property
    def names(self) -> list[str]:
        """Names of the training parts."""
        return list(self.train)

    @property
    def by_spectrum(self) -> bool:
        """Was it asked for that spectra of one known sample may stand on both sides?"""
        return BY_SPECTRUM in self.notes

    def rows(self, on: str | None, *, valid: bool = False) -> Ints:
        """Give the rows of a training part, or of all of them."""
        parts = self.valid if valid else self.train
        return parts[on] if on else np.unique(np.concatenate(list(parts.values())))


def divide(spectra: Spectra, split: Split, seed: int) -> Splits:
    """Divide as the recipe says, stratified by class and seeded.

    Raises Mistake where there are too few samples, or where a physical sample would stand in two parts.
    """
    notes: list[str] = []
    group = _groups(spectra, split, notes)
    rng = np.random.default_rng([seed, 7])
    rows = np.arange(len(spectra))
    if split.parts == "given":
        parts, test, given_valid = _given(spectra)
    else:
        test = _draw(spectra, group, rows, split.test, rng, "test", notes)
        parts, given_valid = _named(spectra, group, np.setdiff1d(rows, test), split.parts, rng, notes), None
    train, valid = _validation(spectra, group, parts, given_valid, split, rng, notes)
    found = Splits(train, valid, test, tuple(notes))
    _check(found, group, spectra)
    return found


def folds(spectra: Spectra, split: Split, count: int, seed: int) -> list[Ints]:
    """Divide all spectra into `count` test parts, a physical sample in one only, each class spread as evenly as its samples allow.

    A class's lone sample stands in none: it is always learnt from. So does a validation part that the data set gives.
    Raises Mistake where a part would be empty.
    """
    group = _groups(spectra, split, [])
    free = np.ones(len(spectra), dtype=bool)
    if split.parts == "given" and spectra.part is not None:
        free = ~np.isin(spectra.part, VALID_NAMES)
    home = {str(name): int(label) for name, label in zip(group[free][::-1], spectra.y[free][::-1], strict=True)}
    size = dict(zip(*(each.tolist() for each in np.unique(group[free], return_counts=True)), strict=True))
    rng = np.random.default_rng([seed, 13])
    filled, place = np.zeros(count), {}
    for label in sorted(set(home.values())):
        members = rng.permutation(sorted(name for name, first in home.items() if first == label)).tolist()
        mine = np.zeros(count)
        for name in sorted(members, key=lambda name: -size[name]) if len(members) > 1 else []:
            chosen = int(
                np.lexsort((rng.random(count), filled, mine))[0]
            )  # the class's emptiest fold, then the emptiest
            place[name] = chosen
            mine[chosen] += size[name]
            filled[chosen] += size[name]
    if not filled.all():
        raise Mistake(f"too few samples for {count} folds: {int((filled == 0).sum())} would be empty", "fewer folds")
    at = np.array([place.get(str(name), -1) for name in group])
    return [np.flatnonzero((at == fold) & free) for fold in range(count)]


def around(spectra: Spectra, split: Split, test: Ints, seed: int) -> Splits:
    """Divide what is not in `test` into training and validation parts as the recipe says.

    Raises Mistake as `divide` does.
    """
    notes: list[str] = []
    group, rng = _groups(spectra, split, notes), np.random.default_rng([seed, 7])
    rest = np.setdiff1d(np.arange(len(spectra)), test)
    given_valid = None
    if split.parts == "given" and spectra.part is not None:
        parts = {str(name): rest[spectra.part[rest] == name] for name in np.unique(spectra.part)}
        held = [parts.pop(name) for name in VALID_NAMES if name in parts]
        given_valid = held[0] if held else None
    else:
        parts = _named(spectra, group, rest, split.parts, rng, notes)
    train, valid = _validation(spectra, group, parts, given_valid, split, rng, notes)
    found = Splits(train, valid, test, tuple(notes))
    _check(found, group, spectra)
    return found


def _validation(
    spectra: Spectra,
    group: Words,
    parts: dict[str, Ints],
    given: Ints | None,
    split: Split,
    rng: np.random.Generator,
    notes: list[str],
) -> tuple[dict[str, Ints], dict[str, Ints]]:
    """Take each training part's validation spectra out of it: part name -> what is left, part name -> what was taken."""
    train, valid = {}, {}
    for name, members in parts.items():
        held = (
            _draw(spectra, group, members, split.valid, rng, "validation", notes, least=split.valid_from)
            if given is None
            else given
        )
        train[name], valid[name] = np.setdiff1d(members, held), held
    return train, valid


def _groups(spectra: Spectra, split: Split, notes: list[str]) -> Words:
    """Give the physical sample of each spectrum; each spectrum its own where nothing is known or wanted."""
    if spectra.group is not None and split.by == "group":
        return spectra.group
    if spectra.group is None:
        notes.append("no physical samples are known: the split is by spectrum and may flatter")
    else:
        notes.append(BY_SPECTRUM)
    return np.array([str(i) for i in range(len(spectra))])


def _given(spectra: Spectra) -> tuple[dict[str, Ints], Ints, Ints | None]:
    if spectra.part is None:
        raise Mistake(
            "'split.parts' is 'given', but the data set names no parts",
            hint="leave 'parts' out, and state 'test: 0.25'",
        )
    found = {str(name): np.flatnonzero(spectra.part == name) for name in np.unique(spectra.part)}
    test = [found.pop(name) for name in TEST_NAMES if name in found]
    valid = [found.pop(name) for name in VALID_NAMES if name in found]
    if len(test) != 1 or not found:
        raise Mistake(
            f"the given parts are {', '.join(np.unique(spectra.part))}: one called test or dev and at least one other are needed"
        )
    return found, test[0], valid[0] if valid else None


def _named(
    spectra: Spectra, group: Words, rows: Ints, shares: object, rng: np.random.Generator, notes: list[str]
) -> dict[str, Ints]:
    """Divide the training rows among named parts by their shares."""
    if not isinstance(shares, dict):
        return {"train": rows}
    parts: dict[str, Ints] = {}
    rest, left = rows, float(sum(shares.values()))
    for name, share in list(shares.items())[:0:-1]:
        parts[name] = _draw(spectra, group, rest, share / left, rng, f"'{name}'", notes)
        rest, left = np.setdiff1d(rest, parts[name]), left - share
    return {next(iter(shares)): rest, **dict(reversed(parts.items()))}


def _draw(
    spectra: Spectra,
    group: Words,
    rows: Ints,
    share: float,
    rng: np.random.Generator,
    what: str,
    notes: list[str],
    least: int = 2,
) -> Ints:
    """Draw about `share` of each class's samples out of `rows`; a class's last sample is never drawn.

    The test part has every class that has two samples. The other parts get their share over all classes, fractions of a
    sample by lot: one sample of each class would be half of what a rare class has to learn from.
    A class with fewer than `least` samples keeps them all.
    """
    drawn: set[str] = set()
    alone: list[str] = []
    largest: list[str] = []
    home: dict[str, int] = {}
    for name, label in zip(group[rows], spectra.y[rows], strict=True):
        home.setdefault(str(name), int(label))  # a sample filed under two labels is drawn once, with its first
    for label in np.unique(spectra.y[rows]):
        members = sorted(name for name, first in home.items() if first == label)
        wanted = share * len(members)
        count = max(round(wanted), 1) if what == "test" else int(wanted + rng.random())
        count = min(count, len(members) - 1) if len(members) >= least else 0
        if len(members) < 2:
            alone.append(spectra.labels[label])
        drawn.update(rng.permutation(members)[:count].tolist())
        if len(members) > len(largest):
            largest = members
    if not drawn and len(largest) >= least:
        drawn = {largest[int(rng.integers(len(largest)))]}  # the lot gave nothing: one sample of the largest class
    if alone and what == "test":
        shown = ", ".join(alone[:3]) + (", ..." if len(alone) > 3 else "")
        many = "1 class has" if len(alone) == 1 else f"{len(alone)} classes have"
        notes.append(f"{many} one sample only, which is learnt and never tested: {shown}")
    if not drawn:
        raise Mistake(
            f"too few samples to split: no class has {_number(least)} physical samples, so nothing is left for the {what} part",
            hint="more samples a class, or split: {by: spectrum} if you can live with flattered figures",
        )
    return rows[np.isin(group[rows], sorted(drawn))]


def _number(n: int) -> str:
    return "two" if n == 2 else str(n)


def _check(splits: Splits, group: Words, spectra: Spectra) -> None:
    """Refuse a split with a sample on two sides, or with an empty part."""
    validation = {id(rows): (name, rows) for name, rows in splits.valid.items()}  # a given one serves all parts
    alone = len(validation) == 1
    parts = dict(splits.train)
    parts |= {"validation" if alone else f"{name} (validation)": rows for name, rows in validation.values()}
    parts["test"] = splits.test
    seen: dict[str, str] = {}
    for part, rows in parts.items():
        if len(rows) == 0:
            raise Mistake(f"the {part} part is empty", hint="more samples, or another 'split'")
        for name in np.unique(group[rows]):
            if name in seen:
                raise Mistake(
                    f"physical sample {str(name)!r} stands in the parts '{seen[name]}' and '{part}'",
                    hint="one sample, one part",
                )
            seen[str(name)] = part
    if len(np.unique(spectra.y)) < 2:
        raise Mistake(f"only one class is here ({spectra.labels[int(spectra.y[0])]}): nothing to tell apart")


def occurrence(names: NDArray[Any]) -> Ints:
    """(n,): how often the same name stood before each place; sorted by it, each name has its turn before any has a second."""
    found = np.zeros(len(names), dtype=np.int64)
    for name in np.unique(names):
        found[names == name] = np.arange((names == name).sum())
    return found
