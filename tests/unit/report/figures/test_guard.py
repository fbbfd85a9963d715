"""No figure brings a report down: one that cannot be drawn is a note, and ranges without a round number are drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import report_example
from markupsafe import Markup

from edgespec.report import files, html
from edgespec.report.figures import curves, guard
from edgespec.report.figures.svg import Canvas, logarithmic
from edgespec.report.html_model import Figure


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 0.0), (1.0, 1.0), (3.1, 3.2), (1e-30, 1e-30), (7.01, 7.02), (1e-6, 1e6)]
)
def test_a_narrow_range_has_a_tick(low: float, high: float) -> None:
    canvas = Canvas("name", "title", 300, 200)
    axes = canvas.axes()
    logarithmic(axes, "x", str, low, high)
    assert len(axes.get_xticks()) >= 1
    assert canvas.svg()


def test_rounding_that_loses_nothing_is_drawn() -> None:
    found = report_example.report()
    (row,) = [each for each in found.rows if each.rounding][:1] or [found.last()[-1]]
    layers = [
        {
            "layer": "conv1",
            "operator": "Conv",
            "weights": 0.5,
            "drop": 0.0,
            "agreement": 1.0,
            "divergence": 0.0,
            "float": False,
        }
    ]
    row.rounding = {**row.rounding, "flavour": "cpu", "drop": 0.0, "agreement": 1.0, "divergence": 0.0, "layers": layers,
                    "float_layers": [], "method": "minmax", "tried": [], "training": {}}  # fmt: skip
    html.show({"": found}) if hasattr(html, "show") else html.render([html.lay_out("", found, 1)])


def test_a_figure_that_fails_is_a_note_and_the_page_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any, **__: Any) -> Any:
        raise ValueError("slice step cannot be zero")

    monkeypatch.setattr(guard, "STRICT", False)
    monkeypatch.setattr(curves, "Canvas", breaks)
    files.write(report_example.report(), tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "A figure cannot be drawn (curves, " in page
    assert "slice step cannot be zero" in page
    monkeypatch.setattr(guard, "STRICT", True)
    with pytest.raises(ValueError, match="slice step"):
        files.write(report_example.report(), tmp_path)


def test_lists_and_single_figures_both_have_their_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "STRICT", False)

    @guard.in_place
    def several() -> list[Figure]:
        raise ZeroDivisionError("no")

    @guard.in_place
    def one() -> Figure | None:
        raise KeyError("no")

    assert [type(each) for each in several()] == [Figure]
    found = one()
    assert isinstance(found, Figure)
    assert found.svg == Markup("")
