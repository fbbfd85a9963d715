"""What every step is handed: the divided data, a folder to fill, the seed, and somebody to tell how far it is."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import numpy as np
from annotated_types import Ge, Gt
from pydantic import AfterValidator, WithJsonSchema

from edgespec import __version__, contract, storage
from edgespec.contract import Contract
from edgespec.crew.processes import Crew
from edgespec.data.splits import Splits
from edgespec.recipe import Call, plain
from edgespec.spectra import Floats, Spectra

if TYPE_CHECKING:
    from edgespec.data.preprocess import Front


DIGEST = "digest"
ENDING = ".state"
ENOUGH = 64  # spectra that show whether a file answers as what it was made from
FRONTS: dict[tuple[str, bytes], Front] = {}


class Progress(Protocol):
    """Hears what happens; the command line shows it as bars or lines, tests keep it in a list."""

    def begin(self, what: str, total: int) -> None:
        """Something of `total` parts begins."""

    def advance(self, done: int, note: str) -> None:
        """`done` parts are finished; `note` says how it stands (loss, accuracy)."""

    def end(self) -> None:
        """It is over."""

    def say(self, text: str) -> None:
        """One line that should not be missed."""


class Watch(Protocol):
    """Hears how a network in training does, and may end it by raising."""

    def __call__(self, epoch: int, epochs: int, score: float, params: int) -> None:
        """`epoch` of `epochs` is over; `score`: share of validation spectra named rightly; `params`: weights of the network."""


class Silent:
    """A Progress that nobody watches."""

    def begin(self, what: str, total: int) -> None:
        """Nothing."""

    def advance(self, done: int, note: str) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Fit:
    """How long and how fast to train.

    epochs: passes over the training spectra.
    batch: spectra in one step.
    lr: largest learning rate of the one-cycle schedule.
    weight_decay: AdamW's, on weights only (not on biases and normalisation).
    patience: epochs without a better validation result after which training stops; 0 never stops early.
    """

    epochs: Annotated[int, Gt(0)] = 30
    batch: Annotated[int, Gt(1)] = 64
    lr: Annotated[float, Gt(0)] = 3e-3
    weight_decay: Annotated[float, Ge(0)] = 1e-2
    patience: Annotated[int, Ge(0)] = 0


class Unfinished:
    """What a step has done so far, on disk beside its folder, so that a run killed in the middle of it goes on to the same bytes.

    A step trains one network after the other, always in the same order: each has a number and a file of its own. What may be trained side
    by side has a name too. The folder
    bears the digest of all that makes the step; what other code, data or keys left is not gone on with.

    folder: where they are kept, `<step>.state` beside the step's own folder; digest: of all that makes the step
    say: hears why something was begun anew
    """

    def __init__(self, folder: Path, digest: str, say: Callable[[str], None]) -> None:
        self.folder, self.digest, self.say, self.count, self.name = folder, digest, say, 0, ""
        if folder.exists() and self._left_by() != digest:
            say(f"{folder.name}: left by other code, data or keys; begun anew")
            shutil.rmtree(folder)

    def place(self) -> Path:
        """Give the file of the next training."""
        self.count += 1
        return self.folder / f"{self.name}{self.count}.safetensors"

    def branch(self, name: str) -> Unfinished:
        """Give a place of its own in the same folder, for what may be trained at any time, in any process."""
        found = copy.copy(self)
        found.name, found.count = f"{self.name}{name}-", 0
        return found

    def heard(self, say: Callable[[str], None]) -> Unfinished:
        """Give the same place, and somebody else who hears why something was begun anew."""
        found = copy.copy(self)
        found.say = say
        return found

    def keep(self, path: Path, content: bytes) -> None:
        """Write how a training stands: the file is whole, the old one or the new."""
        if not (self.folder / DIGEST).exists():
            storage.write(self.folder / DIGEST, self.digest)
        storage.write(path, content)

    def forget(self) -> None:
        """Remove all: the step has its final name."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _left_by(self) -> str:
        try:
            return (self.folder / DIGEST).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""


@dataclass(frozen=True)
class Job:
    """The data, divided; how a spectrum is prepared and varied; where to write; the seed; spectra of what no model is to know;
    who watches each training; where what is unfinished is kept; who does what can be done side by side, None for nobody."""

    spectra: Spectra
    splits: Splits
    preprocess: tuple[Call, ...]
    augment: Call | None
    folder: Path
    seed: int
    progress: Progress = field(default_factory=Silent)
    unknown: Spectra | None = None
    watch: Watch | None = None
    unfinished: Unfinished | None = None
    crew: Crew | None = None

    def together(self) -> Crew:
        """Give the crew; where there is none, one that does everything in this process."""
        return self.crew or Crew(self.progress, 1)

    def branch(self, name: str) -> Job:
        """Give the job of a training that depends on no other of its step: its state has a place under that name."""
        return self if self.unfinished is None else replace(self, unfinished=self.unfinished.branch(name))

    def apart(self) -> Job:
        """Give the job as it can be sent to another process: nobody hears or watches it there."""
        unfinished = self.unfinished and self.unfinished.heard(Silent().say)
        return replace(self, progress=Silent(), watch=None, crew=None, unfinished=unfinished)

    def heard(self, progress: Progress) -> Job:
        """Give the same job with somebody else who hears how far it is."""
        return replace(self, progress=progress, unfinished=self.unfinished and self.unfinished.heard(progress.say))

    def inside(self, folder: Path) -> Job:
        """Give the same job with another folder."""
        return replace(self, folder=folder)

    def front(self) -> Front:
        """Give the recipe's preprocessing: (n, points) on the model's axis -> what the network sees; built once."""
        from edgespec.data import preprocess

        key = json.dumps(plain(list(self.preprocess))), self.spectra.axis.tobytes()
        if key not in FRONTS:
            FRONTS[key] = preprocess.build(self.preprocess, self.spectra.axis)
        return FRONTS[key]

    def checked(self, count: int) -> Floats:
        """Give (n, points): raw training spectra on which a conversion is checked, at most `count`.

        Where there are fewer than 64, mixtures of two of them follow: a batch of 65 is cut once, and nothing is learnt here. The last eighth is as
        strong as the strongest and as weak as the weakest test spectrum: a conversion that holds for counts of the one instrument may not hold
        for those of another.
        """
        return self._as_strong(self._some(count))

    def _as_strong(self, x: Floats) -> Floats:
        peaks = np.abs(self.spectra.x[self.splits.test]).max(1, initial=0.0)
        peaks = peaks[(peaks > 0) & np.isfinite(peaks)]
        own, some = np.abs(x).max(1, keepdims=True), len(x) // 16
        if not len(peaks) or not some:
            return x
        scaled = np.array(x)
        for part, peak in ((slice(-2 * some, -some), peaks.max()), (slice(-some, None), peaks.min())):
            scaled[part] = np.where(own[part] > 0, x[part] / np.maximum(own[part], 1e-30) * peak, x[part])
        return scaled

    def _some(self, count: int) -> Floats:
        x = self.spectra.x[self.splits.rows(None)[:count]]
        if len(x) >= ENOUGH:
            return x
        rng = np.random.default_rng([self.seed, 23])
        pairs = rng.integers(len(x), size=(2, ENOUGH - len(x)))
        share = rng.uniform(size=(ENOUGH - len(x), 1)).astype(np.float32)
        return np.concatenate([x, share * x[pairs[0]] + (1 - share) * x[pairs[1]]])

    def contract(self) -> Contract:
        """Say what a graph that is trained here expects and answers."""
        spectra, rows = self.spectra, self.splits.rows(None)
        lasers = [] if spectra.laser is None else sorted(set(spectra.laser[rows].tolist()) - {0})
        return Contract(
            axis=contract.axis(spectra.axis),
            labels=spectra.labels,
            preprocess=plain(list(self.preprocess)),
            data=spectra.source,
            digest=storage.digest(spectra.x[rows], spectra.y[rows]),
            version=__version__,
            window={"low": float(spectra.axis[0]), "high": float(spectra.axis[-1]), "points": len(spectra.axis)},
            technique=spectra.technique,
            intensity=spectra.intensity,
            laser=tuple(map(float, lasers)),
        )


def few(labels: str) -> int | None:
    """Read a `labels` key: None for "all", N for "N per class"."""
    return None if labels == "all" else int(labels.split()[0])


def _labels(text: str) -> str:
    number, _, rest = text.partition(" ")
    if text != "all" and not (rest == "per class" and number.isdecimal() and int(number) > 0):
        raise ValueError(f"{text!r} is neither 'all' nor 'N per class'")
    return text


Labels = Annotated[
    str, AfterValidator(_labels), WithJsonSchema({"type": "string", "pattern": "^(all|0*[1-9][0-9]* per class)$"})
]
Part = Annotated[str | None, "the name of a training part"]
Folder = Annotated[str, "a folder outside the run; provenance.OUTSIDE names the keys that hold one"]
