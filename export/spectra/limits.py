"""What one file may take while it is read: so much time, and the memory that there is."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from refusal import RefusalError

SECONDS = 60.0  # a spectrum takes thousandths of a second, the largest file that is read at all under ten


@contextmanager
def kept(where: str) -> Iterator[None]:
    """Refuse what takes longer than SECONDS or more memory than there is, so that the next file is read. Raises RefusalError.

    The time is kept in the main thread alone. Windows has no alarms: a second thread interrupts there, which ends what runs in Python but
    not a disk that does not answer.
    """
    main = threading.current_thread() is threading.main_thread()
    clock = (_alarm if hasattr(signal, "SIGALRM") else _second_thread) if main else _none
    try:
        with clock(where):
            yield
    except MemoryError:
        raise RefusalError(2, f"{where}: needs more memory than there is", "fewer spectra a file") from None


@contextmanager
def _none(where: str) -> Iterator[None]:
    yield


@contextmanager
def _alarm(where: str) -> Iterator[None]:
    def late(number: int, frame: Any) -> None:
        raise _too_long(where)

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _second_thread(where: str) -> Iterator[None]:
    """Interrupt the main thread as Ctrl-C does; a Ctrl-C of the user goes on to whoever heard it before."""
    turn, over, late = threading.Lock(), threading.Event(), threading.Event()

    def interrupt() -> None:
        with turn:
            if not over.is_set():
                late.set()
                _thread.interrupt_main()

    def heard(number: int, frame: Any) -> None:
        if late.is_set() and not over.is_set():
            over.set()
            raise _too_long(where)
        if callable(before):
            before(number, frame)

    before = signal.signal(signal.SIGINT, heard)
    timer = threading.Timer(SECONDS, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        try:
            timer.cancel()
            with turn:  # from here on the other thread interrupts no more; what it has begun is heard while this waits
                if late.is_set() and not over.is_set():
                    time.sleep(1e-3)
                over.set()
        finally:
            signal.signal(signal.SIGINT, before)


def _too_long(where: str) -> RefusalError:
    hint = "is it a file, and on a disk that answers? one spectrum, or a few, a file"
    return RefusalError(2, f"{where}: takes longer than {SECONDS:g} s to read", hint)
