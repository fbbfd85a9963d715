"""A recipe's `data:` block: how spectra are divided, prepared and varied."""
