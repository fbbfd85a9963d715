"""What the air in an infrared spectrometer and a rough sample add to an absorbance spectrum: water vapour, carbon dioxide, scatter, a slow baseline.

Training varies infrared spectra with these shapes, and the judge perturbs them with the same. Between the background and the sample measurement the
amount of vapour and carbon dioxide in the beam changes, so their bands are added or taken away (Bruun et al. 2006, Appl. Spectrosc. 60, 1029).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Axis = NDArray[np.float64]
Curves = NDArray[np.float64]

# Strong lines of the bending and stretching bands as spectrometers of 2 to 4 cm-1 resolution show them, to the nearest cm-1.
WATER_CM1 = (
    1419, 1436, 1457, 1473, 1490, 1507, 1522, 1541, 1559, 1577, 1617, 1636, 1647, 1653, 1663, 1684, 1699, 1717, 1734, 1750, 1772, 1792, 1830,
    1844, 1869, 3567, 3587, 3612, 3629, 3649, 3675, 3690, 3711, 3735, 3752, 3780, 3801, 3821, 3838, 3854, 3870, 3886, 3904,
)  # fmt: skip
CARBON_DIOXIDE_CM1 = ((2341.0, 11.0, 1.0), (2362.0, 8.0, 1.0), (667.4, 3.0, 0.6))
"""Centre, standard deviation and height: both branches of the stretching band, and the bending band's middle."""
LINE_CM1 = 2.5  # standard deviation of a water line at such a resolution


def water(axis: Axis) -> Curves:
    """Give (lines, points): one line of water vapour each, height 1; nothing where the axis does not reach."""
    return np.exp(-0.5 * ((axis[None] - np.array(WATER_CM1, np.float64)[:, None]) / LINE_CM1) ** 2)


def carbon_dioxide(axis: Axis) -> NDArray[np.float64]:
    """Give (points,): the bands of carbon dioxide, the highest of height 1."""
    found = np.zeros(len(axis))
    for centre, sigma, height in CARBON_DIOXIDE_CM1:
        found += height * np.exp(-0.5 * ((axis - centre) / sigma) ** 2)
    return found


def scatter(axis: Axis) -> NDArray[np.float64]:
    """Give (points,): the line by which scatter raises a spectrum towards high wavenumbers, 0 at the low end and 1 at the high end."""
    found: NDArray[np.float64] = (axis - axis[0]) / (axis[-1] - axis[0])
    return found


def slow(axis: Axis) -> Curves:
    """Give (3, points): half a wave, one and one and a half over the axis, each between -1 and 1; a baseline mixes them."""
    return np.stack([np.cos(order * np.pi * scatter(axis)) for order in (1, 2, 3)])
