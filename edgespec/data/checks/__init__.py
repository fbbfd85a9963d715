"""What is asked of a set of spectra before anybody learns from it: flaws, copies, targets, samples that nobody named."""
