"""Python as it is under Windows, for the code of edgespec and of a device's program; a process with this folder on PYTHONPATH loads it itself.

For our code alone, modules and attributes that Windows lacks are not there (Python's own library and packages need them here). In the
folder that WINDOWS_FOLDER names, every process is held to Windows' rules of files: names, links, and what is open is neither moved nor deleted.
What cannot be imitated is Windows' own: its locks, its paths with a drive, how its processes end.
"""

from __future__ import annotations

import builtins
import errno
import os
import re
import select
import shutil
import signal
import sys
import sysconfig
import time
import types
import warnings
from typing import Any

MODULES = {"fcntl", "grp", "nis", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
OS = """
EX_OK F_LOCK O_CLOEXEC O_DIRECTORY O_DSYNC O_NOCTTY O_NOFOLLOW O_NONBLOCK O_PATH O_SYNC O_TMPFILE WIFEXITED WIFSIGNALED WNOHANG chown
chroot confstr ctermid environb fchdir fchmod fchown fdatasync fork forkpty fstatvfs getegid geteuid getgid getgroups getloadavg getpgid
getpgrp getpriority getrandom getresuid getuid killpg lchown lockf major makedev memfd_create minor mkfifo mknod nice openpty pathconf
posix_fadvise posix_spawn pread preadv pwrite pwritev readv register_at_fork sched_getaffinity sched_setaffinity sched_yield sendfile
setgid setpgid setpriority setsid setuid statvfs sync sysconf tcgetpgrp ttyname uname wait wait3 wait4 writev
"""
SIGNALS = """
ITIMER_PROF ITIMER_REAL SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGPROF SIGQUIT SIGSTOP SIGSYS SIGTSTP SIGTTIN SIGTTOU
SIGUSR1 SIGUSR2 SIGVTALRM alarm getitimer pause pthread_kill pthread_sigmask setitimer siginterrupt sigpending sigtimedwait sigwait
sigwaitinfo
"""
ABSENT = {os: set(OS.split()), signal: set(SIGNALS.split()), select: {"epoll", "poll", "select"}, time: {"tzset"}}
OTHERS = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")} | {"<"})
FOLDER = os.path.realpath(os.environ["WINDOWS_FOLDER"])
FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$')
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
LONGEST = 200  # characters below the folder: Windows takes 260 in all
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
OUR_MODULES = (
    r"(edgespec|contract|model|predict|refusal|runner|verify|engines|measure|runtimes|spectra|__main__)(\..*)?$"
)


def ours(depth: int) -> bool:
    """Say whether the calling frame is of edgespec or of the device's program, wherever a bundle has carried it."""
    name = sys._getframe(depth + 1).f_code.co_filename
    return not name.startswith(OTHERS) and name != __file__


def bare(module: types.ModuleType, absent: set[str]) -> None:
    """Take attributes away from a module, for our code."""

    class Bare(types.ModuleType):
        def __getattribute__(self, name: str) -> Any:
            if name in absent and ours(1):
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r} under Windows")
            if name == "name" and module is os and ours(1):
                return "nt"
            return super().__getattribute__(name)

    module.__class__ = Bare


def without_modules() -> None:
    """Take MODULES away from our code."""
    real = builtins.__import__

    def imported(name: str, *more: Any, **named: Any) -> Any:
        if name in MODULES and ours(1):
            raise ModuleNotFoundError(f"No module named {name!r} under Windows", name=name)
        return real(name, *more, **named)

    builtins.__import__ = imported


class Rules:
    """Windows' rules of files, as an audit hook: what it raises is raised by the call."""

    def __init__(self) -> None:
        self.looking = False

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Check one event."""
        if self.looking or event not in (
            "open",
            "os.mkdir",
            "os.rename",
            "os.link",
            "os.symlink",
            "os.remove",
            "os.rmdir",
        ):
            return
        self.looking = True
        try:
            self.check(event, args)
        finally:
            self.looking = False

    def check(self, event: str, args: tuple[Any, ...]) -> None:
        """Raise OSError as Windows would."""
        given = args[:2] if event in ("os.rename", "os.link", "os.symlink") else args[:1]
        places = [
            os.path.realpath(os.fsdecode(each)) if isinstance(each, (str, bytes, os.PathLike)) else "" for each in given
        ]
        if not any((place + os.sep).startswith(FOLDER + os.sep) for place in places):
            return
        if event == "open":
            if args[1] is None and os.path.isdir(places[0]) and not args[2] & getattr(os, "O_TMPFILE", 0):  # by os.open
                raise PermissionError(errno.EACCES, "Windows opens no folder", places[0])
            if (args[2] or 0) & WRITES:
                self.named(places[0])
        elif event == "os.symlink":
            raise OSError(errno.EPERM, "Windows lets no ordinary user make a link", places[1])
        elif event in ("os.mkdir", "os.link"):
            self.named(places[-1])
        else:
            for place in places:
                self.closed(place)
            if event == "os.rename":
                self.named(places[1])

    def named(self, path: str) -> None:
        """Raise where Windows has no such name."""
        inside = os.path.relpath(path, FOLDER)
        wrong = [part for part in inside.split(os.sep) if FORBIDDEN.search(part) or RESERVED.fullmatch(part)]
        if wrong or len(inside) > LONGEST:
            raise OSError(errno.EINVAL, "Windows has no such name", path)

    def closed(self, path: str) -> None:
        """Raise where this process has the file open or mapped, or a file of the folder, or works in it."""
        held = [os.getcwd()]
        for number in os.listdir("/proc/self/fd"):
            try:
                held.append(os.readlink("/proc/self/fd/" + number))
            except OSError:  # closed meanwhile
                continue
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            held += [line.split(maxsplit=5)[5].strip() for line in maps if FOLDER in line]
        if any((each == path and not os.path.isdir(path)) or each.startswith(path + os.sep) for each in held):
            raise PermissionError(errno.EACCES, "Windows moves and deletes no open file", path)


shutil._use_fd_functions = False  # type: ignore[attr-defined]  # as under Windows; folders are then not opened to be deleted
warnings.filterwarnings("error", category=EncodingWarning, module=OUR_MODULES)  # text in the machine's own encoding
without_modules()
for _module, _absent in ABSENT.items():
    bare(_module, _absent)
sys.addaudithook(Rules())
