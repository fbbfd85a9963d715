"""A deadline for each answer: one thread looks whether the call of the moment lasts too long. A thread a call takes longer than a small model."""

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
    """The thread, which begins with the first call. One call at a time."""

    def __init__(self) -> None:
        self.call: Call | None = None
        self.thread: threading.Thread | None = None

    def begin(self, stop: Callable[[], None]) -> Call:
        """Look after a call from now on; `stop` is called, in the other thread, where it lasts too long."""
        self.call = Call(stop)
        if self.thread is None or not self.thread.is_alive():  # a process that was forked has none
            self.thread = threading.Thread(target=self._look, daemon=True)
            self.thread.start()
        return self.call

    def end(self) -> None:
        """Look after no call."""
        self.call = None

    def _look(self) -> None:
        while True:
            time.sleep(min(LOOK_S, LONGEST_S))
            call = self.call
            if call is not None and not call.late and time.monotonic() > call.until:
                call.late = True
                call.stop()


WATCH = Watch()
