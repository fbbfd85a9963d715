"""What one training is made of: preprocessing, augmentation, network, loss and schedule. A recipe is drafted with a setting; tuning chooses one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgespec import yaml12
from edgespec.recipe import Call

FIELDS = ("epochs", "batch", "lr", "label_smoothing", "mixup", "blend")


@dataclass(frozen=True)
class Setting:
    """One choice of all that decides how well a network learns.

    augment: None varies nothing; blend: share of LDA in the head (step `fuse_lda`), 0 leaves the step out
    """

    preprocess: tuple[Call, ...]
    augment: Call | None
    model: Call
    epochs: int
    batch: int = 64
    lr: float = 3e-3
    label_smoothing: float = 0.0
    mixup: float = 0.0
    blend: float = 0.0

    def steps(self) -> list[dict[str, Any]]:
        """Give the steps that train the network, as plain values of a recipe."""
        more = {"label_smoothing": self.label_smoothing, "mixup": self.mixup}
        keys = {"model": self.model.plain(), **{name: value for name, value in more.items() if value}}
        fit = {"epochs": self.epochs, "batch": self.batch, "lr": self.lr}
        return [{"train": {**keys, "fit": fit}}, *([{"fuse_lda": {"blend": self.blend}}] if self.blend else [])]

    def front(self) -> list[Any]:
        """Give the preprocessing as plain values of a recipe."""
        return [each.plain() if each.keys else each.name for each in self.preprocess]

    def plain(self) -> dict[str, Any]:
        """Give the setting as plain values, for JSON; `read` takes them."""
        rest = {name: getattr(self, name) for name in FIELDS}
        augment = None if self.augment is None else self.augment.plain()
        return {"preprocess": self.front(), "augment": augment, "model": self.model.plain(), **rest}

    @classmethod
    def read(cls, told: dict[str, Any]) -> Setting:
        """Give the setting of what `plain` gave."""
        augment = told["augment"] and _call(told["augment"])
        front = tuple(_call(each) for each in told["preprocess"])
        return cls(front, augment, _call(told["model"]), **{name: told[name] for name in FIELDS})

    def __str__(self) -> str:
        """Give the setting in one line."""
        front = ", ".join(yaml12.flow(each) for each in self.front()) or "as measured"
        varied = "nothing varied" if self.augment is None else f"varied {yaml12.flow(self.augment.keys)}"
        trained = f"{self.epochs} epochs, lr {self.lr:g}"
        more = {"label smoothing": self.label_smoothing, "mixup": self.mixup, "LDA": self.blend}
        rest = "".join(f", {name} {value:g}" for name, value in more.items() if value)
        return f"{front}; {varied}; {self.model.name} {yaml12.flow(self.model.keys)}; {trained}{rest}"


def _call(value: str | dict[str, Any]) -> Call:
    return Call(value) if isinstance(value, str) else Call(*next(iter(value.items())))
