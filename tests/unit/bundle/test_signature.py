"""A signature says who made a bundle: the right key passes, everything else does not, and nothing unsigned is opened."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import tiny_bundle
from command import edgespec

from edgespec.bundle import signature, write
from edgespec.errors import Missing, Mistake
from edgespec.pipeline.run import Run

pytest.importorskip("model_signing", reason='signatures need pip install "edgespec[sign]"')
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def keys(folder: Path, name: str, password: bytes | None = None) -> tuple[Path, Path]:
    """Write a private key and its public half."""
    made = ec.generate_private_key(ec.SECP256R1())
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(made.private_bytes(pem, pkcs8, locked))
    public.write_bytes(made.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    return private, public


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A whole bundle, free to be signed."""
    return tiny_bundle.write(tmp_path / "bundle")


def test_the_right_key_passes_and_every_change_and_other_key_fails(bundle: Path, tmp_path: Path) -> None:
    private, public = keys(tmp_path, "mine")
    _, other = keys(tmp_path, "other")
    assert not signature.check(bundle, key=public)["ok"], "nobody signed it yet"
    signature.sign(bundle, private)
    assert signature.check(bundle, key=public)["ok"]
    moved = tmp_path / "elsewhere"
    shutil.copytree(bundle, moved)
    assert signature.check(moved, key=public)["ok"], "a bundle may be called as one likes"
    assert not signature.check(bundle, key=other)["ok"]
    for name in ("model.onnx", "SHA256SUMS", "runner.py", signature.FILE):
        raw = (moved / name).read_bytes()
        (moved / name).write_bytes(raw[:-2] + bytes([raw[-2] ^ 1]) + raw[-1:])
        found = signature.check(moved, key=public)
        assert not found["ok"], name
        assert found["found"].startswith("not by")
        (moved / name).write_bytes(raw)
    for name in ("extra.py", ".gitignore", "measure/.git"):
        (moved / name).write_text("")
        assert not signature.check(moved, key=public)["ok"], name
        (moved / name).unlink()
    os.mkfifo(moved / "fifo")
    assert "holds what is not a file: fifo" in signature.check(moved, key=public)["found"]


def test_export_signs_and_verify_asks(run_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private, _ = keys(tmp_path, "mine", b"secret")
    with pytest.raises(Mistake, match="signs nothing"):
        write.write(Run(run_copy), tmp_path / "b", sign=private)
    assert not (tmp_path / "b").exists()
    monkeypatch.setenv(signature.PASSWORD, "secret")
    ended = edgespec(tmp_path, "export", "run", "--out", "b", "--sign", "mine.pem")
    assert ended.returncode == 0, ended.stderr
    for words, code, told in (
        (["--key", "mine.pub"], 0, "every file is as mine.pub signed it"),
        ([], 0, "Who sent it was not asked"),
        (["--key", "mine.pem"], 2, "holds no public key"),
        (["--key", "nowhere"], 2, "cannot be read"),
        (["--identity", "a@b.org"], 2, "--issuer"),
        (["--identity", "a@b.org", "--issuer", "https://b.org"], 4, "not by a@b.org"),
    ):
        ended = edgespec(tmp_path, "verify", "b", "--wide", *words)
        assert ended.returncode == code, (words, ended.stderr, ended.stdout)
        assert told in ended.stdout + ended.stderr
    (tmp_path / "b" / "model.onnx").write_bytes(b"planted")
    ended = edgespec(tmp_path, "verify", "b", "--key", "mine.pub")
    assert ended.returncode == 4
    assert "answers" not in ended.stdout, "what is not signed is not opened"


def test_what_is_no_key_is_told(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("no key")
    (tmp_path / "broken.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    for name, told in (("text.pem", "holds no private key"), ("broken.pem", "signs nothing"), ("nowhere", "cannot be")):
        with pytest.raises(Mistake, match=told) as caught:
            signature.sign(bundle, tmp_path / name)
        assert "openssl" in caught.value.hint
    assert not (bundle / signature.FILE).exists()


def test_without_the_library_it_is_missing(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private, public = keys(tmp_path, "mine")
    monkeypatch.setitem(__import__("sys").modules, "model_signing.signing", None)
    monkeypatch.setitem(__import__("sys").modules, "model_signing.verifying", None)
    with pytest.raises(Missing, match="model-signing"):
        signature.sign(bundle, private)
    with pytest.raises(Missing) as caught:
        signature.check(bundle, key=public)
    assert "edgespec[sign]" in caught.value.hint
