"""One measurement of a model on a target: protocol, samples, statistics, warnings."""
