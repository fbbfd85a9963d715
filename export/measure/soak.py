"""How one model's latency goes while the machine warms up: calls back to back for minutes, told second by second."""

from __future__ import annotations

import itertools
import statistics
import time
from typing import Any

import numpy as np

from measure.bench import named, read_spectra
from measure.machine import pin
from measure.sensor_log import Watch, summary
from measure.timing import calls_in_sample, time_calls, timer_step
from model import find_runtime, open_model

WINDOW_S = 1.0


def soak(request: dict[str, Any], name: str) -> dict[str, Any]:
    """Call a model for `soak_seconds`; give `series`: of each second its begin `t` (s), calls, P50 and P90 in ns; and `sensors`.

    Nothing warms up beforehand: the first minute is what a user meets.
    """
    cores = pin(request["threads"])
    x = np.ascontiguousarray(read_spectra(request["spectra"]))
    one = named(request, name)
    model = open_model(find_runtime(one.get("runtime", request["runtime"])), one, request["threads"], x.shape[1])
    rows = [x[i : i + 1] for i in np.random.RandomState(int(request["seed"])).permutation(len(x))]
    stream, series = itertools.cycle(rows), []
    first = statistics.median(time_calls(model.infer, itertools.islice(stream, 11)))
    block = calls_in_sample(first, timer_step(), request["block_us"])
    with Watch(cores) as watch:
        begin = time.monotonic()
        while time.monotonic() - begin < request["soak_seconds"]:
            opened, samples = time.monotonic(), []
            while not samples or time.monotonic() - opened < WINDOW_S:
                samples += time_calls(model.infer, itertools.islice(stream, 10 * block), block=block)
            low, high = np.quantile(samples, [0.5, 0.9], method="inverted_cdf") / block
            series.append(
                {"t": opened - begin, "calls": len(samples) * block, "p50_ns": float(low), "p90_ns": float(high)}
            )
        lines = watch.lines()
    return {"model": name, "block": block, "series": series, "sensors": summary([], lines)}
