"""Public archives, downloaded when a command asks for it."""
