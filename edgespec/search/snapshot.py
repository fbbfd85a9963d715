"""A search's shared memory as plain data: what front.json holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from edgespec.search import pareto, study
from edgespec.search.pareto import SCHEMA, Found
from edgespec.search.study import Study

STATES = dict(
    zip(
        (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING, TrialState.WAITING),
        pareto.STATES,
        strict=True,
    )
)


def gather(shared: Study, recipe: str, objectives: Sequence[str], target: str | None, asked: int) -> Found:
    """Give everything that a search knows so far, as JSON can hold it."""
    trials = [_plain(each) for each in study.counting(shared.trials())]
    references = [each["latency"]["reference_ms"] for each in trials if each.get("latency")]
    middle = float(np.median(references)) if references else None
    for each in trials:
        if each.get("latency") and middle:
            each["latency"]["ms"] = round(each["latency"]["ratio"] * middle, 6)
    tests = {key.split()[1]: value for key, value in shared.inner.user_attrs.items() if key.startswith("test ")}
    return {
        "schema": SCHEMA,
        "recipe": recipe,
        "objectives": list(objectives),
        "target": target,
        "asked": asked,
        "storage": study.shown(shared.url),
        "reference_ms": middle,
        "judged": shared.inner.user_attrs.get("judged"),
        "trials": trials,
        "front": pareto.front(trials, objectives),
        "test": tests,
    }


def _plain(each: FrozenTrial) -> Found:
    attrs = each.user_attrs
    told: Found = {key: attrs[key] for key in ("worker", "same_as") if key in attrs}
    if (why := attrs.get(study.FAILED) or attrs.get("ended")) is not None:
        told["why"] = why
    elif each.state == TrialState.FAIL:
        told["why"] = f"its worker died {study.AGAIN + 1} times"
    done = {"values": list(each.values), **attrs["found"]} if each.state == TrialState.COMPLETE else {}
    return {
        "number": study.number(each),
        "state": STATES[each.state],
        "params_drawn": dict(each.params),
        **told,
        **done,
    }
