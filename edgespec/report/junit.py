"""Verdicts as JUnit writes them: a test case a promise, for whatever shows test results."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Xml

from edgespec import storage
from edgespec.errors import visible
from edgespec.report import Report, tables


def write(report: Report, path: Path, *, inconclusive: str, skipped: str = "warn") -> None:
    """Write the verdicts; inconclusive, skipped: "fail" makes failures of such verdicts, else they are skipped cases with their reason."""
    suite = Xml.Element("testsuite", name=f"edgespec gate {report.recipe}")
    counts = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for each in report.gates:
        case = Xml.SubElement(suite, "testcase", classname=report.recipe, name=tables.promise(each), time="0")
        kind = outcome(each["verdict"], skipped=each["skipped"] and skipped != "fail", inconclusive=inconclusive)
        counts["tests"] += 1
        if kind:
            counts[{"failure": "failures", "error": "errors"}.get(kind, kind)] += 1
            told = Xml.SubElement(case, kind, message=each["message"], type=each["verdict"])
            told.text = each["hint"] or None
        else:
            Xml.SubElement(case, "system-out").text = each["message"] or " ".join(_figures(each))
    suite.attrib.update({key: str(value) for key, value in counts.items()})
    root = Xml.Element("testsuites")
    root.append(suite)
    for element in root.iter():
        element.attrib.update({key: visible(value) for key, value in element.attrib.items()})
        element.text = visible(element.text) if element.text else element.text
    Xml.indent(root)
    storage.write(path, Xml.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def outcome(verdict: str, *, skipped: bool, inconclusive: str) -> str:
    """Give JUnit's word for a verdict; "" where the promise is kept."""
    if verdict == "unmeasured":
        return "skipped" if skipped else "error"
    if verdict == "inconclusive":
        return "failure" if inconclusive == "fail" else "skipped"
    return "failure" if verdict == "fail" else ""


def _figures(each: dict[str, object]) -> list[str]:
    return [f"{key}: {each[key]}" for key in ("limit", "measured", "variant")]
