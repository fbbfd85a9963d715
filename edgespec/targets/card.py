"""Target cards: where a model is to run, with what, and how that place is reached.

A card is a YAML file: `export/targets/<name>.yaml`, or a user's own in `~/.config/edgespec/targets` or in `targets/` of the working folder.
A card says what is run and with which environment, and a working folder may have come from somebody else: its cards count only for a target
that the command, or the recipe that it runs, names (`name`). Host names, keys and jumps are ssh's own business: its configuration is honoured.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from edgespec import plugins, storage, yaml12
from edgespec.errors import Mistake, StorageError, visible

JETPACKS = ("5.1", "6.0", "6.2", "7")
CHOICES = {"reach": ("local", "ssh"), "source": ("measured", "emulated"), "jetpack": JETPACKS}
HERE = Path("targets")
NAMED: set[str] = set()
"""The targets that this process was asked for by name."""
LARGEST = 1e15  # of any number: infinity and NaN are none
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
KINDS = {
    "threads": "a number of threads",
    "port": "a number of a port",
    "opset": "a number of an opset",
    "ir_version": "a number of an IR version",
    "gflops": "a number of GFLOP/s",
    "gops_int8": "a number of GOP/s",
    "gbytes_s": "a number of GB/s",
    "precisions": "a list of names",
    "python": "a list of words",
    "env": "a list of names and texts",
}
PEAKS = ("gflops", "gops_int8", "gbytes_s")
ADDRESS = re.compile(
    r"(?:(?P<user>\w[\w.+@\\-]*)@)?(?:\[(?P<literal>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?P<host>\w[\w.-]*))(?::(?P<port>\d{1,5}))?",
    re.ASCII,
)


@dataclass(frozen=True)
class Target:
    """A named place that runs a model.

    runtime: the file in `export/runtimes` that runs it there
    description: one line for a table
    threads: how many the runtime may use; the runner binds itself to as many cores
    precisions: the variants worth trying there, in the order to try them
    reach: "local", a process on this machine; "ssh", a process on another
    host, user, port: as ssh takes them; the target's name, and what ssh's own configuration says, if not said
    python: the words that start Python there, "python3" if not said; an emulator's can stand in; {home} is edgespec's cache folder
    workdir: the folder there that holds what was sent, relative to the home folder
    env: environment variables of the runner; {home} as above
    setup: what makes the place ready, for a message where it isn't
    source: "measured"; "emulated" where latencies mean nothing, and none is ever told
    jetpack: the JetPack whose TensorRT must take the file
    trtexec: TensorRT's own program there, where Python does not import it
    provider: of ONNX Runtime, where it is not its CPU one: CUDAExecutionProvider, TensorrtExecutionProvider
    opset, ir_version: the newest that the runtime there reads
    gflops, gops_int8, gbytes_s: peak figures of one core and of the memory, for a lower bound where nothing was measured; 0 is unknown
    """

    name: str
    runtime: str
    description: str = ""
    threads: int = 1
    precisions: tuple[str, ...] = ("float32",)
    reach: str = "local"
    host: str = ""
    user: str = ""
    port: int | None = None
    python: tuple[str, ...] = ()
    workdir: str = ".cache/edgespec"
    env: Mapping[str, str] = field(default_factory=dict)
    setup: str = ""
    source: str = "measured"
    jetpack: str = ""
    trtexec: str = "/usr/src/tensorrt/bin/trtexec"
    provider: str = ""
    opset: int = 18
    ir_version: int = 10
    gflops: float = 0
    gops_int8: float = 0
    gbytes_s: float = 0

    @property
    def variables(self) -> dict[str, str]:
        """What the runner finds in its environment: the card's own variables, and what it says to its runtime."""
        said = {"EDGESPEC_PROVIDER": self.provider}
        if self.runtime == "tensorrt":
            said["EDGESPEC_TRTEXEC"] = self.trtexec
        return {**{name: text for name, text in said.items() if text}, **self.env}


def names() -> list[str]:
    """List the targets: the user's own cards and those that ship with edgespec."""
    own = [path.stem for place in own_places() for path in _cards(place)]
    return sorted({*plugins.names("targets"), *own})


def _cards(place: Path) -> list[Path]:
    """List the cards of a folder; none where this user may not read it: a home that is another user's."""
    try:
        return list(place.glob("*.yaml"))
    except PermissionError:
        return []


def own_places() -> list[Path]:
    """Give the folders in which a user's own cards are looked for, in this order, before those that ship with edgespec."""
    try:
        return [HERE, settings() / "targets"]
    except StorageError:  # a user without a home has no cards there
        return [HERE]


def settings() -> Path:
    """Give the folder of the user's own settings. Raises StorageError where this user has no home folder."""
    named = os.environ.get("XDG_CONFIG_HOME")
    return (Path(named) if named else storage.user_home() / ".config") / "edgespec"


def name(*names: str) -> list[Path]:
    """Let cards of the working folder count for these targets, which the user has asked for by name; give those that now do."""
    NAMED.update(names)
    return [card for each in dict.fromkeys(names) if (card := HERE / f"{each}.yaml").is_file()]


def name_all(tree: Any) -> list[Path]:
    """Do so for every target that a recipe names, wherever in it: `tree`, its plain values."""
    words, waiting = set(), [tree]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str):
            words.add(each)
    return name(*sorted(words & {card.stem for card in HERE.glob("*.yaml")}))


def load(name: str) -> Target:
    """Read the card of a target, or say which name was meant.

    A card in `targets/` of the working folder, where the target was asked for by name, then one in ~/.config/edgespec/targets, stands before
    the shipped one of its name.
    """
    if name not in names():
        raise Mistake(f"unknown target {name!r}", hint=plugins.did_you_mean(name, names()))
    card = origin(name) if name in NAMED else elsewhere(name)
    if card is None:
        told = f"target {name!r} has its card in {HERE}/ of this folder alone, and nobody asked for it by name"
        raise Mistake(told, hint=f"--target {name}; or put the card into ~/.config/edgespec/targets")
    return read(card)


def cards(names: Sequence[str], host: str = "") -> list[Target]:
    """Read cards; `host` is the address of the one among them that is reached by ssh, instead of its own.

    Raises Mistake as `load` and `with_host` do, and where it is not clear whose host it is.
    """
    found = [load(each) for each in names]
    far = [card for card in found if card.reach == "ssh"]
    if host and len(far) > 1:
        raise Mistake(
            f"--host {host}: of which of {', '.join(each.name for each in far)}?", hint="one target at a time"
        )
    if not host:
        return found
    one = far[0] if far else found[0]
    return [with_host(card, host) if card is one else card for card in found]


def with_host(card: Target, address: str) -> Target:
    """Give the same card for another device of its kind: [USER@]HOST[:PORT], an IPv6 address in brackets, or a name that ssh's configuration knows.

    Raises Mistake for what is no address, and for a target on this machine.
    """
    if card.reach != "ssh":
        raise Mistake(
            f"target {card.name!r} is this machine: it has no host",
            hint="--host is for a target that is reached by ssh",
        )
    found = ADDRESS.fullmatch(address)
    port = int(found["port"]) if found and found["port"] else None
    if found is None or (port is not None and not 0 < port < 2**16):
        raise Mistake(
            f"{address!r} is not an address of a device",
            hint="[USER@]HOST[:PORT], as in pi@192.168.0.7:22 or pi@[fe80::7]",
        )
    return replace(
        card, host=found["host"] or found["literal"], user=found["user"] or card.user, port=port or card.port
    )


def origin(name: str) -> Path:
    """Give the file of a target's card, for whoever asks for it by name."""
    here = HERE / f"{name}.yaml"
    return here if here.is_file() else elsewhere(name) or plugins.path("targets", name)


def elsewhere(name: str) -> Path | None:
    """Give the file of a target's card outside the working folder; None where there is none."""
    for own in (place / f"{name}.yaml" for place in own_places() if place != HERE):
        if own in _cards(own.parent) and own.is_file():
            return own
    return plugins.path("targets", name) if name in plugins.names("targets") else None


def is_own(name: str) -> bool:
    """Is a target's card the user's own?"""
    return origin(name).parent in own_places()


def read(card: Path) -> Target:
    """Read a card; its file's name is the target's.

    Raises Mistake for a key that no card has, a value of the wrong kind, an unknown runtime or reach.
    """
    lines: dict[yaml12.Place, int] = {}
    try:
        content = yaml12.read(card.read_text(encoding="utf-8"), str(card), lines)
    except (OSError, ValueError) as problem:
        raise Mistake(f"{card} cannot be read: {problem}", hint="a card is YAML in UTF-8") from problem
    if not isinstance(content, dict):
        raise Mistake(f"{card} is not a card", hint="a card is a list of `key: value`, and needs at least `runtime`")
    known = {each.name: each for each in fields(Target) if each.name != "name"}
    for key, value in content.items():
        where = f"{card}:{lines[(key,)]}"
        if key not in known:
            raise Mistake(f"{where}: unknown key {key!r}", hint=plugins.did_you_mean(str(key), list(known)))
        _check(where, key, value)
    for key, each in known.items():
        if each.default is MISSING and each.default_factory is MISSING and key not in content:
            raise Mistake(f"{card}: {key!r} is missing", hint=f"{key}: {', '.join(plugins.names(f'{key}s'))}")
    for key in ("precisions", "python"):
        if key in content:
            content[key] = tuple(content[key])
    return Target(name=card.stem, **content)


def _check(where: str, key: str, value: Any) -> None:
    if key in ("precisions", "python"):
        good = isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)
    elif key == "env":
        good = isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    elif key in KINDS:
        number = (int, float) if key in PEAKS else int
        good = isinstance(value, number) and not isinstance(value, bool) and 0 < value <= LARGEST
    else:
        good = isinstance(value, str)
    if not good:
        raise Mistake(f"{where}: {key!r}: {value!r} is not {KINDS.get(key, 'text')}")
    _check_texts(where, key, value)
    known = {"runtime": plugins.names("runtimes"), **{name: list(each) for name, each in CHOICES.items()}}
    if key in ("host", "user") and (value.startswith("-") or not value.isprintable() or " " in value):
        raise Mistake(
            f"{where}: {key!r}: {value!r} is no {key}", hint="a host's name, address, or alias of ssh's configuration"
        )
    if key == "port" and value >= 2**16:
        raise Mistake(f"{where}: {key!r}: {value!r} is not a port")
    if key in known and value not in known[key]:
        raise Mistake(f"{where}: unknown {key} {value!r}", hint=plugins.did_you_mean(value, known[key]))


def _check_texts(where: str, key: str, value: Any) -> None:
    """Raise Mistake for a text that no process, variable or terminal can take: it would fail far from here."""
    texts = [*value.keys(), *value.values()] if key == "env" else value if isinstance(value, list) else [value]
    for text in texts:
        if isinstance(text, str) and (visible(text) != text or (key != "setup" and "\n" in text)):
            told = f"{where}: {key!r}: {ascii(text)[:60]} holds a character that cannot stand there"
            raise Mistake(told, hint="plain text on one line")
    wrong = [name for name in value if not VARIABLE.fullmatch(name)] if key == "env" else []
    if wrong:
        raise Mistake(f"{where}: {key!r}: {wrong[0][:60]!r} is not a name of a variable", hint="letters, digits and _")
