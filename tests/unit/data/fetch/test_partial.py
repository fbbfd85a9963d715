"""A download that was cut goes on, and only where the rest is of the same file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bad_http_server import give, part, say, serving
from downloads import CONTENT, NAME, OTHER, SIZE, Told, fetch, left

from edgespec import storage
from edgespec.data.fetch import partial
from edgespec.errors import Missing


def test_a_second_call_goes_on_where_the_first_was_cut(tmp_path: Path) -> None:
    with serving(CONTENT, give(30_000), say(404), give()) as server:
        with pytest.raises(Missing, match="HTTP 404"):
            fetch(server, tmp_path)
        assert left(tmp_path) == [f"{NAME}.zip.part", f"{NAME}.zip.part.json"]
        told = Told()
        assert fetch(server, tmp_path, told).read_bytes() == CONTENT
    assert server.ranges() == [None, "bytes=30000-", "bytes=30000-"]
    assert told.begun == [(30_000, SIZE)]
    assert told.done == SIZE


def test_another_version_in_between_is_fetched_from_its_start(tmp_path: Path) -> None:
    with serving(CONTENT, give(30_000), say(404), give()) as server:
        with pytest.raises(Missing):
            fetch(server, tmp_path)
        server.content, server.tag = OTHER, '"two"'
        assert fetch(server, tmp_path).read_bytes() == OTHER
    assert server.asked[-1][1]["if-range"] == '"one"'


def test_a_server_that_mixes_versions_is_found_out(tmp_path: Path) -> None:
    """It keeps its tag, so only the archive's own checksums tell; the second try takes it in one piece."""
    with serving(CONTENT, give(30_000), say(404), give()) as server:
        with pytest.raises(Missing):
            fetch(server, tmp_path)
        server.content = OTHER
        told = Told()
        assert fetch(server, tmp_path, told).read_bytes() == OTHER
    assert server.ranges()[-2:] == ["bytes=30000-", None]
    assert "damaged" in told.said[0]


def test_a_range_that_leaves_a_gap_is_not_written(tmp_path: Path) -> None:
    told = Told()
    with serving(CONTENT, give(20_000), part(30_000), give()) as server:
        assert fetch(server, tmp_path, told).read_bytes() == CONTENT
    assert "a part of another file; trying again" in told.said[1]


def test_what_came_from_elsewhere_is_not_gone_on_with(tmp_path: Path) -> None:
    with serving(CONTENT, give(30_000), say(404)) as first, pytest.raises(Missing):
        fetch(first, tmp_path)
    with serving(CONTENT, give()) as second:
        assert fetch(second, tmp_path).read_bytes() == CONTENT
    assert second.ranges() == [None]


@pytest.mark.parametrize("tag", [None, 'W/"weak"'])
def test_what_has_no_version_is_fetched_anew(tag: str | None, tmp_path: Path) -> None:
    with serving(CONTENT, give(30_000), say(404), give(), tag=tag) as server:
        with pytest.raises(Missing):
            fetch(server, tmp_path)
        assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges() == [None, None, None]


def test_a_part_of_unknown_origin_is_not_used(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.zip.part").write_bytes(OTHER[:5000])
    with serving(CONTENT, give()) as server:
        assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges() == [None]


def test_a_part_that_is_all_needs_no_server(tmp_path: Path) -> None:
    """Killed between the last byte and the name."""
    with serving(CONTENT, give(), say(404)) as server:
        fetch(server, tmp_path)
        os.replace(tmp_path / f"{NAME}.zip", tmp_path / f"{NAME}.zip.part")
        note = {"address": f"{server.base}{NAME}.zip", "validator": '"one"', "total": SIZE}
        storage.write_json(tmp_path / f"{NAME}.zip.part.json", note)
        assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 1


@pytest.mark.parametrize("text", ["", "-5", "1.5", "\xb2", "9" * 5000])
def test_what_a_server_states_is_a_number_or_nothing(text: str) -> None:
    assert partial.count(text) is None
    assert partial.count("65032") == 65032


def test_a_note_without_its_part_begins_anew(tmp_path: Path) -> None:
    """Killed between the two, with a server that had promised nothing."""
    with serving(CONTENT, give()) as server:
        note = {"address": f"{server.base}{NAME}.zip", "validator": '"one"', "total": 0}
        storage.write_json(tmp_path / f"{NAME}.zip.part.json", note)
        assert fetch(server, tmp_path).read_bytes() == CONTENT
