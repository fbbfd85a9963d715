"""The plastics: pip brings the package's file, its SHA-256 is checked, tables become absorbance; whatever fails is told in words."""

from __future__ import annotations

import hashlib
import lzma
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgespec.data.fetch import receipt, wheel_sets
from edgespec.data.fetch.wheel_sets import STUDIES, Study
from edgespec.errors import Mismatch, Missing, Unreachable

HEAD = "study,sample_id,type,environmental,resolution,1002,1000,998"


def rows(kind: str, n: int, light: str = "0,100,10", where: str = "Y") -> list[str]:
    return [f"S,{kind}{i},{kind},{where},L,{light}" for i in range(n)]


TEXT = "\n".join(
    [
        HEAD,
        *rows("HDPE", 5),
        *rows("LDPE", 5, "0,50,1", "N"),
        *rows("PET", 8, "0,0,120"),
        *rows("PC", 7),
        *rows("Mixture", 9),
    ]
)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An imitation of the package's file, pinned as the real one is, where pip finds it."""
    packed = lzma.compress(TEXT.encode())
    studies = tuple(replace(each, sha256=hashlib.sha256(packed).hexdigest()) for each in STUDIES)
    path = tmp_path / "index" / "xpectrass-0.0.4-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as held:
        for study in studies:
            held.writestr(f"xpectrass/data/{study.member}", packed)
        held.writestr("xpectrass-0.0.4.dist-info/METADATA", "Metadata-Version: 2.1\nName: xpectrass\nVersion: 0.0.4\n")
        held.writestr(
            "xpectrass-0.0.4.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        held.writestr("xpectrass-0.0.4.dist-info/RECORD", "")
    monkeypatch.setattr(wheel_sets, "STUDIES", studies)
    monkeypatch.setattr(wheel_sets, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    for name, value in {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(path.parent),
        "PIP_CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    return path


def fetched(folder: Path, **keys: bool) -> list[str]:
    said: list[str] = []
    asked = {"offline": False, "again": False, **keys}
    return [*(each.path.name for each in wheel_sets.fetch(folder, **asked, say=said.append)), *said]


def test_pip_brings_it_and_the_arrays_are_kept_and_checked(wheel: Path, tmp_path: Path) -> None:
    out = tmp_path / "plastics"
    *names, said = fetched(out)
    assert names == ["flopp.npz", "villegas.npz", "jung.npz"]
    assert "licence: MIT" in said
    with np.load(out / "flopp.npz", allow_pickle=False) as held:
        assert sorted(set(held["y"].tolist())) == ["PE", "PET"], (
            "few and mixed ones are left out, both polyethylenes are one"
        )
        np.testing.assert_array_equal(held["wavenumber"], [998, 1000])
        np.testing.assert_allclose(held["x"][0], [1, 0], atol=1e-6)
        np.testing.assert_allclose(held["x"][-1], [-np.log10(1.2), 3], atol=1e-6)
        assert len(set(held["group"].tolist())) == len(held["x"]) == 18
        assert set(held["source"].tolist()) == {"reference", "environment"}
    wheel.unlink()
    assert fetched(out, offline=True) == names, "what is here is only checked"
    (out / "jung.npz").write_bytes(b"other")
    with pytest.raises(Mismatch, match=r"jung\.npz has 5 bytes"):
        fetched(out)


def test_a_file_that_is_not_the_pinned_one_is_refused_and_nothing_is_left(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheel_sets, "SHA256", "0" * 64)
    with pytest.raises(Mismatch, match="not the file that was pinned"):
        fetched(tmp_path / "plastics")
    assert [each.name for each in (tmp_path / "plastics").iterdir()] == [".lock"]
    wheel.unlink()
    with pytest.raises(Unreachable, match="pip got no xpectrass"):
        fetched(tmp_path / "plastics")


def test_offline_and_without_pip_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Missing, match="nothing is fetched offline"):
        fetched(tmp_path, offline=True)
    monkeypatch.setattr(wheel_sets.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Missing, match="pip, which fetches"):
        fetched(tmp_path)


@pytest.mark.parametrize("held", [b"", b"no zip", None], ids=["empty", "no zip", "another member"])
def test_a_damaged_package_is_told(held: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    path.write_bytes(held or b"")
    if held is None:
        with zipfile.ZipFile(path, "w") as made:
            made.writestr("other", "")
    with pytest.raises(Mismatch, match=r"a\.whl is damaged"):
        wheel_sets.table(path, STUDIES[0])


def test_a_changed_table_and_one_too_large_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = lzma.compress(b"x" * 1000)
    study = Study("a.npz", "a.xz", hashlib.sha256(packed).hexdigest(), "", "")
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("xpectrass/data/a.xz", packed)
    assert wheel_sets.table(path, study) == b"x" * 1000
    with pytest.raises(Mismatch, match="another SHA-256"):
        wheel_sets.table(path, replace(study, sha256="0"))
    monkeypatch.setattr(wheel_sets, "LARGEST", 999)
    with pytest.raises(Mismatch, match="more than 999 bytes"):
        wheel_sets.table(path, study)
    with pytest.raises(Mismatch, match="begins with"):
        wheel_sets.arrays(b"a,b\n1,2\n")


def test_a_receipt_says_where_it_came_from(wheel: Path, tmp_path: Path) -> None:
    fetched(tmp_path / "plastics")
    told = receipt.read(tmp_path / "plastics" / "flopp.npz")
    assert told is not None
    assert told.address == "xpectrass 0.0.4, frond_2021.csv.xz"
