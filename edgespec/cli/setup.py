"""`edgespec setup NAME`: the script that says what a device needs, and installs it where that is asked for."""

from __future__ import annotations

from typing import Annotated

import typer

from edgespec.cli.program import app

Name = Annotated[str, typer.Argument(help="A script: jetson, rpi5, litert or arm64_emulated.")]


@app.command("setup", short_help="Print the script that says what a device needs.")
def command(name: Name) -> None:
    """Print a shell script, to be run on the device: it says what is there and what is missing, and changes nothing without --install.

    Example: edgespec setup jetson | ssh jetson sh -s

    Example: edgespec setup jetson | ssh jetson sh -s -- --install
    """
    from edgespec import plugins

    print(plugins.path("setup", name).read_text(encoding="utf-8"), end="")
