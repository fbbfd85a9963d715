"""Is what pruning promised kept, accuracy and latency? Where it is not, the last model that kept it is left, to go on with."""

from __future__ import annotations

import shutil
from typing import Any

from torch import nn

from edgespec import artifact
from edgespec.compression.pruning.budget import Budget, Latency
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

    def hold_latency(self, to: Budget, found: Latency, share: float) -> dict[str, Any]:
        """Hold the fitted model to the latency asked for, and say where fewer products brought no less time; give what is to be told.

        share: of the multiply-accumulates that are left. Raises BrokenPromise where the model surely takes longer.
        """
        longest = to.longest()
        if longest is not None and not found.meets(longest, sure=True):
            raise self.broken(
                f"the pruned model answers in {found.told()}, more than 'to.latency' {to.latency}",
                "a quieter machine, or fewer blocks (depths)",
            )
        if not found.falls():
            self.job.progress.say(
                f"{share:.0%} of the MACs are left, but latency did not fall: {found.told()}; see depths"
            )
        return {**found.plain(), "falls": found.falls()}

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
