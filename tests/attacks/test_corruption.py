"""One turned bit in any file of a run or of its bundle is noticed by what uses the file, or changes nothing of what it answers."""

from __future__ import annotations

from pathlib import Path

from benchmarks.robustness import corruption
from edgespec.pipeline.run import Run
from edgespec.report import files
from edgespec.runs import bench


def test_a_turned_bit_in_any_file_is_noticed_or_harmless(run_copy: Path) -> None:
    bench.bench(Run(run_copy), ["local"], seconds=0.05)
    files.write(Run(run_copy).report, run_copy)
    found = corruption.table(run_copy, flips=1, seed=0)
    print(corruption.text(found))  # shown where this fails
    assert corruption.failures(found) == []
    unnoticed = {name for name, one in found.items() if "noticed" not in " ".join(one.values())}
    pages = {
        "run/report.html",
        "run/report.md",
        "run/environment.json",
        "run/bench/local.json",
        "run/bench/logits_only.onnx",
    }
    drawn = {name for name in unnoticed if name.endswith(".svg")}
    assert unnoticed - drawn <= pages, (
        "pages and notes are written and never read, and bench writes its own file anew; nothing else is without a digest"
    )


def test_an_answer_that_differs_is_a_failure() -> None:
    def raises() -> None:
        raise ValueError("a bug")

    assert corruption.outcome(lambda: 1, 1, "a") == "same"
    assert corruption.outcome(lambda: 2, 1, "a") == "another answer"
    assert corruption.outcome(raises, 1, "a") == "ValueError: a bug"
    wrong = {"run/a": {"gate": corruption.worst({"same", "another answer"}), "report": "noticed or same"}}
    assert corruption.failures(wrong) == ["run/a: gate: another answer"]
