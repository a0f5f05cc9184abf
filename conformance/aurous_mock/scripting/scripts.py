"""A script: answers in order, the requests that they are for, and how often they are given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from aurous_mock.generation.parsed_request import ParsedRequest
from aurous_mock.scripting import conditions, functions, scripted_answers

_MEMBERS: Final = frozenset({"answers", "answer", "function", "when", "condition", "model", "times"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One script.

    text:      as the store has it
    answers:   given one after the other
    function:  the name of a function that makes each answer, in place of `answers`
    when:      a condition on the last messages
    condition: the name of a function of the request that decides
    times:     how many answers are given; None: no limit
    """

    text: str
    answers: tuple[Any, ...] = ()
    function: str | None = None
    when: Any = None
    condition: str | None = None
    model: str | None = None
    times: int | None = None

    def answer(self, earlier: int) -> Any:
        """The answer after `earlier` ones."""
        return self.answers[earlier % len(self.answers)]

    def is_met(self, request: ParsedRequest) -> bool:
        """Whether this script is for a request."""
        if self.model is not None and self.model != request.model.id:
            return False
        return conditions.is_met(self.when, request)


def check_script(body: Any) -> str:
    """The text to store of a script from outside. Raises ValueError, which says what is wrong.

    {"answer": ANSWER, "when": CONDITION, "model": M, "times": N}: to every matching request, or to N of them
    {"answers": [ANSWER, ...], ...}: one after the other, each once
    """
    if not isinstance(body, Mapping):
        raise ValueError("a script is an object with answer or answers")
    unknown = sorted(body.keys() - _MEMBERS)
    if unknown:
        raise ValueError(f"a script has no {unknown[0]!r}; its members are answer, answers, when, model and times")
    sources = [name for name in ("answer", "answers", "function") if name in body]
    if len(sources) != 1:
        raise ValueError("a script has either answer or answers")
    script = {name: value for name, value in body.items() if value is not None}
    if sources == ["answer"]:
        script["answers"] = [script.pop("answer", None)]
    elif sources == ["answers"]:
        if not isinstance(body["answers"], list) or not body["answers"]:
            raise ValueError("answers is a list that is not empty")
        script["times"] = len(body["answers"]) * _times(script.get("times", 1))
    for answer in script.get("answers", ()):
        scripted_answers.check_answer(answer)
    for name in ("function", "condition"):
        if name in script and (not isinstance(script[name], str) or functions.find(script[name]) is None):
            raise ValueError(f"{name}: functions are scripted in Python only")
    if "when" in script:
        conditions.check_condition(script["when"])
    if "times" in script:
        _times(script["times"])
    if not isinstance(script.get("model", ""), str):
        raise ValueError("model is the slug of a model")
    return orjson.dumps(script).decode()


def read_script(text: str) -> Script | None:
    """The script that the store has, or None if it is a fault."""
    members = orjson.loads(text)
    if "fault" in members:
        return None
    return Script(text=text, **{**members, "answers": tuple(members.get("answers", ()))})


def _times(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise ValueError("times is a whole number from 1 to 1000000")
    return value
