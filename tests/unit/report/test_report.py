"""A report is read back as it was written, refused where it is damaged, and every way to show it tells the same."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from report_example import measured, report

from benchmarks.tools import resealed
from edgespec import report as reports
from edgespec.errors import Mismatch, Mistake
from edgespec.recipe.gates import Gate
from edgespec.report import Report, markdown, tables, terminal
from edgespec.report.figures import picture
from edgespec.report.tables import quantization
from edgespec.runs.gate.verdicts import check


def judged(source: str = "embedded") -> Report:
    found = report(source)
    gates = [Gate("accuracy", 0.5), Gate("size", 20_000), Gate("latency_p90", 1e-3, "jetson")]
    found.gates = [each.plain() for each in check(gates, found)]
    return found


def test_a_report_is_read_back_as_it_was(tmp_path: Path) -> None:
    found = judged()
    reports.write(found, tmp_path)
    again = reports.read(tmp_path)
    assert again.rows == found.rows
    assert again.gates == found.gates
    assert again.finished == "f1"
    reports.write(again, tmp_path)
    assert reports.read(tmp_path) == again  # tuples have become lists, and nothing else changes any more


def test_fields_of_a_later_edgespec_are_left_out(tmp_path: Path) -> None:
    reports.write(report(), tmp_path)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(resealed.sealed({**json.loads(path.read_text()), "later": 1})))
    assert reports.read(tmp_path).recipe == "hand"


def without(key: str) -> Callable[[dict[str, Any]], Any]:
    return lambda plain: {name: value for name, value in plain.items() if name != key}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("schema"), "is not a report of edgespec"),
        (without("rows"), "is damaged: it lacks 'rows'"),
        (without("data"), "is damaged"),
        (lambda plain: {**plain, "schema": 1}, "is of version 1, this edgespec reads 2"),
        (lambda plain: {**plain, "rows": [{"step": 1}]}, "is damaged"),
        (lambda plain: {**plain, "rows": [3]}, "is damaged"),
        (lambda plain: {**plain, "data": 3}, "'data' does not hold keys"),
        (lambda plain: {**plain, "steps": {}}, "'steps' is not a list"),
        (lambda plain: {**plain, "rows": [{**plain["rows"][0], "right": 5}]}, "'right' does not hold keys"),
        (lambda plain: [], "is not a report of edgespec"),
        (lambda plain: 3, "is not a report of edgespec"),
    ],
)
def test_a_damaged_report_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], Any], said: str) -> None:
    reports.write(report(), tmp_path)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(resealed.sealed(change(json.loads(path.read_text())))))
    with pytest.raises((Mistake, Mismatch)) as caught:
        reports.read(tmp_path)
    assert caught.value.exit_code == (2 if "version" in said or "not a report" in said else 4)
    assert str(path) in caught.value.message
    assert said in caught.value.message
    assert "edgespec compress" in caught.value.hint


def test_a_report_that_was_edited_is_refused(tmp_path: Path) -> None:
    reports.write(report(), tmp_path)
    path = tmp_path / "report.json"
    whole = path.read_text()
    for change in (
        ('"accuracy": 0.9', '"accuracy": 0.99'),
        ('"recipe": "hand"', '"recipe": "head"'),
        (f'"{reports.SEAL}": "', f'"{reports.SEAL}": "0'),
    ):
        assert change[0] in whole
        path.write_text(whole.replace(*change, 1))
        with pytest.raises(Mismatch, match="was changed after edgespec wrote it"):
            reports.read(tmp_path)
    path.write_text("[" * 100_000)
    with pytest.raises(Mismatch, match="is damaged"):
        reports.read(tmp_path)


def test_a_report_cut_short_is_refused_and_a_missing_one_told(tmp_path: Path) -> None:
    reports.write(report(), tmp_path)
    path = tmp_path / "report.json"
    raw = path.read_bytes()
    for length in range(0, len(raw) - 2, len(raw) // 40):
        path.write_bytes(raw[:length])
        with pytest.raises(Mismatch, match="is damaged"):
            reports.read(tmp_path)
    path.unlink()
    with pytest.raises(Mistake, match="is not a run folder"):
        reports.read(tmp_path)


def test_the_last_files_and_the_reference_are_found() -> None:
    assert [row.variant for row in report().last()] == ["float32", "cpu-int8"]
    reference = report().reference()
    assert reference is not None
    assert (reference.name, reference.accuracy) == ("train", 0.95)
    assert Report("empty", 0, {}).last() == []
    assert Report("empty", 0, {}).reference() is None


SHOWN: list[Callable[[Report], str]] = [terminal.show, lambda found: markdown.show(found, drawn=True)]


@pytest.mark.parametrize("show", SHOWN)
def test_a_report_tells_every_row_figure_and_verdict(show: Callable[[Report], str]) -> None:
    text = show(judged())
    for part in (
        "hand", "seed 0", "minerals", "150 training, 60 test spectra, 3 classes", "edgespec 0.1.0", "shrinkage LDA", "1-NN cosine",
        "cnn 8-16 (1 per class)", "0.950", "0.800 - 0.970", "quantize cpu-int8", "25 kB", "9 k", "+0.050", "20 us", "recommended",
        "0.50", "FAIL: size is 25 kB, 5 kB over the 20 kB", "unmeasured: edgespec bench --target jetson", "pass",
        "a note of the data", "a note of the run", "on local something is faster", "busy machine: indeed",
    ):  # fmt: skip
        assert part in text, part
    for line in text.splitlines():
        assert "None" not in line, line
        assert "nan" not in line.split(), line


@pytest.mark.parametrize("show", [*SHOWN, picture.frontier])
def test_generated_data_are_stamped_everywhere_and_measured_ones_nowhere(show: Callable[[Report], str]) -> None:
    assert "embedded" in show(report("embedded"))
    assert "embedded" not in show(report("measured"))
    assert "measured" in show(report("measured"))


@pytest.mark.parametrize("show", SHOWN)
def test_a_run_under_way_is_shown_too(show: Callable[[Report], str]) -> None:
    found = report()
    found.rows, found.bench, found.advice, found.notes = found.rows[:2], {}, {}, []
    assert "shrinkage LDA" in show(found)
    assert "recommended" not in show(found)


def test_what_int8_costs_each_layer_is_a_table_costliest_first_and_a_remark() -> None:
    text = markdown.show(report(), drawn=False)
    lines = text.partition("## What int8 costs each layer")[2].partition("## ")[0].strip().splitlines()[2:]
    assert lines == [
        "| layer | operator | weights | agreement | drop | divergence | cpu-int8 |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| head | Gemm | 60.0% | 0.900 | +0.050 | 0.2 | float32 |",
        "| first | Conv | 40.0% | 0.990 | +0.000 | 0.001 | int8 |",
    ]
    assert quantization.remarks(report()) == [
        "cpu-int8: 1 of 2 layers stay in float32 (head); ranges by mse, nearest to float32 of 2; "
        "+0.012 of the accuracy lost and 0.980 of the labels kept on the validation part."
    ]
    found = report()
    found.rows[-1].rounding["float_layers"] = []
    assert quantization.remarks(found)[0].startswith("cpu-int8: all 2 layers are int8; ")
    found.rows.pop()
    assert quantization.layers(found) == ([], [])


@pytest.mark.parametrize(
    ("helped", "trained", "said"),
    [
        (True, 0.002, "; trained with rounding: 0.002 nats from float32 trained, 0.024 untrained."),
        (
            False,
            0.03,
            "; training with rounding did not help, it is rounded only: 0.03 nats from float32 trained, 0.024 untrained.",
        ),
        (
            False,  # nearer, and yet it names fewer rightly: that file was not kept
            0.02,
            "; training with rounding did not help, it is rounded only: 0.02 nats from float32 trained, 0.024 untrained.",
        ),
    ],
)
def test_what_training_with_rounding_brought_is_said(helped: bool, trained: float, said: str) -> None:
    found = report()
    found.rows[-1].rounding |= {
        "flavour": "int4",
        "layers": [],
        "float_layers": [],
        "training": {"helped": helped, "untrained": 0.024, "trained": trained},
    }
    (remark,) = quantization.remarks(found)
    assert remark.startswith("cpu-int8: weights in 4 bits, arithmetic in float32: smaller, not faster; +0.012 of")
    assert remark.endswith(said)
    assert quantization.layers(found) == ([], [])


def test_robustness_is_a_line_a_perturbation_in_markdown_and_a_line_a_model_in_the_terminal() -> None:
    text = markdown.show(report(), drawn=False)
    lines = text.partition("## Robustness")[2].partition("## ")[0].strip().splitlines()[2:]
    assert lines == [
        "| perturbation | 1 train | 2 distill | 4 float32 | 4 cpu-int8 |",
        "| --- | --- | --- | --- | --- |",
        "| none | 0.950 | 0.930 | 0.920 | 0.900 |",
        "| shift +3 | 0.970 | 0.930 | 0.920 | 0.880 |",
        "| drift 5 | **0.870** | **0.830** | **0.820** | **0.780** |",
        "| mean | 0.920 | 0.880 | 0.870 | 0.830 |",
        "| robust drop | - | +0.020 at drift 5 | +0.030 at drift 5 | +0.060 at drift 5 |",
        "| robust drop from float | - | - | - | +0.035 at shift +3 |",
    ]
    lines = [each for each in terminal.show(report()).splitlines() if each.startswith("4 cpu-int8")]
    (line,) = [each for each in lines if "drift" in each]
    assert line.split("  ")[-1].strip() == "shift +3"
    for part in ("0.900", "0.830", "drift 5", "0.780", "+0.060", "+0.035"):
        assert part in line
    assert sum("drift 5" in each for each in terminal.show(report()).splitlines()) == 4, "one line a model, no more"


def test_what_costs_nothing_is_not_marked_and_what_was_not_perturbed_is_not_shown() -> None:
    found = report()
    for each in found.rows:
        each.robustness = {**each.robustness, "accuracy": {"drift 5": 1.0}} if each.robustness else {}
    assert "| drift 5 | 1.000 | 1.000 | 1.000 | 1.000 |" in markdown.show(found, drawn=False)
    assert terminal.show(found).count("nothing") == 4
    for each in found.rows:
        each.robustness = {}
    for show in SHOWN:
        assert "robust" not in show(found).lower()


def test_a_pipe_in_a_name_does_not_break_a_markdown_table() -> None:
    found = report()
    found.rows[0].name = "a|b"
    (line,) = [each for each in markdown.show(found, drawn=False).splitlines() if "a\\|b" in each]
    assert line.replace("\\|", "").count("|") == len(tables.HEAD) + 1


def test_the_picture_is_svg_with_a_mark_a_file_and_the_same_bytes_every_time(tmp_path: Path) -> None:
    drawn = picture.frontier(report())
    assert ET.fromstring(drawn).tag.endswith("svg")
    assert picture.frontier(report()) == drawn
    assert 'id="pareto-local"' in drawn
    for label in ("default, 30 kB", "float32, 30 kB", "cpu-int8, 30 kB (recommended)"):
        assert f"  {label} -->" in drawn
    assert "latency of one spectrum" in drawn
    unmeasured = report()
    unmeasured.bench = {}
    assert "  cpu-int8, 25 kB -->" in picture.frontier(unmeasured)
    unmeasured.rows = unmeasured.rows[:3]
    assert picture.frontier(unmeasured) == ""


def test_several_targets_are_told_apart_in_tables_and_picture() -> None:
    found = report()
    found.bench["jetson"] = {"format": 1, "measurements": [measured("float32", 0.1, target="jetson", p99_ms=None)]}
    found.advice["jetson"] = {"variant": None, "why": "no variant keeps the promises here", "refused": {}}
    assert "  jetson float32, 30 kB -->" in picture.frontier(found)
    line = next(each for each in tables.bench(found) if each[0] == "jetson")
    assert line[tables.BENCH_HEAD.index("p99")] == "-"
    assert line[-1] == ""
    for show in SHOWN:
        assert "no variant keeps the promises here" in show(found)


def test_how_and_in_what_heat_a_target_was_measured_stands_beside_its_figures() -> None:
    found, energy = report(), "VDD_IN (ina3221), 10 readings a second"
    sensors = {"celsius": {"cpu-thermal": [48.0, 71.0, 69.0]}, "mhz": {"cpu": [1510.0, 1200.0, 1400.0, 1400.0]}}
    more = {"mode": "standard", "processes": 5, "seconds": 3.0, "energy_mj": 0.123, "energy_note": energy}
    one = measured("float32", 0.02, calls_per_sample=3, host={"cores": 2, "sensors": sensors}, **more)
    found.bench["local"]["measurements"] = [one]
    line = tables.bench(found)[0]
    assert line[tables.BENCH_HEAD.index("mode")] == "standard"
    assert line[tables.BENCH_HEAD.index("energy")] == "0.123 mJ"
    for show in SHOWN:
        for told in (
            "mode standard, 5 processes of 3 s a file",
            "timed up to 3 at once: their percentiles are of such blocks",
            "cpu-thermal 48 to 69 degrees, at most 71",
            "cpu clock 1200 to 1510 MHz",
            f"energy: {energy}",
        ):
            assert told in show(found)


def test_report_md_is_written_beside_its_picture(tmp_path: Path) -> None:
    path = markdown.write(report(), tmp_path)
    assert path == tmp_path / "report.md"
    assert "](frontier.svg)" in path.read_text(encoding="utf-8")
    assert (tmp_path / "frontier.svg").is_file()
    empty = report()
    empty.rows, empty.bench, empty.advice = empty.rows[:2], {}, {}
    assert "frontier.svg" not in markdown.write(empty, tmp_path).read_text(encoding="utf-8")


def test_a_folder_that_is_replaced_is_told_no_more(tmp_path: Path) -> None:
    found = judged()
    found.steps = [{"number": 1, "name": "train", "folder": "1-train", "digest": "a"}]
    found.sealed = {"0-baselines-all": "b", "1-train": "c"}
    reports.write(found, tmp_path)
    reports.release(tmp_path, "1-train")
    again = reports.read(tmp_path)
    assert again.sealed == {"0-baselines-all": "b"}
    assert again.steps == []
    reports.release(tmp_path, "2-to_onnx")  # which it does not know
    assert reports.read(tmp_path) == again
    reports.release(tmp_path / "nowhere", "1-train")
