"""`edgespec verify`: is a bundle whole, and does it still give the answers that it was made with?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgespec.cli.console import as_json
from edgespec.cli.program import app

Bundle = Annotated[Path, typer.Argument(help="A bundle folder, or an ONNX file.")]
Json = Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")]
DIFFERS = 4
HEAD = ["check", "verdict", "found", "tolerance"]


@app.command("verify", short_help="Check a bundle: files, contract, and its answers to the test vectors.")
def command(bundle: Bundle, to_json: Json = False) -> None:
    """Check a bundle: every checksum, its contract, and its answers to the test vectors; exit code 4 where one differs.

    An ONNX file is checked by itself: its operators, its ends, whether it answers the same in batches and in our form.

    Example: edgespec verify runs/rruff_distill/bundle

    Example: edgespec verify classifier.onnx
    """
    if bundle.is_file() and bundle.suffix.lower() == ".onnx":
        _file(bundle, to_json)
        return
    from edgespec.targets import card as cards
    from edgespec.targets import runner

    card = cards.load("local")
    arguments = ["verify", "--runtime", card.runtime, "--threads", str(card.threads), "--", str(bundle)]
    told = list(runner.stream(card, arguments))[-1]
    code = told.pop("exit_code")
    if to_json:
        as_json({**told, "exit_code": code})
    else:
        from edgespec.report import terminal

        rows = [
            [each["check"], "pass" if each["ok"] else "fail", each["found"], each["tolerance"]]
            for each in told["checks"]
        ]
        print(terminal.columns(HEAD, rows))
        print(f"\n{bundle}: {'as it was sent' if told['ok'] else 'differs from what was sent'}")
    if code:
        raise typer.Exit(code)


def _file(path: Path, to_json: bool) -> None:
    from dataclasses import asdict

    from edgespec.report import terminal
    from edgespec.runs import model_file

    checks = model_file.verify(path)
    ok = all(each.ok for each in checks)
    if to_json:
        as_json(
            {
                "file": str(path),
                "ok": ok,
                "checks": [asdict(each) for each in checks],
                "exit_code": 0 if ok else DIFFERS,
            }
        )
    else:
        rows = [[each.check, "pass" if each.ok else "fail", each.found, each.tolerance] for each in checks]
        print(terminal.columns(HEAD, rows))
        print(
            f"\n{path}: {'can be adopted' if ok else 'fails'}. {model_file.NO_LABELS[0].upper()}{model_file.NO_LABELS[1:]}"
        )
    if not ok:
        raise typer.Exit(DIFFERS)
