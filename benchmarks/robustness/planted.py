"""Regressions planted into a run that was whole: each harms one thing that a promise is about."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import helper, numpy_helper

from benchmarks.tools import resealed
from edgespec import report as reports
from edgespec.pipeline.run import Run
from edgespec.report import choice
from edgespec.runs import gate
from edgespec.runs.gate import Asked, Judged

LIMITS = {
    "accuracy": "1 %", "robust_accuracy": "2 %", "ece": "2 %", "unknown_auroc": "2 %", "accepted": "5 %",
    "size": "1 %", "params": "1 %", "macs": "1 %",
    "latency_p50": {"local": "10 %"}, "latency_p90": {"local": "10 %"}, "cold_start": {"local": "10 %"}, "memory": {"local": "10 %"},
    "energy": {"local": "10 %"},
}  # fmt: skip


def promise(run: Path, **gates: Any) -> Path:
    """Give a run other promises."""
    tree = yaml.safe_load((run / "recipe.yaml").read_text())
    resealed.recipe(run, yaml.safe_dump(tree | {"gates": gates}))
    return run


def judge(run: Path, **asked: Any) -> Judged:
    """Judge a run."""
    return gate.judge(Run(run), Asked(**asked))


def verdicts(found: Judged) -> dict[str, str]:
    """Give promise -> verdict."""
    return {f"{each['metric']} {each['target']}".strip(): each["verdict"] for each in found.report.gates}


def variant(run: Path) -> str:
    """Name the variant that a run ships here."""
    return str(choice.variant(reports.read(run)))


def shipped(run: Path) -> Path:
    """Give the file that a run ships."""
    return run / next(row.file for row in reports.read(run).last() if row.variant == variant(run))


def change(run: Path, how: Callable[[Any], None]) -> None:
    """Change the ONNX file that a run ships, and let the record that it lies beside know its new digest: a regression that nobody noticed."""
    path = shipped(run)
    model = onnx.load(path)
    how(model)
    onnx.save(model, path)
    reseal(run)


def reseal(run: Path) -> None:
    """Seal the last step of a run as its files are now."""
    resealed.step(run, reports.read(run).steps[-1]["folder"])


def said(key: str, how: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Change one entry of a file's contract."""

    def changed(model: Any) -> None:
        for each in model.metadata_props:
            if each.key == f"edgespec.{key}":
                each.value = json.dumps(how(json.loads(each.value)))

    return changed


def heavier(model: Any) -> None:
    """Three per cent more bytes."""
    entry = model.metadata_props.add()
    entry.key, entry.value = "ballast", "x" * (model.ByteSize() * 3 // 100 + 1)


def first_two_swapped(names: list[str]) -> list[str]:
    """The first two change places."""
    return [names[1], names[0], *names[2:]]


def _in_front(model: Any, nodes: list[Any], last: str) -> None:
    name = model.graph.input[0].name
    for node in model.graph.node:
        for k, each in enumerate(node.input):
            if each == name:
                node.input[k] = last
    for i, node in enumerate(nodes):
        model.graph.node.insert(i, node)


def slower(model: Any) -> None:
    """The preprocessing turns every spectrum over four hundred times first: the same answers, later."""
    name = model.graph.input[0].name
    turned = [helper.make_node("Neg", [f"turned_{i}" if i else name], [f"turned_{i + 1}"]) for i in range(400)]
    _in_front(model, turned, "turned_400")


def larger(model: Any) -> None:
    """Every spectrum goes through a dense layer that changes nothing: more weights, more products, the same answers."""
    each = model.graph.input[0]
    points = each.type.tensor_type.shape.dim[1].dim_value
    model.graph.initializer.append(numpy_helper.from_array(np.eye(points, dtype=np.float32), "same"))
    _in_front(model, [helper.make_node("MatMul", [each.name, "same"], ["as_it_was"])], "as_it_was")


def blunter(model: Any) -> None:
    """What is asked about is the spectrum's mirror image."""
    each = model.graph.input[0]
    points = each.type.tensor_type.shape.dim[1].dim_value
    turned = np.ascontiguousarray(np.eye(points, dtype=np.float32)[::-1])
    model.graph.initializer.append(numpy_helper.from_array(turned, "mirror"))
    _in_front(model, [helper.make_node("MatMul", [each.name, "mirror"], ["mirrored"])], "mirrored")


def without_answer(model: Any) -> None:
    """Probabilities and reject score are gone, as where `calibrate` was forgotten."""
    del model.graph.output[1:]


def row(run: Path, part: str, **changes: Any) -> None:
    """Change what the report says of the shipped file."""
    rows = json.loads((run / "report.json").read_text())["rows"]
    last = [each for each in rows if each["kind"] == "variant" and each["variant"] == variant(run)][-1]
    last[part] |= changes
    resealed.report(run, rows=rows)


def measured(run: Path, **changes: Any) -> None:
    """Change what was measured of every file on `local`."""
    bench = json.loads((run / "report.json").read_text())["bench"]
    for each in bench["local"]["measurements"]:
        each |= {key: value(each[key]) for key, value in changes.items()}
    resealed.report(run, bench=bench)


def variant_gone(run: Path) -> None:
    """A file that was made before is not made now."""
    report = reports.read(run)
    path = run / report.steps[-1]["folder"] / "artifact.json"
    record = json.loads(path.read_text())
    made = record["artifact"]["variants"]
    del made[next(name for name in made if name not in (variant(run), "default"))]
    path.write_text(json.dumps(record))
    resealed.step(run, report.steps[-1]["folder"])


def copy(run: Path, to: Path) -> Path:
    """Copy a run, to be harmed."""
    shutil.copytree(run, to)
    return to


def as_if_idle(run: Path) -> None:
    """Tell a benched run as if it had been measured on an idle machine with a power sensor, and unknown substances had been at hand."""
    measured(run, energy_mj=lambda _: 2.0, host=lambda host: {**host, "other_cores": 0.0}, noise=lambda _: 0.01)
    bench = json.loads((run / "report.json").read_text())["bench"]
    for each in bench["local"]["measurements"]:
        for name in ("p50", "p90"):
            each[f"{name}_ms"] = each["p50_ms"]
            each[f"{name}_interval_ms"] = [0.99 * each["p50_ms"], 1.01 * each["p50_ms"]]
    resealed.report(run, bench=bench)
    row(run, "reject", auroc_unknown=0.97, unknown={"data": "others", "spectra": 500, "classes": 20})


HARM: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "3 % more bytes": (lambda run: change(run, heavier), {"size"}),
    "labels swapped in the contract": (
        lambda run: change(run, said("labels", first_two_swapped)),
        {"accuracy", "contract"},
    ),
    "another axis": (
        lambda run: change(run, said("axis", lambda axis: {**axis, "start": axis["start"] + 1})),
        {"contract"},
    ),
    "another preprocessing in the contract": (
        lambda run: change(run, said("preprocess", lambda _: ["snv"])),
        {"contract"},
    ),
    "calibrate forgotten": (lambda run: change(run, without_answer), {"contract"}),
    "mirrored spectra": (
        lambda run: change(run, blunter),
        {"accuracy", "robust_accuracy", "size", "params", "macs"},
    ),
    "a dense layer for nothing": (lambda run: change(run, larger), {"params", "macs", "size"}),
    "a variant that is gone": (variant_gone, {"variants"}),
    "calibration lost": (lambda run: row(run, "scores", ece=0.4, ece_low=0.35, ece_high=0.45), {"ece"}),
    "the reject score is worse": (lambda run: row(run, "reject", auroc_unknown=0.7), {"unknown_auroc"}),
    "known substances are called unknown": (lambda run: row(run, "reject", accepted=0.3), {"accepted"}),
    "the reject score is gone": (lambda run: row(run, "reject", auroc_unknown=None), {"unknown_auroc"}),
    "slower": (
        lambda run: measured(run, p50_ms=lambda t: 1.5 * t, p50_interval_ms=lambda t: [1.5 * each for each in t]),
        {"latency_p50 local"},
    ),
    "a longer tail": (
        lambda run: measured(run, p90_ms=lambda t: 2 * t, p90_interval_ms=lambda t: [2 * each for each in t]),
        {"latency_p90 local"},
    ),
    "a slower start": (lambda run: measured(run, cold_load_ms=lambda t: 3 * t + 1000), {"cold_start local"}),
    "more memory": (lambda run: measured(run, peak_memory_bytes=lambda n: 2 * n), {"memory local"}),
    "more energy": (lambda run: measured(run, energy_mj=lambda _: 4.0), {"energy local"}),
    "energy no longer measured": (lambda run: measured(run, energy_mj=lambda _: None), {"energy local"}),
}
