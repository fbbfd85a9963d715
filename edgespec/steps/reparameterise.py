"""Fold the branches that a network trained with into one convolution each: the same answers, fewer operators.

Ding et al. (2021), RepVGG: making VGG-style ConvNets great again, arXiv:2101.03697, section 3.3. A model offers the folding itself
(`reparameterised`, models/__init__.py); this step checks that the answers stay, and refuses the network where they do not.
"""

from __future__ import annotations

import io
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge

from edgespec import models, storage
from edgespec.artifact import Checkpoint
from edgespec.errors import Mismatch, Mistake
from edgespec.evaluation import scoring
from edgespec.graph import onnx_file
from edgespec.job import Job
from edgespec.training import batches
from edgespec.training import teacher as teachers

TOLERANCE = 1e-4  # largest difference of the logits that is taken for rounding, as a share of the largest logit


def run(job: Job, original: Checkpoint, *, check: Annotated[int, Ge(64)] = 256) -> Checkpoint:
    """Fold each sum of branches (convolutions and their normalisations) into one convolution; the answers stay.

    check: training spectra on which both networks must agree; at least 64.
    """
    teachers.check(
        job, original, called="the network to be folded", hint="a network of these very classes and this axis"
    )
    before = models.load(original)
    offered: Any = getattr(before, "reparameterised", None)
    if offered is None:
        raise Mistake(
            f"{original.model} has no branches: there is nothing to fold",
            hint="leave the step 'reparameterise' out; repdwnet, and an ensemble with one, have branches",
        )
    after = offered()
    if after is None:
        raise Mistake(
            f"this {original.model} has no branches that are not folded already",
            hint="leave the step 'reparameterise' out",
        )
    difference = _difference(job, before, after, job.checked(check))
    told = {
        "difference": difference,
        "layers": {"before": _layers(before), "after": _layers(after)},
        "macs": {"before": scoring.macs(before, original.points), "after": scoring.macs(after, original.points)},
    }
    return batches.save(after, original.model, job, facts={**original.facts, "reparameterised": told})


def _difference(job: Job, before: torch.nn.Module, after: torch.nn.Module, raw: np.ndarray[Any, Any]) -> float:
    """Give the largest difference of the logits as a share of the largest; raise Mismatch where that, or a label, shows two networks."""
    x = batches.through(job.front(), torch.from_numpy(raw))
    source, found = (batches.logits(each, x).numpy() for each in (before, after))
    relative = float(np.abs(found - source).max()) / max(float(np.abs(source).max()), 1e-12)
    alike = onnx_file.same(source, found, onnx_file.TIE)
    if not np.isfinite(found).all() or relative > TOLERANCE or not alike.all():
        kept, evidence = io.BytesIO(), job.folder.parent / "reparameterise-mismatch.npz"
        np.savez(kept, x=raw, source=source, answers=found)
        storage.write(evidence, kept.getvalue())
        raise Mismatch(
            f"folded, the network answers otherwise: {int((~alike).sum())} of {len(x)} labels differ, the logits by {relative:.2g} "
            f"of the largest ({TOLERANCE:g} is allowed)",
            hint=f"the evidence is in {evidence}; weights that are no numbers, or a fit.lr far too large, do this",
        )
    return relative


def _layers(network: torch.nn.Module) -> int:
    return sum(isinstance(each, torch.nn.Conv1d | torch.nn.BatchNorm1d | torch.nn.Linear) for each in network.modules())
