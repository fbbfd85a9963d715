"""One table: what compression is asked to bring, beside what it brought; every figure from a script that anyone can run.

    python -m benchmarks.tables.compression

Reads benchmarks/results/local and says which command is to be run for what is absent there. Accuracies are of test parts that nothing
was chosen by, differences are taken run by run, `edgespec/evaluation/difference.py` has their intervals; latencies are ratios of files measured in
turns, one spectrum at a time on one thread. Prints Markdown and writes benchmarks/results/local/compression.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from benchmarks.tools.results import LOCAL as RESULTS
from edgespec.search.repeat import gained

LATENCY = {"cnn": 0.33, "pace": 0.27, "drsn": 0.60, "efficientnet": 0.50}  # of the plain default export's, int8


class Line(NamedTuple):
    """What is asked, what was found in words, whether it is met (None: not known), and on how much."""

    asked: str
    found: str
    met: bool | None
    on: str


def main() -> None:
    lines = [*pruned_drsn(), *exits(), *pruned_pace(), *integers(), *rounded(), *four_bits()]
    (RESULTS / "compression.json").write_text(json.dumps([each._asdict() for each in lines], indent=1) + "\n", "utf-8")
    print("| asked | found | met | on |\n| --- | --- | --- | --- |")
    words = {True: "yes", False: "no", None: "not measured"}
    print("\n".join(f"| {each.asked} | {each.found} | {words[each.met]} | {each.on} |" for each in lines))


def known(name: str) -> Any:
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def absent(asked: str, command: str) -> Line:
    return Line(asked, f"`{command}`", None, "")


def row(found: dict[str, Any], word: str) -> tuple[str, np.ndarray]:
    """Give title and accuracies of the last row whose title ends so."""
    title = next(each for each in reversed(found["accuracy"]) if each.endswith(word))
    return title, np.array(found["accuracy"][title])


def runs(found: dict[str, Any]) -> str:
    return f"{found['runs']} runs, {found['test_spectra'][0]} spectra, {found['host']['cpu']}"


def pruned_drsn() -> Iterator[Line]:
    asked = "DRSN, 192 minerals: a quarter of the MACs, at most 0.5 points lost, 0.45 of the latency, 2 points under drift 0.5"
    if not (found := known("drsn_prune")):
        yield absent(
            asked, "edgespec repeat recipes/drsn_prune.yaml --runs 3 --save benchmarks/results/local/drsn_prune.json"
        )
        return
    (whole, before), (small, after) = row(found, "train"), row(found, "prune")
    gap, shares = after - before, found["pruned"]
    drift = [np.array(found["judged"][each]["drift 0.5"]) for each in (whole, small)]
    worse, ratio, left = drift[1] - drift[0], np.mean(shares["latency"]), np.mean(shares["macs"])
    text = f"{left:.0%} of the MACs, {gained(found, list(gap))} of {before.mean():.3f}, latency {ratio:.2f}, drift 0.5 {gained(found, list(worse))}"
    met = bool(left <= 0.25 and gap.mean() >= -0.005 and ratio <= 0.45 and worse.mean() >= -0.02)
    yield Line(asked, text, met, runs(found))


def exits() -> Iterator[Line]:
    for task, least in (("minerals192", 0.93), ("rruff10", 0.985)):
        asked = f"drsn_lda, {task}: at least {least} at 7 % of the whole network's latency"
        found = (known("drsn_lda") or {}).get(task)
        if not found:
            yield absent(asked, f"python -m benchmarks.accuracy.drsn_lda --task {task}")
            continue
        right = [each["accuracy"]["shipped, float32"] for each in found]
        taken = [each["latency"]["shipped, float32"]["ratio"] for each in found]
        each = ", ".join(f"{value:.3f}" for value in right)
        text = f"{np.mean(right):.3f} ({each}) at {np.mean(taken):.3f} of the plain export's ({min(taken):.3f} to {max(taken):.3f})"
        met = bool(np.mean(right) >= least and np.mean(taken) <= 0.07)
        yield Line(
            asked, text, met, f"{len(found)} runs, {found[0]['test_spectra']} spectra, {found[0]['host']['cpu']}"
        )


def pruned_pace() -> Iterator[Line]:
    asked = "PACE pruned: above the same network from scratch, three seeds"
    if not (found := known("pace_prune_int8")):
        yield absent(
            asked,
            "edgespec repeat recipes/pace_prune_int8.yaml --runs 3 --save benchmarks/results/local/pace_prune_int8.json",
        )
        return
    gap = row(found, "prune")[1] - row(found, "control")[1]
    text = f"{row(found, 'prune')[1].mean():.3f}, {gained(found, list(gap))} against its control"
    yield Line(asked, text, bool(gap.mean() > 0), runs(found))


def integers() -> Iterator[Line]:
    """The ratios of int8 files that quantisation.py measured."""
    found = known("quantisation") or {}
    for kind, most in LATENCY.items():
        asked = f"int8 (cpu) of a {kind}: at most {most:.2f} of the plain default export's latency"
        mine = {title: each for title, each in found.items() if title.startswith(kind)}
        if not mine:
            yield absent(asked, "python -m benchmarks.latency.quantisation")
            continue
        for title, each in mine.items():
            pair = next(
                one for one in each["cells"] if one["variant"] == "cpu-int8" and one["runtime"] == "onnxruntime"
            )
            low, high = pair["ratio_interval"]
            text = f"{title}: {pair['ratio']:.2f} [{low:.2f}, {high:.2f}]"
            flags = ", ".join(each["host"]["flags"])
            yield Line(asked, text, pair["ratio"] <= most, f"n {pair['samples']}, {each['host']['cpu']} ({flags})")


def rounded() -> Iterator[Line]:
    """What int8 loses against its float file: clean, and under the perturbation where it loses most."""
    for name in ("rruff_distill", "rruff10", "minerals192"):
        asked = f"{name}, int8 against float32: 0.5 points clean, 2 points under every perturbation"
        if not (found := known(name)):
            yield absent(
                asked, f"edgespec repeat recipes/{name}.yaml --runs 3 --save benchmarks/results/local/{name}.json"
            )
            continue
        (whole, before), (small, after) = row(found, "calibrate float32"), row(found, "calibrate cpu-int8")
        gaps = {
            each: float(np.mean(found["judged"][small][each]) - np.mean(values))
            for each, values in found["judged"][whole].items()
            if each in PERTURBED
        }
        at = min(gaps, key=lambda each: gaps[each])
        text = f"{gained(found, list(after - before))} clean, {gaps[at]:+.3f} at '{at}'"
        yield Line(asked, text, bool((after - before).mean() >= -0.005 and gaps[at] >= -0.02), runs(found))


PERTURBED = (
    *(f"shift {each}" for each in ("+1", "-1", "+3", "-3", "+5", "-5")), "stretch +0.3 %", "stretch -0.3 %", "blur 4", "drift 0.5",
    "drift 1", "drift 5", "SNR 20 dB", "SNR 10 dB", "shot SNR 20", "spikes", "scale x1000", "scale /1000", "laser 532 to 785",
)  # fmt: skip


def four_bits() -> Iterator[Line]:
    asked = "192 minerals, weights of 4 bits: at least 0.92 in 40 kB"
    if not (found := known("minerals192_int4")):
        yield absent(
            asked,
            "edgespec repeat recipes/minerals192_int4.yaml --runs 3 --save benchmarks/results/local/minerals192_int4.json",
        )
        return
    title, right = row(found, "calibrate int4")
    size, each = found["bytes"][title] / 1000, ", ".join(f"{value:.3f}" for value in right)
    text = f"{right.mean():.3f} ({each}) in {size:.1f} kB; float32 {row(found, 'calibrate float32')[1].mean():.3f}"
    yield Line(asked, text, bool(right.mean() >= 0.92 and size <= 40), runs(found))


if __name__ == "__main__":
    main()
