"""Infrared spectra of plastics that a Python package carries: its file is fetched by pip, checked against its SHA-256, read and never installed.

xpectrass 0.0.4 (MIT) holds what three studies published. Every spectrum is written as absorbance, each study on its own axis.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import lzma
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import storage
from edgespec.data.fetch import receipt, sources
from edgespec.data.fetch.sources import Here
from edgespec.data.readers import locate
from edgespec.errors import Mismatch, Missing, Unreachable

NAME = "plastics"
PACKAGE, VERSION, LICENCE = "xpectrass", "0.0.4", "MIT (the package); of each study's spectra as it published them"
SHA256 = "063c92d5773a08ca482f9b38b4e5d788f30d747d9742fa48253027d43ad04ad9"
SIZE = 54e6
LONGEST_S = 3600
LARGEST = 400_000_000  # bytes to which a table may unpack
FEWEST = 8  # spectra of a class
LEAST = 0.1  # % of the light: less than that no detector tells from none, so an absorbance is 3 at most
META = ["study", "sample_id", "type", "environmental", "resolution"]
JOINED = {"HDPE": "PE", "LDPE": "PE", "CO": "cotton", "CE": "cellulose", "R": "rubber", "PEVA": "EVA"}


@dataclass(frozen=True)
class Study:
    """One study's spectra: the file that they become, the table in the package with its SHA-256, who published them."""

    file: str
    member: str
    sha256: str
    about: str
    cite: str


STUDIES = (
    Study(
        "flopp.npz", "frond_2021.csv.xz", "af6a74c617d691a1e713143025197bde4e4895033ac3a406a0e2138e2489b927",
        "plastics as sold (FLOPP) and as found in the environment (FLOPP-e), ATR, 399 to 4002 cm-1",
        "H. De Frond, R. Rubinovitz, C. M. Rochman (2021), Spectral Libraries of Plastic Particles (FLOPP and FLOPP-e), Anal. Chem. 93, 15878",
    ),
    Study(
        "villegas.npz", "villegas_camacho_2024_c4.csv.xz", "c073d6cdd10ecf8b65456553f215d74fae9d6ce9d0d9fc6e89f8fa881fc7b1b2",
        "six industrial polymers, resolution 4 cm-1, 399 to 4001 cm-1",
        "O. Villegas-Camacho et al. (2024), FTIR-Plastics, Data in Brief 55, 110612",
    ),
    Study(
        "jung.npz", "jung_2018.csv.xz", "115731a3d701d9e98c3bff49db863e483e49d401044159341d2f54935363bfd3",
        "plastic debris, some of it swallowed by sea turtles, ATR, 450 to 4000 cm-1",
        "M. R. Jung et al. (2018), Validation of ATR FT-IR to identify polymers of plastic marine debris, Mar. Pollut. Bull. 127, 704",
    ),
)  # fmt: skip


def fetch(into: Path | None, *, offline: bool, again: bool, say: Callable[[str], None]) -> list[Here]:
    """Bring the studies' arrays here, or check those that are here.

    into: the folder; None is where recipes look
    Raises Missing (exit 3) offline or without pip, Unreachable (exit 6) where pip gets no file, Mismatch (exit 4) where a file is another one.
    """
    kept = [_kept(study, into) for study in STUDIES]
    if not again and all(kept):
        return [each for each in kept if each]
    goal = into or sources.folder(NAME)
    if offline:
        absent = ", ".join(study.file for study, each in zip(STUDIES, kept, strict=True) if not each)
        raise Missing(
            f"{absent}: not in {goal}, and nothing is fetched offline",
            hint=f"edgespec data fetch {NAME}, without --offline",
        )
    say(
        f"{NAME}: fetching {PACKAGE} {VERSION} through pip, {SIZE / 1e6:.0f} MB, licence: {LICENCE}; it is read, not installed"
    )
    goal.mkdir(parents=True, exist_ok=True)
    found = []
    with storage.lock(goal), tempfile.TemporaryDirectory(dir=goal, prefix=".wheel.") as folder:
        wheel = _downloaded(Path(folder))
        for study in STUDIES:
            path = storage.write(goal / study.file, arrays(table(wheel, study)))
            made = receipt.made(path, f"{PACKAGE} {VERSION}, {study.member}")
            receipt.write(path, made)
            found.append(Here(path.stem, path, **asdict(made), now=True))
    return found


def table(wheel: Path, study: Study) -> bytes:
    """Give a study's table as text. Raises Mismatch where the package does not hold it as it was pinned."""
    try:
        with zipfile.ZipFile(wheel) as held:
            packed = held.read(f"{PACKAGE}/data/{study.member}")
        if hashlib.sha256(packed).hexdigest() != study.sha256:
            raise Mismatch(
                f"{study.member} of {PACKAGE} {VERSION} has another SHA-256", hint="tell the authors of edgespec"
            )
        with lzma.open(io.BytesIO(packed)) as stream:
            text = stream.read(LARGEST + 1)
    except (zipfile.BadZipFile, KeyError, lzma.LZMAError, EOFError, OSError) as problem:
        raise Mismatch(f"{wheel.name} is damaged: {study.member}: {problem}", hint="--again fetches it anew") from None
    if len(text) > LARGEST:
        raise Mismatch(f"{study.member} unpacks to more than {LARGEST:,} bytes", hint="tell the authors of edgespec")
    return text


def arrays(text: bytes) -> bytes:
    """Give an .npz of a table of transmittances in per cent: x (n, points) absorbance, wavenumber (points,), y, group and source (n,).

    Where no spectrum has any light nothing was measured: such ends of the axis are left out (FLOPP's table holds zeros below its detector's range).
    Classes of fewer than eight spectra are left out; both kinds of polyethylene are one class. Each spectrum is a physical sample of its own.
    """
    lines = csv.reader(io.StringIO(text.decode("utf-8")))
    head, *rows = list(lines)
    if head[: len(META)] != META:
        raise Mismatch(
            f"the table of {PACKAGE} begins with {head[:5]}, not with {META}", hint="tell the authors of edgespec"
        )
    axis = np.array([float(each) for each in head[len(META) :]])
    order = np.argsort(axis)
    light = np.array([[float(each) for each in row[len(META) :]] for row in rows], np.float64)[:, order]
    measured = (light > 0).any(axis=0)
    axis, light = axis[order][measured], light[:, measured]
    y = np.array([JOINED.get(row[2], row[2]) for row in rows])
    _, member, count = np.unique(y, return_inverse=True, return_counts=True)
    known = (count >= FEWEST)[member] & ~np.isin(y, ["Mixture"])
    packed = io.BytesIO()
    np.savez_compressed(
        packed, x=absorbance(light[known]), wavenumber=axis, y=y[known],
        group=np.array([f"{row[0]} {row[1]} {i}" for i, row in enumerate(rows)])[known],
        source=np.array(["environment" if row[3] == "Y" else "reference" for row in rows])[known],
    )  # fmt: skip
    return packed.getvalue()


def absorbance(percent: NDArray[np.float64]) -> NDArray[np.float32]:
    """Give -log10(T / 100) of transmittances T in per cent, T at least 0.1 %."""
    return (-np.log10(np.maximum(percent, LEAST) / 100)).astype(np.float32)


def _kept(study: Study, into: Path | None) -> Here | None:
    places = [into] if into else locate.places(NAME)
    path = next((place / study.file for place in places if (place / study.file).exists()), None)
    known = None if path is None else receipt.read(path)
    if path is None or known is None:
        return None
    receipt.check(path, known)
    return Here(path.stem, path, **asdict(known), now=False)


def _downloaded(folder: Path) -> Path:
    """Have pip fetch the package's file, which pip checks too."""
    if importlib.util.find_spec("pip") is None:
        raise Missing("pip, which fetches the package, is not installed", hint=f"{sys.executable} -m ensurepip")
    (folder / "wanted.txt").write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n", encoding="utf-8")
    words: list[Any] = [
        "download",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--disable-pip-version-check",
        "--no-input",
    ]
    words += ["--dest", folder, "-r", folder / "wanted.txt"]
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "pip", *map(str, words)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unreachable(
            f"pip brought no {PACKAGE} within {LONGEST_S} s", hint="the same command tries again"
        ) from None
    told = " ".join(ended.stderr.split())[-400:]
    if "DO NOT MATCH THE HASHES" in ended.stderr:
        raise Mismatch(
            f"{PACKAGE} {VERSION} is not the file that was pinned: {told}",
            hint="another index? pip config list says which",
        )
    wheels = sorted(folder.glob("*.whl"))
    if ended.returncode or not wheels:
        raise Unreachable(
            f"pip got no {PACKAGE} {VERSION}: {told}",
            hint="is the network there? pip config list says which index is asked",
        )
    if storage.file_digest(wheels[0]) != SHA256:
        raise Mismatch(
            f"{wheels[0].name} has another SHA-256 than the one that was pinned",
            hint="another index? pip config list says which",
        )
    return wheels[0]
