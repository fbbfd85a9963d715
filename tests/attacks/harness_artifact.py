"""artifact.json of a step."""

from __future__ import annotations

import fuzzing

from edgespec import artifact
from edgespec.artifact import Checkpoint, OnnxModel, Variant

READER = "edgespec/artifact.read"
KIND = "json"


def seeds() -> list[bytes]:
    def sealed(path: fuzzing.Path, kind: int) -> None:
        folder = path.parent / f"seed-{kind}"
        folder.mkdir(exist_ok=True)
        (folder / "model.onnx").write_bytes(b"x")
        made = OnnxModel(folder, "cnn", 32, 2, {"float32": Variant("model.onnx")})
        control = Checkpoint(folder / "control", "cnn", {"widths": [4]}, 32, 2)
        kept = Checkpoint(folder, "cnn", {"widths": [4]}, 32, 2, {"control": control}, {"history": []})
        artifact.seal((made, kept)[kind], {"step": "to_onnx", "digest": "0", "seed": 0, "scores": {}})
        (folder / artifact.RECORD).replace(path)

    return [fuzzing.made(lambda path: sealed(path, 0)), fuzzing.made(lambda path: sealed(path, 1))]


def feed(raw: bytes) -> None:
    (fuzzing.scratch() / "model.onnx").write_bytes(b"x")
    artifact.read(fuzzing.written(artifact.RECORD, raw).parent)
