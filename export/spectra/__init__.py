"""Spectrum files of all kinds: read, brought to cm-1, and refused where no model can be asked about them."""
