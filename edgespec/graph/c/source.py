"""The files that are written: `model.h` with what the model expects and answers, `model.c`, and a program that answers a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from edgespec import contract as contracts
from edgespec import storage
from edgespec.contract import Contract
from edgespec.errors import Mistake
from edgespec.graph.c import sections, values
from edgespec.graph.c.translate import Translated, translate

KERNELS = sections.KERNELS
ORDER = (
    ("parts.h", {"dense", "depthwise", "rounded"}),
    ("bytes_parts.h", {"rounded"}),
    ("surround.h", {"surround_float"}),
    ("tiles.h", {"dense", "dense_bytes"}),
    ("dense.h", {"dense"}),
    ("depthwise.h", {"depthwise"}),
    ("dense_bytes.h", {"dense_bytes"}),
    ("depthwise_bytes.h", {"depthwise_bytes"}),
    ("product.h", {"product"}),
    ("lstm.h", {"lstm"}),
)
VECTORS = {"dense", "depthwise", "rounded"}
"""What works with vectors."""
WINDOWS = {
    "window_sums": "WINDOW(window_sums, float, y[c] + at[c])\n",
    "largest_float": "WINDOW(largest_float, float, larger(at[c], y[c]))\n",
    "largest_q_t": "WINDOW(largest_q_t, q_t, (at[c] > y[c] ? at[c] : y[c]))\n",
    "running_sums": "",
}
"""Kernels of windows.h -> what makes them."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True)
class Source:
    """Texts of `model.h` and `model.c`, and the bytes of workspace that a call needs."""

    header: str
    source: str
    workspace: int

    @property
    def whole(self) -> str:
        """One file that needs no header beside it."""
        return self.source.replace('#include "model.h"\n', self.header)


def source(path: Path, *, timed: bool = False) -> Source:
    """Make the C of an ONNX file. Raises Mistake that names what has no C.

    timed: the code is only measured, so a file without a contract (a candidate of `prune`, a micro-model) is taken too
    """
    made = translate(path)
    properties = {each.key: each.value for each in onnx.load(path).metadata_props}
    said = contracts.of_properties(properties, path.name) if properties or not timed else _nameless(made)
    digest = storage.file_digest(path)
    return Source(
        _header(made, said, path.name, digest), _source(made, said, digest), max(made.workspace, values.ALIGN)
    )


def _nameless(made: Translated) -> Contract:
    """Give a contract that names its classes by their numbers and its axis by points."""
    points, classes = made.graph.points, _count(made.graph.shapes[made.graph.outputs[0]])
    axis, window = {"start": 0.0, "step": 1.0, "points": points}, {"low": 0.0, "high": points - 1.0, "points": points}
    return Contract(axis, tuple(map(str, range(classes))), [], "", "", "", window)


def _header(made: Translated, said: Contract, name: str, digest: str) -> str:
    graph = made.graph
    for each in graph.outputs:
        if not NAME.fullmatch(each):
            raise Mistake(
                f"{name}: the output {each!r} is not a name in C", hint="name the outputs logits, probabilities, score"
            )
    window, axis = said.window, said.values()
    lines = [
        f"/* {_comment(name)}, SHA-256 {digest}: written by edgespec {_comment(said.version)}.",
        "   A spectrum in, an answer out; nothing is allocated, nothing is kept between calls. */",
        "#ifndef EDGESPEC_MODEL_H",
        "#define EDGESPEC_MODEL_H",
        "#include <stddef.h>",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"#define MODEL_POINTS {graph.points} /* intensities of a spectrum */",
        f"#define MODEL_CLASSES {len(said.labels)}",
        f"#define MODEL_WORKSPACE {max(made.workspace, values.ALIGN)} /* bytes */",
        f"#define MODEL_ALIGNMENT {values.ALIGN} /* of the workspace, in bytes */",
        f"#define MODEL_AXIS_FIRST {float(axis[0]):.9g} /* {_comment(said.unit)}: of the first intensity */",
        f"#define MODEL_AXIS_LAST {float(axis[-1]):.9g}",
        f"#define MODEL_WINDOW_LOW {float(window['low']):.9g} /* a spectrum must cover a share of the window */",
        f"#define MODEL_WINDOW_HIGH {float(window['high']):.9g}",
        f"#define MODEL_MIN_COVERAGE {said.min_coverage:.9g}",
    ]
    if said.threshold is not None:
        lines.append(f"#define MODEL_THRESHOLD {values.c_float(said.threshold)} /* a score below it means: unknown */")
    if said.sets:
        lines.append(
            f"#define MODEL_SET_THRESHOLD {values.c_float(said.sets['threshold'])} /* labels of this probability, and the likeliest: a set that "
            f"holds the right one in {said.sets['mean']:.0%} */"
        )
    lines += [
        "",
        "enum { MODEL_OK = 0, MODEL_NOT_FINITE = -1, MODEL_SMALL_WORKSPACE = -2, MODEL_UNALIGNED_WORKSPACE = -3, MODEL_NO_ANSWER = -4 };",
        "",
        "struct model_answer {",
        *[f"    float {each}[{_count(graph.shapes[each])}];" for each in graph.outputs],
        "    int label; /* of the largest logit */",
        "    int known; /* 0 where the score is below the threshold, 1 where it is not or there is none */",
        "};",
        "",
        "extern const float model_axis[MODEL_POINTS];",
        "extern const char *const model_labels[MODEL_CLASSES];",
        "extern const char model_facts[]; /* the numbers above and the outputs, for a program that loads the code */",
        "",
        "/* Answer a spectrum: MODEL_OK, or why there is no answer: NaN or infinity in the spectrum or in the answer, a bad workspace. */",
        "int model_run(const float *spectrum, void *workspace, size_t bytes, struct model_answer *answer);",
        "",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "#endif",
        "",
    ]
    del window
    return "\n".join(lines)


def _source(made: Translated, said: Contract, digest: str) -> str:
    kernels = set(made.program.kernels)
    held_in_bytes = any(each.kind == "q_t" for each in made.program.buffers)
    if held_in_bytes:
        kernels |= {"rounded"}
    vectors = bool(kernels & VECTORS)
    parts = ['#include "model.h"\n', sections.kernel("begin.h")]
    parts += [text.replace("{}", name) for name, text in made.program.tables.items()]
    body = [sections.text_of(ORDER, kernels)]
    if kernels & set(WINDOWS):
        body += [
            sections.kernel("windows.h"),
            "".join(text for name, text in WINDOWS.items() if name in kernels),
        ]
    body += [sections.kernel("largest.h"), _answer(made)]
    first, whole = sections.kernel("arithmetic.h"), "\n".join(body)
    levels, choices = sections.levels(whole, first, vectors, held_in_bytes)
    parts += [
        _contract(made, said, digest),
        first,
        sections.opening(vectors, held_in_bytes),
        whole,
        levels,
        _run(choices),
    ]
    return "\n".join(parts)


def _contract(made: Translated, said: Contract, digest: str) -> str:
    """Write the axis and the labels, and what a program that loads the code must know."""
    graph = made.graph
    outputs = ",".join(f"{each}:{_count(graph.shapes[each])}" for each in graph.outputs)
    facts = f"points={graph.points} workspace={max(made.workspace, values.ALIGN)} outputs={outputs} sha256={digest}"
    axis = values.numbers(said.values().astype(np.float32))
    labels = ",\n".join(c_text(each) for each in said.labels)
    return (
        f"const float model_axis[MODEL_POINTS] = {{\n{axis}}};\n"
        f"const char *const model_labels[MODEL_CLASSES] = {{\n{labels}\n}};\n"
        f"const char model_facts[] = {c_text(facts)};\n"
    )


def c_text(text: str) -> str:
    """Write a text as C does; every byte that is no plain letter by its number."""
    plain = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;_-+=()/*")
    return '"' + "".join(chr(each) if chr(each) in plain else f"\\{each:03o}" for each in text.encode()) + '"'


def _answer(made: Translated) -> str:
    """Write the function that answers a spectrum; each level of processors has its own."""
    graph = made.graph
    logits = next((each for each in graph.outputs if each == "logits"), graph.outputs[0])
    lines = [
        "static int answer_it(const float *spectrum, unsigned char *space, struct model_answer *answer)",
        "{",
        "    uint32_t odd = 0, bits;",
        "    for (int i = 0; i < MODEL_POINTS; i++) {",
        "        memcpy(&bits, spectrum + i, sizeof bits);",
        "        odd |= (bits & 0x7f800000u) == 0x7f800000u;",
        "    }",
        "    if (odd)\n        return MODEL_NOT_FINITE;",
        made.program.text().rstrip("\n"),
        f"    answer->label = largest_place(answer->{logits}, {_count(graph.shapes[logits])});",
        "    if (answer->label < 0)\n        return MODEL_NO_ANSWER;",
        "    answer->known = 1;",
    ]
    if "score" in graph.outputs:
        lines.append("#ifdef MODEL_THRESHOLD\n    answer->known = answer->score[0] >= MODEL_THRESHOLD;\n#endif")
    return "\n".join([*lines, "    (void)space;", "    return MODEL_OK;", "}", ""])


def _run(choices: str) -> str:
    """Write the function that everybody calls."""
    return (
        "int model_run(const float *spectrum, void *workspace, size_t bytes, struct model_answer *answer)\n{\n"
        "    unsigned char *const space = (unsigned char *)workspace;\n"
        "    if (bytes < MODEL_WORKSPACE)\n        return MODEL_SMALL_WORKSPACE;\n"
        "    if ((uintptr_t)space % MODEL_ALIGNMENT)\n        return MODEL_UNALIGNED_WORKSPACE;\n"
        f"{choices}    return answer_it(spectrum, space, answer);\n}}\n"
    )


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _comment(text: str) -> str:
    return "".join(each for each in text if each.isprintable()).replace("*/", "* /").replace("\\", "/")
