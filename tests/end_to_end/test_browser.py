"""The page in a real browser: no error, no request, marks and tables that answer, readable on a phone, open to everybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_page import browser, shown, shown_forged

from edgespec import storage


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return storage.write(tmp_path_factory.mktemp("page") / "report.html", shown())


class Seen:
    """A page that was opened, with what it asked for and what it complained about."""

    def __init__(self, chromium: Any, path: Path, **more: Any) -> None:
        self.context = chromium.new_context(**more)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda problem: self.said.append(str(problem)))
        self.page.on("dialog", lambda dialog: (self.said.append("a dialog"), dialog.dismiss()))
        self.page.goto(path.as_uri())


@pytest.fixture
def seen(chromium: Any, path: Path) -> Iterator[Seen]:
    opened = Seen(chromium, path, viewport={"width": 1300, "height": 900})
    yield opened
    opened.context.close()


def test_it_renders_without_an_error_and_makes_no_request(seen: Seen, path: Path) -> None:
    seen.page.wait_for_load_state("networkidle")
    assert seen.requests == [path.as_uri()]
    assert seen.said == []
    seen.page.locator(".engineer > summary").click()
    boxes = seen.page.evaluate("[...document.querySelectorAll('.chart')].map(c => c.getBoundingClientRect().width)")
    assert len(boxes) > 12
    assert sum(width > 200 for width in boxes) == len(boxes) - 1, "all but one of the two frontiers are shown"
    assert seen.page.evaluate("document.querySelectorAll('.chart path').length") > 200


def test_the_policy_holds_against_what_is_not_the_pages_own(seen: Seen) -> None:
    seen.page.evaluate(
        "document.body.append(Object.assign(document.createElement('img'), {src: 'https://example.org/x.png'}))"
    )
    seen.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.forged = 1'}))"
    )
    seen.page.wait_for_timeout(100)
    assert any("Content Security Policy" in each for each in seen.said)
    assert seen.page.evaluate("window.forged") is None


def test_a_name_that_is_a_script_is_shown_and_not_run(chromium: Any, tmp_path: Path) -> None:
    opened = Seen(chromium, storage.write(tmp_path / "forged.html", shown_forged()))
    assert opened.said == []
    assert "<script>alert(1)</script>" in opened.page.inner_text("main")
    opened.context.close()


def test_a_table_sorts_by_value_both_ways_and_says_so(seen: Seen) -> None:
    rows = "[...document.querySelectorAll('#run1-steps > .scroll:last-of-type tbody tr')].map(row => row.cells[6].textContent)"
    head = seen.page.locator("#run1-steps > .scroll").last.locator("th", has_text="size")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert seen.page.evaluate(rows) == ["1.2 kB", "25 kB", "40 kB", "40 kB", "41 kB", "41 kB", "400 kB", "-"]
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert seen.page.evaluate(rows) == ["400 kB", "41 kB", "41 kB", "40 kB", "40 kB", "25 kB", "1.2 kB", "-"]


def test_marks_tell_their_figures_under_the_pointer_and_with_the_keys(seen: Seen) -> None:
    chart = seen.page.locator("#run1-frontier .wide .chart")
    tip = seen.page.locator("#tip")
    assert tip.is_hidden()
    chart.locator(".mark[data-key='cpu-int8']").first.hover()
    assert "cpu-int8: accuracy 0.900" in tip.inner_text()
    assert seen.page.evaluate("document.querySelectorAll('.mark title').length") == 0, "no second tip over the first"
    seen.page.mouse.move(1, 1)
    assert tip.is_hidden()
    chart.focus()
    told = []
    for _ in range(3):
        seen.page.keyboard.press("ArrowRight")
        told.append(tip.inner_text())
    assert len(set(told)) == 3
    seen.page.keyboard.press("ArrowLeft")
    assert tip.inner_text() == told[1]
    seen.page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_light_and_dark_follow_the_system_and_the_switch(chromium: Any, path: Path) -> None:
    opened = Seen(chromium, path, color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = opened.page.evaluate(ground)
    opened.page.locator("#theme").click()
    light = opened.page.evaluate(ground)
    assert sum(map(int, dark[4:-1].split(","))) < 120 < 600 < sum(map(int, light[4:-1].split(",")))
    opened.page.locator("#theme").click()
    assert opened.page.evaluate(ground) == dark
    opened.context.close()


def test_it_is_read_on_a_phone_without_scrolling_sideways(chromium: Any, path: Path) -> None:
    opened = Seen(chromium, path, viewport={"width": 360, "height": 740}, has_touch=True)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 360
    opened.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 360
    sizes = opened.page.evaluate(
        "[...document.querySelectorAll('.narrow .chart text')].map(t => t.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 8
    opened.context.close()


def test_it_is_whole_without_a_script(chromium: Any, path: Path) -> None:
    opened = Seen(chromium, path, java_script_enabled=False)
    assert opened.page.locator("table").count() > 10
    assert opened.page.locator(".mark title").count() > 100
    assert opened.page.locator("#theme").is_hidden()
    opened.context.close()


def test_it_prints_in_light_colours_with_every_figure(chromium: Any, path: Path) -> None:
    opened = Seen(chromium, path, color_scheme="dark")
    opened.page.emulate_media(media="print")
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.page.pdf(format="A4").startswith(b"%PDF")
    opened.context.close()


def test_wrong_answers_are_drawn_and_further_ones_unfold(seen: Seen) -> None:
    drawn = seen.page.locator("#run1-wrong svg.small")
    assert drawn.count() == 8
    assert (drawn.nth(5).is_visible(), drawn.nth(6).is_visible()) == (True, False)
    seen.page.locator("#run1-wrong .more summary").click()
    assert drawn.nth(7).is_visible()
    assert "sample b-7; read from b7.txt" in seen.page.locator("#run1-wrong").inner_text()


def test_a_link_opens_the_engineers_part(seen: Seen) -> None:
    facts = seen.page.locator("#run1-facts dl")
    assert facts.is_hidden()
    seen.page.locator("nav a[href='#run1-facts']").click()
    assert facts.is_visible()


@pytest.mark.parametrize("script", [True, False])
def test_what_is_folded_is_printed(chromium: Any, path: Path, script: bool) -> None:
    opened = Seen(chromium, path, java_script_enabled=script)
    opened.page.emulate_media(media="print")
    for part in ("#run1-facts dl", "#run1-wrong .more .examples"):
        assert (opened.page.locator(part).bounding_box() or {}).get("height", 0) > 50, part
    opened.context.close()


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_against_it(chromium: Any, path: Path, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    opened = Seen(chromium, path, color_scheme=scheme, viewport={"width": width, "height": 900})
    opened.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    found = axe.Axe().run(opened.page).response["violations"]
    assert [(each["id"], [node["html"][:160] for node in each["nodes"]][:3]) for each in found] == []
    opened.context.close()
