"""What one file may take while it is read: so much time, and the memory that there is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from refusal import RefusalError

SECONDS = 60.0  # a spectrum takes thousandths of a second, the largest file that is read at all under ten


@contextmanager
def kept(where: str) -> Iterator[None]:
    """Refuse what takes longer than SECONDS or more memory than there is, so that the next file is read. Raises RefusalError.

    The time is kept where the system has alarms (not on Windows) and in the main thread.
    """
    timed = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, _late(where)) if timed else None
    if timed:
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    except MemoryError:
        raise RefusalError(2, f"{where}: needs more memory than there is", "fewer spectra a file") from None
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def _late(where: str) -> Any:
    def late(number: int, frame: Any) -> None:
        hint = "is it a file, and on a disk that answers? one spectrum, or a few, a file"
        raise RefusalError(2, f"{where}: takes longer than {SECONDS:g} s to read", hint)

    return late
