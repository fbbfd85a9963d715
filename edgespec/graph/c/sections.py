"""The same functions for several processors in one file: what the compiler's flags allow, and beside that levels that the processor is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

KERNELS = Path(__file__).parent / "kernels"
NEON = "defined(__ARM_NEON) && defined(__aarch64__)"
AVX512 = "avx512f,avx512bw,avx512dq,avx512vl"
ISA = {
    "vnni": ("vectors/avx512.h", "bytes/vnni.h"),
    "avx512": ("vectors/avx512.h", ""),
    "avx2": ("vectors/avx2.h", "bytes/avx2.h"),
    "sse2": ("vectors/sse2.h", "bytes/sse2.h"),
    "neon": ("vectors/neon.h", "bytes/neon.h"),
    "plain": ("vectors/plain.h", "bytes/plain.h"),
}
"""Of each processor: the files of its vectors and of its 8-bit numbers."""
FLOAT = (("MODEL_BASE >= 2", "avx512"), ("MODEL_BASE == 1", "avx2"), ("MODEL_BASE == 0", "sse2"), (NEON, "neon"))
BYTES = (("MODEL_BASE == 3", "vnni"), ("MODEL_BASE >= 1", "avx2"), ("MODEL_BASE == 0", "sse2"), (NEON, "neon"))
LEVELS = {"vnni": (3, f"avx2,fma,{AVX512},avx512vnni"), "avx512": (2, f"avx2,fma,{AVX512}"), "avx2": (1, "avx2,fma")}
"""What a processor may be asked for, the best first: its level and the compiler's names of its features."""
DEFINED = re.compile(
    r"^\s*#define (\w+)|^(?:INLINE|static)\s[^;={]*?\b(\w+)\(|^typedef .*?\b(\w+);$|^struct (\w+) \{|^WINDOW\((\w+)",
    re.M,
)


def kernel(name: str) -> str:
    """Give a kernel file's text."""
    return (KERNELS / name).read_text("utf-8")


def opening(vectors: bool, held_in_bytes: bool) -> str:
    """Choose, by the compiler's flags, what the functions of this section work with."""
    if not vectors:
        return ""
    lines = []
    for i, (condition, name) in enumerate(BYTES if held_in_bytes else FLOAT):
        lines += [f"#{'el' if i else ''}if {condition}\n", _instructions(name, held_in_bytes)]
    return "".join([*lines, "#else\n", _instructions("plain", held_in_bytes), "#endif\n"])


def levels(body: str, first: str, vectors: bool, held_in_bytes: bool) -> tuple[str, str]:
    """Write the section for each level above what the flags allow; give it, and the lines that choose one.

    first, body: what stands before `opening`, and behind it: kernels and the function `answer_it`
    """
    texts, choices = [], []
    for name, (level, features) in LEVELS.items():
        if name == ("avx512" if held_in_bytes else "vnni"):
            continue
        text = first + (_instructions(name, held_in_bytes) if vectors else "") + body
        wide = ",prefer-vector-width=512" if level >= 2 else ""
        guard = f"#if MODEL_MOST >= {level} && MODEL_BASE < {level}\n"
        texts.append(
            f"{guard}#if defined(__clang__)\n"
            f'#pragma clang attribute push(__attribute__((target("{features}"))), apply_to = function)\n'
            f'#else\n#pragma GCC push_options\n#pragma GCC target("{features}{wide}")\n#endif\n'
            f"{renamed(text, name)}\n"
            "#if defined(__clang__)\n#pragma clang attribute pop\n#else\n#pragma GCC pop_options\n#endif\n#endif\n"
        )
        asked = " && ".join(f'__builtin_cpu_supports("{each}")' for each in features.split(","))
        choices.append(f"{guard}    if ({asked})\n        return answer_it_{name}(spectrum, space, answer);\n#endif\n")
    return "\n".join(texts), "".join(choices)


def renamed(text: str, name: str) -> str:
    """Let whatever a section defines end with its processor's name, so that sections stand in one file."""
    own = defined(text)
    pattern = re.compile(rf"(?<![\w.>\"])(?:{'|'.join(sorted(own, key=len, reverse=True))})(?!\w)")
    return pattern.sub(lambda found: f"{found[0]}_{name}", text)


def defined(text: str) -> set[str]:
    """Give the names that a text defines: functions, types, macros."""
    found = {name for names in DEFINED.findall(text) for name in names if name}
    return found - {"M", "PUT"}


def _instructions(name: str, held_in_bytes: bool) -> str:
    vectors, bytes_ = ISA[name]
    return kernel(vectors) + (kernel(bytes_) if held_in_bytes else "")


def text_of(order: Iterable[tuple[str, set[str]]], kernels: set[str]) -> str:
    """Give the kernels that a program calls, in their order."""
    return "\n".join(kernel(file) for file, needed in order if kernels & needed)
