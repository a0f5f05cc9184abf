"""Examples in the docstrings of what people import run against the mock."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import textwrap
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import aurous
import aurous_client
import pytest
from aurous.sse import Decoder
from aurous_mock.http import faults

# Drawings, not programs.
DRAWN = {"aurous.errors", "aurous_client.errors"}
MESSAGES = [{"role": "user", "content": "Name three colours."}]


class Example(NamedTuple):
    """The example of a docstring. place: the module, and the class or function that it is in"""

    place: str
    text: str


def examples() -> Iterator[Example]:
    for package in (aurous, aurous_client):
        names = [package.__name__]
        names += [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
        for name in names:
            if not name.endswith("__main__"):
                yield from _examples_of(name)


def _examples_of(module: str) -> Iterator[Example]:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    with open(spec.origin, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        place = module if isinstance(node, ast.Module) else f"{module}.{node.name}"
        paragraphs = (ast.get_docstring(node) or "").split("\n\n")
        # Later paragraphs of an example are indented too.
        text = "\n\n".join(paragraph for paragraph in paragraphs if paragraph.startswith("    "))
        if text and place not in DRAWN:
            yield Example(place, textwrap.dedent(text))


EXAMPLES = {example.place: example for example in examples()}


def test_examples_are_found() -> None:
    wanted = {
        "aurous",
        "aurous.tools.function_tool.tool",
        "aurous._stream.stream.ChatStream",
        "aurous.telemetry",
        "aurous.testing",
    }
    assert wanted <= set(EXAMPLES)


@pytest.mark.parametrize("place", EXAMPLES)
def test_the_example_runs(place: str, aurous_mock: Any) -> None:
    with aurous.Aurous() as client:

        def colours() -> str:
            return client.chat.completions.create(model="aurous-grow-2.0-pro", messages=MESSAGES).id

        # What the text around an example takes for granted.
        given: dict[str, Any] = {name: getattr(aurous, name) for name in aurous.__all__}
        given |= {"Any": Any, "Decoder": Decoder, "Literal": Literal, "Weather": dict[str, str]}
        given |= {"aurous_mock": aurous_mock, "client": client, "messages": MESSAGES, "pieces": [b"data: 1\n\n"]}
        given["my_service"] = SimpleNamespace(colours=colours)
        known = set(given)
        exec(compile(EXAMPLES[place].text, f"<the example of {place}>", "exec"), given)
        for name in set(given) - known:
            if name.startswith("test_"):
                given[name](aurous_mock)


def test_faults_in_examples_are_faults() -> None:
    # The mock looks at a fault when a request comes.
    text = EXAMPLES["aurous.testing.fault"].text
    given = [node.args[0] for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    assert len(given) > 2
    for fault in given:
        assert faults.parse(ast.literal_eval(fault))
