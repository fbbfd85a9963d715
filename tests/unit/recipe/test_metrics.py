"""Every metric has what a verdict needs of it."""

from __future__ import annotations

import pytest

from edgespec.recipe.metrics import DEFAULTS, GROWING, METRICS, POINTS, REGRESSIONS, SAME


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_has_a_sentence_a_remedy_and_a_unit(name: str) -> None:
    metric = METRICS[name]
    assert metric.about.endswith(".")
    assert metric.remedy
    example = {"size": "64 kB", "memory": "100 MB", "energy": "5 mJ", "flash": "1 MB", "ram": "16 kB"}.get(
        name, "5 ms" if metric.per_target else 0.5
    )
    assert metric.show(metric.read(example))


def test_what_can_be_lost_against_a_baseline_can_be_promised() -> None:
    assert set(REGRESSIONS) <= set(METRICS)
    assert set(DEFAULTS) <= set(REGRESSIONS)
    assert not set(SAME) & set(METRICS)
    assert all(not METRICS[name].high for name in GROWING), "what grows is worse"
    assert not set(POINTS) & set(GROWING)
