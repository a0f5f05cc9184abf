"""Examples in the docstrings of what people import run against the mock."""

from __future__ import annotations

import ast
import re
from types import SimpleNamespace
from typing import Any, Literal

import aurous
import pytest
from aurous.integrations import ChatMapper
from aurous.integrations.worker import WORKERS
from aurous.sse import Decoder
from aurous.testing import running, tool_call
from aurous_mock.http import faults
from clientkit.engines import Dataset, Frame, install_ray, reviews
from clientkit.examples import ROOT, docstring_examples, run

# Drawings, not programs.
DRAWN = {"overlays/aurous/errors.py:3", "generated/aurous_client/errors.py:3"}
MESSAGES = [{"role": "user", "content": "Name three colours."}]
EXAMPLES = {
    place: example
    for package in ("overlays/aurous", "generated/aurous_client")
    for path in sorted((ROOT / package).rglob("*.py"))
    for example in docstring_examples(path)
    if (place := f"{path.relative_to(ROOT).as_posix()}:{example.line}") not in DRAWN
}


def test_examples_are_found() -> None:
    modules = {place.partition(":")[0].removeprefix("overlays/aurous/") for place in EXAMPLES}
    assert modules >= {
        "__init__.py",
        "tools/function_tool.py",
        "_stream/chat_stream.py",
        "telemetry.py",
        "testing/__init__.py",
    }


@pytest.mark.parametrize("place", EXAMPLES)
def test_docstring_example_runs(place: str, aurous_mock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with aurous.Aurous() as client:

        def colours() -> str:
            return client.chat.completions.create(model="aurous-grow-2.0-pro", messages=MESSAGES).id

        # What the text around an example takes for granted.
        namespace: dict[str, Any] = {name: getattr(aurous, name) for name in aurous.__all__}
        namespace |= {"Any": Any, "Decoder": Decoder, "Literal": Literal, "Weather": dict[str, str]}
        namespace |= {
            "re": re,
            "running": running,
            "tool_call": tool_call,
            "aurous_mock": aurous_mock,
            "client": client,
            "messages": MESSAGES,
            "pieces": [b"data: 1\n\n"],
            "ray": install_ray(monkeypatch),
            "ChatMapper": ChatMapper,
            "dataset": Dataset(reviews()),
            "frame": Frame(reviews()),
        }
        namespace["my_service"] = SimpleNamespace(colours=colours)
        known = set(namespace)
        run(EXAMPLES[place], namespace)
        for name in set(namespace) - known:
            if name.startswith("test_"):
                namespace[name](aurous_mock)
        WORKERS.close_all()


def test_faults_in_docstring_examples_exist() -> None:
    # The mock looks at a fault when a request comes.
    (text,) = [example.parsed for example in EXAMPLES.values() if example.parsed.startswith("aurous_mock.fault")]
    calls = [node.args[0] for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    assert len(calls) > 2
    for fault in calls:
        assert faults.parse(ast.literal_eval(fault))
