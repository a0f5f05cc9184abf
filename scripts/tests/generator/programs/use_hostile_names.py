"""Uses the package that test_hostile_names.py generates, in the folder that holds it and the names it was made with."""

from __future__ import annotations

import ast
import inspect
import json
import typing
from pathlib import Path
from typing import Any

from aurous_client import models
from aurous_client.models.word import WORD_VALUES
from aurous_client.resources import Resources

members, words = json.loads(Path("hostile.json").read_text(encoding="utf-8"))


class Caller:
    """Keeps the last request."""

    request: Any = None

    def call(self, operation: Any, request: Any) -> Any:
        self.request = request
        raise LookupError


class Root(Resources):
    def __init__(self) -> None:
        self.caller = self._caller = Caller()


def members_survive() -> None:
    document = {name: f"value of {name}" for name in members}
    odd = models.Odd.from_dict(document)
    assert odd.to_dict() == document
    assert odd.additional_properties == {}
    assert models.Odd().to_dict() == {}
    for name in members:
        assert models.Odd.from_dict({name: "x"}).to_dict() == {name: "x"}
    typing.get_type_hints(models.Odd)
    typing.get_type_hints(models.Odd.from_dict)


def values_survive() -> None:
    assert tuple(words) == WORD_VALUES
    assert models.Exact().to_dict() == {f"m{index}": word for index, word in enumerate(words)}
    assert models.Exact.from_dict({}) == models.Exact()


def arguments_arrive() -> None:
    root = Root()
    parameters = [name for name in inspect.signature(root.odd.create).parameters if not name.startswith("extra_")]
    values: dict[str, Any] = {name: name for name in parameters if name != "timeout"}
    try:
        root.odd.create(**values, timeout=3)
    except LookupError:
        request = root.caller.request
    assert set(json.loads(request.content)) == set(members)
    wanted = {"client", "body", "self", "timeout", "extra_headers", "to_json", "merge_body", "from", 'a"b', "stream"}
    assert {name for name, _ in request.query} == wanted
    sent = [*json.loads(request.content).values(), *(value for _, value in request.query)]
    assert sorted(sent) == sorted(values.values())
    assert request.timeout == 3


def words_stay_words() -> None:
    for file in Path("aurous_client").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            assert not (isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("__import__", "exec"))
            assert not (isinstance(node, ast.Import) and node.names[0].name == "os")


members_survive()
values_survive()
arguments_arrive()
words_stay_words()
print("all is well")
