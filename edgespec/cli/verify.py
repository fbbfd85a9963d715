"""`edgespec verify`: is a bundle whole, and does it still give the answers that it was made with?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgespec.cli.console import as_json
from edgespec.cli.program import app
from edgespec.cli.tables import Wide, show
from edgespec.errors import Mistake

Bundle = Annotated[Path, typer.Argument(help="Bundle folder or ONNX file.")]
Key = Annotated[
    Path | None, typer.Option("--key", metavar="PUBLIC", help="Require a signature by this public key (PEM).")
]
Identity = Annotated[
    str, typer.Option("--identity", help="Require a signature by this Sigstore identity, such as an e-mail address.")
]
Issuer = Annotated[str, typer.Option("--issuer", help="Issuer of --identity, such as https://accounts.google.com.")]
Json = Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")]
DIFFERS = 4
CHECKSUM = "checksum "  # how the device's program begins the check of a file
HEAD = ["check", "verdict", "found", "tolerance"]
LEAST = {"check": 16, "found": 24, "tolerance": 16}  # width of a column whose texts are wrapped


@app.command("verify", short_help="Check a bundle: checksums, contract, test vectors.")
def command(
    bundle: Bundle,
    key: Key = None,
    identity: Identity = "",
    issuer: Issuer = "",
    to_json: Json = False,
    wide: Wide = False,
) -> None:
    """Check a bundle: every checksum, the contract, and the answers to the test vectors. Exit code 4 if one differs.

    A single ONNX file is checked for its operators, inputs and outputs, and equal answers in batches and after conversion.

    Example: edgespec verify runs/rruff_distill/bundle

    Example: edgespec verify classifier.onnx
    """
    signed = key is not None or bool(identity)
    if bool(identity) != bool(issuer) or (key and identity):
        raise Mistake("--key stands alone, --identity and --issuer together", hint="edgespec verify --help")
    if bundle.is_file() and bundle.suffix.lower() == ".onnx":
        if signed:
            raise Mistake(f"{bundle} is one file: a bundle is signed", hint="edgespec export --sign KEY")
        _file(bundle, to_json, wide)
        return
    told = _bundle(bundle, _signed(bundle, key, identity, issuer) if signed else None)
    if to_json:
        as_json(told)
    else:
        from edgespec.report.tables.layout import Grid, Shape

        checks = told["checks"] if wide else _checksums_together(told["checks"])
        rows = [[each["check"], "pass" if each["ok"] else "fail", each["found"], each["tolerance"]] for each in checks]
        last = [f"{bundle}: {'as it was sent' if told['ok'] else 'differs from what was sent'}"]
        if not signed:
            last.append(
                "Who sent it was not asked: the checksums come with the bundle. --key PUBLIC compares its signature."
            )
        show([Grid(HEAD, rows, Shape((*HEAD,), 3, LEAST)), "", *last], wide)
    if told["exit_code"]:
        raise typer.Exit(told["exit_code"])


def _checksums_together(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make one line of all files that are as sent; a file that differs keeps its line."""
    same = [each for each in checks if each["check"].startswith(CHECKSUM) and each["ok"]]
    if len(same) < 2:
        return checks
    together = {**same[0], "check": "checksums", "found": f"{len(same)} files as sent"}
    return [together, *(each for each in checks if each not in same)]


def _signed(bundle: Path, key: Path | None, identity: str, issuer: str) -> dict[str, Any]:
    from edgespec.bundle import signature

    if not bundle.is_dir():
        raise Mistake(f"{bundle} is not a bundle", hint="name a folder that edgespec export made")
    return signature.check(bundle, key=key, identity=identity, issuer=issuer)


def _bundle(bundle: Path, signature: dict[str, Any] | None) -> dict[str, Any]:
    """Check a bundle by the device's program; what is not signed as asked is not even opened."""
    if signature is not None and not signature["ok"]:
        return {"bundle": str(bundle), "ok": False, "checks": [signature], "exit_code": DIFFERS}
    from edgespec.targets import card as cards
    from edgespec.targets import runner

    card = cards.load("local")
    arguments = ["verify", "--runtime", card.runtime, "--threads", str(card.threads), "--", str(bundle)]
    told = list(runner.stream(card, arguments))[-1]
    return {**told, "checks": [*([signature] if signature else []), *told["checks"]]}


def _file(path: Path, to_json: bool, wide: bool) -> None:
    from dataclasses import asdict

    from edgespec.report.tables.layout import Grid, Shape
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
        last = f"{path}: {'can be adopted' if ok else 'fails'}. {model_file.NO_LABELS[0].upper()}{model_file.NO_LABELS[1:]}"
        show([Grid(HEAD, rows, Shape((*HEAD,), 3, LEAST)), "", last], wide)
    if not ok:
        raise typer.Exit(DIFFERS)
