"""The command line on bad input: the exit code, one clear message with its place on stderr, and never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import Ended, edgespec
from small_disk import mounted

from benchmarks.tools import resealed
from edgespec import storage

LINE = """schema: 1
seed: 0
data:
  load: {minerals: {minerals: [Albite, Beryl], samples: 30}}
  axis: {low: 150, high: 1172, points: 128}
  split: {by: group, valid: 0.25}
steps:
  - train: {model: {cnn: {widths: [4]}}, fit: {epochs: 1}}
  - to_onnx
gates:
  accuracy: 0.5
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A working folder with a recipe."""
    (tmp_path / "a.yaml").write_text(LINE)
    return tmp_path


def process(here: Path, *arguments: str, **more: Any) -> Ended:
    """The same as `edgespec`, in a process of its own: where that is what is tested."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    command = [sys.executable, "-m", "edgespec", *arguments]
    ended = subprocess.run(command, cwd=here, text=True, timeout=120, check=False, **options)
    return Ended(ended.returncode, ended.stdout or "", ended.stderr or "")


def refused(ended: Ended, code: int) -> str:
    """Check what every refusal owes to a person; give its text."""
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "error: " in ended.stderr
    for line in ended.stderr.splitlines():
        assert line.startswith(("error: ", "hint:  ")), line
    return ended.stderr


CASES = [
    (["compress", "nowhere.yaml"], 2, "there is no recipe nowhere.yaml"),
    (["compress", "."], 2, ". is not a recipe: Is a directory"),
    (["compress", "a.yaml", "--set", "nonsense"], 2, "--set nonsense: not key=value"),
    (["compress", "a.yaml", "--set", "steps.9.x=1"], 2, "steps has no '9'"),
    (["compress", "a.yaml", "--set", "steps.1.fit.epochs=many"], 2, "'fit.epochs': 'many' is not a whole number"),
    (["compress", "a.yaml", "--set", "data.load.minerals.minerals=[Kryptonite]"], 2, "unknown mineral 'Kryptonite'"),
    (["compress", "a.yaml", "--set", "data.load={arrays: {x: x.npy, y: y.npy, wavenumber: w.npy}}"], 3, "x.npy"),
    (["compress", "a.yaml", "--until", "nonsense"], 2, "--until nonsense: the recipe has 2 steps"),
    (["compress"], 2, "Missing argument"),
    (["compress", "a.yaml", "--frob"], 2, "No such option: --frob"),
    (["frobnicate"], 2, "No such command 'frobnicate'"),
    (["--frobnicate"], 2, "No such option: --frobnicate"),
    (["ls", "nonsense"], 2, "there is no list of 'nonsense'"),
    (["ls", "--check"], 2, "--check asks targets, not all lists"),
    (["bench"], 2, "there is no run in runs/"),
    (["gate"], 2, "there is no run in runs/"),
    (["report"], 2, "there is no run in runs/"),
    (["bench", "nowhere"], 2, "nowhere is not a run folder"),
    (["gate", "a.yaml"], 2, "a.yaml is not a run folder"),
    (["report", "."], 2, ". is not a run folder"),
    (["bench", "--seconds", "0"], 2, "--seconds"),
    (["bench", "--seconds", "long"], 2, "--seconds"),
    (["bench", "--mode", "standart"], 2, "unknown mode 'standart'"),
    (["bench", "--soak", "10"], 2, "'10' is not a duration such as '10m'"),
    (["bench", "--replay", "a.yaml"], 2, "a.yaml is not a recording: not an .npz file"),
    (["bench", "--replay", "nowhere.npz"], 2, "there is no recording nowhere.npz"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "said"), CASES, ids=lambda value: " ".join(value) if isinstance(value, list) else None
)
@pytest.mark.usefixtures("no_data")
def test_bad_input_is_told_with_its_exit_code(here: Path, arguments: list[str], code: int, said: str) -> None:
    assert said in refused(quiet(edgespec(here, *arguments)), code)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["compress", "nowhere.yaml"], 2, "error: there is no recipe nowhere.yaml"),
        (["data", "inspect", "nowhere.zip"], 3, "error: nowhere.zip was not found"),
        (["compress", "a.yaml", "--out", "a.yaml"], 8, "a file stands where a folder is needed"),
    ],
)
@pytest.mark.usefixtures("no_data")
def test_a_process_ends_with_the_same_code_and_text(here: Path, arguments: list[str], code: int, said: str) -> None:
    ended = process(here, *arguments)
    assert said in refused(quiet(ended), code)
    assert edgespec(here, *arguments) == ended


BUG = """
import sys
from edgespec.cli import ls, main
def fail(): raise ValueError("a bug")
ls._recipes, sys.argv[1:] = fail, ["ls", "recipes"]
main()
"""


def test_a_bug_keeps_its_traceback_and_has_a_code_of_its_own() -> None:
    ended = subprocess.run([sys.executable, "-c", BUG], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (70, "")
    assert "ValueError: a bug\nthis is a bug in edgespec; please report it with the lines above" in ended.stderr


@pytest.mark.usefixtures("no_data")
def test_a_stage_that_the_network_has_not_is_told_before_it_is_trained(here: Path) -> None:
    ended = edgespec(here, "compress", "a.yaml", "--set", "steps.2={fuse_lda: {after: 7}}")
    assert ended.returncode == 2
    assert "step 2 'fuse_lda': there is no stage 7 to leave this cnn after" in ended.stderr
    assert "hint:  it has stages 1 to 1" in ended.stderr
    assert not (here / "runs" / "a" / "1-train").exists()


@pytest.mark.usefixtures("no_data")
def test_a_network_that_cannot_be_built_is_told_by_a_dry_run(here: Path) -> None:
    ended = edgespec(
        here, "compress", "a.yaml", "--dry-run", "--set", "steps.1.train.model={cnn: {widths: [4, 4], stem: 8}}"
    )
    assert ended.returncode == 2
    assert "step 1 'train': model 'cnn' can't be built for" in ended.stderr
    assert "stem 8 is even" in ended.stderr


def quiet(ended: Ended) -> Ended:
    assert ended.stdout == ""
    return ended


@pytest.mark.parametrize(
    "arguments",
    [
        ["compress", "nowhere.yaml"],
        ["compress", "a.yaml", "--until", "nonsense"],
        ["compress", "a.yaml", "--frob"],
        ["frobnicate"],
        ["ls", "nonsense"],
        ["gate"],
    ],
)
def test_with_json_the_same_errors_are_an_object(here: Path, arguments: list[str]) -> None:
    ended = edgespec(here, *arguments, "--json")
    told = json.loads(ended.stdout)
    assert told["exit_code"] == ended.returncode == 2
    (error,) = told["errors"]
    assert f"error: {error['message']}" in refused(ended, 2)
    assert error["hint"]


def test_all_mistakes_of_a_recipe_are_told_at_once_each_with_its_line(here: Path) -> None:
    (here / "a.yaml").write_text(LINE.replace("epochs", "epchs").replace("- to_onnx", "- to_onx").replace("0.5", "95"))
    ended = edgespec(here, "compress", "a.yaml", "--json")
    errors = [each["message"] for each in json.loads(ended.stdout)["errors"]]
    assert [each.split(": ")[0] for each in errors] == ["a.yaml:8", "a.yaml:9", "a.yaml:11"]
    text = refused(ended, 2)
    assert text.count("error: ") == 3
    assert "hint:  did you mean 'to_onnx'?" in text
    assert not (here / "runs" / "a" / "report.json").exists()


@pytest.fixture
def run(here: Path) -> Path:
    """A run that is finished as far as bench, gate and report can see."""
    from report_example import report

    from edgespec import report as reports

    folder = here / "runs" / "a"
    reports.write(report(), folder)
    resealed.recipe(folder, LINE)
    return folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gate", "--target", "lokal"], "unknown target 'lokal'"),
        (["bench", "--target", "lokal"], "unknown target 'lokal'"),
        (["bench"], "the data of runs/a have changed since it was made"),
    ],
)
def test_a_run_is_no_excuse_for_bad_arguments(here: Path, run: Path, arguments: list[str], said: str) -> None:
    ended = edgespec(here, *arguments)
    assert ended.returncode == 2
    assert f"error: {said}" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("name", ["report.json", "recipe.yaml"])
def test_a_damaged_run_is_told(here: Path, run: Path, name: str) -> None:
    (run / name).write_bytes(b"\xff{")
    assert f"runs/a/{name}" in refused(quiet(edgespec(here, "gate")), 4)


@pytest.mark.parametrize(
    ("gates", "code", "said"),
    [
        ("  accuracy: 0.5", 0, "pass"),
        ("  accuracy: 0.99", 1, "FAIL: accuracy is 0.900, 0.090 under the 0.990 of runs/a/recipe.yaml:2"),
        ("  latency_p90: {local: 1 us}", 1, "FAIL: latency_p90 local is 24 us"),
        ("  macs: 3 k", 1, "unmeasured"),
    ],
)
def test_gate_says_by_its_exit_code_whether_promises_were_kept(
    here: Path, run: Path, gates: str, code: int, said: str
) -> None:
    resealed.recipe(run, f"gates:\n{gates}\n")
    ended = edgespec(here, "gate", "--wide")
    assert (ended.returncode, ended.stderr) == (code, "")
    assert said in ended.stdout


def test_gate_tells_a_machine_the_same(here: Path, run: Path) -> None:
    resealed.recipe(run, "gates:\n  accuracy: 0.99\n")
    ended = edgespec(here, "gate", "--json")
    told = json.loads(ended.stdout)
    assert (told["kept"], told["gates"][0]["verdict"], ended.returncode) == (False, "fail", 1)


def test_a_locked_run_is_left_alone(here: Path, run: Path) -> None:
    with storage.lock(run):
        for arguments in (["compress", "a.yaml"], ["gate"]):
            said = refused(quiet(process(here, *arguments)), 8)
            assert f"in use by another edgespec process (pid {os.getpid()})" in said
    assert edgespec(here, "gate").returncode == 0


def test_a_full_disk_under_the_output_is_told(here: Path, run: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    for arguments in (["ls", "recipes"], ["gate", "--json"]):
        with open("/dev/full", "w") as full:
            assert "the disk is full" in refused(process(here, *arguments, stdout=full), 8)


def test_a_reader_that_has_seen_enough_is_no_bug(here: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "edgespec", "ls", "recipes"], cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait() == 1


def test_a_full_disk_under_the_run_is_told_and_leaves_no_half_files(here: Path) -> None:
    with mounted(here / "tiny", "size=24k") as tiny:
        ended = edgespec(here, "compress", "a.yaml", "--out", "tiny/run", "--until", "train")
        assert ended.returncode == 8, ended.stderr
        assert "the disk is full\nhint:  make room, or name another place with --out" in ended.stderr
        assert "Traceback" not in ended.stderr
        for path in tiny.rglob("*.json"):
            json.loads(path.read_text())


def test_a_disk_that_may_not_be_written_is_told(here: Path) -> None:
    with mounted(here / "closed", "ro"):
        ended = edgespec(here, "compress", "a.yaml", "--out", "closed/run")
        assert "error: closed/run: the disk is read-only" in refused(quiet(ended), 8)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder here in which nobody can make a file")
@pytest.mark.parametrize(
    "arguments",
    [
        ["compress", "a.yaml", "--out", "/proc/run"],
        ["data", "inspect", "minerals", "--picture", "/proc/p.png"],
    ],
)
def test_a_place_where_nothing_can_be_made_is_told(here: Path, arguments: list[str]) -> None:
    assert "nothing can be made there" in refused(quiet(edgespec(here, *arguments)), 8)


@pytest.mark.parametrize(
    "arguments", [["compress", "a.yaml", "--out", "a.yaml"], ["compress", "a.yaml", "--out", "a.yaml/x"]]
)
def test_a_file_where_a_folder_is_needed_is_told(here: Path, arguments: list[str]) -> None:
    assert "a file stands where a folder is needed" in refused(quiet(edgespec(here, *arguments)), 8)
    assert (here / "a.yaml").read_text() == LINE


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_closed_stream_is_an_empty_one(here: Path, closed: str) -> None:
    command = f'exec "$0" -m edgespec new b.yaml {closed}'
    ended = subprocess.run(["sh", "-c", command, sys.executable], cwd=here, text=True, capture_output=True, check=False)
    assert "there is no terminal to ask at" in refused(ended, 2)


def test_a_folder_that_may_not_be_written_is_told(here: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (here / "closed").mkdir(mode=0o500)
    ended = edgespec(here, "compress", "a.yaml", "--out", "closed/run")
    assert "not allowed to write there" in refused(quiet(ended), 8)


STOPPED = """
import sys
from edgespec.cli import ls, main
def stop(): raise KeyboardInterrupt
ls._recipes, sys.argv[1:] = stop, ["ls", "recipes"]
main()
"""


def test_an_interrupt_says_that_the_same_command_goes_on() -> None:
    ended = subprocess.run([sys.executable, "-c", STOPPED], capture_output=True, text=True, check=False)
    assert ended.returncode == 130
    assert ended.stderr.strip() == "interrupted; run the same command again to go on where it stopped"


def test_a_package_that_does_not_load_is_told_as_such(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as a bug of edgespec's: another Python, or an installation that was cut short."""
    (here / "pydantic.py").write_text("raise ImportError('libsomething.so is not there', name='pydantic_core')\n")
    monkeypatch.setenv("PYTHONPATH", str(here))
    ended = subprocess.run(
        [sys.executable, "-m", "edgespec", "ls", "steps"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, "Traceback" in ended.stderr) == (3, False)
    assert "libsomething.so is not there" in ended.stderr
    assert "edgespec doctor" in ended.stderr


KILL = "import os, signal, time\nos.kill(os.getpid(), signal.{number})\ntime.sleep(9)\n"


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("typer", KILL),  # while the command line itself is loaded
        ("pydantic", KILL),
        ("pydantic", "try:\n    exec({kill!r})\nexcept BaseException:\n    raise ImportError('half loaded')\n"),
        (
            "pydantic",
            "try:\n    exec({kill!r})\nexcept BaseException:\n    import time\n    time.sleep(60)\n",
        ),  # swallowed
        ("pydantic", "exec({kill!r})\n"),  # Python remembers an interrupt in exec, and would end by the signal
    ],
)
def test_an_interrupt_while_it_loads_is_one_like_any_other(here: Path, number: str, module: str, source: str) -> None:
    kill = KILL.format(number=number)
    (here / f"{module}.py").write_text(source.format(number=number, kill=kill), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "edgespec", "ls", "steps"],
        env={**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.default_int_handler
        ),  # not ignored, as in the background
    )
    assert (ended.returncode, "Traceback" in ended.stderr) == (130, False), ended.stderr
    assert "run the same command again" in ended.stderr


def test_words_of_a_file_can_do_nothing_to_a_terminal(here: Path) -> None:
    (here / "list.csv").write_text("\x1b[2Jfile")
    told = refused(edgespec(here, "data", "inspect", "list.csv"), 2)
    assert "\x1b" not in told
    assert "\\x1b[2Jfile" in told
