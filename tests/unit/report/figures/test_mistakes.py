"""A wrong answer is drawn small, over both classes, and no name in it becomes markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
from browser_page import FORGED, whole

from edgespec.report.figures import mistakes, thumbnail

SVG = "{http://www.w3.org/2000/svg}"


def test_the_spectrum_stands_over_both_classes() -> None:
    drawn = mistakes.figures(whole())
    assert [each.title for each in drawn][::7] == ["b, answered c (0.90)", "b, answered a (0.55)"]
    assert drawn[1].caption == "sample b-1; read from b1.txt"
    root = ET.fromstring(drawn[1].svg)
    kinds = [each.get("class") for each in root.iter("path")]
    assert kinds == ["fill1", "line", "ground", "fill2", "line", "ground"]
    said = [each.text for each in root.iter("text")]
    assert said[:2] == ["c", "b"]
    assert said[-1] == "cm-1"
    assert all(150 < float(each or 0) < 1172 for each in said[2:-1])
    assert len(said) > 5


def test_a_class_without_a_training_spectrum_has_no_area() -> None:
    root = ET.fromstring(mistakes.figures(whole())[7].svg)
    assert next(each.get("class") for each in root.iter("path")) == "line"


def test_names_are_escaped() -> None:
    (drawn, *_) = mistakes.figures(whole((FORGED, FORGED, '"><b>')))
    assert "<script" not in drawn.svg
    assert "<b>" not in drawn.svg


def test_thirty_drawings_are_small() -> None:
    found = whole()
    rng = np.random.default_rng(0)
    for each in found.mistakes["spectra"]:
        each["curve"] = thumbnail.pack(rng.normal(size=512))
    assert max(len(each.svg) for each in mistakes.figures(found)) < 6000
