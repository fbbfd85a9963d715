"""Steps of a recipe: every file here has `run(job, artifact?, *, keys) -> Artifact`; its name is its key."""
