"""The model card: what a person who finds the bundle years later wants to know, with Hugging Face's front matter.

Mitchell et al. 2019, arXiv:1810.03993; the metadata block: Hugging Face Hub, model cards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import yaml

from edgespec import units
from edgespec.contract import Contract
from edgespec.report import Report, Row


def text(report: Report, variant: str, said: Contract, size_bytes: int) -> str:
    """Give the text of MODEL_CARD.md for one file of a run."""
    row = next(each for each in report.last() if each.variant == variant)
    front = yaml.safe_dump(_front(report, row, said), sort_keys=False, allow_unicode=True)
    parts = [f"---\n{front}---", f"# {report.recipe}: {row.model}, {variant}", _about(report, row, size_bytes)]
    if said.data == "embedded":
        parts.append(
            "> **data: embedded.** Trained on generated spectra: for trying the tool-chain, not for measurements."
        )
    parts += ["## Spectrum", _table(_spectrum(said)), "## How good it is", _table(_scores(row))]
    parts += ["## Labels", ", ".join(said.labels), "## How to use it", USE, _python(said), _cpp(said), C]
    parts += ["## Limits", _limits(report, variant)]
    return "\n\n".join(parts) + "\n"


USE = """```
python runner.py predict . SPECTRUM.csv      # a label, its probability, and whether the model knows such a spectrum at all
python runner.py verify .                    # checksums, contract, and the stored spectra answered again
```

The graph takes the raw spectrum on the axis above: resampling by linear interpolation is the caller's only task (`predict` does it).
Everything else is inside. Outputs: `logits`, `probabilities` (n, classes), `score` (n, 1): below the threshold the answer is "unknown"."""


def _python(said: Contract) -> str:
    """Give ten lines that ask the file with ONNX Runtime alone."""
    axis = said.values()
    if not np.allclose(axis, np.linspace(axis[0], axis[-1], len(axis))):
        return f"The file's input is `spectrum`, float32, (n, {len(axis)}), on the axis in `contract.json`."
    return f"""The file's input is `spectrum`, float32, (n, {len(axis)}). In Python, without edgespec:

```python
import json
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
labels = json.load(open("contract.json", encoding="utf-8"))["labels"]
axis = np.linspace({float(axis[0])!r}, {float(axis[-1])!r}, {len(axis)})  # {said.unit}
measured, intensity = np.loadtxt("spectrum.csv", delimiter=",", unpack=True)  # increasing, without a head
spectrum = np.interp(axis, measured, intensity).astype(np.float32)[None]
(logits,) = session.run(["logits"], {{"spectrum": spectrum}})
probabilities = np.exp(logits[0] - logits.max()) / np.exp(logits[0] - logits.max()).sum()
print(labels[probabilities.argmax()], probabilities.max())
```"""


C = """In C, without a runtime: `edgespec export RUN --target c_x86` writes `model.h` and `model.c` of this network.
Compile with `cc -O2 main.c model.c -lm`.

```c
#include <stdio.h>
#include "model.h"

static _Alignas(MODEL_ALIGNMENT) unsigned char workspace[MODEL_WORKSPACE];

void classify(const float *spectrum)
{
    struct model_answer answer;
    if (model_run(spectrum, workspace, sizeof workspace, &answer) == MODEL_OK)
        puts(answer.known ? model_labels[answer.label] : "unknown");
}
```"""


def _cpp(said: Contract) -> str:
    """Give ten lines of C++ for ONNX Runtime; its headers are not here, so no test compiles them."""
    points = len(said.values())
    return f"""In C++, with ONNX Runtime's headers:

```cpp
#include <array>
#include <vector>
#include <onnxruntime_cxx_api.h>

Ort::Env env;
Ort::Session session(env, ORT_TSTR("model.onnx"), Ort::SessionOptions{{}});
std::vector<float> spectrum({points});  // the intensities on the axis above
std::array<int64_t, 2> shape{{1, {points}}};
auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
auto input = Ort::Value::CreateTensor<float>(memory, spectrum.data(), spectrum.size(), shape.data(), shape.size());
const char *inputs[] = {{"spectrum"}}, *outputs[] = {{"probabilities"}};
auto answer = session.Run(Ort::RunOptions{{}}, inputs, &input, 1, outputs, 1);
const float *probabilities = answer[0].GetTensorData<float>();  // in the order of the labels above
```"""


def _front(report: Report, row: Row, said: Contract) -> dict[str, Any]:
    metrics = [{"type": "accuracy", "value": row.accuracy}, {"type": "ece", "value": row.scores["ece"]}]
    task = {"type": "other", "name": "spectrum classification"}
    dataset = {"type": "spectra", "name": report.data["name"]}
    return {
        "library_name": "onnx",
        "tags": ["spectroscopy", *([said.technique.lower()] if said.technique else []), "onnx", "edgespec"],
        "model-index": [{"name": report.recipe, "results": [{"task": task, "dataset": dataset, "metrics": metrics}]}],
        "spectral": {
            "technique": said.technique or None,
            "intensity": said.intensity or None,
            "unit": said.unit,
            "window": [said.window["low"], said.window["high"]],
            "points": len(said.values()),
            "laser_nm": list(said.laser),
            "preprocessing": said.preprocess,
            "data": said.data,
            "data_digest": said.digest,
        },
    }


def _about(report: Report, row: Row, size_bytes: int) -> str:
    versions = report.environment["versions"]
    return (
        f"{units.show_size(size_bytes)}, {units.show_count(row.params or 0)} parameters, {units.show_count(row.macs or 0)} "
        f"multiply-accumulates a spectrum. Made by edgespec {versions['edgespec']} (torch {versions['torch']}, "
        f"ONNX Runtime {versions['onnxruntime']}), recipe `{report.recipe}`, seed {report.seed}."
    )


def _spectrum(said: Contract) -> list[tuple[str, str]]:
    axis = said.values()
    laser = ", ".join(f"{each:g}" for each in said.laser)
    return [
        ("technique", said.technique or "not known"),
        ("intensities", said.intensity or "not known"),
        ("axis of the graph", f"{axis[0]:g} to {axis[-1]:g} {said.unit}, {len(axis)} points"),
        ("window of the model", f"{said.window['low']:g} to {said.window['high']:g} {said.unit}"),
        ("must be covered", f"{said.min_coverage:.0%} of the window"),
        ("lasers of the training spectra", f"{laser} nm" if laser else "not known"),
        ("preprocessing, in the graph", "; ".join(_call(each) for each in said.preprocess) or "none"),
        ("temperature, in the graph", f"{said.temperature:.3f}"),
        ("reject score", f"{said.score}, unknown below {said.threshold:.4f}" if said.threshold is not None else "none"),
        ("accepted of known spectra", _accepted(said.accepts)),
        ("label sets", _sets(said.sets)),
        ("training data", f"{said.data}, digest {said.digest}"),
    ]


def _accepted(accepts: dict[str, Any]) -> str:
    return f"at least {_guarantee(accepts)}" if accepts else "not known"


def _sets(sets: dict[str, Any]) -> str:
    if not sets:
        return "none"
    return f"every label of at least {sets['threshold']:.3g}: they hold the right one in at least {_guarantee(sets)}"


def _guarantee(told: dict[str, Any]) -> str:
    return (
        f"{told['mean']:.0%} on average, at least {told['low']:.0%} in 19 of 20 settings of the threshold "
        f"({told['samples']} validation samples; {told['asked']:.0%} asked)"
    )


def _scores(row: Row) -> list[tuple[str, str]]:
    scores, known = row.scores, row.reject
    found = [
        (
            "accuracy",
            f"{row.accuracy:.3f} (95 %: {scores['low']:.3f} to {scores['high']:.3f}; {scores['n']} test spectra)",
        ),
        ("calibration error", f"{scores['ece']:.3f} (95 %: {scores['ece_low']:.3f} to {scores['ece_high']:.3f})"),
    ]
    if row.robustness:
        found.append(("accuracy under perturbation", f"{row.robustness['mean']:.3f} (mean)"))
    if "auroc_unknown" in known:
        told = f"{known['auroc_unknown']:.3f} ({known['unknown']['classes']} unknown substances)"
        found.append(("told from unknown substances, AUROC", told))
    return found


def _limits(report: Report, variant: str) -> str:
    """List what limits this file: remarks on other files of the run are left out, those on int8 too where the file is a float file."""
    others = [row.variant for row in report.last() if row.variant != variant]
    mine = [note for note in report.notes if variant in note or not any(each in note for each in others)]
    lines = [*report.data["notes"], *(note for note in mine if "int8" in variant or "int8" not in note)]
    lines.append(
        "Scores are of spectra like the training data; another instrument wants its own test (`edgespec transfer`)."
    )
    return "\n".join(f"- {line}" for line in lines)


def _call(each: dict[str, dict[str, Any]]) -> str:
    (name, keys), *_ = each.items()
    return " ".join(
        [name, *(f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}" for key, value in keys.items())]
    )


def _table(rows: list[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)])
