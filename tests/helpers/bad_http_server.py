"""A web server of one archive that does what servers do: cut, lie, refuse, fall silent, change the file in between."""

from __future__ import annotations

import contextlib
import io
import re
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

Answer = Callable[["Handler"], None]


def archive(minerals: tuple[str, ...] = ("Quartz", "Albite"), samples: int = 3, seed: int = 0) -> bytes:
    """A zip archive as RRUFF packs it, stored: its length does not depend on the numbers in it."""
    rng, axis = np.random.default_rng(seed), np.arange(150, 1250, 2.0)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for m, mineral in enumerate(minerals):
            for s in range(samples):
                sample = f"R{m + 1:02}{s:04}"
                x = np.exp(-(((axis - 300 - 200 * m) / 9) ** 2)) + 0.05 * rng.random(len(axis)) + 0.01
                lines = "".join(f"{a:.3f}, {b:.7f}\n" for a, b in zip(axis, x, strict=True))
                name = f"{mineral}__{sample}__Raman__532__0__unoriented__Raman_Data_Processed__{100 * m + s}.txt"
                text = f"##NAMES={mineral}\n##RRUFFID={sample}\n{lines}##END=\n"
                file.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text)
    return packed.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Answers with the next of the server's answers; the last is given for ever."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.close_connection = True
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        answers = self.server.answers
        with contextlib.suppress(ConnectionError):
            (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, format: str, *values: object) -> None:
        """Nothing is printed."""

    def head(self, status: int, **told: object) -> None:
        self.send_response(status)
        for name, value in told.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()

    def start(self) -> int:
        """The byte that is asked for, 0 where the file is asked for, or another version of it."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(found[1]) if found and self.headers.get("If-Range") == self.server.tag else 0


class Server(ThreadingHTTPServer):
    """asked: path and headers of every request so far."""

    daemon_threads = True

    def __init__(self, content: bytes, answers: list[Answer], tag: str | None = '"one"') -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.answers, self.tag = content, answers, tag
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/raman/"

    def ranges(self) -> list[str | None]:
        """What each request asked for."""
        return [headers.get("range") for _, headers in self.asked]


@contextmanager
def serving(content: bytes, *answers: Answer, tag: str | None = '"one"') -> Iterator[Server]:
    server = Server(content, list(answers), tag)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def give(most: int | None = None, *, pause: float = 0.0, piece: int = 1 << 20, length: int = 0) -> Answer:
    """The file, or the rest of it; `most`: so many bytes and then the end; `length`: by how much the server lies."""

    def answer(to: Handler) -> None:
        content, start = to.server.content, to.start()
        if start >= len(content) > 0 and start:
            to.head(416, Content_Range=f"bytes */{len(content)}")
            return
        rest = content[start:]
        span = f"bytes {start}-{len(content) - 1 + length}/{len(content) + length}" if start else None
        to.head(206 if start else 200, Content_Length=len(rest) + length, ETag=to.server.tag, Content_Range=span)
        _send(to, rest[:most], pause, piece)

    return answer


def whole(most: int | None = None, *, sized: bool = True, length: int = 0) -> Answer:
    """The whole file whatever is asked for, as a server without ranges; not `sized`: without its length."""

    def answer(to: Handler) -> None:
        to.head(200, Content_Length=len(to.server.content) + length if sized else None, ETag=to.server.tag)
        _send(to, to.server.content[:most], 0.0, 1 << 20)

    return answer


def part(first: int, total: int | None = None, tag: str | None = None) -> Answer:
    """A part that starts where the server likes, of a file of which it may say another length or version."""

    def answer(to: Handler) -> None:
        rest = to.server.content[first:]
        whole = len(to.server.content) if total is None else total
        span = f"bytes {first}-{whole - 1}/{whole}"
        to.head(206, Content_Length=len(rest), Content_Range=span, ETag=tag or to.server.tag)
        to.wfile.write(rest)

    return answer


def say(status: int, text: str = "", **told: object) -> Answer:
    """Words instead of a file."""

    def answer(to: Handler) -> None:
        to.head(status, Content_Length=len(text), **told)
        to.wfile.write(text.encode())

    return answer


def hang(seconds: float = 5.0) -> Answer:
    """Half an answer, then silence."""

    def answer(to: Handler) -> None:
        to.head(200, Content_Length=len(to.server.content), ETag=to.server.tag)
        to.wfile.write(to.server.content[:1000])
        to.wfile.flush()
        time.sleep(seconds)

    return answer


def chunked(most: int | None = None) -> Answer:
    """In chunks of HTTP/1.1, without a length; cut off where not all of it is to come."""

    def answer(to: Handler) -> None:
        to.head(200, Transfer_Encoding="chunked", ETag=to.server.tag)
        content = to.server.content[:most]
        for at in range(0, len(content), 4096):
            piece = content[at : at + 4096]
            to.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if most is None:
            to.wfile.write(b"0\r\n\r\n")

    return answer


def _send(to: Handler, content: bytes, pause: float, piece: int) -> None:
    for at in range(0, len(content), piece):
        to.wfile.write(content[at : at + piece])
        to.wfile.flush()
        time.sleep(pause)
