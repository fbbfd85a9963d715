"""A deadline for each answer: one thread looks whether a call lasts too long. A thread a call takes longer than a small model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LONGEST_S = 60.0  # of an answer; the largest models take a tenth of a second
LOOK_S = 1.0  # from one look to the next


class Call:
    """A call that is under way: until when, what stops it, and whether it was stopped."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self.until, self.stop, self.late = time.monotonic() + LONGEST_S, stop, False


class Watch:
    """The thread, which begins with the first call, and the calls that are under way, of any thread."""

    def __init__(self) -> None:
        self.calls: set[Call] = set()
        self.thread: threading.Thread | None = None

    def begin(self, stop: Callable[[], None]) -> Call:
        """Look after a call from now on; `stop` is called, in the other thread, where it lasts too long."""
        call = Call(stop)
        self.calls.add(call)
        if self.thread is None or not self.thread.is_alive():  # a process that was forked has none
            self.thread = threading.Thread(target=self._look, daemon=True)
            self.thread.start()
        return call

    def end(self, call: Call) -> None:
        """Look after that call no more."""
        self.calls.discard(call)

    def _look(self) -> None:
        while True:
            time.sleep(min(LOOK_S, LONGEST_S))
            for call in self.calls.copy():
                if not call.late and time.monotonic() > call.until:
                    call.late = True
                    call.stop()


WATCH = Watch()
