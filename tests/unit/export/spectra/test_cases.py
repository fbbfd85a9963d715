"""Files as laboratories and vendors write them, ../shared/cases: each is answered rightly, or refused with the words that mend it."""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import mineral_model
import onnx
import pytest
from device_runner import module

from edgespec import contract

CASES = Path(__file__).parents[5] / "shared" / "cases" / "spectra"


class Right(NamedTuple):
    """The right answer to a file: the label of each spectrum, "" for any, or words of the refusal; and words of a note."""

    labels: tuple[str, ...] = ("Albite",)
    refused: str = ""
    noted: str = ""
    untold: bool = False  # asked of a model whose contract does not say its technique


ALBITE = Right()
RIGHT = {
    "t01_oceanview_nm.txt": Right((), "its axis is in nm, cm-1 is wanted, and its laser is not known"),
    "t03b_bwtek_2048.csv": Right(noted="taken: 'Dark Subtracted #1'"),
    "t03c_bwtek_notrail.csv": Right(noted="taken: 'Dark Subtracted #1'"),
    "t07_labspec_line.txt": Right(("Albite",) * 20),
    "t16_rows_pandas.csv": Right(("Albite",) * 1300),
    "t13_quoted_decimal_comma.csv": ALBITE,
    "t14_thousands_tab.txt": ALBITE,
    "t18_axis_pairs.csv": Right(("Albite", "Albite")),
    "s21_depth_falling_z.spc": Right(("Albite", "Forsterite", "Tremolite")),
    "i02_transmittance.jdx": Right(
        (), "its intensities are transmittance, what the model was trained on is not known", untold=True
    ),
    "t03_bwtek.csv": Right(noted="taken: 'Dark Subtracted #1'"),
    "t22_laser_power_nm.csv": ALBITE,
    "t02_oceanoptics_end.txt": ALBITE,
    "t08_truematch_nm.txt": ALBITE,
    "t27_perkinelmer.asc": ALBITE,
    "t19_axis_second.csv": ALBITE,
    "t20_both_axes.csv": Right(noted="its axis is the column 'Raman Shift (cm-1)'"),
    "dpt/t28_bruker.dpt": ALBITE,
    "j03_sqz_dup.jdx": ALBITE,
    "j06_three_dots.jdx": ALBITE,
    "j07b_xfactor_difdup.jdx": ALBITE,
    "j08_decimal_comma.jdx": ALBITE,
    "j10_link_one_block.jdx": ALBITE,
    "j14b_npoints_float.jdx": ALBITE,
    "j16_no_lastx.jdx": ALBITE,
    "s09_log_padded.spc": ALBITE,
    "i03_micrometers.jdx": Right(untold=True),
    "t06_labspec_map.txt": Right(("Albite",) * 20),
    "t12_renishaw_map.txt": Right(("Albite",) * 6),
    "t34c_saturated_65535.csv": Right(
        (), "6 points are exactly 65535, the largest number of a converter: the detector was saturated"
    ),
    "t44c_doubletab.txt": ALBITE,
    "t25_utf16le_nomark.txt": ALBITE,
    "classes/": Right(("Albite",) * 5 + ("",) * 5),  # the others' mineral is none of the model's
    "t05_labspec6.txt": ALBITE,
    "t10_witec_ascii.txt": ALBITE,
    "t11_renishaw.txt": ALBITE,
    "t24_utf16le_mark.txt": ALBITE,
    "t26_peak_list.csv": Right((), "4 points, at least 16 are wanted"),
    "t29_footer.csv": Right(noted="text behind the numbers is not read: 'Measured by lab'"),
    "t30_excel_sep.csv": ALBITE,
    "t31_nm_descending.txt": Right((), "791 to 874 cm-1 covers 8% of the model's window"),
    "t32_stitched.txt": Right((), ":302: the same place on the axis as the point before"),
    "t33_nan_run.csv": Right((), ":202: a value that is not finite (NaN), and 29 more"),
    "t34b_saturated_many.csv": Right(
        (), "27 points in a row are exactly at the maximum 300: the detector was saturated"
    ),
    "t35_cosmic.csv": Right((), "cosmic spikes at 340, 900 cm-1, higher than all bands"),
    "t36_one_point.csv": Right((), "1 points, at least 16 are wanted"),
    "t38_time_series.csv": Right(noted="not read as spectra: 'Time (s)'"),
    "t45_two_line_header.csv": ALBITE,
    "t45b_units_line_nm.txt": Right((), "its axis is in nm, cm-1 is wanted, and its laser is not known"),
    "t40_wide_spaces.txt": ALBITE,
    "t15_thousands_quoted.csv": ALBITE,
    "t39_wn_m.csv": ALBITE,
    "Albite__R040068__Broad_Scan__532__0__unoriented__Raman_Data_RAW__1.txt": ALBITE,
    "j01_difdup.jdx": ALBITE,
    "j02_difdup_notes.jdx": ALBITE,
    "j04_sqz.jdx": ALBITE,
    "j05_pac.jdx": ALBITE,
    "j07_xfactor.jdx": ALBITE,
    "j09_xypoints_factors.jdx": ALBITE,
    "j11_two_blocks.jdx": Right(("Albite", "Albite")),
    "j13_npoints_off.jdx": Right(noted="NPOINTS is 600, its lines hold 601"),
    "j15_reversed_labels.jdx": Right(noted="FIRSTX and LASTX are exchanged"),
    "j18_missing_q.jdx": Right((), "point 21: a value that is not finite (NaN)"),
    "j19_sci.jdx": ALBITE,
    "j20_raman_shift_units.jdx": ALBITE,
    "j22_lowercase.jdx": ALBITE,
    "s01_float_sub0.spc": ALBITE,
    "s03_int_fexp_only.spc": ALBITE,
    "s04_int16.spc": ALBITE,
    "s05_int_multi.spc": Right(("Albite", "Albite")),
    "s06_xyxy_dir.spc": Right(("Albite", "Albite")),
    "s07_xyxy_nodir.spc": Right(("Albite", "Albite")),
    "s08_log.spc": ALBITE,
    "s14_old_4d.spc": Right((), "is SPC of the old version (0x4d) by its number, but its header is not"),
    "s15_falling.spc": ALBITE,
    "s17_xtype255.spc": Right((), "its axis is in another unit (hours), cm-1 is wanted"),
    "s18_truncated.spc": Right((), "was cut short"),
}


@pytest.fixture(scope="module")
def cases() -> Path:
    if not (CASES / "cases.csv").is_file():
        pytest.skip("no ../shared/cases/spectra beside the checkout")
    return CASES


@pytest.fixture(scope="module")
def untold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model, its contract without a technique, as one that was trained on arrays has it."""
    path = tmp_path_factory.mktemp("untold") / "model.onnx"
    loaded = onnx.load(mineral_model.path())
    contract.stamp(loaded, replace(contract.load(mineral_model.path()), technique=""))
    onnx.save(loaded, path)
    return path


def ask(model: Path, file: Path, **more: Any) -> list[dict[str, Any]]:
    """Ask the device's program in this process; give an answer or a refusal for each spectrum."""
    asked = {"model": model, "files": [str(file)], "top": 1, "threads": 1, "runtime": None, "unit": None, "laser": None}
    asked |= {"watch": False, "stream": False}
    *answers, _ = module("predict").answers(argparse.Namespace(**{**asked, **more}))
    return answers


def test_every_line_of_the_list_has_its_right_answer_here(cases: Path) -> None:
    with (cases / "cases.csv").open(newline="", encoding="utf-8") as file:
        assert {row["file"] for row in csv.DictReader(file)} == set(RIGHT)


@pytest.mark.parametrize("name", RIGHT)
def test_a_file_of_a_laboratory_gets_its_right_answer(cases: Path, untold: Path, name: str) -> None:
    right = RIGHT[name]
    told = ask(untold if right.untold else mineral_model.path(), cases / name)
    if right.refused:
        (refusal,) = told
        assert right.refused in refusal.get("error", refusal)
        assert refusal["hint"]
        return
    found = [each.get("label", each.get("error")) for each in told]
    assert [label and given for label, given in zip(right.labels, found, strict=True)] == list(right.labels)
    assert len({each["file"] for each in told}) == len(told), "each spectrum has a name of its own"
    assert all(right.noted in " ".join(each["notes"]) for each in told)


def test_what_the_asker_says_of_the_laser_is_taken(cases: Path) -> None:
    (told,) = ask(mineral_model.path(), cases / "t31_nm_descending.txt", unit="nm", laser=785.0)
    assert told["label"] == "Albite"
    (told,) = ask(
        mineral_model.path(), cases / "t08_truematch_nm.txt", laser=785.0
    )  # wrong: it was measured at 532.2 nm
    assert "covers 0%" in told["error"]
