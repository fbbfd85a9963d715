"""The program `edgespec`: it hears Ctrl-C and SIGTERM from its first line on, also while the rest is loaded."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

from edgespec.interrupts import INTERRUPTED, at_once


def main() -> NoReturn:
    """Run the command line."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as behind nohup
            signal.signal(number, at_once)
    from edgespec.cli import main as run

    try:
        run()
    except SystemExit as ended:
        # taking libraries down would take seconds, and Python may end by the signal after all
        if ended.code == INTERRUPTED:
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        raise


if __name__ == "__main__":
    main()
