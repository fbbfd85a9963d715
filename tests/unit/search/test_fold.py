"""What a fold's steps make is judged on the fold, each file once."""

from __future__ import annotations

import pytest
import tiny_job

from edgespec.evaluation import scoring
from edgespec.search import fold


def test_of_files_only_the_new_ones_are_judged() -> None:
    line = tiny_job.line("cnn")
    (title, file), *more = fold.models(line.int8, line.float32, "quantize")
    assert (title, more) == ("quantize cpu-int8", [])
    named = fold.right(line.job, line.checkpoint)
    assert named / len(line.job.splits.test) == scoring.score(line.job, line.checkpoint)[0].accuracy
    assert fold.right(line.job, file) == pytest.approx(named, abs=0.05 * len(line.job.splits.test))
