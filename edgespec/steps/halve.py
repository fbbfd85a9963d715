"""Make a float16 variant of the float ONNX: half the bytes, no calibration; for runtimes with half-precision arithmetic.

Preprocessing and answer stay in float32: a raw spectrum's intensities may exceed what float16 holds (65504). ONNX Runtime has no
float16 kernels for CPUs and converts back and forth, so there it is the slower one; TensorRT takes precision from the file alone.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from typing import Annotated

import numpy as np
import onnx
from annotated_types import Interval
from onnx import TensorProto, helper, numpy_helper

from edgespec import storage
from edgespec.artifact import OnnxModel
from edgespec.compression.quantization import calibration_data
from edgespec.errors import Mistake
from edgespec.graph import assembly, exporter, names, onnx_file
from edgespec.graph.foreign import checks
from edgespec.job import Job, Part

NAME, FILE = "fp16", "fp16.onnx"
LARGEST = float(np.finfo(np.float16).max)


def run(
    job: Job, model: OnnxModel, *, on: Part = None, min_agreement: Annotated[float, Interval(ge=0, le=1)] = 0.99
) -> OnnxModel:
    """Convert weights and arithmetic of the network to float16, casts at its ends.

    on: the training part on whose spectra both files are compared; all of them if not said.
    min_agreement: share of their labels on which both must agree; below it the conversion counts as failed.
    """
    source = model.path("float32")
    whole = onnx.load(source)
    if operators := checks.learned_domain(whole):
        raise Mistake(
            f"the model is made of operators of ai.onnx.ml ({', '.join(operators)}), which know no float16: halving it is not supported",
            hint="leave the step 'halve' out",
        )
    for variant in model.variants.values():
        shutil.copyfile(model.folder / variant.file, job.folder / variant.file)
    joined = assembly.joined(assembly.front(whole), exporter.slimmed(halved(assembly.network(whole))))
    joined.metadata_props.extend(whole.metadata_props)
    storage.write(job.folder / FILE, names.shortened(joined).SerializeToString())
    try:
        onnx_file.session(job.folder / FILE)
    except onnx_file.REFUSALS as problem:  # an adopted network may hold any operator
        raise Mistake(
            f"the network holds an operator that ONNX Runtime does not run in float16: {checks.first_line(problem)}",
            hint="leave the step 'halve' out",
        ) from None
    x = calibration_data.drawn(job, on, 256)
    evidence = job.folder.parent / f"{NAME}-mismatch.npz"
    found = onnx_file.parity(
        job.folder / FILE, x, onnx_file.run(source, x), least=min_agreement, most=np.inf, evidence=evidence
    )
    facts = {"parity": asdict(found), "kernels": onnx_file.kernels(job.folder / FILE)}
    made = replace(model.variants["float32"], file=FILE, sibling="float32", facts=facts)
    return replace(model, folder=job.folder, variants={**model.variants, NAME: made})


def halved(network: onnx.ModelProto) -> onnx.ModelProto:
    """Give a float32 network in float16; its input and output stay float32.

    Raises Mistake for a weight that float16 can't hold.
    """
    found = onnx.ModelProto()
    found.CopyFrom(network)
    for each in found.graph.initializer:
        if each.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(each)
            if not np.abs(values).max(initial=0) <= LARGEST:
                raise Mistake(
                    f"a weight of {each.name} is {np.abs(values).max():g}: float16 holds at most {LARGEST:g}",
                    hint="leave the step 'halve' out",
                )
            each.CopyFrom(numpy_helper.from_array(values.astype(np.float16), each.name))
    taken, given = found.graph.input[0].name, found.graph.output[0].name
    for node in found.graph.node:
        for ends, name in ((node.input, taken), (node.output, given)):
            for i in (i for i, each in enumerate(ends) if each == name):
                ends[i] = f"{name}_half"
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
    nodes = [_cast(taken, f"{taken}_half", TensorProto.FLOAT16), *found.graph.node]
    nodes.append(_cast(f"{given}_half", given, TensorProto.FLOAT))
    found.graph.ClearField("node")
    found.graph.node.extend(nodes)
    found.graph.ClearField("value_info")
    return found


def _cast(one: str, other: str, to: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [one], [other], name=f"{other}_cast", to=to)
