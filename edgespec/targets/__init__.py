"""Places that run a model: their cards, how they are reached, and what works on this machine."""
