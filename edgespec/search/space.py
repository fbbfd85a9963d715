"""What a searching recipe leaves open: checked from end to end before the first trial, then drawn from for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgespec.artifact import OnnxModel
from edgespec.errors import Mistake, Mistakes
from edgespec.recipe import Recipe, schema, search_ranges
from edgespec.recipe.plan import Plan, plan
from edgespec.recipe.search_ranges import Choose, Pick, Range

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Space:
    """A recipe and its ranges; `plan` is that of the recipe tried first."""

    recipe: Recipe
    ranges: tuple[Range, ...]
    plan: Plan

    @property
    def first_step(self) -> int:
        """The number of the first step whose result may differ between trials."""
        return min(int(each.place[1]) + 1 if each.place[0] == "steps" else 1 for each in self.ranges)

    def draw(self, trial: optuna.Trial) -> Recipe:
        """Give a trial's plain recipe, every range drawn by the study's sampler."""

        def pick(each: Range) -> Any:
            if isinstance(each, Choose):
                return each.labels.index(trial.suggest_categorical(each.name, each.labels))
            if each.whole:
                step = int(each.step or 1)
                return trial.suggest_int(each.name, int(each.low), int(each.high), step=step, log=each.log)
            return trial.suggest_float(each.name, each.low, each.high, step=each.step, log=each.log)

        return self._resolved(pick)

    def starts(self) -> dict[str, Any]:
        """Give what the first trial draws."""
        drawn: dict[str, Any] = {}

        def pick(each: Range) -> Any:
            drawn[each.name] = each.labels[each.start] if isinstance(each, Choose) else each.start
            return each.start

        self._resolved(pick)
        return drawn

    def _resolved(self, pick: Pick) -> Recipe:
        return search_ranges.resolved(self.recipe, list(self.ranges), pick)


def read(recipe: Recipe) -> Space:
    """Find a recipe's ranges and check every value that they may give, one at a time.

    Raises Mistake where there is no range or nothing that could be measured comes out, Mistakes with all that is wrong.
    """
    ranges = search_ranges.found(recipe)
    if not ranges:
        raise Mistake(
            f"{recipe.path} has nothing to search: no key of it is a range",
            hint="fit: {lr: {between: [1.0e-4, 1.0e-2], log: true}}, model: {choose: [{cnn: {...}}, {drsn: {...}}]}",
        )
    checked = plan(search_ranges.resolved(recipe, ranges, search_ranges.starts))
    if not any(schema.gives(schema.function("steps", step.name)) == OnnxModel for step in checked.steps):
        raise Mistake(f"{recipe.at(('steps',))}: no step leaves ONNX, so there is no file to measure", "add 'to_onnx'")
    ranges = [_fitted(recipe, ranges, each) for each in ranges]
    wrong: dict[str, Mistake] = {}
    for each in ranges:
        for value in range(len(each.options)) if isinstance(each, Choose) else (each.low, each.high):
            for problem in _mistakes(recipe, ranges, each, value):
                wrong.setdefault(problem.message, problem)
    if wrong:
        raise Mistakes(list(wrong.values()))
    return Space(recipe, tuple(ranges), checked)


def _fitted(recipe: Recipe, ranges: Sequence[Range], each: Range) -> Range:
    """Draw fractions too where both ends are whole numbers but the key takes any number."""
    if isinstance(each, Choose) or not each.whole or each.step is not None:
        return each
    return replace(each, whole=bool(_mistakes(recipe, ranges, each, each.low + 0.5)))


def _mistakes(recipe: Recipe, ranges: Sequence[Range], mine: Range, value: Any) -> list[Mistake]:
    """Check the recipe with one range at a value, those around it where they lead to it, all others as tried first."""

    def pick(each: Range) -> Any:
        if each is mine:
            return value
        inside = (*each.place, "choose")
        leads = isinstance(each, Choose) and mine.place[: len(inside)] == inside
        return mine.place[len(inside)] if leads else each.start

    try:
        plan(search_ranges.resolved(recipe, list(ranges), pick))
    except Mistakes as problem:
        return problem.found
    except Mistake as problem:
        return [problem]
    return []
