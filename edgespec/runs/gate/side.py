"""One version of a run, as far as another can be compared with it; pydantic checks what a file says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from annotated_types import Ge, Gt, Interval, Len
from pydantic import ConfigDict, Field

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[Finite, Gt(0)]
Share = Annotated[Finite, Interval(ge=0, le=1)]
Count = Annotated[int, Ge(0)]
STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Score:
    """A figure of a file, and its standard error."""

    __pydantic_config__ = STRICT
    value: Share
    error: Annotated[Finite, Ge(0)]


@dataclass(frozen=True)
class File:
    """One file of a run.

    bytes, params, macs: what it weighs; digest: of its bytes; instructions: of one inference, None where nothing counted them
    named: what it named each test spectrum (index into `Side.labels`); robust: share of the perturbations under which it named each rightly
    scores: ECE, AUROC against unknown substances, share accepted, by metric; contract: what it expects and answers, in words
    """

    __pydantic_config__ = STRICT
    bytes: Annotated[int, Gt(0)]
    digest: str
    params: Count
    macs: Count
    named: tuple[Count, ...]
    instructions: Positive | None = None
    robust: tuple[Share, ...] = ()
    scores: dict[str, Score] = field(default_factory=dict)
    contract: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Latency:
    """One file on one target.

    device: what two latencies must share to be compared; noise: how far the reference differed from itself; busy: cores that other work held,
    0 where it held none worth telling; p90_ms, energy_mj: None where it was not measured
    """

    __pydantic_config__ = STRICT
    variant: str
    device: dict[str, str | int | float]
    mode: str
    p50_ms: Positive
    p50_interval_ms: tuple[Positive, Positive]
    p90_ms: Positive | None
    p90_interval_ms: tuple[Positive, Positive] | None
    cold_start_ms: Positive
    memory_bytes: Positive
    energy_mj: Finite | None
    noise: Annotated[Finite, Ge(0)]
    busy: Annotated[Finite, Ge(0)] = 0.0

    def __post_init__(self) -> None:
        for value, bounds in ((self.p50_ms, self.p50_interval_ms), (self.p90_ms, self.p90_interval_ms)):
            if value is not None and bounds is not None and not bounds[0] <= value <= bounds[1]:
                raise ValueError(f"{value} ms lies outside of its interval")


@dataclass(frozen=True)
class Side:
    """One version of a run.

    where: folder, file or revision; recipe, version: what made it; data: digest of which test spectra, their names left out
    labels: names that `true` and `File.named` count in; sample: of each test spectrum, a number for its physical sample
    shipped: the variants that it recommends; counted: what counted the instructions; latency: of each target, its files
    """

    __pydantic_config__ = STRICT
    where: str
    recipe: str
    version: str
    data: str
    labels: tuple[str, ...]
    true: Annotated[tuple[Count, ...], Len(1)]
    sample: tuple[Count, ...]
    files: Annotated[dict[str, File], Len(1)]
    shipped: Annotated[tuple[str, ...], Len(1)]
    counted: dict[str, str | int | float] = field(default_factory=dict)
    latency: dict[str, tuple[Latency, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, top = len(self.true), len(self.labels)
        if not set(self.shipped) <= set(self.files):
            raise ValueError("it ships a file that it does not have")
        if len(self.sample) != n or any(len(each.named) != n for each in self.files.values()):
            raise ValueError("its lists of names are not of one length")
        if any(each.robust and len(each.robust) != n for each in self.files.values()):
            raise ValueError("its lists of names are not of one length")
        if max(self.true) >= top or any(max(each.named) >= top for each in self.files.values()):
            raise ValueError("a name counts beyond its labels")

    def same(self, variant: str) -> File:
        """Give the file of that name, else the one that is shipped."""
        return self.files[variant] if variant in self.files else self.files[self.shipped[0]]

    def names(self) -> list[str]:
        """Give the right name of each test spectrum."""
        return [self.labels[i] for i in self.true]

    def plain(self) -> dict[str, Any]:
        """Values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Turns:
    """The later file beside the earlier one, both measured in turns in one session.

    p50, p90, cold_start, memory, energy: (ratio, (low, high), p), None where it was not measured; p: one-sided, that the later is no worse
    noise: how far the earlier file differed from itself; n: samples
    """

    variant: str
    found: Mapping[str, tuple[float, tuple[float, float], float] | None]
    noise: float
    n: int
