"""What is recorded beside a fetched file: its checksum, its length, where it came from and when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgespec import storage, unpacking
from edgespec.errors import Mismatch


@dataclass(frozen=True)
class Receipt:
    """A file as it was when it came: SHA-256, bytes, the address it came from, date and time in UTC."""

    sha256: str
    size: int
    address: str
    fetched: str


def place(path: Path) -> Path:
    """Give the receipt's own file: `a.zip.json` beside `a.zip`."""
    return path.with_name(f"{path.name}.json")


def made(path: Path, address: str) -> Receipt:
    """Digest a file that has just come from `address`."""
    date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Receipt(storage.file_digest(path), path.stat().st_size, address, date)


def write(path: Path, receipt: Receipt) -> None:
    """Record a receipt beside the file that it is of."""
    storage.write_json(place(path), asdict(receipt))


def read(path: Path) -> Receipt | None:
    """Read a file's receipt; None where there is none that can be read."""
    try:
        told = unpacking.parse_json(place(path).read_text(encoding="utf-8"))
        return Receipt(str(told["sha256"]), int(told["size"]), str(told["address"]), str(told["fetched"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def check(path: Path, receipt: Receipt) -> None:
    """Raise Mismatch (exit 4) where a file is not what its receipt says."""
    size = path.stat().st_size
    if size == receipt.size and storage.file_digest(path) == receipt.sha256:
        return
    what = f"has {size:,} bytes, not {receipt.size:,}" if size != receipt.size else "has another SHA-256"
    raise Mismatch(
        f"{path} {what}: it is not what came from {receipt.address} on {receipt.fetched}",
        hint="--again fetches it anew; if it was changed on purpose, remove its .json",
    )
