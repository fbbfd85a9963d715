"""How hard a text is to read: median words of a sentence, share of sentences over 25 words. Code, tables and addresses do not count.

python -m benchmarks.tools.readability README.md docs/tutorials/*.md
git show REVISION:README.md | python -m benchmarks.tools.readability -
python -m benchmarks.tools.readability --help-texts              the help of every command
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

LONG = 25


def sentences(text: str) -> list[int]:
    """Give the words of each sentence of a Markdown text."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    lines = [line for line in text.splitlines() if not line.startswith(("|", "#", "    "))]
    paragraphs = re.split(r"\n\s*\n|\n(?=[-*] |\d+\. )", "\n".join(lines))
    parts = [
        part
        for each in paragraphs
        for part in re.split(r"(?<=[.!?])\s+(?=[A-Z`*\[(])", " ".join(each.lstrip("-* ").split()))
    ]
    return [len(part.split()) for part in parts if len(part.split()) > 2]


def help_texts(folder: Path = Path("edgespec/cli")) -> str:
    """Give all help texts of the program, each a paragraph."""
    found = []
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.keyword)
                and node.arg in ("help", "short_help")
                and isinstance(node.value, ast.Constant)
            ):
                found.append(str(node.value.value))
            if isinstance(node, ast.FunctionDef) and any("command" in ast.dump(each) for each in node.decorator_list):
                found.append(re.sub(r"Example: .*", "", ast.get_docstring(node) or ""))
    return "\n\n".join(found)


def told(name: str, counts: Sequence[int]) -> str:
    share = sum(each > LONG for each in counts) / max(len(counts), 1)
    middle = statistics.median(counts) if counts else 0
    return f"{name}: {len(counts)} sentences, median {middle:g} words, {share:.0%} over {LONG} words"


if __name__ == "__main__":
    for each in sys.argv[1:]:
        if each == "--help-texts":
            print(told("help texts", sentences(help_texts())))
        else:
            given = sys.stdin.read() if each == "-" else Path(each).read_text(encoding="utf-8")
            print(told(each, sentences(given)))
