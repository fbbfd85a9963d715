"""`edgespec doctor`: what works on this machine, what does not, and the command that mends it."""

from __future__ import annotations

from typing import Annotated

import typer

from edgespec.cli.console import as_json
from edgespec.cli.program import app
from edgespec.cli.tables import Wide, show

HEAD = ["kind", "what", "version", "state", "about"]
Json = Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")]


@app.command("doctor", short_help="Check the installation and suggest fixes.")
def command(to_json: Json = False, wide: Wide = False) -> None:
    """Check every library, runtime and tool: version, whether it works, and the command that installs or repairs it.

    Example: edgespec doctor --json

    Exit code: 0 if everything that edgespec needs works, else 3.
    """
    from dataclasses import asdict

    from edgespec.targets import doctor

    found = doctor.examine()
    good = doctor.sound(found)
    if to_json:
        as_json({"ok": good, "findings": [asdict(each) for each in found]})
    else:
        from edgespec.report.tables.layout import Grid, Shape

        order = {kind: i for i, kind in enumerate(("needed", "runtime", "tool", "extra", "data"))}
        rows = sorted(found, key=lambda each: order[each.kind])
        cells = [[each.kind, each.name, each.version, each.state, each.about] for each in rows]
        mends = [f"{each.name}: {each.mend}" for each in rows if each.state != doctor.WORKS]
        shape = Shape(("what", "state", "about", "version", "kind"), 3, {"about": 30, "version": 18})
        last = "all that edgespec needs works" if good else "something that edgespec needs does not work"
        show([Grid(HEAD, cells, shape), "", *mends, "", last], wide)
    if not good:
        raise typer.Exit(3)
