"""What the page says of one run, section by section; where a report holds nothing of a kind, its section is absent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from edgespec import units
from edgespec.report import Report, tables
from edgespec.report.figures import answers, curves, frontier, regions, steps, timing
from edgespec.report.figures import mistakes as wrong
from edgespec.report.figures.svg import SERIES
from edgespec.report.html_model import Figure, Section, series, shipped, table, title
from edgespec.report.markdown import KNOWN, PRUNED, ROBUST, ROUNDING, TARGETS
from edgespec.report.tables import comparison, mistakes, pruning, robustness, uncertainty
from edgespec.report.tables import quantization as rounded
from edgespec.report.tables import shipped as shipping

REGIONS = (
    "Test spectra, raw, and what spoke for the answers: a window of {width:g} cm-1 is replaced by the straight line between its ends, and "
    "what that costs the named class in log-odds is the window's evidence (occlusion; Zeiler, Fergus 2014, arXiv:1311.2901). Green spoke "
    "for the answer of {last}, red against it. Where the two curves run together, compression kept what the teacher looks at."
)
SESSION = "One spectrum at a time, all files in turns. `ratio` compares with the plain default export of the same network in the same session."
ENGINEER = "For the engineer: latency, layers, calibration ranges, bundles, environment"
FIRST = 6  # wrong answers that are drawn in view; the others are folded


@dataclass(frozen=True)
class Tile:
    """A figure that a hurried reader takes away: what, how much, and what to hold it against."""

    name: str
    value: str
    beside: str
    kind: str = ""


def tiles(report: Report) -> list[Tile]:
    """Give the few figures of the file to ship."""
    row, first = shipped(report), report.reference()
    if row is None:
        return []
    against = f"; step 1: {first.accuracy:.3f}" if first else ""
    found = [Tile("accuracy", f"{row.accuracy:.3f}", f"{row.scores['low']:.3f} to {row.scores['high']:.3f}{against}")]
    if row.bytes:
        smaller = _smaller(first.bytes / row.bytes, first.bytes) if first and first.bytes else row.variant
        found.append(Tile("size", units.show_size(row.bytes), smaller))
    for target, record in report.bench.items():
        own = next((each for each in record["measurements"] if each["variant"] == row.variant), None)
        if own and own["p50_ms"] is not None:
            times = f"{own['ratio']:.2f} of the plain export's time" if own.get("ratio") is not None else own["runtime"]
            found.append(Tile(f"latency, {target}", units.show_time(own["p50_ms"] / 1e3), times))
    if row.robustness:
        lost = row.robustness.get("at") if (row.robustness.get("drop") or 0) > 0 else None
        found.append(
            Tile(
                "under perturbations",
                f"{row.robustness['mean']:.3f}",
                f"loses most at {lost}" if lost else "mean accuracy",
            )
        )
    if row.reject.get("auroc_unknown") is not None:
        found.append(
            Tile(
                "unknown substances",
                f"{row.reject['auroc_unknown']:.3f}",
                f"AUROC; {row.reject['unknown_refused']:.0%} refused",
            )
        )
    if report.gates:
        kept = sum(each["verdict"] == "pass" for each in report.gates)
        kind = (
            "fail"
            if any(each["verdict"] == "fail" for each in report.gates)
            else "pass"
            if kept == len(report.gates)
            else "unmeasured"
        )
        found.append(Tile("promises kept", f"{kept} of {len(report.gates)}", "edgespec gate", kind))
    return found


def _smaller(times: float, before: int) -> str:
    return (
        f"1/{times:.0f} of step 1's {units.show_size(before)}" if times >= 1.5 else f"step 1: {units.show_size(before)}"
    )


def sections(report: Report, name: str) -> list[Section]:
    """Give the page's sections for a run; `name` starts the name of each, so that several runs fit on a page."""
    chemist = (
        _shipped,
        _beside,
        _answers,
        _wrong,
        _regions,
        _promises,
        _frontier,
        _robust,
        _unknown,
        _elsewhere,
        _notes,
        _steps,
    )
    made = [each(report, name) for each in chemist]
    return [*(each for each in made if each is not None), *_engineer(report, name)]


def _shipped(report: Report, name: str) -> Section | None:
    rows = shipping.rows(report)
    made = [table("The file for each target", shipping.HEAD, rows)]
    return Section(f"{name}-shipped", shipping.TITLE, tables=made) if rows else None


def _wrong(report: Report, name: str) -> Section | None:
    lead, drawn = mistakes.lead(report), wrong.figures(report)
    rows = mistakes.rows(report)
    made = [table("Wrong answers, the highest probability first", mistakes.HEAD, rows)] if rows else []
    if drawn:
        lead = f"{lead} {wrong.CAPTION}"
    first, more = drawn[:FIRST], drawn[FIRST:]
    return Section(f"{name}-wrong", mistakes.TITLE, lead, tables=made, examples=first, more=more) if lead else None


def _beside(report: Report, name: str) -> Section | None:
    rows = comparison.rows(report)
    made = [table("Accuracy, clean and perturbed", comparison.head(report), rows)]
    return Section(f"{name}-beside", comparison.TITLE, comparison.LEAD, tables=made) if rows else None


def _promises(report: Report, name: str) -> Section | None:
    if not report.gates:
        return None
    kinds = [str(each["verdict"]) for each in report.gates]
    made = table("Promises of the recipe", tables.GATE_HEAD, tables.gates(report), kinds)
    lead = "What the recipe promises, judged by `edgespec gate`; what is not measured is not passed."
    return Section(f"{name}-promises", "Promises", lead, tables=[made])


def _frontier(report: Report, name: str) -> Section | None:
    drawn = frontier.figure(f"{name}-front", {"": report})
    why = [f"{target}: {advice['why']}" for target, advice in report.advice.items()]
    return Section(f"{name}-frontier", "The trade-off", figures=[drawn], notes=why) if drawn else None


def _steps(report: Report, name: str) -> Section:
    lead = f"{tables.SCORED} `agree` and `drop` compare with step 1."
    made = [table("What each step cost", tables.COST_HEAD, tables.costs(report))] if report.steps else []
    kinds = [row.kind for row in report.rows]
    made.append(table("All models", tables.HEAD, tables.scores(report), kinds))
    return Section(f"{name}-steps", "What each step cost", lead, _present(steps.figure(f"{name}-line", report)), made)


def _answers(report: Report, name: str) -> Section | None:
    drawn = [*answers.confusions(f"{name}-confusion", report), *_present(answers.recalls(f"{name}-recall", report))]
    lead = "The confusion matrix is that of the file to ship. Recall is that of step 1's model beside the file to ship, on the same test spectra."
    return Section(f"{name}-answers", "Right and wrong, class by class", lead, drawn) if drawn else None


def _unknown(report: Report, name: str) -> Section | None:
    drawn = curves.risk(f"{name}-risk", report)
    lead = " ".join([KNOWN, *(f"{each[0].upper()}{each[1:]}." for each in uncertainty.sets(report))])
    return (
        Section(f"{name}-unknown", "What it does not know", lead, [drawn])
        if drawn and uncertainty.judged(report)
        else None
    )


def _robust(report: Report, name: str) -> Section | None:
    rows, numbers = curves.told(report)
    drawn = curves.robustness(f"{name}-robust", rows, numbers)
    told = robustness.models(report)
    made = [table("All models under perturbations, and the baselines", robustness.HEAD, told)] if told else []
    lead = ROBUST.replace("; bold is what costs a model most", "")
    return Section(f"{name}-robust", "Robustness", lead, drawn, made) if drawn or made else None


def _regions(report: Report, name: str) -> Section | None:
    if not report.examples.get("spectra"):
        return None
    lead = REGIONS.format(width=report.examples["width_cm1"], last=report.examples["models"][-1])
    return Section(f"{name}-regions", "What it looks at", lead, regions.figures(f"{name}-region", report))


def _elsewhere(report: Report, name: str) -> Section | None:
    made = [
        table(tables.transferred(each), tables.TRANSFER_HEAD, tables.transfer(each))
        for each in report.transfer.values()
    ]
    lead = "Spectra of another instrument or laser. Unseen are physical samples that the model did not learn from: the figure to go by."
    notes = [note for each in report.transfer.values() for note in each["notes"]]
    return Section(f"{name}-elsewhere", "Another instrument", lead, tables=made, notes=notes) if made else None


def _notes(report: Report, name: str) -> Section | None:
    notes = [*report.data["notes"], *report.notes]
    return Section(f"{name}-notes", "Notes", notes=notes) if notes else None


def _present(figure: Figure | None) -> list[Figure]:
    return [] if figure is None else [figure]


def _engineer(report: Report, name: str) -> Iterator[Section]:
    """Give the engineer's sections; `name` starts the name of each. Where the report holds nothing of a kind, its section is absent."""
    made = [_latency(report, name, target) for target in report.bench]
    for each in (*made, _pruning(report, name), _rounding(report, name), _bundles(report, name), _facts(report, name)):
        if each is not None:
            yield replace(each, engineer=True)


def _latency(report: Report, name: str, target: str) -> Section:
    record = report.bench[target]
    rows = [row for row in tables.bench(report) if row[0] == target]
    made = table(f"Latency and accuracy on {target}", tables.BENCH_HEAD, rows)
    own = f"{name}-{list(report.bench).index(target)}"
    numbers = _numbers(report, record)
    drawn = [
        draw(f"{own}-{kind}", record, numbers)
        for kind, draw in (("samples", timing.distributions), ("rounds", timing.rounds))
    ]
    figures = [*(each for each in drawn if each), *timing.readings(f"{own}-readings", record)]
    notes = list(dict.fromkeys(warning for each in record["measurements"] for warning in each["warnings"]))
    notes += [record["soak"]["told"]] if "soak" in record else []
    return Section(f"{own}-latency", f"Latency on {target}", SESSION, figures, [made], notes, _host(record))


def _numbers(report: Report, record: dict[str, Any]) -> dict[str, int]:
    """Give each measured file the number that its model has in the other figures, and the others those that are left."""
    known = series(report)
    own = {row.variant: known[title(row)] for row in report.last()}
    left = [i for i in range(SERIES) if i not in own.values()]
    others = [file for file in record.get("distributions", {}) if file not in own]
    return own | {file: left[-1 - i % len(left)] for i, file in enumerate(others)}


def _host(record: dict[str, Any]) -> list[tuple[str, str]]:
    """Tell of the machine what is a word or a number; longer facts are in report.json."""
    if not record["measurements"]:
        return []
    first = record["measurements"][0]
    said = {
        "runtime": f"{first['runtime']} {first['runtime_version']} ({first['provider']})",
        "threads": first["threads"],
    }
    said |= {key: value for key, value in first["host"].items() if isinstance(value, str | int | float)}
    said |= {
        key: ", ".join(map(str, value))
        for key, value in first["host"].items()
        if isinstance(value, list) and len(value) < 40
    }
    return [
        (key.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
        for key, value in said.items()
    ]


def _pruning(report: Report, name: str) -> Section | None:
    drawn, taken = curves.pruning(f"{name}-pruning", report), pruning.rounds(report)
    made = [table("What pruning took, round by round", pruning.HEAD, taken)] if taken else []
    return Section(f"{name}-pruning", "What pruning took", PRUNED, drawn, made) if drawn or made else None


def _rounding(report: Report, name: str) -> Section | None:
    drawn = curves.rounding(f"{name}-rounding", report)
    notes = rounded.remarks(report)
    return Section(f"{name}-rounding", "What int8 costs each layer", ROUNDING, [drawn], notes=notes) if drawn else None


def _bundles(report: Report, name: str) -> Section | None:
    made = table("What was written for each target", tables.BUNDLE_HEAD, tables.bundles(report))
    return Section(f"{name}-bundles", "Targets", TARGETS, tables=[made]) if report.bundles else None


def _facts(report: Report, name: str) -> Section:
    data, made, axis = report.data, report.environment, report.data["axis"]
    facts = {"data set": f"{data['name']}, {data['source']}", "classes": data["classes"]}
    facts["physical samples"] = data["samples"] or "not known"
    facts |= {f"{part} ({which})": f"{n} spectra" for which in ("train", "valid") for part, n in data[which].items()}
    facts |= {"test": f"{data['test']} spectra", "data digest": data["digest"], "seed": report.seed}
    facts |= {"axis": f"{axis['low']:g} to {axis['high']:g} cm-1, {axis['points']} points"}
    facts |= {"platform": f"{made['platform']}, {made['cores']} cores", **made["versions"]}
    return Section(f"{name}-facts", "Data and machine", facts=[(term, str(text)) for term, text in facts.items()])
