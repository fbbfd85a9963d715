"""What a step leaves: a torch checkpoint, or one float ONNX file with its named variants; both are a folder and an artifact.json."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgespec import storage, unpacking
from edgespec.errors import Mismatch, Mistake

SCHEMA = 1
WEIGHTS = "model.safetensors"
RECORD = "artifact.json"
UNUSABLE = (Mistake, Mismatch)
"""What `read` raises: nothing finished is there, or it is not as it was written."""


@dataclass(frozen=True)
class Checkpoint:
    """A torch model: its name, the keys that rebuild it, and its weights in `model.safetensors`.

    controls: models trained for comparison only, by name; each is a folder inside this one with its own weights
    facts: what the step wants to tell (history of the training, how many labels it saw, ...)
    """

    folder: Path
    model: str
    keys: dict[str, Any]
    points: int
    classes: int
    controls: dict[str, Checkpoint] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def weights(self) -> Path:
        """The file of weights."""
        return self.folder / WEIGHTS


@dataclass(frozen=True)
class Variant:
    """One ONNX file of a model.

    role: "candidate" may be shipped; "reference" is only there to be compared with
    sibling: the float variant that it was made from, for those that were made from one
    temperature: what the logits were divided by so that their softmax is a calibrated probability
    """

    file: str
    role: str = "candidate"
    sibling: str = ""
    temperature: float = 1.0
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OnnxModel:
    """One network as ONNX: `float32` and what was derived from it, each checked against it."""

    folder: Path
    model: str
    points: int
    classes: int
    variants: dict[str, Variant]
    facts: dict[str, Any] = field(default_factory=dict)

    def path(self, variant: str) -> Path:
        """The file of a variant."""
        return self.folder / self.variants[variant].file


Artifact = Checkpoint | OnnxModel


def describe(artifact: Artifact) -> dict[str, Any]:
    """Turn an artifact into plain values for artifact.json; folders are left out, they are where the file lies."""
    if isinstance(artifact, OnnxModel):
        variants = {name: vars(each) for name, each in artifact.variants.items()}
        return {"kind": "OnnxModel", **_shape(artifact), "variants": variants, "facts": artifact.facts}
    controls = {name: describe(each) for name, each in artifact.controls.items()}
    return {
        "kind": "Checkpoint",
        **_shape(artifact),
        "keys": artifact.keys,
        "controls": controls,
        "facts": artifact.facts,
    }


def restore(folder: Path, plain: dict[str, Any]) -> Artifact:
    """Make the artifact again from what `describe` gave."""
    shape = {name: plain[name] for name in ("model", "points", "classes")}
    if plain["kind"] not in ("OnnxModel", "Checkpoint"):
        raise ValueError(f"there is no kind of artifact {plain['kind']!r}")
    if plain["kind"] == "OnnxModel":
        variants = {name: Variant(**each) for name, each in plain["variants"].items()}
        return OnnxModel(folder, **shape, variants=variants, facts=plain["facts"])
    controls = {name: restore(folder / name, each) for name, each in plain["controls"].items()}
    return Checkpoint(folder, **shape, keys=plain["keys"], controls=controls, facts=plain["facts"])  # type: ignore[arg-type]


def seal(artifact: Artifact, record: dict[str, Any]) -> None:
    """Write artifact.json: the artifact, what made it (`record`) and the digest of every file beside it."""
    files = {
        path.relative_to(artifact.folder).as_posix(): storage.file_digest(path) for path in _files(artifact.folder)
    }
    storage.write_json(
        artifact.folder / RECORD, {"schema": SCHEMA, **record, "artifact": describe(artifact), "files": files}
    )


def read(folder: Path) -> tuple[Artifact, dict[str, Any]]:
    """Read a sealed artifact and its record back, every file checked against its digest.

    Raises Mistake where artifact.json is absent or of another version, Mismatch where it or a file beside it is not as it was written.
    """
    hint = "run edgespec compress again: it makes this step anew"
    path = folder / RECORD
    try:
        record = unpacking.parse_json(path.read_text(encoding="utf-8"))
        if record["schema"] != SCHEMA:
            raise Mistake(f"{path} is of version {record['schema']}, this edgespec reads {SCHEMA}", hint)
        files, found = dict(record["files"]), restore(folder, record["artifact"])
        used = _used(found)
    except (FileNotFoundError, NotADirectoryError):
        raise Mistake(f"{folder} holds no finished artifact", hint) from None
    except KeyError as problem:
        raise Mismatch(f"{path} is damaged: it lacks {problem}", hint) from None
    except (ValueError, TypeError, AttributeError, RecursionError) as problem:
        raise Mismatch(f"{path} is damaged: {problem}", hint) from None
    except OSError as problem:
        raise Mistake(f"{path} cannot be read: {problem.strerror}", hint) from None
    if unlisted := sorted(used - set(files)):
        raise Mismatch(f"{path} tells of {unlisted[0]}, of which it holds no digest", hint)
    for name, expected in files.items():
        path = folder / name
        if not path.is_file() or storage.file_digest(path) != expected:
            raise Mismatch(f"{path} is {'damaged' if path.is_file() else 'missing'}", hint)
    return found, record


def moved(artifact: Artifact, folder: Path) -> Artifact:
    """Give the same artifact under the folder it was moved to."""
    if isinstance(artifact, OnnxModel):
        return replace(artifact, folder=folder)
    controls = {name: replace(each, folder=folder / name) for name, each in artifact.controls.items()}
    return replace(artifact, folder=folder, controls=controls)


def _shape(artifact: Artifact) -> dict[str, Any]:
    return {"model": artifact.model, "points": artifact.points, "classes": artifact.classes}


def _used(artifact: Artifact, place: str = "") -> set[str]:
    """Name the files that an artifact is read from, relative to its folder."""
    if isinstance(artifact, OnnxModel):
        return {each.file for each in artifact.variants.values()}
    found = {f"{place}{WEIGHTS}"}
    for name, each in artifact.controls.items():
        found |= _used(each, f"{place}{name}/")
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)
