"""What every way of making int8 shares: what it starts from, how ranges are cut, and the file that is written and checked."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edgespec import storage
from edgespec.artifact import OnnxModel, Variant
from edgespec.compression.quantization import calibration_data, int8, lint, paying, qdq, ranges, sensitivity
from edgespec.compression.quantization.ranges import METHODS, Range, Seen
from edgespec.compression.quantization.sensitivity import Judge, Promises, Settled
from edgespec.errors import Mistake
from edgespec.graph import assembly, exporter, names, onnx_file
from edgespec.graph.foreign import checks
from edgespec.job import Job

# of the largest logit: float layers round otherwise in another batch size, and what is near an integer's edge falls to its other side
STEP = 0.02
ONE_SIDED = 1.645  # standard errors: a share that lies so far below a promise breaks it (95 %, one-sided)
SURELY = 0.9  # a file that agrees less with its source, or with itself unoptimised, is converted wrongly
Array = NDArray[Any]


@dataclass(frozen=True)
class Source:
    """What is rounded: the float `network` behind its `front`, what its tensors took of the calibration spectra `x`, and its judge.

    sets: number and digest of the calibration, validation and test spectra
    """

    front: onnx.ModelProto | None
    network: onnx.ModelProto
    x: Array
    seen: dict[str, Seen]
    judge: Judge
    sets: dict[str, Any]


def source(job: Job, model: OnnxModel, on: str | None, spectra: int) -> Source:
    """Take the float file apart and run training spectra through it.

    Raises Mistake for spectra that cannot calibrate, and for a network that no flavour can round.
    """
    whole = onnx.load(model.path("float32"))
    front, network = assembly.front(whole), assembly.network(whole)
    _check(network)
    x, judged = calibration_data.drawn(job, on, spectra), calibration_data.judged(job, on)
    network = int8.ready(network)
    judge = sensitivity.judge(network, prepared(front, judged.x), judged.y)
    return Source(front, network, x, ranges.observe(network, prepared(front, x)), judge, calibration_data.told(job, x))


def cut(given: Source, wanted: str, flavour: str, bits: int) -> tuple[dict[str, Range], dict[str, Any]]:
    """Cut the ranges by the method asked for, or by the one whose probabilities stay nearest to float's on validation spectra.

    Gives what was tried too.
    """
    tried = {}
    for method in METHODS if wanted == "auto" else (wanted,):
        made = int8.make(flavour, given.network, ranges.cut(given.seen, method), bits=bits)
        lost = sensitivity.loss(made, given.judge)
        tried[method] = {"divergence": round(lost.divergence, 6), "agreement": round(lost.agreement, 5)}
    method = min(tried, key=lambda each: tried[each]["divergence"])
    told = {"method": method, "tried": tried, **given.sets["calibration"]}
    return ranges.cut(given.seen, method), told


def flavours(
    job: Job,
    model: OnnxModel,
    given: Source,
    ends: Mapping[str, Range],
    wanted: Sequence[str],
    promises: Promises,
    facts: dict[str, Any],
    pays_on: str | None = None,
) -> OnnxModel:
    """Write each flavour with the fewest layers in float that keep the promises, beside the files that were there.

    facts: what each variant tells besides
    pays_on: a target that is asked which `cpu` file is the fastest; where float32 is faster than each, none is written
    """
    for variant in model.variants.values():
        shutil.copyfile(model.folder / variant.file, job.folder / variant.file)
    table = sensitivity.scan(given.network, ends, given.judge, promises.bits)
    made, paid = {}, dict[str, Any]()
    for flavour in dict.fromkeys(wanted):
        told: dict[str, Any] = {"flavour": flavour, **facts}
        if flavour == "cpu" and pays_on is not None:
            best, answer = paying.settle(
                job, model.path("float32"), given.network, ends, given.judge, table, promises, pays_on
            )
            told["pays"] = asdict(answer)
            paid = {"pays": told["pays"], "notes": [*model.facts.get("notes", ()), answer.told()]}
            if best is None:
                continue
            found = best
        else:
            found = settled(flavour, given, ends, table, promises)
        told["validation"] = asdict(found.loss)
        told |= {"float_layers": list(found.floats), "layers": table}
        least = least_agreement(promises)
        made[int8.variant(flavour)] = written(job, model, int8.variant(flavour), found.network, given.x, told, least)
    return replace(
        model, folder=job.folder, variants={**model.variants, **made}, facts={**model.facts, "sets": given.sets, **paid}
    )


def settled(
    flavour: str,
    given: Source,
    ends: Mapping[str, Range],
    table: Sequence[Mapping[str, Any]],
    promises: Promises,
) -> Settled:
    """Settle which layers stay in float, by the validation part; then keep more of them where the calibration spectra disagree.

    A small validation part cannot tell 0.95 of equal labels from 0.99, and the file that is written is refused for what the larger set shows.
    """
    inner = prepared(given.front, given.x)
    floats = onnx_file.ask(onnx_file.session(given.network.SerializeToString()), inner)
    order = [str(each["layer"]) for each in sorted(table, key=lambda each: -float(each["divergence"]))]
    allowed, kept = int(promises.max_float * len(table)), list[str]()
    while True:
        found = sensitivity.settle(flavour, given.network, ends, given.judge, table, promises, always=kept)
        rounded = onnx_file.ask(onnx_file.session(found.network.SerializeToString()), inner)
        agrees = float(onnx_file.same(floats, rounded, onnx_file.TIE).mean())
        highest = agrees + ONE_SIDED * float(np.sqrt(agrees * (1 - agrees) / len(inner)))
        more = [name for name in order if name not in kept and name not in found.floats][:1]
        if highest >= promises.min_agreement or not more or len({*kept, *found.floats, *more}) > allowed:
            return found
        kept = [name for name in order if name in {*kept, *found.floats, *more}]


def least_agreement(promises: Promises) -> float:
    """Give the share of calibration spectra on which a file that is written has to agree with its float one."""
    return min(promises.min_agreement, SURELY)


def prepared(front: onnx.ModelProto | None, x: Array) -> Array:
    """(n, points): raw spectra as the network takes them."""
    return x if front is None else onnx_file.ask(onnx_file.session(front.SerializeToString()), x)


def written(
    job: Job, model: OnnxModel, name: str, network: onnx.ModelProto, x: Array, facts: dict[str, Any], least: float
) -> Variant:
    """Write the whole file, and check it against the float one and against itself without the runtime's optimisation.

    facts: what the variant tells; its `flavour`, where it has one, says what the lint and the kernels must be
    Raises Mismatch where less than the share `least` of the labels agrees.
    """
    origin, path = model.path("float32"), job.folder / f"{name}.onnx"
    whole, flavour = onnx.load(origin), facts.get("flavour")
    joined = assembly.joined(assembly.front(whole), exporter.slimmed(network))
    joined.metadata_props.extend(whole.metadata_props)
    storage.write(path, names.shortened(joined).SerializeToString())
    facts = {**facts, **({"lint": lint.check(flavour, joined)} if flavour else {})}
    evidence = job.folder.parent / f"{name}-mismatch.npz"
    between = STEP if facts.get("float_layers") else onnx_file.TIE
    for fact, answers in (("parity", onnx_file.run(origin, x)), ("arithmetic", onnx_file.run(path, x, optimise=False))):
        facts[fact] = asdict(
            onnx_file.parity(path, x, answers, least=least, most=np.inf, evidence=evidence, between=between)
        )
    facts["kernels"] = onnx_file.check_kernels(path) if flavour == "cpu" else onnx_file.kernels(path)
    return replace(model.variants["float32"], file=path.name, sibling="float32", facts=facts)


def _check(network: onnx.ModelProto) -> None:
    """Refuse a network that no flavour can round: broken weights, weights of an operator without int8, or no layer at all."""
    if operators := checks.learned_domain(network):
        raise Mistake(
            f"the model is made of operators of ai.onnx.ml ({', '.join(operators)}): quantising it is not supported",
            hint="leave the step 'quantize' out; int8 knows convolutions and linear layers",
        )
    constants = {each.name: numpy_helper.to_array(each) for each in network.graph.initializer}
    for name, values in constants.items():
        if values.dtype.kind == "f" and (bad := int((~np.isfinite(values)).sum())):
            raise Mistake(
                f"{bad} of {values.size} weights of {name} are not finite numbers",
                hint="train again with a smaller fit.lr",
            )
    for node in network.graph.node:
        held = [constants[name] for name in node.input if name in constants]
        many = sum(each.size for each in held if each.dtype.kind == "f" and each.ndim > 1)
        if many and node.op_type not in (*lint.LAYERS, "Add", "Mul", "Sub", "Div"):
            raise Mistake(
                f"no flavour of int8 can hold the {many} weights of {node.op_type} ({node.name})",
                hint="ship float32 or fp16: leave the step 'quantize' out; int8 knows convolutions and linear layers",
            )
    if not qdq.layers(network):
        raise Mistake(
            "the network has no convolution and no linear layer with constant weights: there is nothing to quantise",
            hint="leave the step 'quantize' out",
        )
