"""The files of a model in every runtime at hand, with labels and without."""

from __future__ import annotations

from pathlib import Path

import foreign_models as fm
import tiny_job

from edgespec.graph.foreign import adoption
from edgespec.graph.foreign.adoption import Told
from edgespec.job import Silent
from edgespec.runs import matrix


def test_it_compares_without_labels_as_with_them(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "1-adopt", preprocess=())
    made = adoption.adopt(job, Told(fm.linear(job, tmp_path / "m.onnx"), fm.LABELS))
    x, y = job.spectra.x[job.splits.test], job.spectra.y[job.splits.test]
    with_labels = matrix.compare(made, x, y, tmp_path, 0.05, 0, Silent())
    without = matrix.compare(made, x, None, tmp_path, 0.05, 0, Silent())
    for one, other in zip(with_labels.cells, without.cells, strict=True):
        assert (one.verdict, one.agreement, one.n) == (other.verdict, other.agreement, other.n)
        assert other.accuracy is None
    own = [each for each in with_labels.cells if each.runtime == "onnxruntime"]
    assert [each.variant for each in own] == ["default", "float32"]
    assert all(each.accuracy is not None and each.accuracy > 0.9 for each in own)
    assert with_labels.reference == "default"
    assert not list(tmp_path.glob(".matrix-*"))
