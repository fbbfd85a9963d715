"""What leaves the workstation: a model with its contract, test vectors and programs."""
