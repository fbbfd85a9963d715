"""The settings that tuning chooses among: fronts, strengths of augmentation, networks and how they are trained.

Each value was the best of some measured set: the high-pass of RRUFF's minerals, SNV of dried saliva and COV, intensities as they are where
they say something, light augmentation where classes differ by less than instruments do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import optuna

from edgespec.recipe import Call
from edgespec.recipe.setting import Setting

FRONTS = {
    "highpass": (Call("highpass", {"window": 62.0}), Call("signed_sqrt"), Call("rms")),
    "highpass narrow": (Call("highpass", {"window": 31.0}), Call("signed_sqrt"), Call("rms")),
    "snv": (Call("snv"),),
    "rms": (Call("rms"),),
    "root snv": (Call("signed_sqrt"), Call("snv")),
    "derivative": (Call("savgol", {"window": 18.0, "order": 2, "derivative": 1}), Call("snv")),
    "as measured": (),
}
LIGHT = {"shift": 1.0, "stretch": 0.0005, "blur": 1.0, "tilt": 0.1, "drift": 0.1, "noise": 0.01}
MEDIUM = {"shift": 4.0, "stretch": 0.003, "blur": 4.0, "tilt": 0.25, "drift": 0.6, "noise": 0.03}
STRONG = {"shift": 6.0, "stretch": 0.003, "blur": 4.0, "tilt": 0.25, "drift": 3.0, "noise": 0.08}
AUGMENTS = {
    "none": None,
    "light": Call("instrument", LIGHT),
    "medium": Call("instrument", MEDIUM),
    "strong": Call("instrument", STRONG),
}
SMALL = {
    "cnn 8-16-16-16": Call("cnn", {"widths": [8, 16, 16, 16]}),
    "cnn 8-16-32": Call("cnn", {"widths": [8, 16, 32]}),
    "mlp 10": Call("mlp", {"components": 10, "widths": [128, 64]}),
    "mlp 20": Call("mlp", {"components": 20, "widths": [128, 64]}),
    "mlp 30": Call("mlp", {"components": 30, "widths": [128, 64]}),
    "mlp 50": Call("mlp", {"components": 50, "widths": [128, 64]}),
    "linear 20": Call("mlp", {"components": 20, "widths": []}),
    "linear 60": Call("mlp", {"components": 60, "widths": []}),
}
LARGE = {
    "cnn 16-32-64": Call("cnn", {"widths": [16, 32, 64]}),
    "drsn": Call("drsn", {"depths": [2, 2, 2], "positions": 16}),
    "pace 256": Call("pace", {"dim": 256}),
    "mlp 30 wide": Call("mlp", {"components": 30, "widths": [256, 128]}),
    "mlp 50 wide": Call("mlp", {"components": 50, "widths": [256, 128]}),
}
OWN = "draft"
DENSE = 2  # times the draft's epochs that a network without convolutions is given: an epoch costs it little
LENGTHS, RATES, SMOOTHINGS, MIXUPS, BLENDS = (1, 2), (1e-3, 3e-3), (0.0, 0.1), (0.0, 0.4), (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Space:
    """What may be drawn. start: the setting of the draft, judged first; networks: name -> network; spectra: that a fold learns from, about"""

    start: Setting
    networks: Mapping[str, Call]
    spectra: int

    @property
    def fronts(self) -> dict[str, tuple[Call, ...]]:
        """Give the fronts by name, the draft's own among them."""
        own = {} if self.start.preprocess in FRONTS.values() else {OWN: self.start.preprocess}
        return {**FRONTS, **own}

    @property
    def augments(self) -> dict[str, Call | None]:
        """Give the augmentations by name, the draft's own among them."""
        own = {} if self.start.augment in AUGMENTS.values() else {OWN: self.start.augment}
        return {**AUGMENTS, **own}

    def starts(self) -> list[dict[str, Any]]:
        """Give what is tried before anything is drawn: one that trains in seconds, the draft's own, then fronts and strengths, quick ones first."""
        like = {"epochs": 1, "lr": 3e-3, "smoothing": 0.0, "mixup": 0.0, "blend": 0.0}
        first = next(iter(self.networks))
        dense = next(name for name in self.networks if name.startswith("mlp 30"))
        pairs = [
            (dense, "as measured", "none"), (dense, "snv", "none"), (dense, "highpass", "none"), (first, "snv", "light"),
            (first, "highpass", "none"), (dense, "snv", "light"), (first, "rms", "medium"), (first, "root snv", "none"),
        ]  # fmt: skip
        found = [{"network": name, "front": front, "augment": varied, **like} for name, front, varied in pairs]
        linear = {**like, "network": "linear 60", "front": "snv", "augment": "none", "blend": 1.0}
        return [found[0], self._own(), *found[1:3], *([linear] if "linear 60" in self.networks else []), *found[3:]]

    def _own(self) -> dict[str, Any]:
        """Give what draws the draft's own setting."""
        mine = self.start
        return {
            "network": _name(self.networks, mine.model),
            "front": _name(self.fronts, mine.preprocess),
            "augment": _name(self.augments, mine.augment),
            **{"epochs": 1, "lr": mine.lr, "smoothing": mine.label_smoothing, "mixup": mine.mixup, "blend": mine.blend},
        }

    def draw(self, trial: optuna.Trial) -> Setting:
        """Give a trial's setting. Networks with few spectra for their components are cut to as many as there can be."""
        network = self._fitting(self.networks[trial.suggest_categorical("network", list(self.networks))])
        front = self.fronts[trial.suggest_categorical("front", list(self.fronts))]
        varied = self.augments[trial.suggest_categorical("augment", list(self.augments))]
        length = trial.suggest_categorical("epochs", LENGTHS)
        lr = trial.suggest_categorical("lr", RATES)
        smoothing = trial.suggest_categorical("smoothing", SMOOTHINGS)
        mixup = trial.suggest_categorical("mixup", MIXUPS)
        blend = trial.suggest_categorical("blend", BLENDS)
        return replace(
            self.start, preprocess=front, augment=varied, model=network, lr=lr,
            epochs=length * self.start.epochs * (DENSE if network.name == "mlp" != self.start.model.name else 1),
            label_smoothing=smoothing, mixup=mixup, blend=blend,
        )  # fmt: skip

    def _fitting(self, network: Call) -> Call:
        if network.name != "mlp":
            return network
        most = max(min(int(network.keys["components"]), self.spectra // 4), 1)
        return Call("mlp", {**network.keys, "components": most})


def space(start: Setting, matters: str, spectra: int) -> Space:
    """Give what may be drawn where `matters` is size, latency or accuracy; spectra: those that a fold learns from, about."""
    networks = {**LARGE, **SMALL} if matters == "accuracy" else SMALL
    return Space(start, networks, spectra)


def _name(among: Mapping[str, Any], value: Any) -> str:
    return next(name for name, each in among.items() if each == value)
