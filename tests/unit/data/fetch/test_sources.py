"""Archives by name: what is here is checked and kept, what is replaced, what is not offered."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import bad_http_server
import pytest
from bad_http_server import chunked, give, serving
from downloads import CONTENT, NAME, OTHER, QUICK, SIZE, Told, edgespec, ended, fetch, left
from small_disk import mounted

from edgespec import storage
from edgespec.data.fetch import receipt, sources
from edgespec.errors import Mismatch, Missing, Mistake, StorageError


def test_what_is_there_is_checked_and_not_fetched(tmp_path: Path) -> None:
    with serving(CONTENT, give()) as server:
        path = fetch(server, tmp_path)
        assert fetch(server, tmp_path) == fetch(server, tmp_path, offline=True) == path
        assert len(server.asked) == 1
        path.write_bytes(OTHER)
        with pytest.raises(Mismatch, match="has another SHA-256: it is not what came from") as caught:
            fetch(server, tmp_path)
        assert "--again" in caught.value.hint
        path.write_bytes(OTHER[:-1])
        with pytest.raises(Mismatch, match=f"has {len(OTHER) - 1:,} bytes, not {SIZE:,}"):
            fetch(server, tmp_path)
        assert fetch(server, tmp_path, again=True).read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_what_was_put_there_by_hand_is_looked_at_and_left(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.zip").write_bytes(CONTENT)
    (found,) = sources.fetch("rruff", [f"{NAME}.zip"], tmp_path, Told(), offline=True)
    assert (found.address, found.now) == ("", False)
    assert receipt.read(found.path) is None
    found.path.write_bytes(CONTENT[:-30_000])
    with pytest.raises(Mistake, match="not a whole zip archive"):
        list(sources.fetch("rruff", [NAME], tmp_path, Told(), offline=True))


def test_what_lies_where_recipes_look_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that may only be read; what is not in it goes to the cache, where recipes look as well."""
    monkeypatch.setenv("EDGESPEC_DATA", str(tmp_path / "shared"))
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path / "home"))
    (tmp_path / "shared").mkdir()
    with mounted(tmp_path / "shared" / "rruff", "size=200k") as shared, serving(CONTENT, give()) as server:
        (shared / f"{NAME}.zip").write_bytes(CONTENT)
        subprocess.run(["mount", "-o", "remount,ro", str(shared)], check=True)
        names = [NAME, "fair_unoriented"]
        there, fetched = sources.fetch("rruff", names, None, Told(), base=server.base, patience=QUICK)
    assert (there.path, there.now) == (shared / f"{NAME}.zip", False)
    assert fetched.path == tmp_path / "home" / "data" / "rruff" / "fair_unoriented.zip"
    assert len(server.asked) == 1


def test_again_replaces_what_recipes_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it lies beside the folder that new archives go to: a copy in there would never be read."""
    monkeypatch.setenv("EDGESPEC_DATA", str(tmp_path))
    place = tmp_path / f"{NAME}.zip"
    place.write_bytes(CONTENT[:-30_000])
    with serving(CONTENT, give()) as server:
        with pytest.raises(Mistake, match="not a whole zip archive") as caught:
            list(sources.fetch("rruff", [NAME], None, Told(), base=server.base, patience=QUICK))
        assert "--again" in caught.value.hint
        (found,) = sources.fetch("rruff", [NAME], None, Told(), base=server.base, patience=QUICK, again=True)
    assert found.path == place
    assert place.read_bytes() == CONTENT
    assert not (tmp_path / "rruff").exists()


def test_offline_fetches_nothing(tmp_path: Path) -> None:
    with serving(CONTENT, give()) as server:
        with pytest.raises(Missing, match="nothing is fetched offline") as caught:
            fetch(server, tmp_path, offline=True)
        assert f"{server.base}{NAME}.zip" in caught.value.hint
        assert server.asked == []


@pytest.mark.parametrize(
    ("source", "names", "base", "words"),
    [
        ("ruff", [NAME], None, "nobody named 'ruff'"),
        ("rruff", ["fair_orientated"], None, "no archive 'fair_orientated'"),
        ("rruff", [NAME], "file:///etc/", "is not an address of a web server"),
        ("rruff", [NAME], "http://[bad/", "is not an address of a web server"),
        ("rruff", [NAME], "http://host:99999/", "is not an address of a web server"),
        ("rruff", [NAME], "http://host/a b/", "is not an address of a web server"),
        ("rruff", [NAME], "http://host/\xe4/", "is not an address of a web server"),
        ("rruff", [NAME], "http://host/?folder=raman", "is not an address of a web server"),
        ("rruff", [NAME], "http://me:secret@host/", "^--from: an address with a name or password in it$"),
    ],
)
def test_what_is_not_offered_is_told(
    source: str, names: list[str], base: str | None, words: str, tmp_path: Path
) -> None:
    with pytest.raises(Mistake, match=words) as caught:
        list(sources.fetch(source, names, tmp_path, Told(), base=base))
    assert caught.value.hint


def test_a_second_process_is_told_who_is_at_work(tmp_path: Path) -> None:
    with serving(CONTENT, give()) as server, storage.lock(tmp_path):
        with pytest.raises(StorageError, match=f"in use by another edgespec process \\(pid {os.getpid()}\\)"):
            fetch(server, tmp_path)
        assert server.asked == []


def test_a_disk_that_fills_spoils_nothing(tmp_path: Path) -> None:
    """Once it is seen beforehand, once only while writing, since the server does not say how much comes."""
    large = bad_http_server.archive(samples=60)
    with mounted(tmp_path / "tiny", "size=900k") as tiny, serving(large, give()) as server:
        code, _, err = ended(edgespec(server, tiny))
        assert (code, left(tiny / "rruff")) == (8, [f"{NAME}.zip.part.json"]), err
        assert "make room, or name another place with --out" in err
        server.answers[:] = [chunked()]
        code, _, err = ended(edgespec(server, tiny))
        assert (code, left(tiny / "rruff")) == (8, [f"{NAME}.zip.part", f"{NAME}.zip.part.json"]), err
        assert "the disk is full" in err
        half = (tiny / "rruff" / f"{NAME}.zip.part").read_bytes()
        assert len(half) > 700_000
        assert large.startswith(half)
        subprocess.run(["mount", "-o", "remount,size=4m", str(tiny)], check=True)
        server.answers[:] = [give()]
        code, out, err = ended(edgespec(server, tiny, "--json"))
        assert code == 0, err
        assert server.ranges()[-1] == f"bytes={len(half)}-"
        (told,) = json.loads(out)
        assert told["sha256"] == hashlib.sha256(large).hexdigest()
        assert Path(told["path"]).read_bytes() == large


def test_the_list_says_what_is_on_offer() -> None:
    told = "\n".join(sources.listed("rruff"))
    assert all(each.name in told for each in sources.source("rruff").archives)
