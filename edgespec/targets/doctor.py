"""What works on this machine and what mends the rest: libraries, runtimes, tools, data.

Whatever could take this process with it (a broken library, a driver) is tried in a process of its own.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from edgespec import plugins, storage
from edgespec.errors import EdgespecError, StorageError
from edgespec.targets import built_here, runner
from edgespec.targets import card as cards

WORKS, ABSENT, BROKEN = "works", "absent", "broken"
LIMIT_S = 90.0
FREE = 2_000_000_000  # bytes that a run with RRUFF's spectra and its cache may take
NAMES = {"scikit-learn": "sklearn", "pyyaml": "yaml", "torch-pruning": "torch_pruning"}
EXTRAS = {"openvino": "openvino", "litert": "litert", "tensorrt": "tensorrt", "tensorrt_rtx": "trt-check"}
RUNTIME = re.compile(
    r"(onnxruntime|ort-nightly)", re.I
)  # one for CPUs, one for CUDA, one for OpenVINO: any of them will do
HELPERS = ("extensions", "genai", "tools")  # packages of ONNX Runtime's name that are no second runtime
JETSON = (
    "it comes with JetPack (edgespec setup jetson | ssh HOST sh -s says what a Jetson lacks) or TensorRT's tar file"
)
TOOLS = {
    "ssh": (["-V"], r"OpenSSH_([\w.]+)", "a device behind ssh", "apt install openssh-client"),
    "nvidia-smi": (
        ["--query-gpu=driver_version,name", "--format=csv,noheader"], r"([\w.]+)", "NVIDIA's driver",
        "install NVIDIA's driver, where there is a GPU",
    ),
    "trtexec": (["--help"], r"\[TensorRT v(\d+)\]", "TensorRT's own program", JETSON),
    "qemu-aarch64-static": (["--version"], r"version ([\d.]+)", "target arm64_emulated", "edgespec setup arm64_emulated | sh"),
    "valgrind": (["--version"], r"valgrind-([\d.]+)", "counting instructions", "apt install valgrind"),
}  # fmt: skip
PROVIDERS = """
import contextlib, sys
import onnx, onnxruntime as ort
from onnx import TensorProto as T, helper as h
x, y = (h.make_tensor_value_info(n, T.FLOAT, [1, 2]) for n in "xy")
graph = h.make_graph([h.make_node("Add", ["x", "x"], ["y"])], "g", [x], [y])
model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8).SerializeToString()
ort.set_default_logger_severity(4)
if "CUDAExecutionProvider" in ort.get_available_providers() and hasattr(ort, "preload_dlls"):
    with contextlib.redirect_stdout(sys.stderr):
        ort.preload_dlls()
for name in ort.get_available_providers():
    try:
        print(name, ort.InferenceSession(model, providers=[name]).get_providers()[0] == name)
    except BaseException:
        print(name, False)
"""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    kind: "needed", "runtime", "tool", "extra" or "data"; state: "works", "absent" or "broken"
    about: what it is for, or why it does not work; mend: the command that mends it, "" where it works
    """

    name: str
    kind: str
    state: str
    version: str = ""
    about: str = ""
    mend: str = ""


def examine() -> list[Finding]:
    """Look at everything; several things at once, each in a process of its own."""
    needed, extras = _requirements()
    tasks: list[Callable[[], list[Finding]]] = [lambda: [_python()], clashes, _providers, lambda: [_home(), _data()]]
    tasks += [_task(_library, name) for name in needed]
    tasks += [_task(_runtime, name) for name in plugins.names("runtimes")]
    tasks += [_task(_tool, name) for name in TOOLS]
    tasks.append(lambda: [_converter()])
    tasks += [_task(_extra, name, packages) for name, packages in extras.items()]
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as crowd:
        return [found for each in crowd.map(lambda task: task(), tasks) for found in each]


def sound(findings: Iterable[Finding]) -> bool:
    """Tell whether all that the package itself needs works."""
    return all(each.state == WORKS for each in findings if each.kind == "needed")


def clashes(names: Sequence[str] | None = None) -> list[Finding]:
    """Find ONNX Runtimes that overwrite one another: they share one folder, and the last installed wins, in part.

    names: of installed distributions; asked for if not said
    """
    found = _onnx_runtimes(names)
    if len(found) < 2:
        return []
    told = f"{' and '.join(found)} are both installed: they overwrite each other's files"
    mend = f"{sys.executable} -m pip uninstall -y {' '.join(found)} && {sys.executable} -m pip install {found[-1]}"
    return [Finding("onnxruntime", "needed", BROKEN, "", told, mend)]


def _onnx_runtimes(names: Sequence[str] | None = None) -> list[str]:
    """Give the distributions that bring an ONNX Runtime, of `names` or of what is installed."""
    if names is None:
        names = [each.metadata["Name"] or "" for each in importlib.metadata.distributions()]
    found = {each.lower().replace("_", "-") for each in names if RUNTIME.match(each)}
    return sorted(each for each in found if not each.endswith(HELPERS))


def _task(look: Callable[..., Finding], *arguments: object) -> Callable[[], list[Finding]]:
    return lambda: [look(*arguments)]


def _requirements() -> tuple[list[str], dict[str, list[str]]]:
    """Give the packages that edgespec needs, and those of each extra: as its checkout says, else as it was installed."""
    beside = plugins.PACKAGE.parent / "pyproject.toml"
    if beside.is_file():
        said = tomllib.loads(beside.read_text(encoding="utf-8"))["project"]
        more = said["optional-dependencies"]
        return [_name(each) for each in said["dependencies"]], {key: list(map(_name, more[key])) for key in more}
    needed: list[str] = []
    extras: dict[str, list[str]] = {}
    for each in importlib.metadata.requires("edgespec") or []:
        extra = re.search(r"extra == ['\"]([\w-]+)", each)
        (needed if extra is None else extras.setdefault(extra[1], [])).append(_name(each))
    return needed, extras


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def _python() -> Finding:
    version = sys.version.split()[0]
    good = sys.version_info >= (3, 11)
    return Finding(
        "Python", "needed", WORKS if good else BROKEN, version, sys.executable, "" if good else "Python 3.11 or newer"
    )


def _library(name: str) -> Finding:
    """Import it in a process of its own: it may be there and not load."""
    brings = next(iter(_onnx_runtimes()), name) if RUNTIME.fullmatch(name) else name
    mend = f"{sys.executable} -m pip install --force-reinstall '{brings}'"
    try:
        version = importlib.metadata.version(brings)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "needed", ABSENT, "", "not installed", f"{sys.executable} -m pip install '{name}'")
    module = NAMES.get(name.lower(), name.replace("-", "_"))
    code, said = _run([sys.executable, "-c", f"import {module}"])
    if code == 0:
        return Finding(brings, "needed", WORKS, version)
    return Finding(name, "needed", BROKEN, version, f"it does not load: {_last(said)}", mend)


def _runtime(name: str) -> Finding:
    """Ask the runner to say hello with it, as a measurement does."""
    card = replace(cards.load("local"), runtime=name)
    try:
        with tempfile.TemporaryDirectory() as work:
            told = runner.call(card, ["hello", "--runtime", name], Path(work), timeout_s=LIMIT_S)
    except EdgespecError as problem:
        mend = f"pip install 'edgespec[{EXTRAS[name]}]'" if name in EXTRAS else problem.hint
        state = ABSENT if problem.exit_code == 3 else BROKEN
        return Finding(name, "runtime", state, "", problem.message.partition(": ")[2] or problem.message, mend)
    return Finding(name, "runtime", WORKS, str(told["runtime_version"]))


def _providers() -> list[Finding]:
    """Try each provider that this ONNX Runtime says it has: a GPU's may be listed and not load."""
    code, said = _run([sys.executable, "-c", PROVIDERS])
    if code != 0:
        return []
    found = []
    for line in said.splitlines():
        name, _, loads = line.rpartition(" ")
        if loads == "True" and name != "AzureExecutionProvider":  # it sends spectra elsewhere; nothing here uses it
            found.append(Finding(name, "runtime", WORKS, "", "of ONNX Runtime"))
        elif loads == "False" and name.startswith(("CUDA", "Tensorrt", "NvTensorRt", "ROCM", "MIGraphX")):
            told = "ONNX Runtime lists it, and it does not load: a CUDA library or the driver is missing"
            mend = "nvidia-smi; pip install 'onnxruntime-gpu[cuda,cudnn]'"
            if "Tensor" in name:
                mend = "nvidia-smi; TensorRT's own libraries (libnvinfer) on LD_LIBRARY_PATH: pip has none"
            found.append(Finding(name, "runtime", BROKEN, "", told, mend))
    return found


def _tool(name: str) -> Finding:
    arguments, pattern, about, mend = TOOLS[name]
    elsewhere = {
        "trtexec": cards.Target("here", "tensorrt").trtexec,
        "qemu-aarch64-static": str(storage.home() / "arm64" / "emulator"),
    }
    program = shutil.which(name) or shutil.which(elsewhere.get(name, name))
    if program is None:
        return Finding(name, "tool", ABSENT, "", about, mend)
    code, said = _run([program, *arguments])
    version = re.search(pattern, said)
    if code != 0 or version is None:
        return Finding(name, "tool", BROKEN, "", f"{about}: {_last(said)}", mend)
    return Finding(
        name, "tool", WORKS, ".".join(map(str, _release(int(version[1])))) if name == "trtexec" else version[1], about
    )


def _converter() -> Finding:
    """Look for what makes LiteRT's files: in its own folder, or installed beside edgespec."""
    about, mend = "makes .tflite files for target litert", "edgespec setup litert | sh"
    try:
        place = built_here.converter()
    except StorageError as problem:
        return Finding("litert-torch", "tool", BROKEN, "", problem.message, problem.hint)
    places = [str(place), *sys.path]
    version = next((each.version for each in importlib.metadata.distributions(name="litert-torch", path=places)), None)
    if version is None:
        return Finding("litert-torch", "tool", ABSENT, "", about, mend)
    program = f"import sys; sys.path.append({str(place)!r}); import litert_torch"
    code, said = _run([sys.executable, "-c", program])
    if code != 0:
        return Finding("litert-torch", "tool", BROKEN, version, f"{about}: it does not load: {_last(said)}", mend)
    return Finding("litert-torch", "tool", WORKS, version, about)


def _release(number: int) -> tuple[int, int, int]:
    """Read the number in trtexec's banner: 8602 is 8.6.2, 101303 is 10.13.3."""
    return number // (10_000 if number > 9999 else 1000), number // 100 % (100 if number > 9999 else 10), number % 100


def _extra(name: str, packages: Sequence[str]) -> Finding:
    absent = []
    for each in packages:
        try:
            importlib.metadata.version(each)
        except importlib.metadata.PackageNotFoundError:
            absent.append(each)
    if absent:
        return Finding(
            f"[{name}]", "extra", ABSENT, "", f"lacks {', '.join(absent)}", f"pip install 'edgespec[{name}]'"
        )
    return Finding(f"[{name}]", "extra", WORKS, "", ", ".join(packages))


def _home() -> Finding:
    try:
        place = storage.home()
    except StorageError as problem:
        return Finding("cache", "needed", BROKEN, "", problem.message, problem.hint)
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            free = shutil.disk_usage(place).free
    except OSError as problem:
        told = f"{place}: {problem.strerror}"
        return Finding("cache", "needed", BROKEN, "", told, "set EDGESPEC_HOME to a folder that can be written")
    if free < FREE:
        return Finding(
            "cache", "data", BROKEN, "", f"{place}: {free / 1e9:.1f} GB are left", "set EDGESPEC_HOME to another disk"
        )
    return Finding("cache", "needed", WORKS, "", str(place))


def _data() -> Finding:
    named = os.environ.get("EDGESPEC_DATA")
    places = [Path(os.path.expanduser(named))] if named else []
    places.append(storage.home() / "data")
    for place in places:
        if place.is_dir() and any(place.iterdir()):
            return Finding("spectra", "data", WORKS, "", str(place))
    told = f"none in {', '.join(map(str, places))}: recipes that can do without use generated spectra"
    return Finding("spectra", "data", ABSENT, "", told, "set EDGESPEC_DATA to the folder that holds them")


def _run(command: list[str]) -> tuple[int, str]:
    """Run a command; give its code and all that it said."""
    try:
        said, nothing = subprocess.PIPE, subprocess.DEVNULL
        ended = subprocess.run(
            command, stdout=said, stderr=subprocess.STDOUT, stdin=nothing, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, f"no answer within {LIMIT_S:.0f} s"
    except OSError as problem:
        return 1, str(problem)
    return ended.returncode, ended.stdout.decode(errors="replace")


def _last(said: str) -> str:
    return (said.strip().splitlines() or ["it crashed and said nothing"])[-1]
