"""Intensities as the model wants them: a file of another technique is refused, transmittance becomes absorbance where that is wanted."""

from __future__ import annotations

import numpy as np

from refusal import RefusalError
from spectra.axes import Wanted
from spectra.track import Track
from spectra.words import PERCENT, technique_in

ABSORBING = (
    "absorbance",
    "transmittance",
    "percent transmittance",
    "reflectance",
    "percent reflectance",
    "Kubelka-Munk",
)
DOWNWARDS = ("transmittance", "percent transmittance", "reflectance", "percent reflectance")  # bands point so in these
LARGEST_SHARE = 2.0  # a transmittance above this is in percent; noise takes the share of a clear sample little above 1


def meant(track: Track, wanted: Wanted) -> Track:
    """Bring the intensities to what the model was trained on.

    Raises RefusalError where the file is of another technique, or it cannot be known what the model wants of these intensities.
    """
    _same_technique(track, wanted.technique)
    said = track.intensity
    if said == "counts" and wanted.intensity in ABSORBING:
        told = f"{track.name}: its intensities are counts, {wanted.intensity} is wanted"
        raise RefusalError(2, told, f"another model, or export it as {wanted.intensity}")
    if said not in ABSORBING or said == wanted.intensity:
        return track
    share = PERCENT.get(said, said)
    infrared = technique_in(wanted.technique) in ("infrared", "near infrared", "UV/VIS")
    want = PERCENT.get(wanted.intensity, wanted.intensity) or ("absorbance" if infrared or said == "absorbance" else "")
    if said == "absorbance" and want == "absorbance":
        return track
    if said == "absorbance" and want == "transmittance":
        x = 10.0**-track.x * (100.0 if wanted.intensity in PERCENT else 1.0)
        return track._replace(
            x=x, intensity=wanted.intensity, notes=(*track.notes, "absorbance, turned into transmittance")
        )
    if share == "transmittance" and want in ("absorbance", "transmittance"):
        return _of_transmittance(track, wanted.intensity if want == "transmittance" else "absorbance")
    known = f"{want} is wanted" if want else "what the model was trained on is not known"
    hint = "export it as absorbance" if want != "transmittance" else "export it as transmittance"
    raise RefusalError(2, f"{track.name}: its intensities are {said}, {known}", hint)


def _same_technique(track: Track, model: str) -> None:
    file, trained = track.technique, technique_in(model) or model
    if trained and file and file.lower() != trained.lower():
        article = "an" if file[0].lower() in "aeiou" or file == "NMR" else "a"
        told = f"{track.name}: is {article} {file} spectrum, the model was trained on {model} spectra"
        raise RefusalError(2, told, "another model, or another file")
    if trained == "Raman" and track.intensity in ABSORBING:
        told = f"{track.name}: its intensities are {track.intensity}, so it is not a Raman spectrum, as the model wants"
        raise RefusalError(2, told, "another model, or the column of counts")
    if trained in ("infrared", "near infrared") and track.intensity == "counts":
        told = f"{track.name}: its intensities are counts, so it is no {trained} spectrum, as the model wants"
        raise RefusalError(2, told, "another model, or export it as absorbance")


def _of_transmittance(track: Track, want: str) -> Track:
    """Turn transmittance, as a share or in percent, into absorbance -log10(T), or into the other of the two."""
    percent = track.intensity in PERCENT or bool(np.median(track.x) > LARGEST_SHARE)
    share = track.x / 100.0 if percent else track.x
    if want != "absorbance":
        return track._replace(x=share * 100.0 if want in PERCENT else share, intensity=want)
    low = ~(share > 0)
    if low.any():
        row = int(low.argmax())
        told = f"{track.at(row)}: a transmittance of {track.x[row]:g} has no absorbance"
        raise RefusalError(2, told, "export it as absorbance, or correct its zero line")
    told = ("percent " if percent else "") + "transmittance, turned into absorbance"
    return track._replace(x=-np.log10(share), intensity=want, notes=(*track.notes, told))
