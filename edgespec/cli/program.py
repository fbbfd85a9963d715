"""The program that every command is added to; each file of this folder adds its own."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="edgespec",
    help="From a trusted spectral classifier to the smallest file that still tells the truth on the instrument.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
