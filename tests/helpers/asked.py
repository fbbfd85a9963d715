"""A teacher for tests: it knows the answers, and says how it is to be asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgespec.compression.teachers.questions import Questions

KNOWS = """
import sys
import numpy as np
q = np.load(sys.argv[1])
x, y, ask, k = q["train_x"], q["train_y"], q["ask"], len(q["labels"])
means = np.stack([x[y == c].mean(0) for c in range(k)])
z = -((ask[:, None] - means) ** 2).sum(2) / x.shape[1] * 4
p = np.exp(z - z.max(1, keepdims=True))
np.savez(sys.argv[2], probabilities=p / p.sum(1, keepdims=True), questions=q["questions"])
"""


def program(folder: Path, text: str = KNOWS) -> Path:
    """Write a teacher's program; it names the class of the nearest mean."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ask.py").write_text(text)
    return folder / "ask.py"


def even(asked: Questions, classes: int) -> NDArray[np.float64]:
    """Give the same probability to each class."""
    return np.full((len(asked.ask), classes), 1 / classes)
