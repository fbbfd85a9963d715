"""Scripts behind the figures in README and docs; README.md here has a line for each."""
