"""One measurement on this machine: models timed in turns, and what the machine's sensors say meanwhile."""
