"""A report: rows and measurements of one run, as data; each other file of this folder is one way to show it.

`report.json` is the whole of it, versioned; docs/report.md documents every field. Its seal is the digest of all the rest: a report that
was edited or damaged after it was written is noticed. A seal keeps nobody out who means harm: whoever can write the file can seal it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from edgespec import storage, unpacking
from edgespec.errors import Mismatch, Mistake

SCHEMA = 2
SEAL = "seal"


@dataclass
class Row:
    """What one model scores on the test part.

    step: number of the step that made it, 0 for baselines
    kind: "baseline", "step", "control", "teacher" (one from outside, by its answers) or "variant" (an ONNX file)
    on, labels: what it learnt from, where that is not the same for all rows
    scores: accuracy with its interval, sensitivity, specificity, macro-F1, calibration error
    agreement: share of test spectra with the same label as step 1's model; drop: accuracy lost against it
    robustness: accuracy under each perturbation, their mean, and what of it was lost against step 1 and the float sibling
    reject: how well the model knows what it does not know; risk-coverage curve, AUROC, share refused
    pruning: what a step that prunes took in each round, what that cost, and how much each group of channels was worth
    rounding: of an int8 file: how its ranges were cut, what each layer costs alone, which stay in float
    confusion: [class, named class, spectra] of every pair that occurs in the test part
    settings: of a baseline that has any: what was chosen for it, and on how many spectra
    right: which test spectra it names rightly, as they are ("none") and under each perturbation, packed (`right`)
    """

    step: int
    name: str
    kind: str
    model: str
    variant: str = ""
    on: str = ""
    labels: str = ""
    spectra_used: int | None = None
    labels_used: int | None = None
    scores: dict[str, Any] = field(default_factory=dict)
    params: int | None = None
    macs: int | None = None
    flops: int | None = None
    bytes: int | None = None
    agreement: float | None = None
    drop: float | None = None
    temperature: float | None = None
    seconds: float | None = None
    file: str = ""
    robustness: dict[str, Any] = field(default_factory=dict)
    reject: dict[str, Any] = field(default_factory=dict)
    pruning: dict[str, Any] = field(default_factory=dict)
    rounding: dict[str, Any] = field(default_factory=dict)
    confusion: list[list[int]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    right: dict[str, str] = field(default_factory=dict)

    @property
    def accuracy(self) -> float:
        """Share of test spectra named rightly."""
        return float(self.scores["accuracy"])


@dataclass
class Report:
    """Everything that a run says.

    data: name, source (measured or embedded), counts a part, classes, axis, digest, notes
    bench: target -> what edgespec bench wrote; advice: target -> the variant to use there, and why
    comparison: the file to ship beside the best linear model and the nearest neighbour, clean and perturbed: what a report leads with
    ships: target -> the one file that it is to run, why it is that one, and whether a measurement chose it (`choice`)
    gates: verdicts of the last edgespec gate
    instructions: of one inference of each file that may be shipped, what counted them, or why nothing did
    transfer: name -> what edgespec transfer wrote
    bundles: target -> what was written for it at the end of compress
    mistakes: the test spectra that each file of the last step names wrongly, and the mean spectra of their classes
    examples: a few test spectra, what the models say of them and which regions of each spoke for it
    finished: digest of recipe, code, versions and data of a complete run; empty while it is under way
    recipe_file: where the recipe lay, from the top of its repository, else from the folder where it was run; empty where it lay elsewhere
    recipe_digest: of the run folder's recipe.yaml as it was written
    sealed: SHA-256 of the artifact.json in each folder of a step or of baselines, which holds the digests of the files beside it
    """

    recipe: str
    seed: int
    data: dict[str, Any]
    schema: int = SCHEMA
    environment: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    bench: dict[str, Any] = field(default_factory=dict)
    advice: dict[str, Any] = field(default_factory=dict)
    comparison: dict[str, Any] = field(default_factory=dict)
    ships: dict[str, Any] = field(default_factory=dict)
    gates: list[dict[str, Any]] = field(default_factory=list)
    instructions: dict[str, Any] = field(default_factory=dict)
    transfer: dict[str, Any] = field(default_factory=dict)
    bundles: dict[str, Any] = field(default_factory=dict)
    examples: dict[str, Any] = field(default_factory=dict)
    mistakes: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    finished: str = ""
    recipe_file: str = ""
    recipe_digest: str = ""
    sealed: dict[str, str] = field(default_factory=dict)

    def last(self) -> list[Row]:
        """Rows of the files that may be shipped: the candidates of the last step that wrote ONNX."""
        made = [row for row in self.rows if row.kind == "variant"]
        return [row for row in made if row.step == made[-1].step] if made else []

    def reference(self) -> Row | None:
        """The row of step 1, with which the others are compared."""
        return next((row for row in self.rows if row.step == 1 and row.kind in ("step", "variant")), None)


def write(report: Report, folder: Path) -> None:
    """Write report.json, sealed."""
    plain = json.loads(json.dumps(asdict(report), allow_nan=False, ensure_ascii=False))
    storage.write_json(folder / "report.json", {**plain, SEAL: seal(plain)})


def release(folder: Path, name: str) -> None:
    """Take a step's or baselines' folder out of a run's report, because the folder is about to be replaced.

    Whoever ends the program between the replacement and the next report then leaves no report that tells of another folder's digest.
    """
    try:
        held = read(folder)
    except (Mistake, Mismatch):  # none is there yet, or it is made anew anyway
        return
    if held.sealed.pop(name, None) is not None:
        held.steps = [step for step in held.steps if step["folder"] != name]
        write(held, folder)


def upgrade(folder: Path) -> None:
    """Seal the report of a run that an earlier edgespec has just made; a report of today stays as it is."""
    path = folder / "report.json"
    plain = json.loads(path.read_text(encoding="utf-8"))
    if plain.get("schema") == SCHEMA - 1:
        text = (folder / "recipe.yaml").read_text(encoding="utf-8")
        plain |= {"schema": SCHEMA, "recipe_digest": storage.digest(text)}
        storage.write_json(path, {**plain, SEAL: seal(plain)})


def seal(plain: dict[str, Any]) -> str:
    """Digest what JSON holds, the seal itself left out."""
    return storage.digest({key: value for key, value in plain.items() if key != SEAL})


def read(folder: Path) -> Report:
    """Read report.json.

    Raises Mistake where there is none or it is of another version, Mismatch where it is not as edgespec wrote it.
    """
    path = folder / "report.json"
    hint = "edgespec compress RECIPE writes it anew"
    try:
        plain = unpacking.parse_json(path.read_text(encoding="utf-8"))
        if isinstance(plain, dict) and SEAL in plain and plain[SEAL] != seal(plain):
            raise Mismatch(f"{path} was changed after edgespec wrote it: its seal is another", hint)
        if not isinstance(plain, dict) or "schema" not in plain:
            raise Mistake(f"{path} is not a report of edgespec", hint)
        if plain["schema"] != SCHEMA:
            raise Mistake(f"{path} is of version {plain['schema']}, this edgespec reads {SCHEMA}", hint)
        _ = plain[SEAL]
        known = {each.name for each in fields(Report)}
        rows = [Row(**row) for row in plain["rows"]]
        found = Report(**{**{key: value for key, value in plain.items() if key in known}, "rows": rows})
        _check_kinds(found)
        return found
    except FileNotFoundError:
        raise Mistake(
            f"{folder} is not a run folder: it holds no report.json", hint="edgespec compress RECIPE makes one"
        ) from None
    except KeyError as problem:
        raise Mismatch(f"{path} is damaged: it lacks {problem}", hint) from None
    except (ValueError, TypeError, RecursionError) as problem:
        raise Mismatch(f"{path} is damaged: {problem}", hint) from None
    except OSError as problem:
        raise Mistake(f"{path} cannot be read: {problem.strerror}") from None


def _check_kinds(report: Report) -> None:
    """Raise TypeError where a part is not what it was written as; what is inside is ours, or the file was forged."""
    for name in (
        "data",
        "environment",
        "bench",
        "advice",
        "comparison",
        "ships",
        "instructions",
        "transfer",
        "bundles",
        "examples",
        "mistakes",
        "sealed",
    ):
        if not isinstance(getattr(report, name), dict):
            raise TypeError(f"'{name}' does not hold keys")
    if not all(isinstance(row.right, dict) for row in report.rows):
        raise TypeError("a row's 'right' does not hold keys")
    for name in ("steps", "gates", "notes"):
        if not isinstance(getattr(report, name), list):
            raise TypeError(f"'{name}' is not a list")
