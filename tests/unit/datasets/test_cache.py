"""Readings are kept until something changes, and reading works without a cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rruff_files import AXIS, folder, lines, load, name, text, three

from edgespec import datasets
from edgespec.data.readers import rruff_text
from edgespec.datasets import rruff
from edgespec.spectra import Axis, Spectra

pytestmark = pytest.mark.usefixtures("own_places")


def test_a_second_reading_comes_from_the_cache_until_something_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = folder(tmp_path / "d", three())
    first = load(path=where)
    (kept,) = (tmp_path / "home" / "spectra").iterdir()
    parsed: list[str] = []
    parse = rruff_text.parse

    def counted(raw: bytes, at: str) -> rruff_text.Scan:
        parsed.append(at)
        return parse(raw, at)

    monkeypatch.setattr("edgespec.data.readers.archives.parse", counted)
    again = load(path=where)
    assert not parsed
    assert again.x.tobytes() == first.x.tobytes()
    assert again.labels == first.labels
    assert again.notes == first.notes
    assert again.group is not None
    assert first.group is not None
    assert again.group.tolist() == first.group.tolist()
    kept.write_bytes(kept.read_bytes()[:-40])
    assert load(path=where).x.tobytes() == first.x.tobytes()
    assert len(parsed) == 3, "a damaged cache file is read anew"
    (tmp_path / "d" / name()).rename(tmp_path / "d" / name("Topaz"))
    assert load(path=where).labels == ("Albite", "Beryl", "Topaz")
    (tmp_path / "d" / name("Topaz")).write_text(text(lines(900)))
    assert float(AXIS.values()[load(path=where).x[2].argmax()]) == pytest.approx(900, abs=5)
    assert rruff.load(axis=Axis(200, 1000, 41), seed=0, path=where).x.shape == (3, 41)


def test_reading_works_without_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path / "file"))
    assert len(load(path=folder(tmp_path / "d", three()))) == 3


def test_the_cache_keeps_everything(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((2, 81), dtype=np.float32)
    y = np.array([0, 1], dtype=np.int64)
    for whole in (
        Spectra(
            x,
            AXIS.values(),
            y,
            ("\u00c5", "b"),
            np.array(["s", "t"]),
            np.array(["u", "v"]),
            "embedded",
            ("n",),
            where=np.array(["f", "g"]),
        ),
        Spectra(x, AXIS.values(), y, ("a", "b")),
    ):
        key = f"k{len(whole.notes)}"
        datasets.cached(key, lambda whole=whole: whole)  # type: ignore[misc]
        kept = datasets.cached(key, lambda: pytest.fail("was to come from the cache"))
        assert (kept.labels, kept.source, kept.notes) == (whole.labels, whole.source, whole.notes)
        for field in ("x", "axis", "y", "group", "part", "where"):
            assert np.array_equal(getattr(kept, field), getattr(whole, field)), field
            assert getattr(kept, field) is None or getattr(kept, field).dtype == getattr(whole, field).dtype
