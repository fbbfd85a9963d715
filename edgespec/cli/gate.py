"""`edgespec gate`: were the recipe's promises kept?"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from edgespec.cli.console import Bars, as_json, name_targets, run_folder
from edgespec.cli.program import app
from edgespec.cli.tables import Csv, Wide, check_format, print_csv, width

Folder = Annotated[Path | None, typer.Argument(help="Run folder (default: the newest in runs/).")]
Target = Annotated[str | None, typer.Option("--target", help="Check only the gates that this target decides.")]
Against = Annotated[
    str | None,
    typer.Option(
        "--against", help="Run folder or git revision to compare with. Both are measured in turns in one session."
    ),
]
There = Annotated[
    str | None,
    typer.Option(
        "--recipe-there", metavar="PATH", help="Path of the recipe in that revision, if a rename is not detected."
    ),
]
Skipped = Annotated[
    Literal["warn", "fail"] | None,
    typer.Option(
        "--skipped",
        help="How to treat a check without a baseline value (default: the recipe's choice, else fail in CI).",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Accept a baseline that was measured on a busy machine.")]
Change = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a key of the revision's recipe. Repeatable."),
]
Baseline = Annotated[Path | None, typer.Option("--baseline", help="Baseline file (default: baselines/RECIPE.json).")]
Update = Annotated[bool, typer.Option("--update-baseline", help="Write the baseline from this run, and check nothing.")]
Seconds = Annotated[float, typer.Option("--seconds", min=0.1, help="With --against: seconds to time each file.")]
Junit = Annotated[Path | None, typer.Option("--junit", help="Write the verdicts as JUnit XML.")]
Summary = Annotated[Path | None, typer.Option("--summary", help="Append the verdicts to this Markdown file.")]
Annotate = Annotated[
    bool | None,
    typer.Option(
        "--annotate/--no-annotate", help="Print GitHub workflow annotations (default: only inside a workflow)."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON.")]


@app.command("gate", short_help="Check a run against its recipe's gates; exit 1 if one fails.")
def command(
    run: Folder = None, target: Target = None, against: Against = None, change: Change = None, baseline: Baseline = None,
    update: Update = False, seconds: Seconds = 5.0, junit: Junit = None, summary: Summary = None,
    annotate: Annotate = None, to_json: Json = False, recipe_there: There = None, skipped: Skipped = None, force: Force = False,
    to_csv: Csv = False, wide: Wide = False,
) -> None:  # fmt: skip
    """Check a run against the recipe's `gates:`: fixed limits, and under `regression:` limits relative to a baseline, run or revision.

    Without `regression:`, default limits apply to `--against` and to a baseline (docs/gates.md).

    Example: edgespec gate --target local

    Exit code: 1 if a gate fails or was not measured; 5 if a gate is inconclusive and the recipe treats this as a failure.
    """
    check_format(to_json=to_json, to_csv=to_csv)
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
    elif to_csv:
        print_csv(tables.GATE_HEAD, tables.gates(result))
    else:
        print(terminal.show_gates(result, width(wide)))
    if found.code:
        raise typer.Exit(found.code)
