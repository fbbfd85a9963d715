"""Damaged RRUFF files and archives: refused with file and line, or skipped and told."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from rruff_files import NEW, archive, folder, lines, load, name, text, three

from edgespec.data.readers import rruff_text
from edgespec.errors import Mistake

pytestmark = pytest.mark.usefixtures("own_places")


good = lines().splitlines(keepends=True)


RUBBISH = {
    "a word": ("".join([*good[:3], "200.0, abc\r\n", *good[3:]]), 8, "'200.0, abc' is not 'shift, intensity'"),
    "a word first": ("".join(["lorem ipsum\n", *good]), 5, "'lorem ipsum' is not"),
    "three columns": ("".join([*good[:3], "200.0, 1, 2\r\n", *good[3:]]), 8, "is not 'shift, intensity'"),
    "one column": ("".join(line.split(",")[0] + "\n" for line in good), 5, "is not 'shift, intensity'"),
    "decimal commas": ("".join(line.replace(".", ",") for line in good), 5, "is not 'shift, intensity'"),
    "underscores": ("".join([*good[:3], "15_6.5, 1\r\n", *good[3:]]), 8, "is not 'shift, intensity'"),
    "nan": ("".join([*good[:9], "nan, 3\r\n", *good[9:]]), 14, "not finite"),
    "nan first": ("".join(["nan, 3\r\n", *good]), 5, "not finite"),
    "inf": ("".join([*good[:9], "167.0, inf\r\n", *good[9:]]), 14, "not finite"),
    "overflow": ("".join([*good[:9], "167.0, 1e999\r\n", *good[9:]]), 14, "not finite"),
    "repeated shift": ("".join([*good[:5], good[4], *good[5:]]), 10, "the same Raman shift"),
    "turning back": ("".join([*good[:5], good[2], *good[5:]]), 10, "turns back"),
    "blank lines count": ("".join([*good[:5], "\n\n", good[2], *good[5:]]), 12, "turns back"),
    "two spectra": ("".join([*good, *good]), 5 + len(good), "turns back"),
    "header amid data": ("".join([*good[:5], "##COMMENT=x\n", *good[5:]]), 10, "is not 'shift, intensity'"),
    "one line": (good[0], 5, "one data line"),
    "nothing": ("", 5, "no data lines"),
    "zeros": ("".join(line.split(",")[0] + ", 0.0\n" for line in good), 5, "all zero"),
    "binary": ("\x00\x01\x02,\x07\n" * 9, 5, "is not 'shift, intensity'"),
}


@pytest.mark.parametrize("what", RUBBISH)
def test_rubbish_is_refused_with_file_and_line_or_skipped_and_told(tmp_path: Path, what: str) -> None:
    data, line, message = RUBBISH[what]
    files = three() | {name("Zircon", "R050034"): text(data, "Zircon", "R050034")}
    where = folder(tmp_path / "d", files)
    with pytest.raises(Mistake) as told:
        load(path=where)
    assert told.value.message.startswith(f"d/{name('Zircon', 'R050034')}:{line}: ")
    assert message in told.value.message
    assert "refused: skip" in told.value.hint
    assert told.value.exit_code == 2
    found = load(path=where, refused="skip")
    assert len(found) == 3
    assert found.labels == ("Albite", "Beryl", "Quartz")
    assert any(
        note.startswith("unusable spectra left out: 1 (") and name("Zircon", "R050034") in note for note in found.notes
    )
    assert any("labels left without a spectrum: 1 (Zircon)" in note for note in found.notes)


def test_whole_files_that_are_no_spectra(tmp_path: Path) -> None:
    cases: dict[str, tuple[str | bytes, str]] = {
        "empty": (b"", ":1: no data lines"),
        "utf-16": (text().encode("utf-16"), ":1: is UTF-16 text"),
        "cut short": (text()[:4000], "stops without ##END="),
        "after the end": (text() + "1, 2\n", "text after ##END="),
        "header only": ("##NAMES=Quartz\n", "no data lines"),
        "html": ("<html><body>404 not found</body></html>\n", ":1: '<html>"),
    }
    for what, (content, message) in cases.items():
        with pytest.raises(Mistake) as told:
            load(path=folder(tmp_path / what, {name(): content}))
        assert f"{what}/{name()}:" in told.value.message
        assert message in told.value.message
    with pytest.raises(Mistake, match=r"notes\.txt: its name says no mineral"):
        load(path=folder(tmp_path / "named", {**three(), "notes.txt": "1, 2\n"}))


def test_many_unusable_files_are_told_at_once(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {name(number=number): text("x, y\n") for number in range(10, 24)}
    where = folder(tmp_path / "d", files | three())
    with pytest.raises(Mistake) as told:
        load(path=where)
    assert told.value.message.startswith("14 of 17 spectra cannot be used:")
    assert told.value.message.count(":5: ") == 10
    assert "and 4 more" in told.value.message
    assert any("left out: 14 (" in note for note in load(path=where, refused="skip").notes)


def test_any_damage_to_a_file_is_a_mistake_or_harmless(tmp_path: Path) -> None:
    """Bytes flipped, cut out or put in at random: a spectrum comes out whole, or Refused names the file."""
    chance, whole = random.Random(5), text(header=NEW).encode()
    refused: list[rruff_text.Refused] = []
    for _ in range(300):
        at, length = chance.randrange(len(whole)), chance.choice([0, 1, 7, 400])
        raw = whole[:at] + chance.randbytes(chance.choice([0, 1, 3])) + whole[at + length :]
        try:
            scan = rruff_text.parse(raw, "a.txt")
        except rruff_text.Refused as refusal:
            refused.append(refusal)
            continue
        assert scan.axis.shape == scan.x.shape
        assert (np.diff(scan.axis) > 0).all()
        assert np.isfinite(scan.x).all()
    assert 50 < len(refused) < 250, "both must happen"
    assert all(each.message.startswith("a.txt:") and each.hint for each in refused)


@pytest.mark.parametrize("member", ["../" + name(), "/tmp/" + name(), "a\\..\\" + name(), "C:\\" + name()])
def test_a_zip_that_leads_outside_is_refused(tmp_path: Path, member: str) -> None:
    where = archive(tmp_path / "bad.zip", {name(): text(), member: text()})
    with pytest.raises(Mistake, match=r"bad\.zip: member .* leads outside"):
        load(path=where, refused="skip")


def test_damaged_archives_are_named(tmp_path: Path) -> None:
    whole = Path(archive(tmp_path / "a.zip", {name(number=n): text(lines(400 + n)) for n in range(5)})).read_bytes()
    broken = {"short.zip": whole[: len(whole) // 2], "text.zip": b"hello", "empty.zip": b""}
    broken["bits.zip"] = whole[:300] + bytes(byte ^ 255 for byte in whole[300:340]) + whole[340:]
    for file, content in broken.items():
        (tmp_path / file).write_bytes(content)
        with pytest.raises(Mistake) as told:
            load(path=str(tmp_path / file), refused="skip")
        assert told.value.message.startswith(file)
        assert told.value.hint == f"fetch {file} again"
    with pytest.raises(Mistake, match=r"none\.zip: this archive holds no \.txt file"):
        load(path=archive(tmp_path / "none.zip", {"a.csv": "1,2"}))
    (tmp_path / "bare").mkdir()
    with pytest.raises(Mistake, match=r"bare: this folder holds no \.txt file"):
        load(path=str(tmp_path / "bare"))


def test_what_other_systems_leave_in_archives_is_passed_over(tmp_path: Path) -> None:
    where = archive(tmp_path / "a.zip", {name(): text(), f"__MACOSX/._{name()}": "\0", ".DS_Store.txt": "\0"})
    assert len(load(path=where)) == 1
