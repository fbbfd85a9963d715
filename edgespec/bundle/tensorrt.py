"""What a bundle for TensorRT holds beside its model: how the engine is built on the device, and spectra as trtexec reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgespec import storage
from edgespec.bundle import write as bundles
from edgespec.graph import jetpack
from edgespec.targets.card import Target

SCRIPT, RECIPE, VECTORS = "build_engine.sh", "build.json", "vectors"
USUAL = "/usr/src/tensorrt/bin/trtexec"
BANNERS = {8: "8[0-9][0-9][0-9]", 10: "10[0-9][0-9][0-9][0-9]", 11: "11[0-9][0-9][0-9][0-9]"}


def write(part: Path, model: onnx.ModelProto, card: Target, release: str) -> list[str]:
    """Write build_engine.sh, build.json and the test vectors as raw binaries; give their names."""
    taken = model.graph.input[0]
    points = taken.type.tensor_type.shape.dim[1].dim_value
    precision = jetpack.precision(model)
    flags = {
        major: jetpack.flags(major, release, precision, taken.name, points)
        for major in jetpack.RELEASES[card.jetpack].majors
    }
    shapes = _vectors(part)
    told: dict[str, Any] = {"model": bundles.MODEL, "sha256": storage.file_digest(part / bundles.MODEL)}
    told |= {"jetpack": card.jetpack, "tensorrt": release, "precision": precision, "engine": "model.engine"}
    told["build"] = {
        str(major): ["trtexec", f"--onnx={bundles.MODEL}", "--saveEngine=model.engine", *own]
        for major, own in flags.items()
    }
    told["vectors"] = shapes
    n = shapes[taken.name][0]
    check = [
        f"--shapes={taken.name}:{n}x{points}",
        f"--loadInputs={taken.name}:{VECTORS}/{taken.name}.bin",
        "--iterations=1",
    ]
    told["check"] = ["trtexec", "--loadEngine=model.engine", "--exportOutput=answers.json", *check]
    told["verify"] = ["python3", "runner.py", "verify", "."]
    storage.write_json(part / RECIPE, told)
    storage.write(part / SCRIPT, _script(flags, card))
    return [SCRIPT, RECIPE, *(f"{VECTORS}/{name}.bin" for name in shapes)]


def _vectors(part: Path) -> dict[str, list[int]]:
    """Put the stored spectra and answers there as float32 in C's order; give their shapes."""
    (part / VECTORS).mkdir()
    shapes = {}
    with np.load(part / bundles.SPECTRA) as held:
        for key, name in (
            ("spectra", "spectrum"),
            ("logits", "logits"),
            ("probabilities", "probabilities"),
            ("score", "score"),
        ):
            values = np.ascontiguousarray(held[key], np.float32)
            values.tofile(part / VECTORS / f"{name}.bin")
            shapes[name] = list(values.shape)
    return shapes


def _script(flags: dict[int, list[str]], card: Target) -> str:
    cases = [f"  {BANNERS[major]}) own='{' '.join(own)}' ;;" for major, own in flags.items()]
    return "\n".join(
        [
            "#!/bin/sh",
            f"# Build the engine of model.onnx here, for JetPack {card.jetpack}: it runs only on the GPU and with the TensorRT that built it.",
            "# It is left beside this folder, which holds what its checksums say and nothing else; ENGINE names another place.",
            "# With --check, the bundle's own program then asks the engine for the stored spectra: exit code 0 as sent, 4 where it differs.",
            "set -eu",
            'cd "$(dirname "$0")"',
            'engine="${ENGINE:-$(pwd).engine}"',
            f'trtexec="${{TRTEXEC:-{card.trtexec or USUAL}}}"',
            '[ -x "$trtexec" ] || trtexec=$(command -v trtexec) || { echo "no trtexec here: it comes with JetPack" >&2; exit 3; }',
            "version=$(\"$trtexec\" --help 2>&1 | sed -n 's/.*\\[TensorRT v\\([0-9]*\\)\\].*/\\1/p' | head -n 1)",
            'case "$version" in',
            *cases,
            f'  *) echo "trtexec is of version ${{version:-unknown}}; this bundle is for JetPack {card.jetpack}" >&2; exit 3 ;;',
            "esac",
            "# shellcheck disable=SC2086  # a list of words",
            '"$trtexec" --onnx=model.onnx --saveEngine="$engine.part" $own',
            'rm -f "$engine.txt"  # without its record no engine is taken',
            'mv "$engine.part" "$engine"',
            "sums=$(sha256sum model.onnx \"$engine\" | sed 's/ .*//')",
            'echo "tensorrt $version" $sums > "$engine.txt.part"',
            'mv "$engine.txt.part" "$engine.txt"',
            'if [ "${1:-}" = --check ]; then',
            "  code=0",
            '  EDGESPEC_ENGINE="$engine" EDGESPEC_TRTEXEC="$trtexec" "${PYTHON:-python3}" runner.py verify . --runtime tensorrt || code=$?',
            '  [ "$code" = 0 ] && echo "the engine answers as the file that was sent"',
            '  [ "$code" != 4 ] || echo "the engine answers otherwise than the file that was sent: do not use it" >&2',
            '  exit "$code"',
            "fi",
            "",
        ]
    )
