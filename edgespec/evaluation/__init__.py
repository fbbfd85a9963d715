"""The one judge: every accuracy, robustness and uncertainty of a report is measured here."""
