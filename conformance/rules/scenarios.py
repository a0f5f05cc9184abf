"""One request of every kind that is answered differently, each sent once in a run for a document and for a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from harness.checks.check import Check, Subject
from harness.client.api_client import ApiClient
from harness.client.completion_result import CompletionResult
from harness.client.exchange import Exchange
from harness.client.stream import Transcript
from harness.generation.request_normalizer import EFFORTS
from harness.rules import rule
from harness.violations import RuleViolation, not_tested

Made = TypeVar("Made")

# For rules that hold for documents and streams alike.
each_mode = pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather of a city.", "parameters": PARAMETERS},
}
FORCED = {"type": "function", "function": {"name": "get_weather"}}
QUESTION = "What will the weather be in Oslo, for three days?"
# Enough that an answer of a few words is not cut, even if it is verbose.
ROOM = 128
CUT = 5


@dataclass(frozen=True)
class Scenario:
    """One kind of request: its question, its options, and whether it is sent a key."""

    text: str = "Greet me in 3 words."
    options: dict[str, Any] = field(default_factory=dict)
    keyed: bool = False


TOOLS: dict[str, Any] = {"tools": [TOOL], "tool_choice": FORCED}
JSON_OBJECT: dict[str, Any] = {"response_format": {"type": "json_object"}}
# The charge of a stream without a receipt is not known: it counts as the most that it may be.
BARE: dict[str, Any] = {"stream_options": {"include_usage": False}, "max_tokens": 16}
SCENARIOS = {
    "text": Scenario(),
    "tools": Scenario(QUESTION, TOOLS),
    "reasoning": Scenario("Why is the sky blue? Answer in 3 words.", {"reasoning_effort": EFFORTS[1]}),
    "structured": Scenario("Invent a person, in JSON.", JSON_OBJECT),
    "logprobs": Scenario(options={"logprobs": True, "top_logprobs": 2}),
    "length": Scenario("Write a long poem about rain.", {"max_tokens": CUT}),
    "cut_logprobs": Scenario("Write a long poem about rain.", {"logprobs": True, "top_logprobs": 1, "max_tokens": CUT}),
    "stop": Scenario(options={"stop": ["no-such-text", "nor-this-one"]}),
    "stopped": Scenario("Tell me about rain, in one sentence.", {"stop": [" "]}),
    "keyed": Scenario(keyed=True),
    "bare": Scenario(options=BARE),
    "with_usage": Scenario(options={"stream_options": {"include_usage": True}}),
    "keyed_tools": Scenario(QUESTION, TOOLS, keyed=True),
    "bare_structured": Scenario("Invent a person, in JSON.", {**JSON_OBJECT, **BARE}),
}
# A document has a receipt in any case, so these are kinds of streams only.
DOCUMENTS = [name for name, scenario in SCENARIOS.items() if "stream_options" not in scenario.options]


class Scenarios:
    """Sends the request of a scenario when it is first needed; one that failed fails again with the same violation."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self._made: dict[tuple[str, bool], Any] = {}

    def stream(self, name: str) -> Transcript:
        return self._once(name, True, lambda: self._api.stream(self.body(name), headers=self.headers(name)))

    def document(self, name: str) -> Exchange:
        return self._once(name, False, lambda: self._api.complete(self.body(name), headers=self.headers(name)))

    def body(self, name: str) -> dict[str, Any]:
        """A new request of this kind, with a text of its own."""
        scenario = SCENARIOS[name]
        return self._api.chat_body(scenario.text, **{"max_tokens": ROOM, **scenario.options})

    def headers(self, name: str) -> dict[str, str] | None:
        return {"Idempotency-Key": str(uuid4())} if SCENARIOS[name].keyed else None

    def streams(self) -> dict[str, Transcript]:
        """Every kind of stream that the server made; the rule on status codes reports the others."""
        return self._all(SCENARIOS, self.stream)

    def documents(self) -> dict[str, Exchange]:
        """Every kind of document that the server made."""
        return self._all(DOCUMENTS, self.document)

    def result(self, name: str, *, stream: bool) -> CompletionResult:
        """The result of a completion of this kind."""
        if stream:
            return CompletionResult.of_stream(self.stream(name))
        return CompletionResult.of_document(self.document(name))

    def results(self) -> dict[str, CompletionResult]:
        """The results of every kind of document and stream."""
        documents = {f"create {name}": CompletionResult.of_document(made) for name, made in self.documents().items()}
        streams = {f"stream {name}": CompletionResult.of_stream(made) for name, made in self.streams().items()}
        return {**documents, **streams}

    def _all(self, names: Iterable[str], make: Callable[[str], Made]) -> dict[str, Made]:
        made: dict[str, Made] = {}
        for name in names:
            with suppress(RuleViolation):
                made[name] = make(name)
        return made

    def _once(self, name: str, stream: bool, make: Callable[[], Made]) -> Made:
        if (name, stream) not in self._made:
            try:
                self._made[name, stream] = make()
            except RuleViolation as violation:
                self._made[name, stream] = violation
        made: Made = self._made[name, stream]
        if isinstance(made, RuleViolation):
            raise made
        return made


def require_clean(check: Check[Subject], subjects: Mapping[str, tuple[Subject, Exchange]]) -> None:
    """Require that no kind breaks a rule; the violation names all kinds that do."""
    applicable = {kind: pair for kind, pair in subjects.items() if check.applies(pair[0])}
    if not applicable:
        not_tested("no completion of a kind that shows it was made")
    problems = {kind: check.problems(subject) for kind, (subject, _) in applicable.items()}
    broken = [kind for kind, messages in problems.items() if messages]
    if broken:
        others = f" (also: {', '.join(broken[1:])})" if broken[1:] else ""
        raise RuleViolation(f"{broken[0]}: {problems[broken[0]][0]}{others}", applicable[broken[0]][1])


def as_params(checks: Iterable[Check[Any]]) -> list[Any]:
    """One parameter for each check, marked as its rule."""
    return [
        pytest.param(check, marks=rule(check.id, page=check.page, sentence=check.sentence), id=check.id)
        for check in checks
    ]
