"""A run folder that is already there: open it, and measure on targets what it made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edgespec import storage
from edgespec.artifact import OnnxModel
from edgespec.bench import measure as measuring
from edgespec.bench import measurement, paired, recommend, session, soak
from edgespec.bench.measurement import Measurement
from edgespec.bench.protocol import QUICK, Protocol
from edgespec.bench.session import Session
from edgespec.errors import EdgespecError, Mistake
from edgespec.graph import compatibility
from edgespec.pipeline import comparison
from edgespec.pipeline.run import Run
from edgespec.recipe.plan import Plan
from edgespec.report import Report, choice, histogram
from edgespec.report.promises import broken
from edgespec.runs import linear_models, merit
from edgespec.spectra import Floats, Ints
from edgespec.targets import card as target_cards
from edgespec.targets import ssh
from edgespec.targets.card import Target

Lost = Callable[[str, EdgespecError], None]
REFERENCE = "default"
ONLY_COMPARED = "it is only here to be compared with"
LOGITS = recommend.LOGITS.format(compatibility.SOURCE)
LINEAR = "it is a linear model, only here to be compared with"


def bench(
    run: Run,
    targets: Sequence[str | Target],
    *,
    protocol: Protocol = QUICK,
    seconds: float | None = None,
    variants: Sequence[str] = (),
    soak_s: float = 0.0,
    lost: Lost | None = None,
) -> Report:
    """Measure all files of a run, the plain default export and the linear baselines on each target, interleaved.

    targets: names, or cards; different machines measure at the same time, targets of one machine in turn
    protocol: how many processes, how long; seconds: of timed calls of each file in each, the protocol's if not said
    variants: only these files, and the default export; all if not said
    soak_s: seconds that the recommended file is called back to back afterwards
    lost: hears of a target that failed, where others go on; without it, or where all failed, the first failure is raised
    Leaves `bench/<target>.json`, the recording beside it, and the recommendation in the report.
    Raises Mistake where the run made no ONNX or its data have changed; Missing where a runtime is not installed.
    """
    target_cards.name(*(each for each in targets if isinstance(each, str)))
    cards = [target_cards.load(each) if isinstance(each, str) else each for each in targets]
    cards = list({card.name: card for card in cards}.values())
    if seconds is not None:
        protocol = replace(protocol, seconds=seconds)
    with run.locked():
        run.check_data()
        folder, result, model = run.folder, run.report, run.model
        files = _only(_files(folder, model, result), variants)
        x, y = run.test
        against = {name: _against(name, run.plan, result, model) for name in files}
        worse = merit.of_files(run, {name: path for name, path in files.items() if not against[name]})

        asked = _Files(files, x, y, against, worse)
        done, failed = _everywhere(cards, lambda card: _on(card, run, asked, protocol, soak_s))
        for name, record in done.items():
            result.bench[name], result.advice[name] = record["bench"], record["advice"]
        if done:
            _write(run, [card for card in cards if card.name in done])
    for name, problem in failed.items():
        if lost is None or not done:
            raise problem
        lost(name, problem)
    return result


@dataclass(frozen=True)
class _Files:
    """What is measured: files by variant, test spectra and labels, the promises that each file breaks, and which answers worse."""

    files: dict[str, Path]
    x: Floats
    y: Ints
    against: dict[str, list[str]]
    worse: dict[str, dict[str, str]]


def _on(card: Target, run: Run, asked: _Files, protocol: Protocol, soak_s: float) -> dict[str, Any]:
    """Measure the files that one target takes, and judge them."""
    folder, model, say = run.folder, run.model, run.progress.say
    suited = {name: path for name, path in asked.files.items() if not (card.jetpack and name == LOGITS)}
    sent = compatibility.choose(suited, REFERENCE, card, model, run.job, run.report, folder)
    found = measuring.measure(
        sent.files, asked.x, asked.y, card, folder / "bench", reference=sent.reference, float_of=_siblings(model, sent.files),
        protocol=protocol, seed=run.plan.seed, against=asked.against, worse=asked.worse, progress=say,
    )  # fmt: skip
    told = session.load(folder / "bench" / f"{card.name}.samples.npz")
    record = _judged(found, told, asked.against, run.report)
    record["bench"] |= _samples(told)
    record["advice"]["refused"] |= {name: [f"not measured: {why}"] for name, why in sent.left_out.items()}
    if soak_s:
        name = record["advice"]["variant"] or sent.reference
        record["bench"]["soak"] = soak.measure(
            name, sent.files[name], asked.x, card, folder / "bench", seconds=soak_s, lock_clocks=protocol.lock_clocks,
            seed=run.plan.seed, progress=say,
        )  # fmt: skip
    return record


def replay(path: Path, run: Run | None) -> Report:
    """Judge a recording with no target at all: the same measurements and, by the same promises, the same advice as when it was made.

    run: whose report then says so and whose promises count as they are now; without it those that the recording holds
    Raises Mistake where the file is no recording, or not one of this run's files.
    """
    told, found = measuring.replay(path)
    name, against = told.facts["target"], told.facts["against"]
    if run is None:
        record = _judged(found, told, against, None)
        record["bench"] |= _samples(told)
        return Report("", 0, {}, bench={name: record["bench"]}, advice={name: record["advice"]})
    with run.locked():
        folder, result, model = run.folder, run.report, run.model
        files = compatibility.again(_files(folder, model, result), name, folder)
        for variant, each in told.facts["files"].items():
            if variant not in files or storage.file_digest(files[variant]) != each["digest"]:
                raise Mistake(
                    f"{path} was recorded of another {variant!r} than that of {folder}", hint="name its own run"
                )
        record = _judged(found, told, {each: _against(each, run.plan, result, model) for each in files}, result)
        record["bench"] |= _samples(told)
        result.bench[name], result.advice[name] = record["bench"], record["advice"]
        # the name is the recording's word: it makes no card of the working folder count
        _write(run, [target_cards.load(name)] if target_cards.elsewhere(name) or name in target_cards.NAMED else [])
    return result


def _samples(told: Session) -> dict[str, Any]:
    """Give what of a recording the report holds: each file's samples, the reference's second turn among them, and the sensors' readings."""
    series = [each.get("sensors", {}).get("series", []) for each in told.facts["processes"]]
    kept = [[{key: each[key] for key in ("t", "mhz", "celsius")} for each in readings] for readings in series]
    return {"distributions": {name: histogram.describe(told.samples(name)) for name in told.ns}, "readings": kept}


def _everywhere(
    cards: Sequence[Target], measured: Callable[[Target], dict[str, Any]]
) -> tuple[dict[str, dict[str, Any]], dict[str, EdgespecError]]:
    """Measure on all targets, in parallel where they are different machines; give what was found and what failed, in their order."""
    places: dict[Any, list[Target]] = {}
    for card in cards:
        places.setdefault("" if card.reach == "local" else (card.host or card.name, card.port), []).append(card)
    found: dict[str, dict[str, Any]] = {}
    failed: dict[str, EdgespecError] = {}
    stopped = threading.Event()

    def in_turn(together: Sequence[Target]) -> None:
        for card in together:
            if stopped.is_set():
                return
            try:
                found[card.name] = measured(card)
            except EdgespecError as problem:
                failed[card.name] = problem

    if len(places) == 1:
        in_turn(cards)  # here, so that an interrupt ends it
    else:
        with ThreadPoolExecutor(len(places)) as pool:
            asked = [pool.submit(in_turn, together) for together in places.values()]
            try:
                for each in asked:
                    each.result()
            except BaseException:  # an interrupt, which no thread but this one hears of
                stopped.set()
                while wait(asked, timeout=0.2).not_done:
                    ssh.interrupt()
                raise
    order = [card.name for card in cards]
    return {name: found[name] for name in order if name in found}, {
        name: failed[name] for name in order if name in failed
    }


def _judged(
    found: Sequence[Measurement], told: Session, against: Mapping[str, Sequence[str]], result: Report | None
) -> dict[str, Any]:
    """Give a target's part of the report: measurements and advice. result: the run's report, None of a recording alone"""
    found = [_of_this_run(each, against[each.variant]) for each in found]
    pairs, worse = paired.of_session(told), told.facts.get("worse", {})
    chosen = recommend.recommend(found, lambda each: list(against[each.variant]), pairs, worse)
    beside = (
        {} if result is None else linear_models.beside(result, chosen.variant, [each.variant for each in found], pairs)
    )
    return {"bench": measurement.to_record(found), "advice": {**asdict(chosen), "linear": beside}}


def _write(run: Run, cards: Sequence[Target]) -> None:
    run.report.ships |= choice.all_of(run.report, run.plan.gates, cards)
    run.report.comparison = comparison.of(run.report) or run.report.comparison
    run.report.notes = _notes(run.report)
    run.report.gates = []
    run.write()


def _files(folder: Path, model: OnnxModel, result: Report) -> dict[str, Path]:
    """Give what is measured: the reference first, then the run's own files, the logits of its float file, then the linear baselines."""
    own = {name: model.path(name) for name in sorted(model.variants, key=lambda name: name != REFERENCE)}
    if compatibility.SOURCE in own:
        own |= compatibility.bare(LOGITS, own[compatibility.SOURCE], folder / "bench" / "logits_only.onnx")
    return own | {linear_models.title(row): folder / row.file for row in result.rows if row.model == "linear"}


def _only(files: dict[str, Path], variants: Sequence[str]) -> dict[str, Path]:
    unknown = [name for name in variants if name not in files]
    if unknown:
        raise Mistake(f"there is no variant {unknown[0]!r} to measure", hint=f"there is: {', '.join(files)}")
    return {name: path for name, path in files.items() if not variants or name in (REFERENCE, *variants)}


def _of_this_run(each: Measurement, against: Sequence[str]) -> Measurement:
    """Leave out a remark that a reference need not hear."""
    return replace(each, warnings=()) if list(against) == [LINEAR] else each


def _siblings(model: OnnxModel, sent: Mapping[str, Path]) -> dict[str, str]:
    return {
        name: each.sibling
        for name, each in model.variants.items()
        if each.sibling and {name, each.sibling} <= set(sent)
    }


def _against(name: str, checked: Plan, result: Report, model: OnnxModel) -> list[str]:
    """Give the promises that a file breaks."""
    if name not in model.variants:
        return [ONLY_COMPARED if name == LOGITS else LINEAR]
    if model.variants[name].role != "candidate":
        return [ONLY_COMPARED]
    return broken(checked.gates, result, name)


def _notes(result: Report) -> list[str]:
    """Keep what compress noted and add what the measurement taught about the linear baselines."""
    kept = [note for note in result.notes if not note.startswith("on ")]
    for name, chosen in result.advice.items():
        measured = {each["variant"]: each for each in result.bench[name]["measurements"]}
        kept += [
            f"on {name} {each} was {why[0]}"
            for each, why in chosen["refused"].items()
            if each not in measured and why[0].startswith("not measured")
        ]
        kept += [f"on {name} {chosen['linear']['why']}"] if chosen.get("linear") else []
    return kept
