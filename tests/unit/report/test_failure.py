"""What ends before its promises are judged is told as one error, whatever it printed."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from edgespec.report import failure


@pytest.mark.parametrize("said", ["error: no such file <&>\n", "\x00\x1b[31mred\x1b[0m \ufffe", "", "x" * 100_000])
def test_an_early_end_is_one_error(tmp_path: Path, said: str) -> None:
    summary = failure.write(tmp_path / "gate.xml", "recipes/a.yaml", "compress", 3, said)
    (case,) = Xml.parse(tmp_path / "gate.xml").getroot().iter("testcase")
    (error,) = case
    assert (error.tag, error.get("type")) == ("error", "exit 3")
    assert "ended with code 3" in summary
    assert len(error.text or "") <= failure.LONGEST
    assert "\x1b" not in summary
