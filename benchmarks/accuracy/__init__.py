"""What models get right on real spectra, and what compression costs them."""
