"""`edgespec data views`: the questions of a distillation as a file, for a teacher that is asked elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli.console import Bars
from edgespec.cli.data import data
from edgespec.errors import Mistake

RecipeFile = Annotated[Path, typer.Argument(help="Recipe file, or the name of a shipped recipe (edgespec ls recipes).")]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write: .npz or .mat.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key, e.g. seed=1.")]
Step = Annotated[
    int | None, typer.Option("--step", min=1, help="Number of the distill step, if the recipe has several.")
]
Kind = Annotated[
    str, typer.Option("--spectra", help="prepared (after preprocessing) or raw (default: the recipe's choice).")
]


@data.command("views", short_help="Write the spectra that an external teacher answers.")
def command(
    recipe: RecipeFile, out: Out = Path("questions.npz"), change: Set = None, step: Step = None, spectra: Kind = ""
) -> None:
    """Write the spectra that an external teacher answers for a recipe's distill step: augmented training, validation and test spectra.

    Example: edgespec data views mine.yaml --out questions.npz

    Answer each row of `ask` with one probability for each of `labels`. Store the answers as `probabilities` with a copy of `questions`.
    The recipe then reads the file with `distill: {teacher: {answers: FILE}}`. docs/teachers.md describes each array.
    """
    from edgespec import plugins
    from edgespec import recipe as recipes
    from edgespec.compression.teachers import questions
    from edgespec.pipeline import preparation
    from edgespec.recipe import plan as plans

    if out.suffix not in (".npz", ".mat"):
        raise Mistake(f"--out {out}: not the name of a .npz or .mat file", hint="--out questions.npz")
    if spectra not in ("", "prepared", "raw"):
        raise Mistake(f"--spectra: {spectra!r} is neither prepared nor raw", hint="--spectra raw")
    checked = plans.plan(recipes.load(plugins.recipe_file(recipe), change or []))
    distilled = [i for i, each in enumerate(checked.steps, start=1) if each.name == "distill"]
    if (step is not None and step not in distilled) or not distilled:
        told = f"step {step} is not a distill step" if step is not None else "there is no distill step"
        raise Mistake(f"{checked.recipe.path}: {told}", hint="distill: {teacher: {answers: FILE}, student: cnn}")
    keys = checked.steps[(step or distilled[0]) - 1].keys
    teacher = keys["teacher"]
    kind = spectra or ("prepared" if teacher is None else teacher.spectra)
    bars = Bars()
    job = preparation.prepare(checked, Path(), bars)
    asked = questions.make(job, keys["on"], keys["views"], "raw" if kind == "raw" else "prepared")
    questions.write(out, questions.arrays(job, asked, keys["on"]))
    sizes = ", ".join(f"{count} {name}" for name, count in asked.sizes.items())
    bars.say(f"{out}: {len(asked.ask)} spectra to be answered ({sizes}), {len(asked.train)} to learn from")
