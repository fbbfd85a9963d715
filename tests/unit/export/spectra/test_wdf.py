"""Renishaw's WDF: single spectra, series and maps, whole and stopped, in every unit; what the library gives, without what stops it."""

from __future__ import annotations

import io
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

import hurt_files
import numpy as np
import pytest
import vendor_files as files
from device_reader import WINDOW, read, refusal, tracks
from spectrum_files import AXIS, peaks

renishawWiRE = pytest.importorskip("renishawWiRE", reason="renishawWiRE is not installed: pip install 'edgespec[dev]'")  # noqa: N816

VARIANTS: dict[str, dict[str, Any]] = {
    "single": {},
    "single, falling": {"axis": AXIS[::-1]},
    "series": {"x": files.shifted(5)},
    "line": {"x": files.shifted(5), "shape": (5, 1)},
    "map": {"x": files.shifted(6), "shape": (3, 2)},
    "map that was stopped": {"x": files.shifted(4), "shape": (3, 2), "capacity": 6},
    "zeros behind the last block": {"behind": bytes(300)},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_each_spectrum_is_what_renishawwire_gives_of_the_same_file(tmp_path: Path, name: str) -> None:
    path = files.wdf(tmp_path / "a.wdf", **{key: value for key, value in VARIANTS[name].items() if key != "behind"})
    reader = renishawWiRE.WDFReader(str(path))
    reader.close()
    files.wdf(path, **VARIANTS[name])  # zeros behind the last block, on which the library loops for ever
    found = tracks(path)
    np.testing.assert_array_equal([each.x for each in found], reader.spectra.reshape(len(found), -1))
    for each in found:
        np.testing.assert_array_equal(each.axis, reader.xdata)
        assert each.laser == pytest.approx(reader.laser_length, rel=1e-7)
        assert (each.unit, each.technique, each.intensity) == ("cm-1", "Raman", "counts")
        assert bool(each.notes) == ("stopped" in name)
    assert [each.name for each in found] == (
        [str(path)] if len(found) == 1 else [f"{path}:{k}" for k in range(1, len(found) + 1)]
    )


def test_the_values_are_those_that_were_written(tmp_path: Path) -> None:
    x = files.shifted(6)
    found = tracks(files.wdf(tmp_path / "a.wdf", AXIS[::-1], x[:, ::-1], shape=(3, 2), laser=532.0))
    np.testing.assert_array_equal([each.x[::-1] for each in found], x)
    np.testing.assert_allclose(found[0].axis[::-1], AXIS)
    assert found[0].laser == pytest.approx(532.0)
    assert tracks(files.wdf(tmp_path / "b.wdf", laser=0.0))[0].laser is None


def test_wavelengths_become_shifts_by_the_files_own_laser(tmp_path: Path) -> None:
    nm = 1e7 / (1e7 / 785.0 - AXIS)
    wanted = read(files.wdf(tmp_path / "a.wdf")).x
    for unit, axis in ((files.NM, nm), (files.WAVENUMBER, 1e7 / 785.0 - AXIS)):
        path = files.wdf(tmp_path / "b.wdf", axis, peaks(), unit=unit)
        assert tracks(path)[0].unit == ("nm" if unit == files.NM else "cm-1")
        np.testing.assert_allclose(read(path).x, wanted, rtol=0.03, atol=6)  # float32 holds a wavelength to 6e-5 nm
    path = files.wdf(tmp_path / "c.wdf", nm, peaks(), unit=files.NM, laser=0.0)
    assert "its axis is in nm, cm-1 is wanted, and its laser is not known" in refusal(path)[1]


@pytest.mark.parametrize(("unit", "told"), [(4, "another unit (eV)"), (16, "another unit (pixels)"), (77, "number 77")])
def test_another_unit_is_refused_by_its_name(tmp_path: Path, unit: int, told: str) -> None:
    assert told in refusal(files.wdf(tmp_path / "a.wdf", unit=unit))[1]


@pytest.mark.filterwarnings("ignore")  # the library leaves the file open where it stops
@pytest.mark.parametrize(
    "more",
    [
        {"lists": ()},  # a map without places
        {"lists": (99,)},  # places of a kind that the library does not know
        {"scan": 0x106},  # a kind of scan with a flag
        {"title": b"\xb5m \xff"},  # no UTF-8
        {"intensity": 88},
        {"shape": (4, 4), "behind": b"WHTL"},  # of another number of points than there are, and rubbish at the end
    ],
)
def test_spectra_are_read_where_the_library_stops_at_something_else(tmp_path: Path, more: dict[str, Any]) -> None:
    x = files.shifted(6)
    path = files.wdf(tmp_path / "a.wdf", x=x, **{"shape": (3, 2), **more})
    if "behind" in more:
        assert "was cut short" in refusal(path)[1]
        path.write_bytes(path.read_bytes()[:-4])
    else:
        with pytest.raises((ValueError, AttributeError)):
            renishawWiRE.WDFReader(str(path))
    np.testing.assert_array_equal([each.x for each in tracks(path)], x)


def test_what_is_not_supported_is_called_so_and_not_damaged(tmp_path: Path) -> None:
    for more, told in (({"flags": 1}, "its own axis"), ({"rows": 2, "x": files.shifted(2).reshape(1, -1)}, "an image")):
        error = refusal(files.wdf(tmp_path / "a.wdf", **more))[1]
        assert "not supported" in error
        assert told in error


def test_a_measurement_without_a_spectrum_is_called_so(tmp_path: Path) -> None:
    raw = bytearray(files.wdf(tmp_path / "a.wdf", capacity=3).read_bytes())
    raw[72:80] = bytes(8)
    (tmp_path / "a.wdf").write_bytes(raw)
    assert "stopped before the first one" in refusal(tmp_path / "a.wdf")[1]


@pytest.mark.parametrize("size", [0, 1, 15, 2**40, 2**64 - 1])
def test_a_block_of_an_impossible_size_ends_in_a_refusal(tmp_path: Path, size: int) -> None:
    raw = bytearray(files.wdf(tmp_path / "a.wdf").read_bytes())
    struct.pack_into("<Q", raw, 512 + 8, size)
    (tmp_path / "a.wdf").write_bytes(raw)
    assert ("cut short" if size > 16 else f"a block of {size} bytes") in refusal(tmp_path / "a.wdf")[1]


@pytest.mark.parametrize(("at", "number"), [(60, 2**31), (60, 3), (64, 2**63), (72, 2**62), (88, 0)])
def test_counts_that_the_blocks_do_not_hold_are_damage(tmp_path: Path, at: int, number: int) -> None:
    raw = bytearray(files.wdf(tmp_path / "a.wdf").read_bytes())
    struct.pack_into("<Q" if at in (64, 72) else "<I", raw, at, number)
    (tmp_path / "a.wdf").write_bytes(raw)
    if at == 64:  # as many were planned, and one is there
        assert "1 of 9223372036854775808 spectra" in tracks(tmp_path / "a.wdf")[0].notes[0]
    else:
        assert "damaged" in refusal(tmp_path / "a.wdf")[1]


@pytest.mark.parametrize("length", [4, 100, 511, 512, 520, 1000, 3400])
def test_a_file_that_was_cut_says_so(tmp_path: Path, length: int) -> None:
    path = files.wdf(tmp_path / "a.wdf")
    path.write_bytes(path.read_bytes()[:length])
    error = refusal(path)[1]
    assert f"it has {length} bytes" in error or "no block DATA" in error


@pytest.mark.parametrize("variant", ["single", "map that was stopped"])
def test_no_damage_ends_in_another_error_than_a_refusal(tmp_path: Path, variant: str) -> None:
    said = {**VARIANTS[variant], "axis": WINDOW.values()}
    said["x"] = files.shifted(len(said["x"]) if "x" in said else 1, WINDOW.values())
    raw = files.wdf(tmp_path / "a.wdf", **said).read_bytes()
    ready, told = hurt_files.read_all(raw, tmp_path / "b.wdf", 300)
    assert ready > 5
    assert len(told) > 100
    assert all(code == 2 and error and hint for code, error, hint in told)
    assert any("was cut short" in error for _, error, _ in told)


def test_standard_input_is_read_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = files.wdf(tmp_path / "a.wdf", x=files.shifted(2)).read_bytes()
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "work"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    assert [each.name for each in tracks("-")] == ["standard input:1", "standard input:2"]
    assert not list((tmp_path / "work").iterdir())
