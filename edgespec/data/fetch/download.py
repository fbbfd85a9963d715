"""One file from an address, over whatever lies between: it goes on where it was cut, and is whole or absent.

Of the libraries at hand none resumes (pooch starts anew, httpx and requests leave ranges to the caller), so this is
urllib, which knows proxies and redirects, and RFC 9110's ranges on top.
"""

from __future__ import annotations

import contextlib
import http.client
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import edgespec
from edgespec import units
from edgespec.data.fetch import receipt
from edgespec.data.fetch.partial import Cut, Partial, count
from edgespec.data.fetch.receipt import Receipt
from edgespec.errors import EdgespecError, Missing, Mistake, StorageError, Unreachable

CHUNK = 1 << 16
LONGEST_WAIT = 60.0  # seconds, whatever the server asks for
PASSING = (408, 425, 429, 500, 502, 503, 504)  # what may be otherwise in a moment


class Watcher(Protocol):
    """Who is told how far it is."""

    def begin(self, what: str, done: int, total: int | None) -> None:
        """An answer begins at byte `done` of `total`."""

    def advance(self, done: int) -> None:
        """So many bytes are here."""

    def say(self, text: str) -> None:
        """Something happened."""


@dataclass(frozen=True)
class Patience:
    """How much a server may fail.

    tries: how often in a row without a single new byte
    timeout: seconds of silence that end a try
    wait: seconds before the next try; each further one waits twice as long
    """

    tries: int = 5
    timeout: float = 30.0
    wait: float = 1.0


def fetch(
    address: str, path: Path, check: Callable[[Path], None], watcher: Watcher, patience: Patience | None = None
) -> Receipt:
    """Fetch `address` to `path` and record it; `check` raises Mistake for a file that is not what it should be.

    What an earlier call left is gone on with. Raises Missing (exit 3) where the server has no such file, Unreachable
    (exit 6) where it does not answer, stops in the middle or gives something else, StorageError (exit 8) without room.
    """
    manner = patience or Patience()
    part = Partial(path, address)
    furthest, failures = part.size, 0
    while True:
        try:
            _go_on(part, watcher, manner.timeout)
            _look(part, check)
            break
        except Cut as cut:
            failures = 0 if part.size > furthest else failures + 1
            furthest = max(furthest, part.size)
            if failures >= manner.tries:
                raise _given_up(part, cut, failures) from cut
            wait = min(manner.wait * 2**failures if cut.wait is None else cut.wait, LONGEST_WAIT)
            how = f"going on from byte {part.size:,}" if part.size else "trying again"
            watcher.say(f"{path.name}: {cut}; {how} in {wait:g} s")
            time.sleep(wait)
    made = receipt.made(part.path, address)
    receipt.write(path, made)  # first: a whole file that nobody vouches for would be kept unchecked
    part.keep()
    return made


def _go_on(part: Partial, watcher: Watcher, timeout: float) -> None:
    """Ask for what is missing and write it as it comes."""
    if part.complete:
        return
    with contextlib.ExitStack() as open_ones:
        answer = _answer(part, timeout)
        if answer is None:
            return
        open_ones.enter_context(answer)
        start = part.agree(answer.status, answer.headers)
        _room(part, start)
        watcher.begin(part.whole.name, start, part.total)
        # unbuffered: whatever came lies in the file, however this ends
        file = open_ones.enter_context(open(part.path, "r+b" if start else "wb", buffering=0))
        file.seek(start)
        done, looked = start, start > 0
        for chunk in _chunks(answer):
            left = memoryview(chunk)
            while left:
                left = left[file.write(left) :]
            done += len(chunk)
            if not looked and done >= 4:
                looked = True
                _first_bytes(part, answer)
            watcher.advance(done)
    part.ended()


def _answer(part: Partial, timeout: float) -> Any:
    """Give the server's answer, or None where there is nothing left to ask for. Raises Cut for what may pass."""
    headers = {"User-Agent": f"edgespec/{edgespec.__version__}", "Accept-Encoding": "identity", **part.headers()}
    opener = urllib.request.build_opener()  # reads the proxy variables now
    asked = urllib.request.Request(part.address, headers=headers)  # noqa: S310  (our own address; redirects lead to http and ftp alone)
    try:
        answer = opener.open(asked, timeout=timeout)
    except urllib.error.HTTPError as refusal:
        with refusal:
            if refusal.code == 416 and part.size:
                part.beyond(refusal.headers.get("Content-Range", ""))
                return None
            if refusal.code in PASSING:
                raise Cut(f"HTTP {refusal.code}", count(refusal.headers.get("Retry-After", ""))) from None
            raise _refused(part, refusal) from None
    except (http.client.InvalidURL, ValueError, OverflowError) as problem:
        raise _no_address(part, problem) from problem
    except (OSError, http.client.HTTPException) as problem:
        reason = getattr(problem, "reason", problem)
        if isinstance(reason, str) and isinstance(problem, urllib.error.URLError):  # urllib's own: nobody was asked
            raise _no_address(part, reason) from problem
        if isinstance(reason, ssl.SSLCertVerificationError):
            hint = "is a proxy in between? SSL_CERT_FILE names the certificates that are trusted"
            raise Unreachable(f"{part.address}: {reason.verify_message}", hint) from problem
        raise Cut(_words(reason)) from problem
    if part.address.startswith("https:") and not answer.url.startswith("https:"):
        answer.close()
        raise Unreachable(f"{part.address} leads to {answer.url}, which is not encrypted", hint="name it with --from")
    return answer


def _no_address(part: Partial, problem: object) -> Unreachable:
    what = f"{part.address}: it, what it leads to, or the proxy in between is not an address that can be asked: {_words(problem)}"
    return Unreachable(what, hint="look at http_proxy and https_proxy, or name another address with --from")


def _refused(part: Partial, refusal: urllib.error.HTTPError) -> EdgespecError:
    what = f"{part.address}: HTTP {refusal.code} {_words(refusal.reason)}"
    if refusal.code in (404, 410):
        return Missing(what, hint="the server has moved or renamed it: --from names another address")
    if 300 <= refusal.code < 400:
        return Unreachable(what, hint="it leads nowhere: --from names another address")
    return Unreachable(what, hint="does a proxy want a name and password? or name another address with --from")


def _chunks(answer: Any) -> Iterator[bytes]:
    """Give an answer's content as it comes. Raises Cut where the line fails."""
    while True:
        try:
            chunk = answer.read1(CHUNK)
        except (OSError, http.client.HTTPException) as problem:
            raise Cut(_words(problem)) from problem
        if not chunk:
            return
        yield chunk


def _words(problem: object) -> str:
    if isinstance(problem, TimeoutError):
        return "the server is silent"
    if isinstance(problem, http.client.IncompleteRead):
        return "the connection ended early"
    text = str(getattr(problem, "strerror", None) or problem or type(problem).__name__)
    # others chose these words: no line breaks, nothing that a terminal obeys
    return "".join(mark if mark.isprintable() else " " for mark in text.splitlines()[0])[:200]


def _room(part: Partial, start: int) -> None:
    free = shutil.disk_usage(part.whole.parent).free
    if part.total is not None and part.total - start > free:
        raise StorageError(
            f"{part.whole.name} takes {units.show_size(part.total - start)} more, "
            f"and {part.whole.parent} has {units.show_size(free)} left",
            hint="make room, or name another place with --out",
        )


def _first_bytes(part: Partial, answer: Any) -> None:
    """Stop at once where a page of words comes instead of an archive."""
    with open(part.path, "rb") as file:
        start = file.read(60)
    if not start.startswith(b"PK"):
        part.drop()
        kind = answer.headers.get("Content-Type", "of no kind")
        if packed := answer.headers.get("Content-Encoding"):
            raise Unreachable(
                f"{part.address}: what comes is packed once more on its way (Content-Encoding: {packed}), which was not asked for",
                hint="is a proxy in between? or name another address with --from",
            )
        raise Unreachable(
            f"{part.address} gives no zip archive but {kind}: {start[:40].decode('utf-8', 'backslashreplace')!r} ...",
            hint="a log-in page of the network? open the address in a browser, or name another with --from",
        )


def _look(part: Partial, check: Callable[[Path], None]) -> None:
    """Hold all that came against `check`; what was put together from several answers gets another chance as one."""
    try:
        check(part.path)
    except Mistake as wrong:
        size, again = part.size, part.resumed or not part.measured
        part.drop()
        if again:
            raise Cut(f"what came is damaged ({wrong.message})") from wrong
        raise Unreachable(
            f"{part.address}: {size:,} bytes came, as many as the server said, and they are damaged: {wrong.message}",
            hint="fetch it later, or from another address with --from",
        ) from wrong


def _given_up(part: Partial, last: Cut, tries: int) -> Unreachable:
    kept = f"the {part.size:,} bytes so far are kept: " if part.size else "is the network there? "
    times = "one try" if tries == 1 else f"{tries} tries in a row"
    what = f"{part.address}: {times} brought nothing new; the last: {last}"
    return Unreachable(what, hint=f"{kept}the same command goes on, or name another address with --from")
