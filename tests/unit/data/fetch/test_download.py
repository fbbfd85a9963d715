"""Fetching over a bad line: what is cut is gone on with, what is wrong is told, nothing half appears under its name."""

from __future__ import annotations

import gc
import signal
import time
from pathlib import Path

import bad_http_server
import pytest
from bad_http_server import Answer, chunked, give, hang, part, say, serving, whole
from downloads import CONTENT, NAME, QUICK, SIZE, Told, edgespec, ended, fetch, left

from edgespec.data.fetch import sources
from edgespec.datasets import rruff
from edgespec.errors import EdgespecError, Missing, Unreachable
from edgespec.spectra import Axis


@pytest.mark.parametrize(
    ("answers", "ranges"),
    [
        ([give()], [0]),
        ([give(20_000), give()], [0, 20_000]),
        ([give(20_000), give(5), give(20_000), give()], [0, 20_000, 20_005, 40_005]),
        ([give(20_000), whole()], [0, 20_000]),
        ([whole(20_000), whole()], [0, 20_000]),
        ([say(503, Retry_After=0), give()], [0, 0]),
        ([say(500), say(429, "slow down"), give(9_000), say(502), give()], [0, 0, 0, 9_000, 9_000]),
        ([hang(), give()], [0, 1_000]),
        ([chunked()], [0]),
        ([chunked(40_000), give()], [0, 36_864]),
        ([whole(sized=False)], [0]),
        ([whole(30_000, sized=False), whole(sized=False)], [0, 0]),
        ([give(20_000), part(10_000)], [0, 20_000]),
        ([give(20_000), part(30_000), give()], [0, 20_000, 0]),
        ([give(20_000), part(20_000, total=SIZE + 9), give()], [0, 20_000, 0]),
        ([give(20_000), part(20_000, tag='"two"'), give()], [0, 20_000, 0]),
        ([give(20_000), say(416, Content_Range="bytes */15000"), give()], [0, 20_000, 0]),
        ([give(pause=0.001, piece=3_000)], [0]),
        ([give(length=7), give()], [0, SIZE]),
    ],
)  # fmt: skip
def test_it_is_whole_in_the_end(answers: list[Answer], ranges: list[int], tmp_path: Path) -> None:
    with serving(CONTENT, *answers) as server:
        assert fetch(server, tmp_path / "in").read_bytes() == CONTENT
        asked = [int(each.removeprefix("bytes=").rstrip("-")) if each else 0 for each in server.ranges()]
        assert len(asked) == len(ranges)
        for got, wanted in zip(asked, ranges, strict=True):
            assert got == wanted or (wanted == 36_864 and 0 < got <= 40_000)


@pytest.mark.parametrize(
    ("answer", "error", "words", "kept"),
    [
        (whole(length=7), Unreachable, f"3 tries in a row brought nothing new; the last: .*{SIZE + 7:,} bytes", SIZE),
        (give(length=-7), Unreachable, "damaged", 0),
        (say(200, "<!DOCTYPE html><title>Log in</title>" * 9, Content_Type="text/html"), Unreachable, "text/html: '<!DOC", 0),
        (say(200, ""), Unreachable, "damaged", 0),
        (say(204), Unreachable, "HTTP 204", 0),
        (say(404), Missing, "HTTP 404", 0),
        (say(403), Unreachable, "HTTP 403", 0),
        (say(407), Unreachable, "HTTP 407", 0),
        (say(503, Retry_After=0), Unreachable, "3 tries in a row .* HTTP 503", 0),
        (whole(20_000), Unreachable, f"3 tries in a row .* the connection ended at 20,000 of {SIZE:,} bytes", 20_000),
        (whole(20_000, sized=False), Unreachable, "3 tries in a row .* damaged", 0),
        (hang(), Unreachable, "3 tries in a row .* silent", 1_000),
        (say(302), Unreachable, "HTTP 302", 0),
        (say(503, Retry_After="\xb2"), Unreachable, "3 tries in a row .* HTTP 503", 0),
        (say(200, "\x1f\x8bpacked", Content_Encoding="gzip"), Unreachable, "packed once more .*: gzip", 0),
    ],
)  # fmt: skip
def test_what_never_comes_whole_never_lies_under_its_name(
    answer: Answer, error: type[EdgespecError], words: str, kept: int, tmp_path: Path
) -> None:
    with serving(CONTENT, answer) as server, pytest.raises(error, match=words) as caught:
        fetch(server, tmp_path)
    assert caught.value.hint
    assert left(tmp_path) == ([f"{NAME}.zip.part", f"{NAME}.zip.part.json"] if kept else [])
    if kept:
        assert (tmp_path / f"{NAME}.zip.part").stat().st_size == kept
        assert f"{kept:,} bytes so far are kept" in caught.value.hint


def test_nobody_at_the_address(tmp_path: Path) -> None:
    with serving(CONTENT, give()) as server:
        base = server.base
    with pytest.raises(Unreachable, match=r"3 tries in a row .* refused"):
        list(sources.fetch("rruff", [NAME], tmp_path, Told(), base=base, patience=QUICK))


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://"])
def test_a_proxy_that_is_none_is_told_at_once(proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    told = Told()
    with pytest.raises(Unreachable, match="not an address that can be asked") as caught:
        list(sources.fetch("rruff", [NAME], tmp_path, told, base="http://mirror.invalid/", patience=QUICK))
    assert "http_proxy" in caught.value.hint
    assert told.said == []


@pytest.mark.parametrize("to", ["http://[bad/", "http://a..b/"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # urllib leaves the first answer open
def test_a_redirect_to_no_address_is_told_at_once(to: str, tmp_path: Path) -> None:
    told = Told()
    with serving(CONTENT, say(302, Location=to)) as server:
        with pytest.raises(Unreachable, match="not an address that can be asked") as caught:
            fetch(server, tmp_path, told)
        assert caught.value.hint
    assert told.said == left(tmp_path) == []
    del caught
    gc.collect()


def test_words_of_a_server_can_do_nothing_to_a_terminal(tmp_path: Path) -> None:
    def answer(to: bad_http_server.Handler) -> None:
        to.wfile.write(b"\x1b[31m\x00 no status\r\n\r\n")
        to.close_connection = True

    with serving(CONTENT, answer) as server, pytest.raises(Unreachable, match="no status") as caught:
        fetch(server, tmp_path)
    assert caught.value.message.isprintable()


def test_a_proxy_is_asked_where_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(CONTENT, give()) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_address[1]}")
        monkeypatch.setenv("no_proxy", "")
        list(sources.fetch("rruff", [NAME], tmp_path, Told(), base="http://mirror.invalid/x", patience=QUICK))
    assert [path for path, _ in proxy.asked] == [f"http://mirror.invalid/x/{NAME}.zip"]


def test_a_redirect_is_followed_with_its_range(tmp_path: Path) -> None:
    with serving(CONTENT, give(20_000), give()) as far:
        to = f"{far.base}elsewhere.zip"
        with serving(b"", say(302, Location=to), say(302, Location=to)) as near:
            assert fetch(near, tmp_path).read_bytes() == CONTENT
    assert far.ranges() == [None, "bytes=20000-"]


def until(path: Path, size: int) -> None:
    deadline = time.monotonic() + 20
    while not (path.exists() and path.stat().st_size >= size):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_ended_in_the_middle_and_called_again(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "rruff" / f"{NAME}.zip"
    half = place.with_name(f"{place.name}.part")
    with serving(CONTENT, give(pause=0.05, piece=2_000), give()) as server:
        first = edgespec(server, tmp_path)
        until(half, 6_000)
        first.send_signal(number)
        code, _, err = ended(first)
        assert code == (-signal.SIGKILL if number == signal.SIGKILL else 130)
        assert "Traceback" not in err
        assert ("run the same command again to go on" in err) == (code == 130)
        assert not place.exists()
        kept = half.stat().st_size
        code, out, err = ended(edgespec(server, tmp_path))
        assert (code, out) == (0, f"{place}\n"), err
        assert "SHA-256" in err
        assert server.ranges() == [None, f"bytes={kept}-"]
    assert place.read_bytes() == CONTENT
    monkeypatch.setenv("EDGESPEC_DATA", str(tmp_path))
    found = rruff.load(axis=Axis(200, 1200, 64), seed=0, path=place.name)
    assert found.labels == ("Albite", "Quartz")  # a recipe finds what was fetched
