"""What is odd about spectra that are learnt from as they are: named, counted by kind, and no spectrum is left out for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rruff_files import OLD, folder, name, text
from spectrum_files import peaks

from edgespec.data.checks import noticed
from edgespec.datasets import arrays, rruff
from edgespec.spectra import Axis

AXIS = np.arange(150.0, 1173, 2)


def flawed(kind: str) -> np.ndarray:
    x = peaks(AXIS).copy()
    if kind == "saturated":
        return np.minimum(x, np.quantile(x, 0.95))
    if kind == "spike":
        x[200] += 0.8 * x.max()
    if kind == "flat":
        x[50:120] = x[50]
    return x


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("saturated", "points in a row are exactly at the maximum"),
        ("spike", "cosmic spikes at 550 cm-1?"),
        ("flat", "points in a row, 250 to 388 cm-1, are exactly"),
    ],
)
def test_each_flaw_is_named(kind: str, said: str) -> None:
    (told,) = noticed.flaws(AXIS, flawed(kind))
    assert said in told
    assert noticed.flaws(AXIS, flawed("")) == ()


def test_of_a_cut_spectrum_a_flat_top_says_nothing() -> None:
    assert noticed.flaws(AXIS, flawed("saturated"), whole=False) != noticed.flaws(AXIS, flawed("saturated"))


def test_flaws_are_counted_by_kind() -> None:
    x = np.stack([flawed("spike"), flawed(""), flawed("spike")[::1], flawed("flat")])
    told = noticed.of_rows(x, AXIS[None])
    assert told[0] == "cosmic spikes at ... cm-1?: 2 (row 0, row 2)"
    assert told[1].endswith("1 (row 3)")


def test_only_so_many_rows_of_an_array_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noticed, "MOST", 1)
    assert noticed.of_rows(np.stack([flawed("spike")] * 2), AXIS[None]) == [
        "cosmic spikes at ... cm-1?: 1 (row 0), in the first 1 rows"
    ]


def test_data_sets_of_all_readers_tell_them(tmp_path: Path) -> None:
    data = "".join(f"{a:.4f}, {b:.5E}\r\n" for a, b in zip(AXIS, flawed("saturated"), strict=True))
    path = folder(
        tmp_path / "d", {name(): text(data, header=OLD), name("Beryl", "R040002"): text(None, "Beryl", "R040002")}
    )
    found = rruff.load(axis=Axis(200, 1000, 81), seed=0, path=path)
    assert len(found) == 2, "nothing is left out for it"
    assert any(note.startswith("points in a row are exactly at the maximum") for note in found.notes)
    np.savez(tmp_path / "a.npz", x=np.stack([flawed("spike"), flawed("")]), y=[0, 1], w=AXIS)
    keys = {"file": str(tmp_path / "a.npz"), "x": "x", "y": "y", "wavenumber": "w"}
    told = arrays.load(axis=Axis(200, 1000, 81), seed=0, **keys).notes
    assert "cosmic spikes at ... cm-1?: 1 (row 0)" in told


def test_rows_that_were_scaled_to_the_largest_number_are_not_saturated() -> None:
    x = np.stack([np.round(flawed("") / flawed("").max() * 65535) for _ in range(3)])
    x[0, x[0].argmax() + 1] = 65535
    assert noticed.of_rows(x, AXIS[None]) == []
    x[1:] *= 0.9
    assert "the largest number of a converter" in noticed.of_rows(x, AXIS[None])[0]
