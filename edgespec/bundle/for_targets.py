"""What a target loads, as one bundle: the model in the opset that its runtime reads, what is built of it there or here, and its state.

`ready`: the target can load it as it is. `deferred`: an engine has yet to be built where it runs; the command is in the bundle.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgespec import storage
from edgespec.bundle import c_code, signature, tensorrt
from edgespec.bundle import write as bundles
from edgespec.errors import EdgespecError, Missing, Mistake, Unreachable
from edgespec.graph import jetpack, onnx_file
from edgespec.graph.compatibility import CODE, float_file
from edgespec.pipeline import provenance, up_to_date
from edgespec.pipeline.run import Run
from edgespec.pipeline.up_to_date import DELIVERED
from edgespec.recipe import plain
from edgespec.report import Report
from edgespec.targets import built_here, runner
from edgespec.targets import card as target_cards
from edgespec.targets.card import Target

PLACE = "bundles"
FORMAT = 1
PREPARE_S = 300.0
ANY = 99  # opset: ONNX Runtime here reads what was written here
DOCS = "docs/runtimes.md says what each TensorRT takes"


@dataclass(frozen=True)
class Delivered:
    """What was written for a target.

    folder: relative to the run where it lies there; status: "ready", "deferred" or, where nothing could be written, "failed"
    checked: what was done to see that the target will take it; message: what is left to do
    flash_bytes, ram_bytes, stack_bytes, instructions: what the code takes on a microcontroller (`c_code.Board`); 0 where that is not known
    made_from: digest of the run, the card, the advice and the code, where it was written by the end of `compress`
    """

    target: str
    folder: str
    runtime: str
    variant: str = ""
    status: str = "ready"
    size: int = 0
    checked: tuple[str, ...] = ()
    message: str = ""
    files: tuple[str, ...] = ()
    flash_bytes: int = 0
    ram_bytes: int = 0
    stack_bytes: int = 0
    instructions: int = 0
    made_from: str = ""


def write(
    run: Run,
    name: str,
    out: Path | None = None,
    *,
    variant: str | None = None,
    axis: Path | None = None,
    require_engine: bool = False,
    sign: Path | None = None,
) -> Delivered:
    """Write the bundle of a run for a target into `out`, `bundles/<target>` of the run if not said.

    variant: the file; the run's choice for the target if not said (`report.choice`)
    axis: a file with an instrument's own axis, which the graph is then made to take; sign: a private key
    require_engine: raise Missing where what the target loads can't be made here
    Raises Mistake for a file that the target's runtime is known to reject, and as `write.write` does.
    """
    card = target_cards.load(name)
    place = out or run.folder / PLACE / name
    bundles.check_place(place)
    signature.ready(sign)
    with run.locked():
        run.check_data()
        return _write(card, place, run, variant, axis, require_engine, sign)


def write_all(run: Run, names: Sequence[str]) -> Report:
    """Write a bundle for each target of a recipe into `bundles/`, and tell of them in the run's report.

    What is there already and made from the very same is kept. What can't be written for one target is told there and keeps nothing else
    from being written.
    """
    cards = [target_cards.load(name) for name in names]
    with run.locked():
        run.check_data()
        folder, result, progress = run.folder, run.report, run.progress
        progress.begin("bundles", len(cards))
        told = {}
        for done, card in enumerate(cards, start=1):
            place, key = folder / PLACE / card.name, _key(result, card)
            before = result.bundles.get(card.name, {})
            if before.get("made_from") == key and up_to_date.delivered(result, folder, [card.name]):
                told[card.name] = before
                progress.advance(done, f"{card.name}: kept")
                continue
            try:
                found = _write(card, place, run, None, None, False)
            except EdgespecError as problem:
                message = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
                found = Delivered(card.name, "", card.runtime, status="failed", message=message)
            told[card.name] = plain(replace(found, made_from="" if found.status == "failed" else key))
            progress.advance(done, f"{card.name}: {found.variant} {found.status}")
            progress.say(
                f"target {card.name}: {found.variant} {found.status}" + (f". {found.message}" if found.message else "")
            )
        progress.end()
        result.bundles = told
        run.write()
    return result


def follow(run: Run) -> Report:
    """Write those bundles of a run anew that hold another file than their target is to run since it was measured."""
    before, ships = dict(run.report.bundles), run.report.ships
    stale = [
        name
        for name, each in before.items()
        if each["status"] != "failed" and name in ships and each["variant"] != ships[name]["variant"]
    ]
    if stale:
        write_all(run, stale)
        with run.locked():
            run.report.bundles = {**before, **run.report.bundles}
            run.write()
    return run.report


def _key(result: Report, card: Target) -> str:
    steps = [step["digest"] for step in result.steps]
    told = [result.advice.get(card.name), result.ships.get(card.name)]
    return storage.digest(steps, asdict(card), told, provenance.whole_digest())


def _write(
    card: Target,
    out: Path,
    run: Run,
    variant: str | None,
    axis: Path | None,
    require_engine: bool,
    sign: Path | None = None,
) -> Delivered:
    name = bundles.choose(run, variant, card)
    with storage.whole_folder(out) as part:
        checked = _model(card, part / bundles.MODEL, name, run, axis)
        runtimes = tuple(dict.fromkeys(("onnxruntime", card.runtime)))
        written = bundles.fill(part, run.job, run.report, name, runtimes)
        found = Delivered(card.name, "", card.runtime, name, size=written.size_bytes, checked=tuple(checked))
        if card.runtime in CODE:
            files, tried = c_code.write(part, part / bundles.MODEL, part / bundles.SPECTRA)
            found = replace(found, files=tuple(files), checked=(*found.checked, *tried))
            if card.source == "emulated":
                told = asdict(c_code.on_board(card, part / bundles.MODEL, part / bundles.SPECTRA))
                found = replace(found, checked=(*found.checked, told.pop("said")), **told)
        elif card.jetpack:
            found = _for_tensorrt(card, part, found)
        elif card.runtime in built_here.BUILT_HERE:  # what the device can't make: here, also for a device
            found = _built(replace(card, reach="local", python=(), env={}), part, found)
        elif card.runtime != "onnxruntime" and card.reach == "local":
            found = _built(card, part, found)
        if require_engine and found.status == "deferred":
            later = (
                "do that, then the same again"
                if card.runtime in built_here.BUILT_HERE
                else "and build it where it runs"
            )
            raise Missing(found.message, hint=f"leave --require-engine out, {later}")
        inside = out.is_relative_to(run.folder)
        found = replace(found, folder=str(out.relative_to(run.folder) if inside else out))
        storage.write_json(part / DELIVERED, {"format": FORMAT, **plain(found)})
        bundles.seal(part, sign)
    return found


def _model(card: Target, path: Path, name: str, run: Run, axis: Path | None) -> list[str]:
    """Put the model there, in an opset and a format that the target reads."""
    source, checked = run.model.path(name), []
    newest = (
        jetpack.RELEASES[card.jetpack].opset if card.jetpack else card.opset if card.opset < onnx_file.OPSET else ANY
    )
    opset = jetpack.opset(onnx.load(source))
    if opset <= newest:
        shutil.copyfile(source, path)
    elif name == "float32":
        agreed = float_file(path, run.model, run.job, run.report, run.folder, newest)
        checked.append(f"opset {newest}: the same labels as the run's own file on {agreed.n} spectra")
    else:
        told = f"target {card.name!r} reads opset {newest} and older; {name} is opset {opset}"
        raise Mistake(told, hint="--variant float32 is exported anew for it; rounded files are not")
    if axis is not None:
        if opset > newest:
            raise Mistake(
                f"{card.name}: --axis needs opset {onnx_file.OPSET}", hint="resample to the model's own axis there"
            )
        bundles.retarget(path, axis, run.job, run.folder / f"{card.name}-mismatch.npz")
    model = onnx.load(path)
    if model.ir_version > card.ir_version:
        model.ir_version = card.ir_version  # newer versions only add kinds of tensors, and none of them is used
        storage.write(path, model.SerializeToString())
    return checked


def _for_tensorrt(card: Target, part: Path, found: Delivered) -> Delivered:
    """Lint, let TensorRT-RTX parse and build where it is installed, and write down how the engine is built on the device."""
    path = part / bundles.MODEL
    model = onnx.load(path)
    if wrong := jetpack.lint(model, card.jetpack):
        raise Mistake("\n".join(wrong[:5]), hint=DOCS)
    release = jetpack.RELEASES[card.jetpack].tensorrt
    checked = [*found.checked, f"linted for JetPack {card.jetpack} (TensorRT {release}): opset and operators"]
    try:
        told = _prepare(replace(card, runtime="tensorrt_rtx", reach="local", python=(), env={}), part)
        parsed = f"checked with TensorRT-RTX {told['runtime_version']} on CPU: parses and builds"
        checked.append(f"TensorRT-RTX {told['runtime_version']} on CPU: parses and builds")
    except (Missing, Unreachable):
        parsed = "TensorRT compatibility only linted, not parsed. For a real parse on CPU: pip install 'edgespec[trt-check]' (95 MB)"
    except Mistake as problem:
        raise Mistake(f"TensorRT will reject it: {problem.message}", hint=DOCS) from problem
    files = tensorrt.write(part, model, card, release)
    message = (
        f"TensorRT engine not built: an engine is built where it runs. Wrote {bundles.MODEL}, {parsed}. "
        f"Build it on the device: sh build_engine.sh, or edgespec bench --target {card.name}"
    )
    return replace(found, status="deferred", checked=tuple(checked), message=message, files=tuple(files))


def _built(card: Target, part: Path, found: Delivered) -> Delivered:
    """Let the runtime build here what it loads; where it is not installed, it will do so when it is."""
    try:
        told = _prepare(card, part)
    except (Missing, Unreachable) as problem:
        return replace(found, status="deferred", message=f"{problem.message}; {card.setup or problem.hint}")
    checked = (*found.checked, f"{card.runtime} {told['runtime_version']}: built here")
    return replace(found, checked=checked, files=tuple(told["files"]))


def _prepare(card: Target, part: Path) -> dict[str, Any]:
    """Ask the runner to prepare the model of a bundle; what comes of it lies beside it then, as `model.*`."""
    with tempfile.TemporaryDirectory() as name:
        work, kept = Path(name), Path(name) / "kept"
        shutil.copyfile(part / bundles.MODEL, work / bundles.MODEL)
        np.save(work / "spectra.npy", np.zeros((1, 1), np.float32))
        request = {"runtime": card.runtime, "threads": card.threads, "spectra": "spectra.npy"}
        request["models"] = [{"name": "model", "file": bundles.MODEL}]
        (work / "request.json").write_text(json.dumps(request), encoding="utf-8")
        own = replace(card, env={**card.env, "EDGESPEC_PREPARED": str(kept)})
        (told,) = runner.call(own, ["prepare", "request.json"], work, timeout_s=PREPARE_S)["models"]
        made = [each for each in kept.glob(f"{Path(told['file']).stem}.*") if each.suffix != ".json"]
        for each in made:
            shutil.copyfile(each, part / f"model{each.suffix}")
    return {**told, "files": sorted(f"model{each.suffix}" for each in made)}
