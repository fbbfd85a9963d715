"""The program on the device's side, and the only code that times a model: numpy, one runtime, nothing else.

    python runner.py predict MODEL_OR_BUNDLE FILE...         what the spectra in these files are; FOLDER --watch, - --stream
    python runner.py verify BUNDLE                           does the bundle still give the answers that it was sent with?
    python runner.py hello --runtime onnxruntime             what this machine is
    python runner.py prepare REQUEST.json                    build and keep what the runtime makes of each model
    python runner.py cold REQUEST.json --model NAME          a fresh process: load, first answer, memory
    python runner.py bench REQUEST.json                      latencies and outputs of all models, interleaved
    python runner.py answers REQUEST.json [--model NAME]     a fresh process: the answers of one model or of all, by batch size
    python runner.py energy REQUEST.json --model NAME        what one call takes, where a sensor tells
    python runner.py soak REQUEST.json --model NAME          one model for minutes: latency against time and temperature
    python runner.py loop REQUEST.json --model NAME          a fresh process: so many answers and nothing else, to be counted

JSON on stdout, one object a line, everything else on stderr: `predict` gives a line a spectrum and a summary, the others
one object. Exit code 0; 2 for a request, model or spectrum that is wrong, 3 for a runtime or library that is missing,
4 for a model or bundle that disagrees with itself. Paths in a request are relative to its folder.

What is timed: one call at batch 1, from a spectrum in memory to the answer in memory, or a block of very short ones. Copying the
spectrum into the bound input is inside; reading files is not. The cost of reading the clock is inside too, and reported (`clock_ns`).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(__file__).resolve().parent
if not (HERE / "targets").is_dir():  # cards lie beside the program where it was installed, and nowhere else
    sys.dont_write_bytecode = True  # a bundle holds what its checksums say, and nothing else
sys.path.insert(0, str(HERE))  # the siblings, however this program was started
os.environ.setdefault(
    "OPENBLAS_NUM_THREADS", "1"
)  # numpy's own threads take 50 ms to start, and nothing here uses them

try:
    import numpy  # noqa: F401  (said here, because everything below needs it)
except ImportError as missing:
    print(json.dumps({"error": str(missing), "hint": sys.executable + " -m pip install numpy"}))
    sys.exit(3)

from refusal import RefusalError  # noqa: E402

INTERRUPTED, CLOSED = 130, 1
PARTS = ("checksums", "contract", "deadline", "engines", "measure", "model", "predict", "spectra", "verify")


class Parser(argparse.ArgumentParser):
    """Refuses in JSON, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        """Refuse arguments."""
        raise RefusalError(2, message, self.format_usage().strip())


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one command and print its JSON; the last object's `exit_code`, where it has one, is the program's."""
    answer_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is not the answer
    code = 0
    try:
        try:
            for answer in _answers(arguments):
                print(json.dumps(answer), file=answer_to, flush=True)
                code = answer.get("exit_code", 0)
        except (RefusalError, ImportError) as problem:
            refusal = problem if isinstance(problem, RefusalError) else _not_whole(problem)
            print(json.dumps(refusal.answer), file=answer_to, flush=True)
            code = refusal.code
        answer_to.close()
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), answer_to.fileno())
        return CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    return int(code)


def _not_whole(lost: ImportError) -> RefusalError:
    """Word that a part of this program is not beside it: whoever copies a bundle's files without its folders leaves parts behind.

    Raises it again where another's module is missing.
    """
    if (lost.name or "").partition(".")[0] not in PARTS:
        raise lost
    hint = "copy the bundle anew, with all its folders; or write it anew with edgespec export"
    return RefusalError(2, f"the program in {HERE} is not whole: {lost}", hint)


def _answers(arguments: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    """Do the command; what it needs is loaded only now, so that `cold` weighs what a program of that kind weighs."""
    asked = _parser().parse_args(arguments)
    if asked.command == "predict":
        import predict

        yield from predict.answers(asked)
    elif asked.command == "verify":
        import verify

        yield verify.answer(asked)
    elif asked.command == "hello":
        from measure import machine

        yield machine.hello(asked.runtime)
    else:
        yield _measured(asked)


def _measured(asked: argparse.Namespace) -> dict[str, Any]:
    from measure import bench

    request = bench.read_request(asked.request)
    if not request["lock_clocks"]:
        return _timed(request, asked)
    from measure import clocks

    with clocks.locked() as lock:
        answer = _timed(request, asked)
    return dict(answer, clocks=lock)


def _timed(request: dict[str, Any], asked: argparse.Namespace) -> dict[str, Any]:
    from measure import bench

    if asked.command == "prepare":
        from engines import prepare

        return prepare.prepare(request)
    if asked.command == "cold":
        return bench.first_answer(request, asked.model)
    if asked.command == "answers":
        from measure import answers

        folder = asked.request.parent
        return answers.answers(request, asked.model, folder) if asked.model else answers.all_answers(request, folder)
    if asked.command == "loop":
        from measure import loop

        return loop.loop(request, asked.model, asked.calls, asked.parts, asked.wait)
    if asked.command == "energy":
        from measure import energy

        return energy.energy(request, asked.model)
    if asked.command == "soak":
        from measure import soak

        return soak.soak(request, asked.model)
    return bench.bench(request, asked.request.parent)


def _parser() -> Parser:
    parser = Parser(prog="runner.py")
    commands = parser.add_subparsers(dest="command")
    commands.required = True
    commands.add_parser("hello").add_argument("--runtime", required=True)
    for name in ("bench", "prepare"):
        commands.add_parser(name).add_argument("request", type=Path)
    for name in ("cold", "answers", "energy", "soak", "loop"):
        one = commands.add_parser(name)
        one.add_argument("request", type=Path)
        one.add_argument("--model", required=name != "answers")
        if name == "loop":
            one.add_argument("--calls", type=int, required=True)
            one.add_argument("--parts", type=int, default=1)
            one.add_argument("--wait", action="store_true")
    ask = commands.add_parser("predict")
    ask.add_argument("model", type=Path, help="an .onnx file, or a bundle folder")
    ask.add_argument("files", nargs="+", metavar="FILE", help="spectra, folders of them, or - for standard input")
    ask.add_argument(
        "--watch", action="store_true", help="go on with files that come into the folders, until interrupted"
    )
    ask.add_argument("--stream", action="store_true", help="FILE is -: a spectrum a line, each answered at once")
    ask.add_argument("--top", type=int, default=2, help="how many labels to name for each spectrum")
    ask.add_argument("--unit", choices=["cm-1", "nm", "um"], help="unit of the files' axes, where they do not say it")
    ask.add_argument("--laser", type=float, help="excitation wavelength in nm, to turn nm or um into a Raman shift")
    check = commands.add_parser("verify")
    check.add_argument("bundle", type=Path)
    for each in (ask, check):
        each.add_argument("--runtime", help="a file of runtimes/; the one that the bundle is for if not said")
        each.add_argument("--threads", type=int, default=1)
        each.add_argument(
            "--json", action="store_true", help="as it is anyway; so that the workstation's command works"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
