"""The training loop, its batches, what it keeps to be resumed from, and what a teacher adds."""
