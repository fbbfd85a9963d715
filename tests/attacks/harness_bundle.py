"""Bundle folders: files, checksums, contract and answers, as `edgespec verify` and the device check them."""

from __future__ import annotations

import argparse
import hashlib
import io
import shutil
import zipfile
import zlib

import fuzzing
import small_onnx
from device_runner import module

READER = "export/verify.answer"
KIND = "zip"
OTHERS = (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, RuntimeError)


def seeds() -> list[bytes]:
    return [small_onnx.bundle()]


def feed(raw: bytes) -> None:
    folder = fuzzing.scratch() / "bundle"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            for name in {
                each for each in packed.namelist() if "/" not in each and "\\" not in each and 0 < len(each) < 100
            }:
                (folder / name).write_bytes(packed.read(name))
    except OTHERS:
        for name, content in small_onnx.files().items():
            (folder / name).write_bytes(content)
        (folder / "SHA256SUMS").write_bytes(raw)
    if (folder / "SHA256SUMS").read_bytes()[:1] != b"0" if (folder / "SHA256SUMS").is_file() else False:
        sums = [
            f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n"
            for each in folder.iterdir()
            if each.name != "SHA256SUMS"
        ]
        (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8", errors="surrogateescape")
    module("refusal")
    module("verify").answer(argparse.Namespace(bundle=folder, runtime="onnxruntime", threads=1))
