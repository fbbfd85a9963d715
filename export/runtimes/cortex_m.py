"""C without a runtime on a microcontroller: built for a Cortex-M by arm-none-eabi-gcc and run in qemu. Nothing is ever timed there,
but instructions are counted: the emulator's clock goes on by a nanosecond with each, so a timer of the board counts them.

EDGESPEC_BOARD names the processor: cortex-m4 or cortex-m7. Spectra and answers pass through files, by semihosting.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engines import cache
from refusal import RefusalError

BOARDS = {
    "cortex-m4": ("mps2-an386", ["-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16"]),
    "cortex-m7": ("mps2-an500", ["-mcpu=cortex-m7", "-mfpu=fpv5-sp-d16"]),
}
COMPILER, QEMU = "arm-none-eabi-gcc", "qemu-system-arm"
HINT = "apt install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm"
FLAGS = ["-O2", "-mthumb", "-mfloat-abi=hard", "-ffunction-sections", "-fdata-sections"]
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
LINK = ["-Wl,--gc-sections", "--specs=rdimon.specs", "-lm"]
LIMIT_S = 600.0
COUNTED = 2e6  # instructions of the loop that says what a tick of the timer is worth
FACTS = re.compile(rb"points=(\d+) workspace=(\d+) outputs=([\w:,]+) sha256=([0-9a-f]{64})")
MEMORY = """
MEMORY { FLASH (rx) : ORIGIN = 0x00000000, LENGTH = 4M  RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 4M }
ENTRY(begin)
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) KEEP(*(.init)) KEEP(*(.fini)) . = ALIGN(4); } > FLASH
  .ARM.extab : { *(.ARM.extab*) } > FLASH
  .ARM.exidx : { __exidx_start = .; *(.ARM.exidx*) __exidx_end = .; } > FLASH
  .data : { *(.data*) } > RAM AT > RAM
  .bss : { __bss_start__ = .; *(.bss*) *(COMMON) . = ALIGN(8); __bss_end__ = .; } > RAM
  end = .; __end__ = .;
  __stack = 0x20400000;
}
"""
PROGRAM = r"""
#include "model.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>
extern void _start(void);
extern char end, __stack;
void begin(void);
static void stopped(void) { for (;;) { } }
__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))&__stack, begin, stopped, stopped, stopped, stopped, stopped, 0, 0, 0, 0, stopped, stopped, 0, stopped, stopped };
void begin(void)
{
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* the floating-point unit, which is off after a reset */
    __asm volatile("dsb\nisb");
    _start();
}
static unsigned char room[MODEL_WORKSPACE + MODEL_ALIGNMENT];
static float spectrum[MODEL_POINTS];
static struct model_answer answer;
#define DEEP 65536
static volatile uint32_t *const timer = (volatile uint32_t *)0x40000000u; /* of the CMSDK: control, value, reload; it counts down */
static uint32_t ticks_since(uint32_t begin) { return begin - timer[1]; }
int main(void)
{
    FILE *in = fopen("spectra.bin", "rb"), *out = fopen("answers.bin", "wb");
    unsigned char *const work = room + (MODEL_ALIGNMENT - (uintptr_t)room % MODEL_ALIGNMENT) % MODEL_ALIGNMENT;
    long deepest = 0;
    uint32_t ticks = 0, known = 0;
    if (!in || !out)
        return 3;
    timer[2] = timer[1] = 0xFFFFFFFFu;
    timer[0] = 1;
    {
        const uint32_t begin = timer[1];
        uint32_t left = 1000000u; /* of two instructions each: what a tick is worth */
        __asm volatile("1: subs %0, %0, #1\n\tbne 1b" : "+r"(left) : : "cc");
        known = ticks_since(begin);
    }
    while (fread(spectrum, sizeof spectrum, 1, in) == 1) {
        volatile unsigned char mark;
        unsigned char *const top = (unsigned char *)&mark - 64, *low = top - DEEP;
        for (unsigned char *p = low; p < top; p++)
            *(volatile unsigned char *)p = 0xA5;
        const uint32_t begin = timer[1];
        const int32_t code = model_run(spectrum, work, MODEL_WORKSPACE, &answer);
        const uint32_t took = ticks_since(begin);
        ticks = took > ticks ? took : ticks;
        while (low < top && *(volatile unsigned char *)low == 0xA5)
            low++;
        deepest = top - low > deepest ? (long)(top - low) : deepest;
        fwrite(&code, sizeof code, 1, out);
        fwrite(&answer, sizeof answer, 1, out);
    }
    fclose(out);
    printf("stack %ld ticks %lu of %lu\n", deepest, (unsigned long)ticks, (unsigned long)known);
    return 0;
}
"""


def version() -> str:
    """Give the compiler's version and the processor. Raises RefusalError 3 where compiler or emulator is missing."""
    name, _, _ = _board()
    told = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=False, timeout=LIMIT_S).stdout
    return "%s, %s in qemu" % ((told.splitlines() or ["unknown"])[0].strip()[:80], name)


def prepare(onnx: str, folder: str, precision: str) -> str:
    """Build the program for the board into `folder`, unless it is kept there. Raises ValueError where it does not compile."""
    _, _, processor = _board()
    source = Path(onnx)
    if source.suffix == ".elf":
        return onnx
    facts = {
        "compiler": version(),
        "flags": [*FLAGS, *processor],
        "program": hashlib.sha256(PROGRAM.encode()).hexdigest(),
    }

    def build(part: Path) -> None:
        with tempfile.TemporaryDirectory() as work:
            _compiled(source, Path(work), processor)
            shutil.copyfile(os.path.join(work, "model.elf"), str(part))

    return cache.kept(str(source), folder, ".elf", facts, build)


def load(path: str, threads: int, precision: str = "") -> tuple[Callable[[Any], list[Any]], dict[str, Any]]:
    """Give a function from (n, points) float32 to the graph's outputs, and what runs it.

    Spectra of one call are answered in one start of the emulator.
    facts: `flash_bytes` of the model's code and constants, `ram_bytes` of spectrum, workspace, answer and the deepest stack of the first answer,
    `stack_bytes` of that stack alone, `instructions` of that answer
    Raises ValueError where there is no such code or it does not build, RefusalError 3 without compiler or emulator.
    """
    if precision not in ("", "float32"):
        raise ValueError("the precision of C code lies in its file, not in " + repr(precision))
    name, machine, processor = _board()
    found = FACTS.search(Path(path).read_bytes())
    if found is None:
        raise ValueError("it is no C code that edgespec wrote: edgespec matrix --target cortex_m7 makes and asks it")
    points, workspace = int(found[1]), int(found[2])
    outputs = [(each.split(":")[0], int(each.split(":")[1])) for each in found[3].decode().split(",")]
    program = Path(prepare(path, str(cache.place()), precision)).resolve()

    def infer(x: Any) -> list[Any]:
        return _run(program, machine, name, x, outputs)[0]

    infer.at_once = 64  # type: ignore[attr-defined]
    hat = np.minimum(np.arange(points), np.arange(points)[::-1]).astype(np.float32)
    _, stack, instructions = _run(program, machine, name, hat[None], outputs)
    facts = {
        "providers": [name + ", emulated"],
        "threads": 1,
        "points": points,
        "outputs": [each for each, _ in outputs],
    }
    answer = 4 * (sum(size for _, size in outputs) + 2)
    facts.update(
        metadata={}, flash_bytes=_flash(Path(path), processor), ram_bytes=workspace + answer + 4 * points + stack
    )
    facts.update(stack_bytes=stack, instructions=instructions)
    return infer, facts


def _run(program: Path, machine: str, name: str, x: Any, outputs: list[tuple[str, int]]) -> tuple[list[Any], int, int]:
    """Start the emulator for some spectra; give the outputs, the deepest stack in bytes and the most instructions of an answer."""
    with tempfile.TemporaryDirectory() as work:
        np.ascontiguousarray(x, np.float32).tofile(os.path.join(work, "spectra.bin"))
        words = [QEMU, "-M", machine, "-cpu", name, "-nographic", "-monitor", "none", "-serial", "none"]
        words += ["-semihosting-config", "enable=on,target=native", "-kernel", str(program)]
        words += ["-icount", "shift=0,sleep=off"]
        try:
            ended = subprocess.run(
                words, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=LIMIT_S
            )
        except subprocess.TimeoutExpired:
            raise ValueError("the emulator gives no answer within %.0f s" % LIMIT_S) from None
        if ended.returncode:
            raise ValueError("the program ends with %d in the emulator: %r" % (ended.returncode, ended.stderr[-200:]))
        told = re.search(rb"stack (\d+) ticks (\d+) of (\d+)", ended.stdout + ended.stderr)
        width = sum(size for _, size in outputs)
        kind = np.dtype([("code", "<i4"), ("answer", "<f4", (width,)), ("label", "<i4"), ("known", "<i4")])
        rows = np.fromfile(os.path.join(work, "answers.bin"), kind)
    if len(rows) != len(x):
        raise ValueError("%d answers to %d spectra" % (len(rows), len(x)))
    if rows["code"].any():
        raise ValueError("a spectrum has no answer (%d)" % rows["code"][rows["code"] != 0][0])
    places = np.cumsum([0] + [size for _, size in outputs])
    if told is None:
        raise ValueError("the program says nothing of its stack")
    each = COUNTED / int(told[3])
    found = [np.ascontiguousarray(rows["answer"][:, a:b]) for a, b in zip(places, places[1:])]
    return found, int(told[1]), round(int(told[2]) * each)


def _compiled(source: Path, work: Path, processor: list[str]) -> None:
    text = source.read_text(encoding="utf-8")
    if "#ifndef EDGESPEC_MODEL_H" not in text or "#endif\n#endif\n" not in text:
        raise ValueError("it is no C code that edgespec wrote")
    header, behind = text.index("#ifndef EDGESPEC_MODEL_H"), text.index("#endif\n#endif\n") + len("#endif\n#endif\n")
    (work / "model.h").write_text(text[header:behind], encoding="utf-8")
    (work / "model.c").write_text(text, encoding="utf-8")
    (work / "main.c").write_text(PROGRAM, encoding="utf-8")
    (work / "board.ld").write_text(MEMORY, encoding="utf-8")
    _ended([COMPILER, *STRICT, *FLAGS, *processor, "-c", "model.c"], work)
    _ended([COMPILER, "-std=gnu99", *FLAGS, *processor, "-c", "main.c"], work)
    _ended([COMPILER, *FLAGS, *processor, "-T", "board.ld", "main.o", "model.o", "-o", "model.elf", *LINK], work)


def _flash(source: Path, processor: list[str]) -> int:
    """Give the bytes of code and constants of the model alone."""
    with tempfile.TemporaryDirectory() as work:
        shutil.copyfile(str(source), os.path.join(work, "model.c"))
        _ended([COMPILER, *STRICT, *FLAGS, *processor, "-c", "model.c"], Path(work))
        told = _ended([COMPILER.replace("gcc", "size"), "model.o"], Path(work))
    return int(told.splitlines()[1].split()[0])


def _ended(words: list[str], work: Path) -> str:
    ended = subprocess.run(words, cwd=str(work), capture_output=True, text=True, check=False, timeout=LIMIT_S)
    if ended.returncode:
        told = next((line for line in ended.stderr.splitlines() if "error" in line), ended.stderr[-200:])
        raise ValueError("%s: %s" % (words[0], told.strip()[:200]))
    return ended.stdout


def _board() -> tuple[str, str, list[str]]:
    name = os.environ.get("EDGESPEC_BOARD", "cortex-m7")
    if name not in BOARDS:
        raise RefusalError(2, "there is no board %r here" % name, "there is: " + ", ".join(sorted(BOARDS)))
    missing = [each for each in (COMPILER, QEMU) if shutil.which(each) is None]
    if missing:
        raise RefusalError(3, "there is no %s here" % " and no ".join(missing), HINT)
    return (name, *BOARDS[name])
