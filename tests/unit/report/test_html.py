"""The page says what the report says, asks for nothing, and lets no name in it become a command."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from browser_page import FORGED, shown, shown_forged, whole
from report_example import report

from edgespec.report import Report, html
from edgespec.report.figures import thumbnail
from edgespec.report.html_compare import doubts
from edgespec.report.html_model import number, shipped, table
from edgespec.report.pareto import Point, efficient, outline, points, stairs

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Reader(HTMLParser):
    """Collects what a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def each(self, key: str) -> list[str]:
        return [attributes[key] for _, attributes in self.tags if key in attributes]


@pytest.fixture(scope="module")
def page() -> str:
    return shown()


@pytest.fixture(scope="module")
def read(page: str) -> Reader:
    return Reader(page)


def test_every_section_is_there_and_absent_where_the_report_holds_nothing_of_it(page: str) -> None:
    heads = re.findall(r"<h3[^>]*>([^<]+)</h3>", page)
    assert heads == [
        "What is shipped", "Beside simple models", "Right and wrong, class by class", "Wrong answers", "What it looks at", "Promises",
        "The trade-off", "Robustness", "What it does not know", "Notes", "What each step cost", "Latency on local", "What pruning took",
        "What int8 costs each layer", "Targets", "Data and machine",
    ]  # fmt: skip
    bare = report()
    bare.rows, bare.bench, bare.advice, bare.notes, bare.data["notes"] = bare.rows[:3], {}, {}, [], []
    for row in bare.rows:
        row.robustness = {}
    heads = re.findall(r"<h3[^>]*>([^<]+)</h3>", html.show({"bare": bare}))
    assert heads == ["What each step cost", "Data and machine"]


def test_it_says_the_figures_of_the_report(read: Reader) -> None:
    said = "\n".join([*read.words, *read.each("aria-label")])
    for part in (
        "0.900", "25 kB", "size is 25 kB, 5 kB over; a narrower student", "cpu-int8: accuracy 0.900", "recommended", "b: 16 of 20 named rightly",
        "b: 4 of 20 named c", "b: 4 cpu-int8 finds 80% of 20", "4 cpu-int8 under drift 5: 0.780, -0.120 against clean",
        "4 cpu-int8: 10.0% wrong among the surest 100%", "stem: 0.400 without 50% of its channels", "head (Gemm): 0.2 nats",
        "500 cm-1 spoke for c: +2.00 nats", "800 cm-1 spoke against c: -0.70 nats", "cpu0 after 8.0 s: 1996", "soc after 4.0 s: 44",
        "busy machine: indeed", "a note of the run", "A CPU", "every operator is known there",
    ):  # fmt: skip
        assert part in said, part
    assert "None" not in said
    assert "nan" not in said.split()


def test_generated_data_are_stamped_and_measured_ones_are_not(page: str) -> None:
    assert "generated, not measured" not in page
    assert "data: measured" in page
    told = html.show({"hand": report("embedded")})
    assert "generated, not measured" in told
    assert "data: embedded" in told


def test_it_asks_for_nothing_and_forbids_what_is_not_its_own(read: Reader, page: str) -> None:
    (policy,) = [each["content"] for tag, each in read.tags if tag == "meta" and "Policy" in each.get("http-equiv", "")]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert not read.each("src")
    assert not read.each("style"), "the policy would forbid it"
    for target in read.each("href"):
        assert target.startswith("#") or target == "data:,"
    assert "url(" not in page.replace("url(#", "")
    assert "@import" not in page


def test_no_name_becomes_a_command() -> None:
    text = shown_forged()
    found = Reader(text)
    assert [tag for tag, _ in found.tags].count("script") == 1
    assert not [key for _, attributes in found.tags for key in attributes if key.startswith("on")]
    assert text.count("alert(1)") > 30
    assert text.count(FORGED) == 0


def test_ids_are_unique_and_all_that_is_referred_to_is_there(read: Reader) -> None:
    ids = read.each("id")
    assert len(ids) == len(set(ids))
    named = [target.removeprefix("#") for target in read.each("href") if target.startswith("#")]
    named += [each[5:-1] for each in read.each("clip-path") if each.startswith("url(#")]
    named += [each for several in read.each("aria-labelledby") for each in several.split()]
    assert set(named) <= set(ids)
    assert any(each[5:-1] in ids for each in read.each("clip-path"))


def test_drawings_are_named_their_marks_too_and_all_colours_are_the_pages(read: Reader, page: str) -> None:
    charts = [attributes for tag, attributes in read.tags if attributes.get("class") == "chart"]
    marks = [attributes for _, attributes in read.tags if attributes.get("class") == "mark"]
    assert len(charts) > 12
    assert all(each["aria-label"] and each["role"] == "group" for each in charts)
    assert len(marks) > 120
    assert all(each["aria-label"] and each["role"] == "img" for each in marks)
    drawn = page.partition("<main")[2].partition("</main>")[0]
    assert not re.findall(r"#[0-9a-f]{6}\b", drawn), "a colour that does not follow light and dark"
    assert page.count("<figure") == page.count("The same as a table") + page.count(
        "As they grow stronger</h4>"
    ) + page.count('class="card example"')


def test_the_same_report_gives_the_same_bytes(page: str) -> None:
    assert html.show({"hand": whole()}) == page


def test_it_stays_small(page: str) -> None:
    assert len(page.encode()) < 600_000


def test_a_page_of_192_classes_and_30_wrong_answers_stays_under_a_megabyte() -> None:
    found = whole()
    rng, n = np.random.default_rng(0), 192
    found.data["labels"], found.data["classes"] = [f"mineral {i}" for i in range(n)], n
    for row in found.rows:
        if row.confusion:
            row.confusion = [[i, i, 3] for i in range(n)] + [[i, n - 1 - i, 1] for i in range(n)]
    noise = [thumbnail.pack(rng.normal(size=512)) for _ in range(30)]
    spectra = [
        {"where": f"spectra.npz!{i}", "sample": f"R{i}", "class": i, "curve": each} for i, each in enumerate(noise)
    ]
    answers = [{"spectrum": i, "named": n - 1 - i, "probability": 0.9} for i in range(30)]
    means = {str(i): noise[i % 30] for i in range(n)}
    found.mistakes = {"files": {"cpu-int8": {"wrong": 45, "answers": answers}}, "spectra": spectra, "means": means}
    text = html.show({"large": found})
    assert text.count('class="card example"') == 30
    assert len(text.encode()) < 1_000_000


def test_several_runs_stand_side_by_side_and_what_forbids_comparing_them_is_said() -> None:
    one, other = report(), report()
    other.data["digest"] = "d2"
    for each in other.bench["local"]["measurements"]:
        each["host"] = {"cpu": "B CPU"}
    text = html.show({"one": one, "two": other})
    assert text.index("Side by side") < text.index("All runs, drawn together")
    assert re.search(r"one, cpu-int8: accuracy .*", text)
    assert re.search(r"two, cpu-int8: accuracy .*", text)
    said = doubts({"one": one, "two": other})
    assert len(said) == 2
    assert all(each in text for each in said)
    assert "different data" in said[0]
    assert "different machines" in said[1]
    again = report()
    again.seed = 1
    assert "different seeds" in doubts({"one": one, "again": again})[0]


def test_a_run_that_made_nothing_yet_stands_beside_others() -> None:
    empty = report()
    empty.rows, empty.bench, empty.advice = empty.rows[:2], {}, {}
    assert "none yet" in html.show({"empty": empty, "whole": report()})


def point(variant: str, cost: float, accuracy: float, size: int, target: str = "local", data: str = "d1") -> Point:
    return Point("", data, target, variant, cost, accuracy, accuracy, accuracy, size, True, False)


def test_a_file_is_on_the_frontier_where_no_other_is_as_good_in_all_three() -> None:
    found = [
        point("small", 20, 0.90, 10), point("fast", 10, 0.90, 20), point("right", 30, 0.95, 30), point("beaten", 21, 0.90, 10),
        point("twin", 20, 0.90, 10), point("elsewhere", 99, 0.1, 99, "jetson"), point("other", 99, 0.1, 99, data="d2"),
    ]  # fmt: skip
    assert efficient(found) == [True, True, True, False, True, True, True]
    assert [each.variant for each in stairs(found[:4])] == ["fast", "right"]
    assert outline(found[:6]) == ([10, 30, 99], [0.90, 0.95, 0.95])


def test_files_without_a_latency_are_compared_by_size() -> None:
    found = report()
    assert {each.target for each in points({"": found})} == {"local"}
    found.bench = {}
    assert [(each.variant, each.cost) for each in points({"": found})] == [("float32", 40.0), ("cpu-int8", 25.0)]


def test_the_file_to_ship_is_the_runs_choice_for_this_machine() -> None:
    found = report()
    found.advice["local"]["variant"] = "float32"
    assert getattr(shipped(found), "variant", None) == "float32"
    found.advice = {}
    assert getattr(shipped(found), "variant", None) == "float32"
    assert shipped(Report("empty", 0, {})) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("25 kB", 25e3), ("1.33 MB", 1.33e6), ("82.7 us", 82.7e-6), ("4.14 ms", 4.14e-3), ("+0.133", 0.133), ("0.914 - 0.985", 0.914),
        ("x 0.46", 0.46), ("98.5 k", 98500), ("60.0%", 0.6), ("1 train", None),
        ("1-NN cosine", None), ("0.857 [0.632, 0.954]", 0.857), ("117 - 126 us", 117), ("-", None), ("", None), ("pass", None), ("2 distill", None),
    ],
)  # fmt: skip
def test_cells_are_sorted_by_what_they_mean(text: str, value: float | None) -> None:
    assert number(text) == (None if value is None else pytest.approx(value))


def test_a_column_of_numbers_stands_to_the_right_and_one_of_names_does_not() -> None:
    made = table("t", ["step", "size", "nothing"], [["1 train", "2 kB", "-"], ["2 distill", "-", ""]])
    assert made.numeric == [False, True, False]


def test_report_html_is_written_beside_report_json(tmp_path: Path) -> None:
    path = html.write(report(), tmp_path)
    assert path == tmp_path / "report.html"
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
