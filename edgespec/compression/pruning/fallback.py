"""What is left where pruning fails: the last model that kept its promise, and how to go on with it."""

from __future__ import annotations

import shutil
from typing import Any

from torch import nn

from edgespec import artifact
from edgespec.errors import BrokenPromise
from edgespec.job import Job
from edgespec.training import batches

SURE = 1.96  # standard errors of a loss of accuracy that is no chance


class Fallback:
    """The last model that kept `max_drop`, on disk beside the step's folder for as long as the step may fail.

    model: of what kind it is, by its name in a recipe
    """

    def __init__(self, job: Job, model: str) -> None:
        self.job, self.model, self.told = job, model, ""
        self.folder = job.folder.parent / f"{job.folder.name.removesuffix('.part')}-kept"
        self.forget()

    def hold(self, network: nn.Module, cost: dict[str, Any], max_drop: float, what: str) -> None:
        """Keep the network; raise BrokenPromise where it surely lost more than it may."""
        drop, error = cost["drop"], cost["drop_error"]
        if drop - SURE * error > max_drop:
            raise self.broken(
                f"{what} loses {drop:.3f} (at least {drop - SURE * error:.3f}) of the validation accuracy, more than max_drop {max_drop:g}",
                "a larger budget or max_drop, or more epochs",
            )
        self.told = f"{what}, validation {cost['valid']:.3f}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        made = batches.save(network, self.model, self.job, folder=self.folder, facts={"kept": self.told})
        artifact.seal(made, {"step": "prune", "digest": ""})

    def broken(self, message: str, hint: str) -> BrokenPromise:
        """Word a promise that was broken, with what is kept all the same."""
        if not self.told:
            return BrokenPromise(f"{message}; no round before it kept it", hint)
        kept = f"the last model within max_drop is in {self.folder}: {self.told}"
        return BrokenPromise(
            f"{message}; {kept}", f"{hint}; or go on with what is kept: adopt: {{checkpoint: {self.folder}}}"
        )

    def forget(self) -> None:
        """Remove what was kept."""
        shutil.rmtree(self.folder, ignore_errors=True)
