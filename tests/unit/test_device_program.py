"""The device's program in this process: its modules stay apart from everybody else's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgespec import device_program
from edgespec.errors import Missing


def test_the_devices_modules_stay_apart(tmp_path: Path) -> None:
    """A user's own `model` and `contract` are neither taken nor hidden."""
    (tmp_path / "contract.py").write_text("MINE = True\n")
    code = (
        "import sys; from edgespec import device_program; p = device_program.module('contract'); before = list(sys.path)\n"
        "device_program.module('runtimes.onnxruntime'); device_program.module('spectra.files')\n"
        "assert 'contract' not in sys.modules and 'model' not in sys.modules and sys.path == before\n"
        "import contract; print(contract.MINE, hasattr(p, 'MINE'), p.RefusalError is device_program.module('refusal').RefusalError)"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stdout == "True False True\n", ended.stderr
    with pytest.raises(ImportError, match="no module 'nothing'"):
        device_program.module("nothing")
    assert device_program.REFUSALS[3] is Missing
