"""`edgespec setup NAME`: the script that says what a device needs, and installs it where that is asked for."""

from __future__ import annotations

from typing import Annotated

import typer

from edgespec.cli.program import app

Name = Annotated[str, typer.Argument(help="Script to print: jetson, rpi5, litert or arm64_emulated.")]


@app.command("setup", short_help="Print the set-up script of a device.")
def command(name: Name) -> None:
    """Print a shell script for the device. The script lists missing software and installs only with --install.

    Example: edgespec setup jetson | ssh jetson sh -s

    Example: edgespec setup jetson | ssh jetson sh -s -- --install
    """
    from edgespec import plugins

    print(plugins.path("setup", name).read_text(encoding="utf-8"), end="")
