"""Who made a bundle: a signature over every file of it, by OpenSSF's model-signing, and whether it is by the key that one trusts.

SHA256SUMS says that nothing has changed by chance; whoever changes a bundle on purpose writes it anew. A signature cannot be written without the
private key. It covers SHA256SUMS and every other file, and lies beside them as `bundle.sig`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from edgespec import device_program
from edgespec.errors import EdgespecError, Missing, Mistake

FILE = "bundle.sig"
PASSWORD = "EDGESPEC_SIGN_PASSWORD"  # noqa: S105  (the name of a variable)
INSTALL = 'pip install "edgespec[sign]"'
CHECK = "signature"
LARGEST = 2**24  # bytes of a signature: it holds one digest a file
MAKE = "openssl ecparam -name prime256v1 -genkey -noout -out key.pem makes one, openssl ec -in key.pem -pubout -out public.pem its public half"


def ready(key: Path | None) -> None:
    """Raise what `sign` would raise for a key, before anything is written."""
    if key is not None:
        _library("signing")
        check_key(key, "private")


def sign(folder: Path, key: Path) -> Path:
    """Sign every file of a bundle with a private key (PEM, elliptic curve; its password in EDGESPEC_SIGN_PASSWORD); give the signature's file.

    Raises Missing where model-signing is not installed, Mistake where the key is no such key.
    """
    library = _library("signing")
    check_key(key, "private")
    (folder / FILE).unlink(missing_ok=True)
    password = os.environ.get(PASSWORD)
    locked = None if password is None else password.encode()  # it is handed on to cryptography, which takes bytes
    try:
        signer = library.Config().use_elliptic_key_signer(private_key=key, password=locked)
        with tempfile.TemporaryDirectory() as place:
            made = Path(place) / FILE
            signer.set_hashing_config(_hashing()).sign(folder, made)
            shutil.copyfile(made, folder / FILE)
    except (ValueError, TypeError) as problem:
        raise Mistake(f"{key} signs nothing: {_line(problem)}", hint=f"{MAKE}; a password: {PASSWORD}") from None
    return folder / FILE


def check(folder: Path, *, key: Path | None = None, identity: str = "", issuer: str = "") -> dict[str, Any]:
    """Compare a bundle with its signature: a check as `verify` gives it, {"check", "ok", "found", "tolerance"}.

    key: the public key (PEM) of whoever is trusted; or identity and issuer of a Sigstore certificate, such as an address and its provider's
    Raises Missing where model-signing is not installed, Mistake for a key that is none.
    """
    library = _library("verifying")
    if key is not None:
        check_key(key, "public")
    path = folder / FILE
    with device_program.refusals():
        odd = device_program.module("checksums").walk(folder).odd
    if odd:
        return _told(False, f"not compared: the folder holds what is not a file: {', '.join(sorted(odd)[:3])}")
    if not path.is_file():
        return _told(False, f"the bundle has no {FILE}: nobody signed it")
    if path.stat().st_size > LARGEST:
        return _told(False, f"{FILE} is not a signature: longer than {LARGEST} bytes")
    try:
        if key is not None:
            asked = library.Config().use_elliptic_key_verifier(public_key=key)
        else:
            asked = library.Config().use_sigstore_verifier(identity=identity, oidc_issuer=issuer)
        asked.set_hashing_config(_hashing()).verify(folder, path)
    except EdgespecError:
        raise
    except Exception as problem:  # noqa: BLE001  (a foreign file, read by libraries with errors of their own)
        return _told(False, f"not by {key or identity}: {_line(problem)}")
    return _told(True, f"every file is as {key or identity} signed it")


def check_key(key: Path, half: str) -> None:
    """Raise Mistake where a file holds no key of this half, "private" or "public"."""
    try:
        raw = key.read_bytes()
    except OSError as problem:
        raise Mistake(f"{key} cannot be read: {problem.strerror}", hint=MAKE) from None
    wanted = b"PRIVATE KEY" if half == "private" else b"PUBLIC KEY"
    if b"-----BEGIN" not in raw or wanted not in raw:
        raise Mistake(f"{key} holds no {half} key in PEM form", hint=MAKE)


def _hashing() -> Any:
    """Say what is signed: everything but the signature, also what git would leave out."""
    return _library("hashing").Config().set_ignored_paths(paths=[FILE], ignore_git_paths=False)


def _library(part: str) -> ModuleType:
    try:
        import importlib

        return importlib.import_module(f"model_signing.{part}")
    except ImportError as problem:
        raise Missing(f"signatures need model-signing: {problem}", hint=INSTALL) from None


def _told(ok: bool, found: str) -> dict[str, Any]:
    return {"check": CHECK, "ok": ok, "found": found, "tolerance": "exact"}


def _line(problem: Exception) -> str:
    lines = str(problem).splitlines() or [""]
    return f"{type(problem).__name__}: {lines[0][:200]}"
