"""From somebody's data to a task list or a recipe."""
