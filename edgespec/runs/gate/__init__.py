"""Judge a run: its own limits, and what it lost against a baseline, a run folder or a revision."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgespec import recipe
from edgespec.errors import Missing, Mistake, Unreachable
from edgespec.pipeline.run import Run
from edgespec.recipe import gates as recipe_gates
from edgespec.recipe.gates import Gate
from edgespec.report import Report
from edgespec.runs.gate import verdicts as kept
from edgespec.runs.gate.verdicts import Verdict
from edgespec.targets import card as cards

if TYPE_CHECKING:  # what only a comparison needs takes seconds to load
    from edgespec.runs.gate.regression import Paired, Side

BASELINES = Path("baselines")


@dataclass(frozen=True)
class Asked:
    """What `edgespec gate` was asked.

    target: judge only what this one can answer
    against: a run folder or a revision to build and measure; baseline: the file kept, `baselines/<recipe>.json` if not said
    update: write the baseline rather than judge by it
    changes: to the recipe of a revision; seconds: of timed calls for each file
    """

    target: str | None = None
    against: str | None = None
    baseline: Path | None = None
    update: bool = False
    changes: Sequence[str] = ()
    seconds: float = 3.0


@dataclass(frozen=True)
class Judged:
    """A run's report with its verdicts, where each promise stands, the exit code, and the baseline that was written, if one was."""

    report: Report
    code: int
    places: list[str]
    written: Path | None = None

    @property
    def passed(self) -> bool:
        """Were all gates kept, and measured?"""
        return self.code == 0


def judge(run: Run, asked: Asked) -> Judged:
    """Judge the promises of a run's recipe, and keep the verdicts in its report.

    Raises Mistake for a target that does not exist, a recipe that promises nothing, a baseline that can't be read.
    """
    if asked.target is not None:
        cards.load(asked.target)
    with run.locked():
        folder, result = run.folder, run.report
        made = recipe_gates.load(folder / "recipe.yaml")
        if not made.gates and not asked.update:
            raise Mistake(f"the recipe of {folder} makes no promises", hint="gates: {accuracy: 0.9, size: 64 kB}")
        path = asked.baseline or BASELINES / f"{result.recipe}.json"
        counted = any(each.metric == "instructions" for each in made.gates)
        head = None
        if asked.update or made.relative:
            from edgespec.runs.gate import baseline

            count = baseline.NONE if not counted else baseline.ALL if asked.update else baseline.SHIPPED
            head = baseline.of_run(run, count=count)
            result.instructions = _instructions(head)
        elif counted:
            result.instructions = _count(run)
        if asked.update and head:
            baseline.write(head, path)
            return Judged(result, 0, [], path)
        absolute, relative = (_of_target(each, asked.target) for each in (made.absolute, made.relative))
        places = [_line(folder, result, each) for each in (*absolute, *relative)]
        stands = dict(zip(absolute, places, strict=False))
        verdicts = kept.check(absolute, result, target=asked.target, where=lambda each: stands[each])
        if head is not None and relative:
            verdicts += _against(run, head, relative, path, asked)
        result.gates = [each.plain() for each in verdicts]
        run.write()
    return Judged(result, kept.code(verdicts, made.inconclusive), places)


def _of_target(gates: Sequence[Gate], name: str | None) -> list[Gate]:
    return [each for each in gates if name is None or each.target in ("", name)]


def _against(run: Run, head: Side, gates: Sequence[Gate], path: Path, asked: Asked) -> list[Verdict]:
    from edgespec.runs.gate import baseline, regression

    paired: dict[str, Paired] = {}
    if asked.against:
        other = Run(baseline.build(asked.against, run.folder, asked.changes, run.progress), run.progress)
        count = head.shipped if any(each.metric == "instructions" for each in gates) else []
        base = baseline.of_run(other, count=count)
        for name in dict.fromkeys(each.target for each in gates if each.target):
            paired[name] = _pair(run, other, head, base, name, asked.seconds)
        base = replace(base, where=asked.against)
    else:
        try:
            base = baseline.read(path)
        except Missing as absent:
            return [
                regression.unmeasured(each, absent.message, f"{absent.hint}; or {regression.OFFER}")
                for each in gates
            ]
    return [regression.judge(each, base, head, paired) for each in gates]


def _pair(run: Run, other: Run, head: Side, base: Side, name: str, seconds: float) -> Paired:
    """Measure both versions' files in turns on a target; a round is one sample, as its calls share what the machine did."""
    import numpy as np
    from scipy import stats

    from edgespec.bench import measure
    from edgespec.runs.gate.regression import Paired

    card = cards.load(name)
    variant = run.report.advice.get(name, {}).get("variant") or head.shipped[0]
    earlier = variant if variant in base.files else base.shipped[0]
    files = {"base": other.model.path(earlier), "head": run.model.path(variant)}
    with tempfile.TemporaryDirectory(dir=run.folder, prefix=".against-") as work:
        found = measure.measure(
            files, *run.test, card, Path(work), reference="base", float_of={}, seconds=seconds, progress=run.progress.say,
        )  # fmt: skip
        with np.load(Path(work) / f"{name}.samples.npz") as arrays:
            medians = [np.median(arrays[f"{each.variant}.ns"], axis=1) / each.calls_per_sample for each in found]
    before, after = medians
    p = float(stats.mannwhitneyu(after, before, alternative="greater").pvalue)
    later = found[1]
    return Paired(variant, later.ratio, later.ratio_interval, later.noise, p, later.n)


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
    for path in (Path("recipes") / f"{result.recipe}.yaml", folder / "recipe.yaml"):
        if path.is_file():
            written = recipe.load(path)
            if each.place in written.lines:
                return written.at(each.place)
    return str(folder / "recipe.yaml")
