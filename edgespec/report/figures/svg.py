"""A matplotlib figure as an SVG element of a page: its colours are the page's, its marks say what they are.

matplotlib draws; here its file becomes an element that follows light and dark, that scales, that holds no style of its own
(so that the page can forbid all that it did not bring), and whose marks carry their names for pointer, keyboard and screen reader.
"""

from __future__ import annotations

import io
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from edgespec.errors import visible
from edgespec.report.figures.picture import drawing

NAMES = ("ink", "muted", "line", "card", "good", "bad", "warn")
SERIES = 8
_HEX = {name: f"#0a0b{16 + i:02x}" for i, name in enumerate((*NAMES, *(f"s{i}" for i in range(SERIES))))}
_VAR = {colour: f"var(--{name})" for name, colour in _HEX.items()}
_SPACE = "http://www.w3.org/2000/svg"
_LONG = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
_LINK = "{http://www.w3.org/1999/xlink}href"
WIDTH = 380
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (6, 2, 1.5, 2)),
    "-",
    (0, (3, 2)),
    (0, (1, 2)),
    (0, (8, 2)),
)


def colour(name: str | int) -> str:
    """Give what to draw with for a colour of the page, by name, or of a series by its number."""
    return _HEX[f"s{name % SERIES}" if isinstance(name, int) else name]


@dataclass
class Canvas:
    """A figure under way, and the words for its marks.

    name: unique on the page; title: what a screen reader is told; width, height: CSS pixels at scale 1
    """

    name: str
    title: str
    width: float = WIDTH
    height: float = 280
    words: dict[str, tuple[list[str], str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.figure = drawing((self.width / 72, self.height / 72))
        self.figure.set_layout_engine("tight", pad=0.6, w_pad=1.2)  # measures once, where "constrained" measures twice

    def axes(self, rows: int = 1, columns: int = 1, **more: Any) -> Any:
        """Give empty axes in the page's manner: one, or an array of them."""
        found = self.figure.subplots(rows, columns, **more)
        for each in found.flat if rows * columns > 1 else [found]:
            _plain(each)
        return found

    def mark(self, *texts: str, key: str = "") -> str:
        """Give the gid of a line whose markers, or of a bar that, say these texts; marks of one `key` are lit together."""
        gid = f"{self.name}-m{len(self.words)}"
        self.words[gid] = (list(texts), key)
        return gid

    def svg(self) -> Markup:
        """Give the element."""
        kept = io.BytesIO()
        with _settings():
            self.figure.savefig(
                kept, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
            )
        root = ET.fromstring(visible(kept.getvalue().decode()))  # noqa: S314  (matplotlib has just written it)
        _clean(root, self)
        ET.register_namespace("", _SPACE)
        return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704  (ElementTree has escaped its texts)


def logarithmic(axes: Any, which: str, show: Callable[[float], str], low: float, high: float, most: int = 7) -> None:
    """Make the "x" or "y" of the axes logarithmic, with at most so many ticks, each told by `show`."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    getattr(axes, f"set_{which}scale")("log")
    low, high = max(low, 1e-30), max(high, low * 1.01, 1e-30)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    span = math.log10(high / low)
    steps: tuple[float, ...] = (1, 2, 5) if span < 1.7 else (1, 3) if span < 2.6 else (1,)
    if span < 0.5:
        steps = (1, 1.5, 2, 3, 4, 5, 6, 8)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    ticks = [tick for tick in ticks if low <= tick <= high]
    ticks = ticks or [low]  # a range too narrow for a round number: nothing was lost, or all values are one
    axis = getattr(axes, f"{which}axis")
    axis.set_major_locator(FixedLocator(ticks[:: 1 + (len(ticks) - 1) // most]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))
    axis.set_minor_locator(NullLocator())


def _settings() -> Any:
    import matplotlib

    return matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "edgespec", "path.simplify": True})


def _plain(axes: Any) -> None:
    """Leave of the axes what is needed to read them."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_HEX["line"])
    axes.set_facecolor("none")
    axes.figure.patch.set_visible(False)
    axes.tick_params(which="both", colors=_HEX["muted"], labelsize=11, color=_HEX["line"], length=3)
    axes.xaxis.label.set(color=_HEX["ink"], size=11.5)
    axes.yaxis.label.set(color=_HEX["ink"], size=11.5)
    axes.title.set(color=_HEX["ink"], size=12)
    axes.grid(color=_HEX["line"], linewidth=0.6)
    axes.set_axisbelow(True)


def _clean(root: ET.Element, canvas: Canvas) -> None:
    parents = {child: parent for parent in root.iter() for child in parent}
    for each in list(root.iter()):
        if each.tag.rpartition("}")[2] in ("metadata", "style"):
            parents[each].remove(each)
    used = {name for each in root.iter() for name in _used(each)}
    for each in root.iter():
        style = each.attrib.pop("style", "")
        for key, value in re.findall(r"\s*([\w-]+):\s*([^;]+)", style):
            _set(each, key, value.strip())
        for key in ("d", "x", "y"):
            if key in each.attrib:
                each.set(
                    key, _LONG.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), each.attrib[key])
                )
        for key in ("fill", "stroke"):
            each.attrib.update({key: _VAR.get(each.get(key, ""), each.get(key, ""))} if key in each.attrib else {})
        _rename(each, canvas, used)
    for key in ("width", "height"):
        root.attrib.pop(key, None)
    root.attrib.update({"stroke-linejoin": "round", "stroke-linecap": "butt", "font-size": "10.5"})
    root.attrib.update({"class": "chart", "role": "group", "aria-label": canvas.title, "aria-roledescription": "chart"})


def _set(each: ET.Element, key: str, value: str) -> None:
    if key == "font":
        size = re.search(r"([\d.]+)px", value)
        each.set("font-size", size[1] if size else "10")
        if re.search(r"\b(bold|[6-9]00)\b", value):
            each.set("font-weight", "600")
    elif key not in ("font-family", "font-variant", "font-style"):
        each.set(key, value)


def _rename(each: ET.Element, canvas: Canvas, used: set[str]) -> None:
    """Keep ids unique on the page, drop those that nothing refers to, and turn marks into what can be asked."""
    own = each.attrib.pop("id", None)
    if own in canvas.words:
        texts, key = canvas.words[own]
        markers = [inner for inner in each.iter() if inner.tag == f"{{{_SPACE}}}use"]
        for mark, text in zip(markers or [each], texts, strict=True):
            mark.attrib.update(
                {"class": "mark", "role": "img", "aria-label": text} | ({"data-key": key} if key else {})
            )
            title = ET.Element(f"{{{_SPACE}}}title")
            title.text = text
            mark.insert(0, title)
    elif own in used:
        each.set("id", f"{canvas.name}-{own}")
    if _LINK in each.attrib:
        each.set("href", f"#{canvas.name}-{each.attrib.pop(_LINK).removeprefix('#')}")
    if each.get("clip-path", "").startswith("url(#"):
        each.set("clip-path", f"url(#{canvas.name}-{each.attrib['clip-path'][5:]}")


def _used(each: ET.Element) -> list[str]:
    found = [each.get(_LINK, "").removeprefix("#"), *re.findall(r"url\(#([^)]+)\)", each.get("clip-path", ""))]
    return [name for name in found if name]
