"""A run that ended before its promises could be judged, told where the verdicts would have been: JUnit and a job's summary.

python -m edgespec.report.failure JUNIT RECIPE COMMAND CODE STDERR
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

from edgespec import storage

LONGEST = 4000
CONTROL = re.compile(r"[^\t\n -\ud7ff\ue000-\ufffd]|\x1b\[[0-9;]*[A-Za-z]")


def write(junit: Path, recipe: str, command: str, code: int, said: str) -> str:
    """Write one test case that is an error, and give the Markdown of a summary.

    said: what the command printed on standard error; its end is kept
    """
    said = CONTROL.sub("", said)[-LONGEST:].strip()
    what = f"edgespec {command} ended with code {code}: no promise was judged"
    suite = Xml.Element("testsuite", name=f"edgespec gate {recipe}", tests="1", failures="0", errors="1", skipped="0")
    case = Xml.SubElement(suite, "testcase", classname=recipe, name=f"edgespec {command}", time="0")
    Xml.SubElement(case, "error", message=what, type=f"exit {code}").text = said or None
    root = Xml.Element("testsuites")
    root.append(suite)
    Xml.indent(root)
    storage.write(junit, Xml.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
    quoted = "\n".join(f"    {line}" for line in said.splitlines()[-20:])
    return f"### edgespec gate: {recipe}\n\n{what}\n\n{quoted}\n\n"


def main() -> None:
    """Write both for a command that failed in a job."""
    junit, recipe, command, code, file = sys.argv[1:6]
    told = write(Path(junit), recipe, command, int(code), Path(file).read_text(encoding="utf-8", errors="replace"))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as out:
            out.write(told)


if __name__ == "__main__":
    main()
