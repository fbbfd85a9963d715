"""Names of classes in JSON."""

from __future__ import annotations

import fuzzing
import numpy as np

from edgespec.data.readers import labels

READER = "edgespec/data/readers/labels.from_json"
KIND = "json"


def seeds() -> list[bytes]:
    return [b'{"0": "Healthy", "1": "Ill"}', b'["Healthy", "Ill"]']


def feed(raw: bytes) -> None:
    names = labels.from_json(fuzzing.written("labels.json", raw))
    labels.classes(np.array([0, 1, 1]), "y", names)
