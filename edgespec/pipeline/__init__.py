"""A recipe becomes a run folder: steps made or kept, judged, reported."""
