"""Judge a run: its own limits, and what it lost against a baseline, a run folder or a revision.

What could not be judged is not passed: where nothing could be compared the reason is told and the exit code is 1.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgespec import recipe
from edgespec.errors import BrokenPromise, EdgespecError, Missing, Mistake, Unreachable
from edgespec.pipeline import integrity
from edgespec.pipeline.run import Run
from edgespec.recipe import gates as recipe_gates
from edgespec.recipe.gates import Gate, Promises
from edgespec.report import Report
from edgespec.runs.gate import verdicts as kept
from edgespec.runs.gate.verdicts import Verdict
from edgespec.targets import card as cards

if TYPE_CHECKING:  # what only a comparison needs takes seconds to load
    from edgespec.runs.gate.revision import Revision
    from edgespec.runs.gate.side import Side, Turns

BASELINES = Path("baselines")


@dataclass(frozen=True)
class Asked:
    """What `edgespec gate` was asked.

    target: judge only what this one can answer
    against: a run folder or a revision to build and measure; recipe_there: the recipe's path in that revision, if it is another
    baseline: the file kept, `baselines/<recipe>.json` if not said; update: write the baseline rather than judge by it
    changes: to the recipe of a revision; seconds: of timed calls for each file
    skipped: "warn" or "fail" for what the baseline can't answer; "" as the recipe says, else fail in continuous integration
    force: take measurements too that were made while other work held the cores
    """

    target: str | None = None
    against: str | None = None
    recipe_there: str | None = None
    baseline: Path | None = None
    update: bool = False
    changes: Sequence[str] = ()
    seconds: float = 3.0
    skipped: str = ""
    force: bool = False


@dataclass(frozen=True)
class Judged:
    """A run's report with its verdicts, where each promise stands, the exit code, and the baseline that was written, if one was.

    inconclusive, skipped: "warn" or "fail", what such a verdict means; notes: what is to be told of the baseline
    """

    report: Report
    code: int
    places: list[str]
    written: Path | None = None
    inconclusive: str = "warn"
    skipped: str = "warn"
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Were all gates kept, and measured?"""
        return self.code == 0


def judge(run: Run, asked: Asked) -> Judged:
    """Judge the promises of a run's recipe, and keep the verdicts in its report.

    Raises Mistake for a target, a run or a revision that does not exist, a recipe that promises nothing, a baseline that can't be read.
    """
    if asked.target is not None:
        cards.load(asked.target)
    other = None
    if asked.against:
        from edgespec.runs.gate import revision

        other = revision.find(asked.against)  # before anything is built or measured
    with run.locked():
        run.check_recipe()
        integrity.shipped(run.folder, run.report)
        made = recipe_gates.load(run.folder / "recipe.yaml")
        path = asked.baseline or BASELINES / f"{run.report.recipe}.json"
        compared = bool(asked.against or asked.baseline or made.regression or path.is_file())
        if not made.gates and not asked.update and not compared:
            raise Mistake(f"the recipe of {run.folder} makes no promises", hint="gates: {accuracy: 0.9, size: 64 kB}")
        if asked.update:
            return _updated(run, made, path, asked)
        return _judged(run, made, path, other, compared, asked)


def _judged(
    run: Run, made: Promises, path: Path, other: Path | Revision | None, compared: bool, asked: Asked
) -> Judged:
    result = run.report
    places = [asked.target] if asked.target else list(result.bench)
    relative = _of_target(made.relative(places), asked.target) if compared else []
    absolute = _of_target(made.absolute, asked.target)
    stands = {each: _line(run.folder, result, each) for each in (*absolute, *relative)}
    counted = any(each.metric == "instructions" for each in made.gates)
    verdicts: list[Verdict] = []
    if relative:
        from edgespec.runs.gate import baseline

        head = baseline.of_run(run, count=baseline.SHIPPED if counted else baseline.NONE)
        if counted:
            result.instructions = _instructions(head)
        verdicts = _against(run, head, relative, path, other, asked)
    elif counted:
        result.instructions = _count(run)
    verdicts = kept.check(absolute, result, target=asked.target, where=lambda each: stands[each]) + verdicts
    result.gates = [each.plain() for each in verdicts]
    run.write()
    skipped = asked.skipped or made.skipped or ("fail" if os.environ.get("CI") else "warn")
    found = [stands.get(_gate(each, (*absolute, *relative)), "") for each in verdicts]
    code = kept.code(verdicts, made.inconclusive, skipped)
    return Judged(result, code, found, None, made.inconclusive, skipped)


def _gate(verdict: Verdict, gates: Sequence[Gate]) -> Gate:
    same = (verdict.metric, verdict.target, verdict.relative)
    return next(each for each in gates if (each.metric, each.target, each.relative) == same)


def _updated(run: Run, made: Promises, path: Path, asked: Asked) -> Judged:
    """Write the baseline, and say how small a loss its test part can see."""
    from edgespec.runs.gate import baseline

    counted = any(each.metric == "instructions" for each in made.gates)
    head = baseline.of_run(run, count=baseline.ALL if counted else baseline.NONE)
    busy = {name: max((each.busy for each in files), default=0.0) for name, files in head.latency.items()}
    if any(busy.values()) and not asked.force:
        name = max(busy, key=lambda each: busy[each])
        raise BrokenPromise(
            f"no baseline of this: on {name} it was measured while other work held {busy[name]:.1f} cores, which would hide a slowdown",
            hint=f"edgespec bench --target {shlex.quote(name)} on an idle machine; or --force, and no latency passes by this baseline",
        )
    baseline.write(head, path)
    limit = next((each.limit for each in made.relative() if each.metric == "accuracy"), 0.0)
    return Judged(run.report, 0, [], path, notes=_power(head, limit))


def _power(head: Side, limit: float) -> tuple[str, ...]:
    """Say how small a loss of accuracy the test part sees, and warn where the recipe promises more than that."""
    from edgespec.runs.gate import chance

    file = head.files[head.shipped[0]]
    right = tuple(named == true for named, true in zip(file.named, head.true, strict=True))
    loss = chance.visible(right, head.sample)
    part = f"{len(right)} test spectra of {len(set(head.sample))} samples"
    if loss is None:
        return (f"warning: {part} see no loss of accuracy four times in five, however large: take more samples",)
    told = f"{part} see a loss of {loss:.1%} accuracy four times in five"
    if loss > limit + 1e-9:
        told = f"warning: {told}; the limit is {limit:.1%}: smaller losses will mostly be inconclusive"
    return (told,)


def _of_target(gates: Sequence[Gate], name: str | None) -> list[Gate]:
    return [each for each in gates if name is None or each.target in ("", name)]


def _against(
    run: Run, head: Side, gates: Sequence[Gate], path: Path, other: Path | Revision | None, asked: Asked
) -> list[Verdict]:
    """Compare with what was named; where nothing can be compared, every promise is unmeasured, with the reason."""
    from edgespec.runs.gate import baseline, regression

    turns: dict[str, Turns] = {}
    try:
        if other is None:
            base = baseline.read(path)
        else:
            base, turns = _measured(run, head, gates, other, asked)
    except (Missing, BrokenPromise) as absent:
        hint = f"{absent.hint}; or {regression.OFFER}" if other is None else absent.hint
        return [regression.unmeasured(each, f"nothing to compare with: {absent.message}", hint) for each in gates]
    if base.recipe != head.recipe and other is None:
        why = f"the baseline {base.where} is of recipe {base.recipe!r}"
        return [regression.skipped(each, why, baseline.UPDATE) for each in gates]
    found = [regression.judge(each, base, head, turns) for each in gates]
    return [each for each in found if each is not None]


def _measured(
    run: Run, head: Side, gates: Sequence[Gate], other: Path | Revision, asked: Asked
) -> tuple[Side, dict[str, Turns]]:
    """Build the other version where it is a revision, ask it for the test spectra, and measure both in turns."""
    from edgespec.runs.gate import baseline, revision, turns

    if not isinstance(other, Path):
        there = revision.recipe_there(other, run.report, asked.recipe_there)
        other = revision.build(other, there, run.folder, run.report, asked.changes, run.progress)
    before = Run(other, run.progress)
    base = baseline.of_run(before, count=head.shipped if any(each.metric == "instructions" for each in gates) else [])
    found = {}
    for name in dict.fromkeys(each.target for each in gates if each.target):
        timed = [each.metric for each in gates if each.target == name]
        found[name] = turns.measured(run, before, head, base, name, asked.seconds, timed)
    return replace(base, where=str(asked.against)), found


def _instructions(side: Side) -> dict[str, object]:
    files = {name: each.instructions for name, each in side.files.items() if each.instructions is not None}
    return {"counted": dict(side.counted), "files": files} if files else {}


def _count(run: Run) -> dict[str, object]:
    """Count the instructions of the files that a run may ship; where that can't be done, tell why."""
    from edgespec.bench import instructions
    from edgespec.runs.gate import baseline

    x, _ = run.test
    files = {name: run.model.path(name) for name in baseline.shipped(run.model, run.report)}
    try:
        who, found = instructions.count(files, x, run.folder / "bench", run.progress.say)
    except (Missing, Unreachable) as absent:
        return {"counted": {}, "files": {}, "why": f"{absent.message}; {absent.hint}"}
    return {"counted": who, "files": found}


def _line(folder: Path, result: Report, each: Gate) -> str:
    """Say where a promise stands: in the recipe that is under version control, where it is the one that was run."""
    for path in (Path(result.recipe_file), folder / "recipe.yaml"):
        try:
            written = recipe.load(path)
        except EdgespecError:
            continue  # broken since, or gone: the run is judged by its own copy
        if each.place in written.lines:
            return written.at(each.place)
    return str(folder / "recipe.yaml")
