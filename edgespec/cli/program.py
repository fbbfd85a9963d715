"""The program that every command is added to; each file of this folder adds its own."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="edgespec",
    help="Train, compress, check and measure classifiers of Raman and infrared spectra for small devices.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
