"""What one call of a model takes in energy: mean power of back-to-back calls, less that of an idle machine, times the time of one."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np

from measure import power
from measure.bench import named, read_spectra
from measure.machine import pin
from measure.sensor_log import Watch
from measure.timing import warm_up
from model import find_runtime, open_model

HZ = 10.0
FEWEST = 10  # readings without which a mean power is none
SETTLE_S = 0.5


def energy(request: dict[str, Any], name: str) -> dict[str, Any]:
    """Give `mj`, millijoules of one call, and in `reason` rail and rate; `mj` is None where it can't be told, and `reason` says why.

    Idle is what the machine draws for `idle_seconds` before the calls, with the model loaded, and as long after them.
    """
    rails, reason = power.find()
    if not rails:
        return {"mj": None, "reason": reason}
    cores = pin(request["threads"])
    x = np.ascontiguousarray(read_spectra(request["spectra"]))
    one = named(request, name)
    model = open_model(find_runtime(one.get("runtime", request["runtime"])), one, request["threads"], x.shape[1])
    rows = [x[i : i + 1] for i in range(len(x))]
    warm_up(model.infer, rows, request)
    with Watch(cores, HZ) as watch:
        idle = [_idle(watch, request["idle_seconds"])]
        begin, calls, stream = time.monotonic(), 0, itertools.cycle(rows)
        while time.monotonic() - begin < request["energy_seconds"]:
            for row in itertools.islice(stream, 100):
                model.infer(row)
            calls += 100
        seconds = time.monotonic() - begin
        busy = [line for line in watch.lines(begin) if line["t"] <= begin + seconds]
        idle.append(_idle(watch, request["idle_seconds"]))
    told = [power.watts(rails, lines) for lines in (busy, *idle)]
    label = "+".join(rail.name for rail in rails)
    facts = {"rail": label, "kind": rails[0].kind, "readings": len(busy), "seconds": seconds, "calls": calls}
    if None in told or len(busy) < FEWEST:
        return dict(
            facts,
            mj=None,
            reason=f"{label}: {len(busy)} readings in {seconds:.1f} s, {_lacks(busy, idle)}, and it needs {FEWEST} that are whole",
        )
    busy_w, idle_w = told[0], (told[1] + told[2]) / 2  # type: ignore[operator]
    facts.update(busy_w=busy_w, idle_w=idle_w)
    if busy_w <= idle_w:
        return dict(
            facts, mj=None, reason=f"{label}: {busy_w:.2f} W, no more than the {idle_w:.2f} W of an idle machine"
        )
    rate = f"{len(busy) / seconds:.1f} readings a second for {seconds:.0f} s"
    return dict(
        facts,
        mj=(busy_w - idle_w) * seconds / calls * 1e3,
        reason=f"{label} ({rails[0].kind}), {rate}: {busy_w:.2f} W, {idle_w:.2f} W idle",
    )


def _lacks(busy: list[dict[str, Any]], idle: list[list[dict[str, Any]]]) -> str:
    """Say why readings give no mean power."""
    if any(power.runs_back(lines) for lines in (busy, *idle)):
        return "whose clock went back"
    return "some without a rail" if len(busy) >= FEWEST else "too few"


def _idle(watch: Watch, seconds: float) -> list[dict[str, Any]]:
    time.sleep(SETTLE_S)
    begin = time.monotonic()
    time.sleep(seconds)
    return watch.lines(begin)
