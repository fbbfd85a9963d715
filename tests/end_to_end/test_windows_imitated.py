"""The main job as it has to run under Windows: without what only POSIX has, by Windows' rules of files, in another text encoding.

The imitation is tests/helpers/windows_imitated; CI runs the real system. Here no module may need what Windows lacks, and no command may
write a name that Windows has not, delete or replace what is open, make a link, or read and write text in the machine's own encoding.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import spectrum_files
import tiny_run

from edgespec import plugins

IMITATED = Path(tiny_run.__file__).parent / "windows_imitated"
pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are looked up in /proc")

IMPORTS = """
import importlib, pathlib, sys
import sitecustomize  # Python goes on without one that is broken
package, program = map(pathlib.Path, sys.argv[1:])
left_out = {"ssh.agent", "setup", "__main__"}  # the agent runs on a device, below a POSIX shell
for root, before in ((package, "edgespec."), (program, "")):
    sys.path.insert(0, str(root))
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        if name not in left_out and not name.startswith(("_shipped", "runtimes.tensorrt")):
            importlib.import_module(before + name)
            print(before + name)
"""
JOB = """
import json, sys
import sitecustomize
from edgespec import cli
for words in json.loads(sys.argv[1]):
    code = cli.run(words)
    print("ended", words[0], code, flush=True)
    if code:
        sys.exit(code)
"""
RULES = """
import os, pathlib, sys
sys.path.insert(0, os.getcwd())
import model
"""
BROKEN = {
    "a module that is not there": "import fcntl",
    "a signal that is not there": "import signal; signal.SIGKILL",
    "a function that is not there": "import os; os.getuid()",
    "a name from a module": "from os import getuid",
    "a pipe with a limit": "import select; select.select([], [], [], 0)",
    "a time of day in a name": "open('12:30.json', 'w', encoding='utf-8')",
    "the name of a device": "import os; os.mkdir('aux')",
    "a name that ends in a dot": "open('a.', 'w', encoding='utf-8')",
    "a long name": "open('a' * 201, 'w', encoding='utf-8')",
    "an open file is replaced": "import os; a = open('a', 'w', encoding='utf-8'); open('b', 'w', encoding='utf-8').close(); os.replace('b', 'a')",
    "an open file is deleted": "import os; a = open('a', 'w', encoding='utf-8'); os.remove('a')",
    "a mapped file is deleted": "import mmap, os, pathlib; pathlib.Path('a').write_bytes(b'12'); f = open('a', 'r+b');"
    " m = mmap.mmap(f.fileno(), 0); f.close(); os.remove('a')",
    "a folder with an open file is moved": "import os; os.mkdir('d'); a = open('d/a', 'w', encoding='utf-8'); os.rename('d', 'e')",
    "a folder is opened": "import os; os.open('.', os.O_RDONLY)",
    "a link": "import os; os.symlink('model.py', 'link')",
    "text in the machine's encoding": "import pathlib; pathlib.Path('model.py').read_text()",
}


def imitated(folder: Path, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Python as under Windows, in a folder."""
    system = (
        folder / "system"
    )  # a machine that tells nothing in /proc and /sys but the peak of memory, which Windows tells otherwise
    (system / "proc" / "self").mkdir(parents=True)
    (system / "proc" / "self" / "status").write_text("VmHWM:\t200000 kB\n", encoding="utf-8")
    (folder / "temporary").mkdir()
    own = {
        "PYTHONPATH": str(IMITATED), "WINDOWS_FOLDER": str(folder), "TMPDIR": str(folder / "temporary"), "EDGESPEC_SYS": str(system),
        "EDGESPEC_HOME": str(folder / "home"), "PYTHONWARNDEFAULTENCODING": "1", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
        "LC_ALL": "C", "PYTHONIOENCODING": "cp1252:backslashreplace", "PATH": "",
    }  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name != "EDGESPEC_DATA"} | own
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="cp1252", check=False, timeout=600
    )


@pytest.mark.parametrize("what", BROKEN)
def test_the_imitation_refuses(what: str, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(BROKEN[what], encoding="utf-8")
    ended = imitated(tmp_path, RULES)
    assert ended.returncode == 1, ended.stderr
    told = ended.stderr.splitlines()[-1]
    assert any(word in told for word in ("Windows", "EncodingWarning", "cannot import name"))


def test_every_module_is_imported(tmp_path: Path) -> None:
    ended = imitated(tmp_path, IMPORTS, str(plugins.PACKAGE), str(plugins.shipped("export")))
    assert ended.returncode == 0, ended.stderr
    names = ended.stdout.split()
    assert len(names) > 300
    assert {"edgespec.storage", "edgespec.targets.ssh", "measure.clocks", "spectra.limits"} <= set(names)


def test_the_main_job_runs(tmp_path: Path) -> None:
    tiny_run.write(tmp_path / "tiny.yaml", {**tiny_run.TINY, "gates": {"accuracy": 0.5, "size": "64 kB"}})
    spectrum_files.table(tmp_path / "probe.csv", np.arange(150.0, 1172.0, 2.0), head="")
    run, bundle = "runs/tiny", "runs/tiny/bundle"
    ended = imitated(
        tmp_path,
        JOB,
        json.dumps(
            [
                ["new", "own.yaml", "--yes"],
                ["compress", "tiny.yaml"],
                ["bench", run, "--target", "local", "--variant", "float32", "--seconds", "0.2"],
                ["gate", run, "--target", "local"],
                ["report", run],
                ["export", run],
                ["verify", bundle],
                ["predict", bundle, "probe.csv"],
                ["predict", run, "probe.csv", "--csv"],
            ]
        ),
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    done = [line.split()[1:] for line in ended.stdout.splitlines() if line.startswith("ended ")]
    assert [code for _, code in done] == ["0"] * 9
    measured = (tmp_path / run / "bench" / "local.json").read_text(encoding="utf-8")
    assert '"peak_memory_bytes": 204800000' in measured, "the imitated machine was measured"
    assert (tmp_path / bundle / "SHA256SUMS").read_bytes().count(b"\r") == 0
