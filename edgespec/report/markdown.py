"""The report as Markdown, with a picture of accuracy against latency against size beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from edgespec import storage
from edgespec.errors import visible
from edgespec.report import Report, tables
from edgespec.report.figures import picture
from edgespec.report.tables import comparison, mistakes, pruning, quantization, robustness, uncertainty
from edgespec.report.tables.layout import Grid

KNOWN = (
    "ECE and its interval are of the stated probabilities (before `calibrate`: of the model as trained). The reject score tells the "
    "test spectra from the same with their bands elsewhere (`displaced`) and from substances that no model here has seen (`unknown`). "
    "`accepted` and `unknown refused` are at the threshold in the contract. Errors are among the test spectra that the score is surest of."
)
PRUNED = (
    "Accuracy on the validation part, the model fitted after each round; `drop` is what it lost against the unpruned model, spectrum by "
    "spectrum, with its 95 % interval. Below: what it was without a share of one group's weakest channels, before anything was learnt "
    "again, and how many of its channels stay."
)
ROBUST = (
    "Accuracy on the same test spectra, perturbed; bold is what costs a model most. `robust drop` is the accuracy that compression lost "
    "over and above what it lost on the spectra as they are, against step 1 and against the float file that int8 was made from, "
    "under the perturbation where that is most."
)

ROUNDING = (
    "Each layer alone in int8 (weights and input), judged on validation spectra and variations of them beside the float file's answers: labels that "
    "agree, accuracy lost, divergence of the probabilities in nats. `weights` is its share of them; then what it is in each file."
)
TARGETS = (
    "What was written for each target of the recipe, in `bundles/`. `deferred`: what the target loads is built where it runs; the bundle "
    "holds the command."
)


def write(report: Report, folder: Path) -> Path:
    """Write report.md and, where there is something to draw, frontier.svg; give the path of report.md."""
    drawn = picture.frontier(report)
    if drawn:
        storage.write(folder / "frontier.svg", drawn)
    if curves := uncertainty.curves(report):
        storage.write(folder / "coverage.svg", curves)
    if removed := pruning.curves(report):
        storage.write(folder / "sensitivity.svg", removed)
    return storage.write(folder / "report.md", show(report, drawn=bool(drawn)))


def show(report: Report, *, drawn: bool) -> str:
    """Give the text of report.md."""
    parts = [plain(f"# {report.recipe}"), plain(tables.headline(report))]
    if report.data["source"] == "embedded":
        parts.append(
            "> **data: embedded.** These spectra are generated, not measured: the figures show that the line works, not how it does on your samples."
        )
    if beside := comparison.rows(report):
        parts += [f"## {comparison.TITLE}", comparison.LEAD, as_table(comparison.head(report), beside)]
    if said := mistakes.lead(report):
        parts += [f"## {mistakes.TITLE}", said]
        parts += [as_table(mistakes.HEAD, wrong)] if (wrong := mistakes.rows(report)) else []
    parts += ["## Accuracy, size and cost", f"{tables.SCORED} "
              "`agree` and `drop` compare with step 1; `time` is what the step cost.", as_table(tables.HEAD, tables.scores(report))]  # fmt: skip
    if drawn:
        parts.append("![accuracy against latency, area is size](frontier.svg)")
    if perturbed := robustness.perturbations(report):
        parts += ["## Robustness", ROBUST, as_table(perturbed[0], perturbed[1:])]
    if simple := robustness.baselines(report):
        parts += ["### Baselines, beside the most accurate file of the run", as_table(simple[0], simple[1:])]
    if judged := uncertainty.models(report):
        parts += [
            "## What it does not know",
            KNOWN,
            as_table(uncertainty.HEAD, judged),
            *map(plain, uncertainty.sets(report)),
            "![risk against coverage](coverage.svg)",
        ]
    if report.transfer:
        parts += ["## Another instrument", "Accuracy on spectra of another instrument or laser. *Unseen* are physical samples that the model did not "
                  "learn from: the figure to go by. `gain` is over no correction, on these where there are any. References never count."]  # fmt: skip
        for record in report.transfer.values():
            parts += [plain(tables.transferred(record)), as_table(tables.TRANSFER_HEAD, tables.transfer(record))]
            parts += ["\n".join(f"- {plain(note)}" for note in record["notes"])] if record["notes"] else []
    if report.gates:
        parts += ["## Promises", as_table(tables.GATE_HEAD, tables.gates(report))]
    notes = [*report.data["notes"], *report.notes, *_warnings(report)]
    if notes:
        parts += ["## Notes", "\n".join(f"- {plain(note)}" for note in notes)]
    parts += _engineer(report)
    parts += ["## Made with", plain(_environment(report))]
    return visible("\n\n".join(parts)) + "\n"


def _engineer(report: Report) -> list[str]:
    """Give the engineer's part: what the steps cost, pruning, layers, latency, bundles."""
    parts = ["## What each step cost", as_table(tables.COST_HEAD, tables.costs(report))]
    if taken := pruning.rounds(report):
        parts += ["## What pruning took", PRUNED, as_table(pruning.HEAD, taken)]
        table = pruning.sensitivity(report)
        parts += [as_table(table[0], table[1:]), "![accuracy against the share removed](sensitivity.svg)"]
    head, layers = quantization.layers(report)
    if layers:
        parts += ["## What int8 costs each layer", ROUNDING, as_table(head, layers)]
    if report.bench:
        parts += ["## Latency", "One spectrum at a time; `ratio` compares with the plain default ONNX export of the same network, interleaved. "
                  "Accuracy is that of the very outputs that were timed.", as_table(tables.BENCH_HEAD, tables.bench(report))]  # fmt: skip
        parts += [
            plain(f"**{target}**: {advice['why']} ({'; '.join(tables.conditions(report.bench[target]))})")
            for target, advice in report.advice.items()
        ]
        parts += [
            plain(f"**{target}**, {record['soak']['told']}")
            for target, record in report.bench.items()
            if "soak" in record
        ]
    if report.bundles:
        parts += ["## Targets", TARGETS, as_table(tables.BUNDLE_HEAD, tables.bundles(report))]
    return parts


def as_table(head: list[str], rows: list[list[str]]) -> str:
    """Give a Markdown table."""
    shown = [[plain(cell).replace("|", "\\|") for cell in row] for row in (head, *rows)]
    lines = [shown[0], ["---"] * len(head), *shown[1:]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def as_parts(parts: Sequence[str | Grid]) -> str:
    """Give texts and tables one below the other, tables as Markdown."""
    shown = (
        as_table([*each.head], [[*row] for row in each.rows]) if isinstance(each, Grid) else each for each in parts
    )
    return "\n".join(shown)


def plain(text: str) -> str:
    """Keep a name from becoming markup, a link, a picture, a line of its own or an order to a terminal; other texts stay as they are."""
    text = " ".join(visible(text).split("\n"))
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text)
    text = re.sub(r"<(?=[a-zA-Z/!?])", "&lt;", text)
    return re.sub(r"(!?)\[(?=[^\]]*\]\s*[(\[:])", r"\1\\[", text)


def _warnings(report: Report) -> list[str]:
    found = [
        warning for record in report.bench.values() for each in record["measurements"] for warning in each["warnings"]
    ]
    return list(dict.fromkeys(found))


def _environment(report: Report) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report.environment["versions"].items())
    hosts = [record["measurements"][0]["host"] for record in report.bench.values() if record["measurements"]]
    cpu = [f"{host.get('cpu', '')} ({', '.join(host.get('flags', [])) or 'no flags known'})" for host in hosts]
    return "; ".join(
        [
            versions,
            f"{report.environment['platform']}, {report.environment['cores']} cores",
            *cpu,
            f"data digest {report.data['digest']}",
        ]
    )
