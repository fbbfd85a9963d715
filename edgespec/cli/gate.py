"""`edgespec gate`: were the recipe's promises kept?"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from edgespec.cli.console import Bars, as_json, name_targets, run_folder
from edgespec.cli.program import app

Folder = Annotated[Path | None, typer.Argument(help="Run folder; the newest in runs/ if not said.")]
Target = Annotated[str | None, typer.Option("--target", help="Judge only what this target can answer.")]
Against = Annotated[
    str | None,
    typer.Option(
        "--against", help="A run folder, or a git revision to build: measured in turns with this run, in one session."
    ),
]
There = Annotated[
    str | None,
    typer.Option(
        "--recipe-there", metavar="PATH", help="The recipe's path in that revision, if a rename is not found."
    ),
]
Skipped = Annotated[
    Literal["warn", "fail"] | None,
    typer.Option(
        "--skipped",
        help="What the baseline can't answer means; as the recipe says, else fail where CI is set.",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Keep as a baseline what was measured while other work held the cores.")
]
Change = Annotated[
    list[str] | None,
    typer.Option("--set", help="A change key=value to the recipe of the revision; may be given several times."),
]
Baseline = Annotated[Path | None, typer.Option("--baseline", help="The baseline; baselines/RECIPE.json if not said.")]
Update = Annotated[
    bool, typer.Option("--update-baseline", help="Write the baseline from this run instead of judging by it.")
]
Seconds = Annotated[float, typer.Option("--seconds", min=0.1, help="Timed seconds for each file, with --against.")]
Junit = Annotated[Path | None, typer.Option("--junit", help="Write the verdicts as JUnit XML.")]
Summary = Annotated[Path | None, typer.Option("--summary", help="Append the verdicts to this Markdown file.")]
Annotate = Annotated[
    bool | None,
    typer.Option("--annotate/--no-annotate", help="Print annotations of a GitHub workflow; by default in one."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON.")]


@app.command("gate", short_help="Judge the recipe's promises; exit code 1 where one is broken.")
def command(
    run: Folder = None, target: Target = None, against: Against = None, change: Change = None, baseline: Baseline = None,
    update: Update = False, seconds: Seconds = 5.0, junit: Junit = None, summary: Summary = None,
    annotate: Annotate = None, to_json: Json = False, recipe_there: There = None, skipped: Skipped = None, force: Force = False,
) -> None:  # fmt: skip
    """Judge the recipe's `gates:`: its limits, and under `regression:` what was lost against a baseline, a run or a revision.

    Without `regression:`, `--against` and a baseline are judged by default limits (docs/gates.md).

    Example: edgespec gate --target local

    Exit code 1 where a promise is broken or unmeasured; 5 where one can't be told and the recipe says that this fails.
    """
    folder = run_folder(run)
    name_targets(*([] if target is None else [target]))
    from edgespec.pipeline.run import Run
    from edgespec.report import files, tables, terminal
    from edgespec.report import github as summaries
    from edgespec.report import junit as xml
    from edgespec.runs import gate

    bars = Bars(folder / "log.txt")
    asked = gate.Asked(
        target, against, recipe_there, baseline, update, tuple(change or ()), seconds, skipped or "", force
    )
    found = gate.judge(Run(folder, bars), asked)
    result = found.report
    if found.written:
        for note in found.notes:
            bars.say(note)
        bars.say(f"baseline: {found.written}; look at the difference, and commit it")
        return
    if junit:
        xml.write(result, junit, inconclusive=found.inconclusive, skipped=found.skipped)
    job = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary or job:
        summaries.append(result, summary or Path(str(job)))
    files.write(result, folder)  # pictures last: the verdicts are written whatever happens to them
    if annotate or (annotate is None and os.environ.get("GITHUB_ACTIONS") == "true"):
        print(
            "\n".join(summaries.commands(result, found.places, inconclusive=found.inconclusive, skipped=found.skipped)),
            file=sys.stderr,
        )
    if to_json:
        as_json({"folder": str(folder), "kept": found.code == 0, "exit_code": found.code, "gates": result.gates})
    else:
        print(f"{tables.headline(result)}\n\n{terminal.show_gates(result)}")
    if found.code:
        raise typer.Exit(found.code)
