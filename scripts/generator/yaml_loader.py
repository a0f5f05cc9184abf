"""Reads YAML 1.2 into plain JSON data, finds the lines of its nodes, and reports what is not JSON or dangles."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

Pointer = tuple[str | int, ...]

# Deeper than any document for people, and shallow enough for all the tools that recurse into it.
MAX_DEPTH = 100
_MOST_BRACKETS: Final = 5000
_NESTED_ON_ONE_LINE: Final = re.compile(rb"(?:[-?:][ \t]+){500}")
# Below these stand values, in which a $ref is a member like any other.
_VALUES = {"example", "default", "const", "enum", "value"}


class SpecError(Exception):
    """What is wrong with a spec, one line for each fault, each with its place."""

    def __init__(self, faults: list[str] | tuple[str, ...]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


def load(source: Path) -> Any:
    """The document. Raises SpecError or OSError."""
    raw = source.read_bytes()
    if not _may_be_deep(raw):
        # The parser in Python, slower by far, is for the line and the words of what is wrong.
        with suppress(YAMLError, ValueError):
            return YAML(typ="safe").load(raw)
    try:
        return YAML(typ="safe", pure=True).load(raw)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SpecError([f"{source.name}:{line}: this is not YAML: {_one_line(error.problem)}"]) from error
    except (YAMLError, ValueError) as error:
        raise SpecError([f"{source.name}: this is not YAML: {_one_line(error)}"]) from error
    except RecursionError:
        raise SpecError([f"{source.name}: nested too deeply"]) from None


def compose(raw: bytes) -> Node | None:
    """The nodes of a text that can be loaded, which know their lines; None for an empty one."""
    if not _may_be_deep(raw):
        # It refuses some texts that can be loaded, such as those with a lone surrogate.
        with suppress(YAMLError, ValueError):
            return _node(YAML(typ="safe").compose(raw))
    return _node(YAML(typ="safe", pure=True).compose(raw))


def _node(tree: Any) -> Node | None:
    return tree if isinstance(tree, Node) else None


def line_in(node: Node | None, pointer: Pointer) -> int:
    """The line of what a pointer leads to in a parsed text, or of the closest ancestor that exists."""
    line = 1
    for step in pointer:
        child: tuple[Node, Node] | None = None
        if isinstance(node, MappingNode):
            child = next(((key, value) for key, value in node.value if key.value == str(step)), None)
        elif isinstance(node, SequenceNode) and str(step).isdigit() and int(step) < len(node.value):
            child = (node.value[int(step)], node.value[int(step)])
        if child is None:
            break
        line, node = child[0].start_mark.line + 1, child[1]
    return line


def _may_be_deep(raw: bytes) -> bool:
    """Whether a document may be nested more deeply than the parser in C, which has no bound, can bear."""
    return raw.count(b"[") + raw.count(b"{") > _MOST_BRACKETS or _NESTED_ON_ONE_LINE.search(raw) is not None


def json_errors(document: Any) -> Iterator[tuple[Pointer, str]]:
    """Where a document is no JSON, and its references lead nowhere, with the reason."""
    yield from _json_errors(document, document, (), [])


def resolve(document: Any, reference: str) -> Any:
    """What a local reference leads to. Raises LookupError."""
    if reference != "#" and not reference.startswith("#/"):
        raise LookupError(reference)
    node: Any = document
    for step in reference.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        key: Any = int(name) if isinstance(node, list) and name.isdigit() else name
        node = node[key]
    return node


def _json_errors(document: Any, node: Any, pointer: Pointer, above: list[int]) -> Iterator[tuple[Pointer, str]]:
    if isinstance(node, (dict, list)):
        if id(node) in above:
            yield pointer, "a YAML alias makes this part of itself"
            return
        if len(above) >= MAX_DEPTH:
            yield pointer, f"nested more than {MAX_DEPTH} deep"
            return
    if isinstance(node, dict):
        for name, child in node.items():
            if not isinstance(name, str):
                yield (*pointer, name), f"the name {name!r} is no string; write it in quotes"
                continue
            yield from _json_errors(document, name, pointer, above)
            yield from _json_errors(document, child, (*pointer, name), [*above, id(node)])
        if isinstance(node.get("$ref"), str) and not _is_value(pointer):
            yield from _bad_reference(document, node["$ref"], (*pointer, "$ref"))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _json_errors(document, child, (*pointer, index), [*above, id(node)])
    elif isinstance(node, str):
        if any("\ud800" <= character <= "\udfff" for character in node):
            yield pointer, "it holds a lone surrogate, which UTF-8 cannot carry"
    elif isinstance(node, float) and not math.isfinite(node):
        yield pointer, f"JSON has no {node}"
    elif not isinstance(node, (int, float, type(None))):
        yield pointer, f"a {type(node).__name__} is no JSON; write it in quotes"


def _bad_reference(document: Any, reference: str, pointer: Pointer) -> Iterator[tuple[Pointer, str]]:
    visited = set()
    while reference not in visited:
        visited.add(reference)
        try:
            target = resolve(document, reference)
        except (LookupError, TypeError, ValueError):
            local = reference.startswith("#")
            yield (
                pointer,
                f"$ref {reference!r} {'leads nowhere' if local else 'leaves the file, which is not followed'}",
            )
            return
        if not isinstance(target, Mapping) or not isinstance(target.get("$ref"), str):
            return
        reference = target["$ref"]
    yield pointer, f"$ref {reference!r} leads back to itself"


def _is_value(pointer: Pointer) -> bool:
    return any(
        step in _VALUES and not (index and pointer[index - 1] == "properties") for index, step in enumerate(pointer)
    )


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
