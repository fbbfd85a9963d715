"""edgespec: from a trusted spectral classifier to the smallest file that still tells the truth on the instrument."""

__version__ = "0.1.0"
