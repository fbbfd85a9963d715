"""Arrays by name from .npz, .mat of both kinds and HDF5, and what is no such file."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from edgespec.data.readers import array_files
from edgespec.datasets import arrays
from edgespec.errors import Mistake
from edgespec.spectra import Axis

SHIFT = np.arange(150.0, 1100, 5)
X = np.stack([900 * np.exp(-(((SHIFT - peak) / 12) ** 2)) + SHIFT / 500 for peak in (465, 507, 466, 508)])
NAMES = ["Quartz", "Albite", "Quartz", "Albite"]


def mat5(path: Path, **more: Any) -> Path:
    cells = np.empty((4, 1), object)
    cells[:, 0] = NAMES
    scipy.io.savemat(path, {"spectra": X.T, "shift": SHIFT, "name": cells, "letters": np.array(NAMES), **more})
    return path


def mat73(path: Path) -> Path:
    """As MATLAB writes -v7.3: 512 bytes of its own, arrays transposed, text as numbers, cells as references."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed: edgespec[formats]")
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("spectra", data=X).attrs["MATLAB_class"] = np.bytes_("double")  # X.T in MATLAB
        file.create_dataset("shift", data=SHIFT[:, None]).attrs["MATLAB_class"] = np.bytes_("double")
        references = []
        for i, each in enumerate(NAMES):
            held = file.create_dataset(f"#refs#/{i}", data=np.array([[ord(letter)] for letter in each], np.uint16))
            held.attrs["MATLAB_class"] = np.bytes_("char")
            references.append(held.ref)
        cells = file.create_dataset("name", data=np.array([references], h5py.ref_dtype))
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
    return path


def hdf5(path: Path) -> Path:
    h5py = pytest.importorskip("h5py", reason="h5py is not installed: edgespec[formats]")
    with h5py.File(path, "w") as file:
        file["raman/spectra"], file["raman/axis/shift"] = X, SHIFT
        file.create_dataset("name", data=NAMES, dtype=h5py.string_dtype())
    return path


def npz(path: Path) -> Path:
    np.savez(path, spectra=X, shift=SHIFT, name=np.array(NAMES))
    return path


@pytest.mark.parametrize(
    ("make", "file", "names"),
    [
        (mat5, "a.mat", {}), (mat73, "b.mat", {}), (npz, "c.npz", {}),
        (hdf5, "d.h5", {"x": "raman/spectra", "wavenumber": "raman/axis/shift"}),
    ],
)  # fmt: skip
def test_a_data_set_lies_in_any_of_them(tmp_path: Path, make: Any, file: str, names: dict[str, str]) -> None:
    path = make(tmp_path / file)
    keys = {"x": "spectra", "wavenumber": "shift", "y": "name", **names}
    found = arrays.load(axis=Axis(200, 1000, 81), seed=0, file=str(path), **keys)
    assert found.labels == ("Albite", "Quartz")
    assert [found.labels[i] for i in found.y] == NAMES
    assert [float(found.axis[row.argmax()]) for row in found.x] == pytest.approx([465, 507, 465, 507], abs=6)
    assert set(keys.values()) <= set(array_files.names(path))
    with pytest.raises(Mistake, match="holds no array 'spektra'") as told:
        array_files.member(path, "spektra")
    assert told.value.hint


def test_letters_and_vectors_are_as_numpy_has_them(tmp_path: Path) -> None:
    path = mat5(tmp_path / "a.mat", column=np.arange(4.0)[:, None], flag=np.array([[True]]))
    assert array_files.member(path, "letters").tolist() == NAMES
    assert array_files.member(path, "column").tolist() == [0, 1, 2, 3]
    assert array_files.member(path, "shift").shape == SHIFT.shape


@pytest.mark.parametrize("ending", [".mat", ".h5", ".hdf5", ".npz"])
@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"\x00" * 600, b"MATLAB 5.0 MAT-file" + b"\xff" * 900, array_files.HDF5 + b"\x00" * 99]
)
def test_rubbish_is_told_and_never_a_traceback(tmp_path: Path, ending: str, content: bytes) -> None:
    if ending in (".h5", ".hdf5") or content.startswith(array_files.HDF5):
        pytest.importorskip("h5py", reason="h5py is not installed: pip install 'edgespec[formats]'")
    path = tmp_path / f"a{ending}"
    path.write_bytes(content)
    with pytest.raises(Mistake) as told:
        array_files.names(path)
    assert path.name in told.value.message
    assert told.value.hint


def test_a_flipped_byte_is_told_or_harmless(tmp_path: Path) -> None:
    whole = mat5(tmp_path / "a.mat").read_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(0, min(len(whole), 2000), 60):
        path = tmp_path / "b.mat"
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        with contextlib.suppress(Mistake):  # anything else fails the test
            for name in array_files.names(path):
                assert array_files.member(path, name).dtype.kind in "biufU"


def test_file_and_npz_are_one_key(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="name one thing"):
        arrays.load(axis=Axis(200, 1000, 81), seed=0, file="a", npz="b", x="x", y="y", wavenumber="w")


def test_structures_are_read_by_path(tmp_path: Path) -> None:
    each = np.empty(4, [("spectrum", object), ("name", object)])
    for i, name in enumerate(NAMES):
        each[i] = (X[i], name)
    inside = {"data": {"x": X, "axis": {"shift": SHIFT}}, "measured": each, "plain": SHIFT}
    scipy.io.savemat(tmp_path / "s.mat", inside)
    known = array_files.names(tmp_path / "s.mat")
    assert known == ["data/axis/shift", "data/x", "measured/name", "measured/spectrum", "plain"]
    np.testing.assert_array_equal(array_files.member(tmp_path / "s.mat", "data/axis/shift"), SHIFT)
    np.testing.assert_array_equal(array_files.member(tmp_path / "s.mat", "measured/spectrum"), X)
    assert array_files.member(tmp_path / "s.mat", "measured/name").tolist() == NAMES
    keys = {"x": "measured/spectrum", "y": "measured/name", "wavenumber": "data/axis/shift"}
    found = arrays.load(axis=Axis(200, 1000, 81), seed=0, file=str(tmp_path / "s.mat"), **keys)
    assert found.labels == ("Albite", "Quartz")


def test_structures_whose_rows_differ_are_no_spectra(tmp_path: Path) -> None:
    each = np.empty(2, [("spectrum", object)])
    each[0], each[1] = (X[0],), (X[1, :-1],)
    scipy.io.savemat(tmp_path / "s.mat", {"measured": each})
    with pytest.raises(Mistake, match=r"s\.mat!measured/spectrum: its rows have 2 shapes"):
        array_files.member(tmp_path / "s.mat", "measured/spectrum")
