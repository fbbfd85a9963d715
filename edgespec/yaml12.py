"""YAML as a recipe uses it: version 1.2's words and numbers, nothing but plain values, and the line of each of them."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from edgespec.errors import Mistake

Place = tuple[str | int, ...]
"""Where a value stands in the tree: keys, and positions in lists counted from 0."""
DIGITS = 100  # of a whole number; Python refuses to read thousands of them


def read(text: str, where: str, lines: dict[Place, int]) -> Any:
    """Read YAML into plain values and note the line of each place in `lines`; `where` begins every message.

    Raises Mistake for what is not YAML, a key that stands twice, references and tags.
    """
    last = max(len(text.splitlines()), 1)
    try:
        node = yaml.compose(text, _Loader)
        return _plain(node, (), lines, where) if node else None
    except yaml.reader.ReaderError as problem:
        line = text.count("\n", 0, problem.position) + 1
        raise Mistake(f"{where}:{line}: not YAML: it holds the control character {chr(problem.character)!r}") from None
    except yaml.constructor.ConstructorError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 1
        text = f"{where}:{line}: {problem.problem}"
        raise Mistake(text, hint="plain words, numbers, lists and keys only") from None
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 1
        start = problem.context_mark.line + 1 if problem.context_mark else line
        begun = f" ({problem.context}, from line {start} on)" if start < line else ""
        raise Mistake(
            f"{where}:{min(line, last)}: not YAML: {problem.problem}{begun}",
            hint="look at the indentation, the quotes and the brackets there",
        ) from None
    except RecursionError:
        raise Mistake(f"{where}: nested too deeply for a recipe", hint="close the brackets") from None


BREAKS = ("\x85", "\u2028", "\u2029")


def flow(value: Any) -> str:
    """Write a value on one line as `read` reads it, a text in quotes only where it would be read as something else."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{flow(key)}: {flow(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    quoted = json.dumps(value, ensure_ascii=False)
    for mark in BREAKS:  # ends of lines to YAML, and none to JSON
        quoted = quoted.replace(mark, f"\\u{ord(mark):04x}")
    if not isinstance(value, str):
        return quoted
    try:
        plainly = read(f"[{value}, {value}]", "", {}) == [value, value] and read(f"{{{value}: 1}}", "", {}) == {
            value: 1
        }
    except Mistake:
        plainly = False
    return value if plainly else quoted


def _plain(node: yaml.Node, place: Place, lines: dict[Place, int], where: str) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each, (*place, i), lines, where) for i, each in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise Mistake(f"{where}:{line}: a list or a set of keys stands where a key is expected")
            key = str(key_node.value)
            if key in found:
                raise Mistake(f"{where}:{line}: key {key!r} stands twice", hint="keep one of them")
            lines[(*place, key)] = line
            found[key] = _plain(value_node, (*place, key), lines, where)
        return found
    return _scalar(node, where)


def _scalar(node: yaml.Node, where: str) -> Any:
    kind, text = node.tag.rsplit(":", 1)[1], node.value
    if kind == "int" and len(text) > DIGITS:
        raise Mistake(f"{where}:{node.start_mark.line + 1}: a number of {len(text)} digits means nothing here")
    if kind == "int":
        return int(text.replace("_", ""))
    if kind == "float":
        return float(re.sub(r"\.(inf|nan)", r"\1", text.replace("_", ""), flags=re.IGNORECASE))
    return {"bool": text.lower() == "true", "null": None}.get(kind, text)


class _Loader(yaml.SafeLoader):
    """YAML 1.2's scalars: `on` and `no` are words, 3e-3 is a number; a file says everything itself, without references."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse anchors, aliases and tags."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) or getattr(event, "tag", None):
            what = f"the tag {event.tag!r}" if getattr(event, "tag", None) else f"the reference {event.anchor!r}"
            raise yaml.constructor.ConstructorError(None, None, f"{what} has no meaning here", event.start_mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag.rsplit(":", 1)[1] not in ("bool", "float", "int", "timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(true|false|True|False)$"), list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?[0-9][0-9_]*$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"([-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"),
    list("-+.0123456789"),
)
