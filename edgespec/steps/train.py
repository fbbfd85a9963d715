"""Train a model on labelled spectra: the reference that every later step is compared with."""

from __future__ import annotations

from typing import Annotated

from torch.nn import functional

from edgespec import models, training
from edgespec.artifact import Checkpoint
from edgespec.job import Fit, Job, Part
from edgespec.recipe import Call


def run(
    job: Job,
    *,
    model: Annotated[Call, "models"],
    on: Part = None,
    label_smoothing: float = 0.0,
    fit: Fit = Fit(),
) -> Checkpoint:
    """Train `model` by cross-entropy on the labels of the training part.

    model: the network.
    on: the training part it learns from; all of them if not said.
    label_smoothing: share of the target that is spread over all classes (0 to 1).
    fit: how long and how fast to train.
    """
    rows, y = job.splits.rows(on), training.labels(job, job.splits.rows(on))
    shape = {"points": training.front(job).points, "classes": len(job.spectra.labels)}
    network = models.build(model, **shape, seed=job.seed)
    history = training.fit(
        network,
        job,
        fit,
        epoch_of=lambda epoch: (training.varied(job, rows, seed=job.seed * 1000 + epoch), y),
        loss=lambda out, y: functional.cross_entropy(out, y, label_smoothing=label_smoothing),
        judge=training.accuracy(job, job.splits.rows(on, valid=True)),
        judged=training.samples(job, job.splits.rows(on, valid=True)),
        what=f"train {model.name}",
    )
    facts = {"history": history, "labels_used": len(rows), "spectra_used": len(rows)}
    return models.save(network, model.name, job.folder, **shape, facts=facts)
